/**
 * The JavaScript end of the mark buffer: puts records in order of time and hands them out.
 *
 * Harts run ahead of each other, so the buffer is ordered by hart but not as a whole. A record is handed out when no
 * hart can any more produce one that precedes it; the others move to the front of the buffer and wait.
 */
import { assert } from "../../base/assert.ts";
import { HART, MACHINE_WORD, MARK_BUFFER, MARK_BYTES, MARK_CAPACITY, MARK_WORD } from "../memory/layout.ts";
import { hartWord } from "../board.ts";

const WORDS = MARK_BYTES / 4;
const FIRST = MARK_BUFFER / 4;
const COUNT = MACHINE_WORD.MARK_COUNT / 4;

/** Place of a record in the order between harts: clock, then (hart + clock) mod n. */
function orderOf(words: Int32Array, record: number, harts: number): readonly [number, number] {
  const at = FIRST + record * WORDS;
  const clock = (words[at]! >>> 0) + (words[at + MARK_WORD.CLOCK_HIGH]! >>> 0) * 0x1_0000_0000;
  const hart = words[at + MARK_WORD.HEAD]! & 0xff;
  return [clock, (hart + (clock % harts)) % harts];
}

/** Hands out the records that precede `before` (a clock; harts all stand at or after it). */
export function drainMarks(
  words: Int32Array,
  harts: number,
  before: number,
  consume: (words: Int32Array, count: number) => void,
): void {
  const count = words[COUNT]!;
  if (count === 0) return;
  const places = Array.from({ length: count }, (_, record) => orderOf(words, record, harts));
  const order = places.map((_, record) => record);
  order.sort((a, b) => places[a]![0] - places[b]![0] || places[a]![1] - places[b]![1] || a - b);
  const ready = order.filter((record) => places[record]![0] <= before);
  const all = new Int32Array(count * WORDS);
  const out = (records: readonly number[], from: number): void => {
    records.forEach((record, at) => {
      const start = FIRST + record * WORDS;
      all.set(words.subarray(start, start + WORDS), (from + at) * WORDS);
    });
  };
  const waiting = order.filter((record) => places[record]![0] > before);
  out(ready, 0);
  out(waiting, ready.length);
  words.set(all.subarray(ready.length * WORDS), FIRST);
  words[COUNT] = waiting.length;
  if (ready.length > 0) consume(all.subarray(0, ready.length * WORDS), ready.length);
}

/** Appends a record of the machine itself. */
export function appendRecord(
  words: Int32Array,
  record: boolean,
  hart: number,
  fields: { readonly event: number; readonly pc: number; readonly a: number; readonly b: number; readonly c: number },
): void {
  const block = hartWord(hart, 0);
  const read = (offset: number): number => words[block + offset / 4]!;
  const marks = block + HART.MARKS / 4;
  words[marks] = (words[marks]! + 1) | 0;
  if (words[marks] === 0) words[marks + 1] = (words[marks + 1]! + 1) | 0;
  if (!record) return;
  const count = words[COUNT]!;
  assert(count < MARK_CAPACITY, "marks: the buffer is full");
  const sie = (read(HART.MSTATUS) & 2) << 25;
  const head = hart | (fields.event << 8) | (read(HART.PRIV) << 24) | sie | (read(HART.INSTRET + 4) << 27);
  words.set(
    [
      read(HART.CLOCK), read(HART.CLOCK + 4), read(HART.INSTRET), head, fields.pc, fields.a, fields.b, fields.c,
      read(4 * 4), 0, 0, 0,
    ],
    FIRST + count * WORDS,
  );
  words[COUNT] = count + 1;
}
