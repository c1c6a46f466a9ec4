/**
 * Marks and accesses, which the machine hands out as two streams, in one order of time.
 *
 * Both are complete up to the same clock when they are drained at the same stop, so each pair of pieces can be merged by itself. Order:
 * clock, then (hart + clock) mod harts as the machine orders records, then marks before accesses: a mark costs no time, so the
 * access that its hart makes at the same clock comes after it.
 */
import { ACCESS_WORD, MARK_BYTES, MARK_WORD } from "../../machine/memory/layout.ts";

const MARK_WORDS = MARK_BYTES / 4;
const TWO_32 = 2 ** 32;

/** Records in order of time, as drained at one stop. */
export interface Records {
  readonly words: Int32Array;
  readonly count: number;
}

/** Record i begins at `words[places[i]]`. */
export interface Accesses {
  readonly words: Int32Array;
  readonly places: Int32Array;
  readonly count: number;
}

/** Takes a run of whole records. */
export type Consume = (words: Int32Array, count: number) => void;
/** Takes the records from number `from` to before `to`. */
export type ConsumeAccesses = (words: Int32Array, places: Int32Array, from: number, to: number) => void;

export function mergeRecords(
  marks: Records,
  accesses: Accesses,
  harts: number,
  takeMarks: Consume,
  takeAccesses: ConsumeAccesses,
): void {
  let mark = 0;
  let access = 0;
  while (mark < marks.count || access < accesses.count) {
    const firstMark = mark;
    while (mark < marks.count && !comesBefore(accesses, access, marks, mark, harts)) mark++;
    if (mark > firstMark)
      takeMarks(marks.words.subarray(firstMark * MARK_WORDS, mark * MARK_WORDS), mark - firstMark);
    const firstAccess = access;
    access = accessesBefore(accesses, access, marks, mark, harts);
    if (access > firstAccess) takeAccesses(accesses.words, accesses.places, firstAccess, access);
  }
}

/** Number of the first access from `from` on that does not precede the mark; there are many between two marks. */
function accessesBefore(accesses: Accesses, from: number, marks: Records, mark: number, harts: number): number {
  if (mark === marks.count) return accesses.count;
  let step = 1;
  let low = from;
  while (low + step <= accesses.count && comesBefore(accesses, low + step - 1, marks, mark, harts)) {
    low += step;
    step *= 2;
  }
  let high = Math.min(low + step - 1, accesses.count);
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (comesBefore(accesses, middle, marks, mark, harts)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Whether there is such an access and it precedes the mark, if there is one. */
function comesBefore(
  accesses: Accesses,
  access: number,
  marks: Records,
  mark: number,
  harts: number,
): boolean {
  if (access === accesses.count) return false;
  if (mark === marks.count) return true;
  const atAccess = accesses.places[access];
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
