import { expect, test } from "vitest";
import { SECTION } from "../observe/testing.ts";
import { Symbols } from "./symbols.ts";

const symbols = new Symbols(SECTION);

test("frames: inlined functions first, each with the place it is at", () => {
  expect(symbols.frames(0xc0001010)).toEqual([
    { function: "spin_lock", file: "kernel/locking/spinlock.ts", line: 7 },
    { function: "kfree", file: "kernel/mm/slab.ts", line: 13 },
  ]);
  expect(symbols.frames(0xc000100f)).toEqual([
    { function: "kfree", file: "kernel/mm/slab.ts", line: 11 },
  ]);
  expect(symbols.frames(0xc0001100)).toEqual([]);
  expect(symbols.frames(0)).toEqual([]);
});

test("names as the kernel prints them", () => {
  expect(symbols.offsetName(0xc0001014)).toBe("kfree+0x14/0x100");
  expect(symbols.offsetName(0xc0009000)).toBe("0xc0009000");
});

test("storage: symbol and field path, down to a lock but not into it", () => {
  expect(symbols.storageName(0xc0010040)).toBe("list_lock");
  expect(symbols.storageName(0xc0010044)).toBe("list_lock");
  expect(symbols.storageName(0xc0010008)).toBe("zones[0].lock");
  expect(symbols.storageName(0xc0010018)).toBe("zones[1].free");
  expect(symbols.storageName(0xc0020000)).toBeNull();
  expect(symbols.storageName(0x80001018, [0x80000000, 0x80001000])).toBe("rq.lock");
});
