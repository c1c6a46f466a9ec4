/**
 * Marks and accesses, which the machine hands out as two streams, in one order of time.
 *
 * Both are complete up to the same clock when they are drained at the same stop, so each pair of pieces can be merged by itself. Order:
 * clock, then (hart + clock) mod harts as the machine orders records, then marks before accesses: a mark costs no time, so the
 * access that its hart makes at the same clock comes after it.
 */
import { ACCESS_BYTES, ACCESS_WORD, MARK_BYTES, MARK_WORD } from "../../machine/memory/layout.ts";

const MARK_WORDS = MARK_BYTES / 4;
const ACCESS_WORDS = ACCESS_BYTES / 4;
const TWO_32 = 2 ** 32;

/** Records in order of time, as drained at one stop. */
export interface Records {
  readonly words: Int32Array;
  readonly count: number;
}

/** Takes a run of whole records. */
export type Consume = (words: Int32Array, count: number) => void;

export function mergeRecords(
  marks: Records,
  accesses: Records,
  harts: number,
  takeMarks: Consume,
  takeAccesses: Consume,
): void {
  let mark = 0;
  let access = 0;
  while (mark < marks.count || access < accesses.count) {
    const firstMark = mark;
    while (mark < marks.count && !comesBefore(accesses, access, marks, mark, harts)) mark++;
    if (mark > firstMark)
      takeMarks(marks.words.subarray(firstMark * MARK_WORDS, mark * MARK_WORDS), mark - firstMark);
    const firstAccess = access;
    while (access < accesses.count && comesBefore(accesses, access, marks, mark, harts)) access++;
    if (access > firstAccess)
      takeAccesses(
        accesses.words.subarray(firstAccess * ACCESS_WORDS, access * ACCESS_WORDS),
        access - firstAccess,
      );
  }
}

/** Whether there is such an access and it precedes the mark, if there is one. */
function comesBefore(
  accesses: Records,
  access: number,
  marks: Records,
  mark: number,
  harts: number,
): boolean {
  if (access === accesses.count) return false;
  if (mark === marks.count) return true;
  const atAccess = access * ACCESS_WORDS;
  const atMark = mark * MARK_WORDS;
  const clock = clockAt(accesses.words, atAccess);
  const markClock = clockAt(marks.words, atMark);
  if (clock !== markClock) return clock < markClock;
  const turn = (accesses.words[atAccess + ACCESS_WORD.HEAD] & 0xff) + (clock % harts);
  const markTurn = (marks.words[atMark + MARK_WORD.HEAD] & 0xff) + (clock % harts);
  return turn % harts < markTurn % harts;
}

/** Both kinds of record begin with the clock. */
function clockAt(words: Int32Array, at: number): number {
  return (words[at + 1] >>> 0) * TWO_32 + (words[at] >>> 0);
}
