/** Reasons that no kernel without a seeded bug shows; the others are tried in a guest (test/scenario/truth.test.ts). */
import { expect, test } from "vitest";
import { NO_STACK } from "../observe/moment.ts";
import type { Look, Noted } from "./look.ts";
import { GuestWords } from "./memory.ts";
import type { Reference, Region } from "./reach.ts";
import { whyFalse, whyMissed } from "./reasons.ts";

const BSS: Region = { kind: "static", name: "table", start: 0x2000, end: 0x2100 };
const STACK: Region = { kind: "stack", name: "a/7", start: 0x3000, end: 0x3100 };
const WHITE: Noted = { flags: 1, minCount: 1, count: 0, areas: [] };
const at = (address: number, holder: Reference["holder"]): Reference => ({ block: 0, address, value: 0x1000, holder });

/** One block at 0x1000. */
function look(references: readonly Reference[], noted: Noted | null = WHITE, stale: readonly Reference[] = []): Look {
  return {
    cycle: 1000,
    blocks: [{ address: 0x1000, bytes: 64, from: "kmalloc-64", task: 0, stack: NO_STACK, own: false }],
    reached: Uint8Array.of(Number(references.length > 0)),
    references: new Map([[0, references]]),
    stale: new Map([[0, stale]]),
    noted: new Map(noted === null ? [] : [[0x1000, noted]]),
    roots: [],
    words: new GuestWords(() => null),
  };
}

const STANDING = new Map([[0x2010, 0x1000]]);
const NONE = new Map<number, number>();

test("a word that stood there all the time was not found: a hidden node; one that came was moved", () => {
  expect(whyFalse(0x1000, look([at(0x2010, BSS)]), look([at(0x2010, BSS)]), STANDING)).toEqual({
    reason: "hidden node",
    detail: "table+0x10 held its address from the scan's begin to its end, and the lookup did not find it",
  });
  expect(whyFalse(0x1000, look([at(0x3010, STACK)]), look([at(0x2010, BSS)]), NONE)).toEqual({
    reason: "moved pointer",
    detail: "at 0x00003010 in the stack of a/7 when the scan began, at table+0x10 when it ended",
  });
  expect(whyFalse(0x1000, look([]), look([at(0x2000, BSS)]), NONE).detail).toBe("at nowhere that a scan looks when the scan began, at table when it ended");
  expect(whyFalse(0x1000, null, look([at(0x2000, BSS)]), NONE).reason).toBe("moved pointer");
});

test("why a lost block is not there", () => {
  const plant = { address: 0x1000, cycle: 10 };
  const none = (): boolean => false;
  const why = (end: Look, youngSince = 500): string => whyMissed(plant, end, youngSince, none).reason;
  expect(why(look([]))).toBe("white, and not reported");
  expect(why(look([], null))).toBe("not tracked");
  expect(why(look([], { ...WHITE, minCount: -1 }))).toBe("marked as no leak");
  expect(why(look([], { ...WHITE, count: 1 }))).toBe("changed since the scan before");
  expect(why(look([at(0x2000, BSS)]))).toBe("stale word in live memory");
  expect(why(look([], WHITE, [at(0x4000, { kind: "page structures", name: "mem_map", start: 0x4000, end: 0x5000 })]))).toBe("word in page structures");
  expect(why(look([at(0x2000, BSS)]), -1)).toBe("too young");
});
