/** Names that live in the guest: constants of the image, or texts in its memory. */
import { cString, type ImageFile } from "../image/elf.ts";
import type { CacheInfo } from "./heap/heap.ts";

const CACHE_NAME_BYTES = 64;

export class GuestNames {
  readonly #image: ImageFile;
  readonly #readMemory: (address: number, length: number) => Uint8Array | null;
  readonly #caches = new Map<number, CacheInfo>();

  constructor(image: ImageFile, readMemory: (address: number, length: number) => Uint8Array | null) {
    this.#image = image;
    this.#readMemory = readMemory;
  }

  /** The text at `address`, `length` bytes at most; the address itself where there is none. */
  text(address: number, length: number): string {
    const constant = this.#image.constantString(address);
    if (constant !== null) return constant;
    const bytes = this.#readMemory(address, length);
    return (bytes && cString(bytes)) || hexAddress(address);
  }

  /** A kmem_cache as it was when it was first seen. */
  cacheAt(cache: number): CacheInfo {
    const known = this.#caches.get(cache);
    if (known !== undefined) return known;
    const word = (field: string): number => {
      const fields = this.#image.section.structs.kmem_cache?.fields;
      const offset = fields?.find(({ name }) => name === field)?.offset;
      const bytes = offset === undefined ? null : this.#readMemory(cache + offset, 4);
      return bytes === null ? 0 : new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
    };
    const info = {
      name: this.text(word("name"), CACHE_NAME_BYTES),
      constructed: word("ctor") !== 0,
    };
    this.#caches.set(cache, info);
    return info;
  }
}

export function hexAddress(address: number): string {
  return `0x${address.toString(16).padStart(8, "0")}`;
}
