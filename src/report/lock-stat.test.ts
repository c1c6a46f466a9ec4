import { expect, test } from "vitest";
import type { LockRow } from "../lab/observe/locks/lock-stat.ts";
import { KIND, type Mark, observed } from "../lab/observe/testing.ts";
import { lockStatTable } from "./lock-stat.ts";

const LOCK = 0xc0020000;

const mark = (
  event: Mark["event"],
  clock: number,
  hart: number,
  more: Partial<Mark> = {},
): Mark => ({
  event,
  clock,
  hart,
  c: LOCK,
  a: KIND.spin,
  ...more,
});

test("the table, from records to text", async () => {
  const marks = [
    mark("LOCK_INIT", 1, 0, { a: 0xc0005000 }),
    mark("LOCK_INIT", 1, 0, { c: LOCK + 8, a: 0xc0005300 }),
    mark("LOCK_ACQUIRED", 1000, 0, { a: KIND.write }),
    mark("LOCK_CONTENDED", 1500, 1, { a: KIND.read, pc: 0xc0003008 }),
    mark("LOCK_RELEASE", 4000, 0, { a: KIND.write }),
    mark("LOCK_ACQUIRED", 4200, 1, { a: KIND.read }),
    mark("LOCK_RELEASE", 5204, 1, { a: KIND.read }),
    mark("LOCK_ACQUIRED", 6000, 1, { c: LOCK + 8 }),
    mark("LOCK_RELEASE", 1_240_567, 1, { c: LOCK + 8 }),
  ];
  const symbol = (address: number): string => `at+0x${(address & 0xfff).toString(16)}/0x100`;
  const locks = observed(marks)
    .lockStat.rows()
    .map((row) => {
      const points = (all: LockRow["contentionPoints"]) =>
        all.map(({ address, count }) => ({
          count,
          address: `0x${address.toString(16)}`,
          symbol: symbol(address),
        }));
      return {
        ...row,
        contentionPoints: points(row.contentionPoints),
        contendingPoints: points(row.contendingPoints),
      };
    });
  await expect(`${lockStatTable(locks)}\n`).toMatchFileSnapshot("../../test/golden/lock-stat.txt");
});
