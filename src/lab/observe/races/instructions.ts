/**
 * What each instruction of the image does to memory, by address: plain, marked (READ_ONCE, WRITE_ONCE) or of no interest; for AMO,
 * LR and SC whether they have .rl.
 *
 * Found out a page at a time, when something on it accesses memory. Of no interest: what the image excuses (data_race(), literal
 * assembly), a function's plain accesses to its own frame (relative to sp), and code that is not in the image's text.
 */
import type { ImageFile } from "../../image/elf.ts";

export const ACCESS = { UNKNOWN: 0, PLAIN: 1, ONCE: 2, SKIP: 3, ATOMIC: 4 } as const;
/** Added to ATOMIC: it has .rl. */
export const RELEASE = 1;

const PAGE_SHIFT = 12;
const PAGE_BYTES = 1 << PAGE_SHIFT;
const OPCODE = { LOAD: 0x03, STORE: 0x23, AMO: 0x2f } as const;
const SP = 2;
const RL_BIT = 25;

export class Instructions {
  readonly #image: ImageFile;
  readonly #once: Set<number>;
  readonly #excused: Set<number>;
  readonly #pages = new Map<number, Uint8Array>();
  #lastPage = -1;
  #last: Uint8Array = new Uint8Array(0);

  constructor(image: ImageFile) {
    this.#image = image;
    const { once, excused } = image.section.accesses;
    this.#once = addresses(once);
    this.#excused = addresses(excused);
  }

  /** ACCESS of the instruction, for ATOMIC with RELEASE added. */
  at(pc: number): number {
    const page = pc >>> PAGE_SHIFT;
    if (page !== this.#lastPage) {
      this.#lastPage = page;
      this.#last = this.#pages.get(page) ?? this.#read(page);
    }
    return this.#last[(pc & (PAGE_BYTES - 1)) >>> 2];
  }

  #read(page: number): Uint8Array {
    const start = (page << PAGE_SHIFT) >>> 0;
    const kinds = Uint8Array.from({ length: PAGE_BYTES / 4 }, (_, i) => this.#kindOf(start + 4 * i));
    this.#pages.set(page, kinds);
    return kinds;
  }

  #kindOf(address: number): number {
    const word = this.#image.constantWord(address);
    if (word === null) return ACCESS.SKIP;
    const opcode = word & 0x7f;
    if (opcode === OPCODE.AMO) return ACCESS.ATOMIC + ((word >>> RL_BIT) & 1) * RELEASE;
    if ((opcode !== OPCODE.LOAD && opcode !== OPCODE.STORE) || this.#excused.has(address)) return ACCESS.SKIP;
    if (this.#once.has(address)) return ACCESS.ONCE;
    return ((word >>> 15) & 31) === SP ? ACCESS.SKIP : ACCESS.PLAIN;
  }
}

function addresses(distances: readonly number[]): Set<number> {
  const all = new Set<number>();
  let at = 0;
  for (const distance of distances) {
    at += 4 * distance;
    all.add(at);
  }
  return all;
}
