/** Locks whose code is broken on purpose: the tests that run in the guest say so. */
import { expect, test } from "vitest";
import { compile, namesOf, onOurs, replaceIn, tapOf } from "./guest-tests.ts";

const NAMES = namesOf("seqlock");

const TWINS: [name: string, file: string, piece: string, by: string, complaint: RegExp][] = [
  [
    "readers that never look again",
    "kernel/locking/seqlock.ts",
    "return unlikely(READ_ONCE(s.sequence) !== start);",
    "return false && READ_ONCE(s.sequence) !== start;",
    /^# seqlock: torn triples that a reader accepted: \d+, expected 0$/,
  ],
  [
    "a latch that names the wrong copy",
    "kernel/test/seqlock.ts",
    "latch.copies[seq & 1]",
    "latch.copies[1 - (seq & 1)]",
    /^# seqcount_latch: torn triples that a latch's reader accepted: \d+, expected 0$/,
  ],
];

test.each(TWINS)("%s", { timeout: 60_000 }, (_name, file, piece, by, complaint) => {
  const elf = compile({}, (files) => replaceIn(files, file, piece, by));
  expect(tapOf(onOurs(elf, 4, 1, NAMES))).toContainEqual(expect.stringMatching(complaint));
});
