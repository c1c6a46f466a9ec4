/** The JavaScript end of the access buffer (emit-observe.ts): hands records out in order of time. */
import { ACCESS_BYTES, ACCESS_WORD, MACHINE_WORD } from "../memory/layout.ts";
import { RecordOrder } from "./record-order.ts";
import type { ConsumePlaces } from "./record-order.ts";

const NEXT = MACHINE_WORD.ACCESS_NEXT / 4;
const FORMAT = { words: ACCESS_BYTES / 4, head: ACCESS_WORD.HEAD };

/** `base` is the buffer's address; see `marksDrain` for `before`. */
export function accessesDrain(words: Int32Array, base: number, harts: number): (before: number, consume: ConsumePlaces) => void {
  const order = new RecordOrder(FORMAT, harts);
  return (before, consume) => {
    const count = (words[NEXT]! - base) / ACCESS_BYTES;
    const left = order.take(words, base / 4, count, before, consume);
    words[NEXT] = base + left * ACCESS_BYTES;
  };
}
