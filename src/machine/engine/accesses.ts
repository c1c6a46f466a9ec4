/** The JavaScript end of the access buffer (emit-observe.ts): hands records out in order of time. */
import { ACCESS_BYTES, ACCESS_WORD, MACHINE_WORD } from "../memory/layout.ts";
import { takeInOrder } from "./record-order.ts";

const NEXT = MACHINE_WORD.ACCESS_NEXT / 4;
const FORMAT = { words: ACCESS_BYTES / 4, head: ACCESS_WORD.HEAD };

/** `base` is the buffer's address; see `drainMarks` for `before`. */
export function drainAccesses(
  words: Int32Array, base: number, harts: number, before: number, consume: (words: Int32Array, count: number) => void,
): void {
  const count = (words[NEXT]! - base) / ACCESS_BYTES;
  const left = takeInOrder(words, base / 4, count, FORMAT, harts, before, consume);
  words[NEXT] = base + left * ACCESS_BYTES;
}
