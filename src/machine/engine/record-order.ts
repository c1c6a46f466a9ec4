/**
 * The records of a buffer in order of time: clock, then (hart + clock) mod n, then age.
 *
 * A hart's own records are in order, those of several harts are not, because harts run ahead of each other. A record is
 * handed out when no hart can any more make one that precedes it; the others move to the front and wait.
 * Every record begins with its clock, a u64, and has its hart in the low byte of one of its words.
 *
 * Records stay where they are: who takes them gets a list of places. A merge of the harts' records that goes on with one
 * hart as long as that one is first.
 */

export interface RecordFormat {
  /** Length of a record in words. */
  readonly words: number;
  /** Which word holds the hart. */
  readonly head: number;
}

/** `places[i]` is the index in `words` at which record i of `count` begins; both arrays are reused. */
export type ConsumePlaces = (words: Int32Array, places: Int32Array, count: number) => void;

export class RecordOrder {
  readonly #format: RecordFormat;
  readonly #harts: number;
  /** By record: clock since the first one times harts plus place among equal ones, and the hart's next record; -1: none. */
  #keys = new Float64Array(0);
  #follow = new Int32Array(0);
  #places = new Int32Array(0);
  readonly #heads: Int32Array;
  readonly #tails: Int32Array;
  /** Oldest record, and its key, of each hart that has any left. */
  readonly #next: Int32Array;
  readonly #nextKeys: Float64Array;

  constructor(format: RecordFormat, harts: number) {
    this.#format = format;
    this.#harts = harts;
    this.#heads = new Int32Array(harts);
    this.#tails = new Int32Array(harts);
    this.#next = new Int32Array(harts);
    this.#nextKeys = new Float64Array(harts);
  }

  /** Hands out the records not after `before` (a clock; harts all stand at or after it). How many remain in the buffer. */
  take(words: Int32Array, first: number, count: number, before: number, consume: ConsumePlaces): number {
    if (count === 0) return 0;
    const size = this.#format.words;
    this.#chain(words, first, count);
    this.#merge(first, count);
    const places = this.#places;
    let ready = count;
    while (ready > 0 && clockAt(words, places[ready - 1]!) > before) ready--;
    const rest = new Int32Array((count - ready) * size);
    for (let at = ready; at < count; at++) rest.set(words.subarray(places[at]!, places[at]! + size), (at - ready) * size);
    if (ready > 0) consume(words, places, ready);
    words.set(rest, first);
    return count - ready;
  }

  #chain(words: Int32Array, first: number, count: number): void {
    if (this.#keys.length < count) {
      this.#keys = new Float64Array(count);
      this.#follow = new Int32Array(count);
      this.#places = new Int32Array(count);
    }
    const { words: size, head } = this.#format;
    const harts = this.#harts;
    const keys = this.#keys;
    const follow = this.#follow;
    const heads = this.#heads.fill(-1);
    const tails = this.#tails;
    const low = words[first]! >>> 0;
    const high = words[first + 1]! >>> 0;
    const powerOfTwo = (harts & (harts - 1)) === 0;
    for (let record = 0, at = first; record < count; record++, at += size) {
      const hart = words[at + head]! & 0xff;
      const turn = powerOfTwo ? (hart + words[at]!) & (harts - 1) : (hart + (clockAt(words, at) % harts)) % harts;
      keys[record] = ((words[at]! >>> 0) - low + ((words[at + 1]! >>> 0) - high) * 0x1_0000_0000) * harts + turn;
      if (heads[hart] === -1) heads[hart] = record;
      else follow[tails[hart]!] = record;
      tails[hart] = record;
      follow[record] = -1;
    }
  }

  #merge(first: number, count: number): void {
    const size = this.#format.words;
    const keys = this.#keys;
    const follow = this.#follow;
    const places = this.#places;
    const next = this.#next;
    const nextKeys = this.#nextKeys;
    let lists = 0;
    for (const head of this.#heads) {
      if (head === -1) continue;
      next[lists] = head;
      nextKeys[lists++] = keys[head]!;
    }
    for (let done = 0; done < count; ) {
      let best = 0;
      let bestKey = nextKeys[0]!;
      let second = Infinity;
      for (let list = 1; list < lists; list++) {
        const key = nextKeys[list]!;
        if (key < bestKey) {
          second = bestKey;
          bestKey = key;
          best = list;
        } else if (key < second) second = key;
      }
      let record = next[best]!;
      do {
        places[done++] = first + record * size;
        record = follow[record]!;
      } while (record !== -1 && keys[record]! < second);
      if (record !== -1) {
        next[best] = record;
        nextKeys[best] = keys[record]!;
      } else {
        next[best] = next[--lists]!;
        nextKeys[best] = nextKeys[lists]!;
      }
    }
  }
}

const clockAt = (words: Int32Array, at: number): number => (words[at]! >>> 0) + (words[at + 1]! >>> 0) * 0x1_0000_0000;

/** Hands them out as one run of whole records, for few of them: they are copied. */
export function inOneRun(format: RecordFormat, consume: (words: Int32Array, count: number) => void): ConsumePlaces {
  return (words, places, count) => {
    const run = new Int32Array(count * format.words);
    for (let record = 0; record < count; record++) {
      const at = places[record]!;
      run.set(words.subarray(at, at + format.words), record * format.words);
    }
    consume(run, count);
  };
}
