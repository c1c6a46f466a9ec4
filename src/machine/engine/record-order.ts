/**
 * Puts the records of a buffer in order of time: clock, then (hart + clock) mod n, then age.
 *
 * A hart's own records are in order, those of several harts are not, because harts run ahead of each other. A record is
 * handed out when no hart can any more make one that precedes it; the others move to the front and wait.
 * Every record begins with its clock, a u64, and has its hart in the low byte of one of its words.
 */

export interface RecordFormat {
  /** Length of a record in words. */
  readonly words: number;
  /** Which word holds the hart. */
  readonly head: number;
}

/** Lists of each hart's records, oldest first: `heads` by hart, `follow` by record; -1 ends a list. */
interface Lists {
  readonly heads: Int32Array;
  readonly follow: Int32Array;
  readonly clocks: Float64Array;
}

function listsOf(words: Int32Array, first: number, count: number, format: RecordFormat, harts: number): Lists {
  const clocks = new Float64Array(count);
  const follow = new Int32Array(count).fill(-1);
  const heads = new Int32Array(harts).fill(-1);
  const tails = new Int32Array(harts).fill(-1);
  for (let record = 0; record < count; record++) {
    const at = first + record * format.words;
    clocks[record] = (words[at]! >>> 0) + (words[at + 1]! >>> 0) * 0x1_0000_0000;
    const hart = words[at + format.head]! & 0xff;
    if (heads[hart] === -1) heads[hart] = record;
    else follow[tails[hart]!] = record;
    tails[hart] = record;
  }
  return { heads, follow, clocks };
}

/** Which hart's oldest record comes first. */
function earliestHart({ heads, clocks }: Lists, harts: number): number {
  let best = -1;
  let bestClock = Infinity;
  for (let hart = 0; hart < harts; hart++) {
    const record = heads[hart]!;
    if (record === -1) continue;
    const clock = clocks[record]!;
    if (clock > bestClock) continue;
    if (clock === bestClock && (hart + (clock % harts)) % harts > (best + (clock % harts)) % harts) continue;
    best = hart;
    bestClock = clock;
  }
  return best;
}

/** Hands out the records not after `before` (a clock; harts all stand at or after it). How many remain in the buffer. */
export function takeInOrder(
  words: Int32Array,
  first: number,
  count: number,
  format: RecordFormat,
  harts: number,
  before: number,
  consume: (words: Int32Array, count: number) => void,
): number {
  if (count === 0) return 0;
  const lists = listsOf(words, first, count, format, harts);
  const sorted = new Int32Array(count * format.words);
  let ready = 0;
  let to = 0;
  for (let done = 0; done < count; done++) {
    const hart = earliestHart(lists, harts);
    const record = lists.heads[hart]!;
    lists.heads[hart] = lists.follow[record]!;
    if (lists.clocks[record]! <= before) ready = done + 1;
    const at = first + record * format.words;
    for (let word = 0; word < format.words; word++) sorted[to++] = words[at + word]!;
  }
  words.set(sorted.subarray(ready * format.words), first);
  if (ready > 0) consume(sorted.subarray(0, ready * format.words), ready);
  return count - ready;
}
