import { expect, test } from "vitest";
import { BOARD } from "../memory/layout.ts";
import { createTestBoard } from "../test-board.ts";
import { loadDevice, storeDevice } from "./bus.ts";

const board = createTestBoard(1);

test("where no device is, nothing answers", () => {
  const holes = [0, 0x1000, BOARD.FINISHER - 4, BOARD.FINISHER + 0x1000, 0x3000_0000, 0x8000_0000];
  for (const address of holes) {
    expect(loadDevice(board, 0, address, 4)).toBeNull();
    expect(storeDevice(board, 0, address, 4, 0)).toBe(false);
  }
});

test("the finisher's three commands; the first stop counts, other values do nothing", () => {
  const stopAfter = (value: number): unknown => {
    const fresh = createTestBoard(1);
    storeDevice(fresh, 0, BOARD.FINISHER, 4, value);
    storeDevice(fresh, 0, BOARD.FINISHER, 4, 0x7777);
    return fresh.stop;
  };
  expect(stopAfter(0x5555)).toEqual({ kind: "poweroff" });
  expect(stopAfter(0x2a_3333)).toEqual({ kind: "failure", code: 42 });
  expect(stopAfter(0x1234)).toEqual({ kind: "reboot" });
});
