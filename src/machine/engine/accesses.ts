/**
 * The JavaScript end of the access buffer (emit-observe.ts): hands records out in order of time.
 *
 * A hart's own records are in order, those of several harts are not, because harts run ahead of each other. A record is
 * handed out when no hart can any more make one that precedes it; the others move to the front and wait.
 */
import { ACCESS_BYTES, ACCESS_WORD, MACHINE_WORD } from "../memory/layout.ts";

const WORDS = ACCESS_BYTES / 4;
const NEXT = MACHINE_WORD.ACCESS_NEXT / 4;

/** `base` is the buffer's address; see `drainMarks` for `before`. */
export function drainAccesses(
  words: Int32Array, base: number, harts: number, before: number, consume: (words: Int32Array, count: number) => void,
): void {
  const first = base / 4;
  const count = (words[NEXT]! - base) / ACCESS_BYTES;
  if (count === 0) return;
  const clocks = new Float64Array(count);
  /** Records of each hart, as a list through `follow`. */
  const follow = new Int32Array(count).fill(-1);
  const heads = new Int32Array(harts).fill(-1);
  const tails = new Int32Array(harts).fill(-1);
  for (let record = 0; record < count; record++) {
    const at = first + record * WORDS;
    clocks[record] = (words[at]! >>> 0) + (words[at + ACCESS_WORD.CLOCK_HIGH]! >>> 0) * 0x1_0000_0000;
    const hart = words[at + ACCESS_WORD.HEAD]! & 0xff;
    if (heads[hart] === -1) heads[hart] = record;
    else follow[tails[hart]!] = record;
    tails[hart] = record;
  }
  const sorted = new Int32Array(count * WORDS);
  let ready = 0;
  for (let done = 0; done < count; done++) {
    let best = -1;
    let bestClock = Infinity;
    let bestPlace = 0;
    for (let hart = 0; hart < harts; hart++) {
      const record = heads[hart]!;
      if (record === -1) continue;
      const clock = clocks[record]!;
      if (clock > bestClock) continue;
      const place = (hart + (clock % harts)) % harts;
      if (clock === bestClock && place > bestPlace) continue;
      best = hart;
      bestClock = clock;
      bestPlace = place;
    }
    const record = heads[best]!;
    heads[best] = follow[record]!;
    if (bestClock <= before) ready = done + 1;
    const at = first + record * WORDS;
    for (let word = 0; word < WORDS; word++) sorted[done * WORDS + word] = words[at + word]!;
  }
  words.set(sorted.subarray(ready * WORDS), first);
  words[NEXT] = base + (count - ready) * ACCESS_BYTES;
  if (ready > 0) consume(sorted.subarray(0, ready * WORDS), ready);
}
