/**
 * Address -> small index: an open-addressing hash table over typed arrays, for the observers' hot loop.
 *
 * Indices count up from 0 in order of insertion and are never freed; key 0 is not a legal key. Grows at half full.
 */
export class WordMap {
  #keys = new Int32Array(1024);
  #indices = new Int32Array(1024);
  #mask = 1023;
  #count = 0;

  get size(): number {
    return this.#count;
  }

  /** The key's index, or -1. */
  find(key: number): number {
    const keys = this.#keys;
    const mask = this.#mask;
    const word = key | 0;
    let at = Math.imul(word, 0x9e3779b1) >>> 8;
    for (;;) {
      at &= mask;
      const found = keys[at];
      if (found === word) return this.#indices[at];
      if (found === 0) return -1;
      at++;
    }
  }

  /** The key's index; a new key gets the next one (`size - 1` afterwards). */
  findOrAdd(key: number): number {
    const found = this.find(key);
    if (found >= 0) return found;
    if (this.#count * 2 >= this.#keys.length) this.#grow();
    const index = this.#count++;
    this.#insert(key | 0, index);
    return index;
  }

  #insert(word: number, index: number): void {
    let at = Math.imul(word, 0x9e3779b1) >>> 8;
    for (;;) {
      at &= this.#mask;
      if (this.#keys[at] === 0) break;
      at++;
    }
    this.#keys[at] = word;
    this.#indices[at] = index;
  }

  #grow(): void {
    const keys = this.#keys;
    const indices = this.#indices;
    this.#keys = new Int32Array(keys.length * 2);
    this.#indices = new Int32Array(keys.length * 2);
    this.#mask = keys.length * 2 - 1;
    for (let i = 0; i < keys.length; i++) if (keys[i] !== 0) this.#insert(keys[i], indices[i]);
  }
}
