/** The JavaScript end of the mark buffer: hands records out in order of time, and appends the machine's own. */
import { assert } from "../../base/assert.ts";
import { HART, MACHINE_WORD, MARK_BUFFER, MARK_BYTES, MARK_CAPACITY, MARK_WORD } from "../memory/layout.ts";
import { hartWord } from "../board.ts";
import { RecordOrder, inOneRun } from "./record-order.ts";

const WORDS = MARK_BYTES / 4;
const FIRST = MARK_BUFFER / 4;
const COUNT = MACHINE_WORD.MARK_COUNT / 4;
const FORMAT = { words: WORDS, head: MARK_WORD.HEAD };

/** Hands out the records not after `before` (a clock; harts all stand at or after it). */
export function marksDrain(words: Int32Array, harts: number): (before: number, consume: (words: Int32Array, count: number) => void) => void {
  const order = new RecordOrder(FORMAT, harts);
  return (before, consume) => {
    words[COUNT] = order.take(words, FIRST, words[COUNT]!, before, inOneRun(FORMAT, consume));
  };
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
