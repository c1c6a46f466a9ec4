/**
 * Heap checker: uses of memory that its user does not own, and reads of what nobody wrote.
 *
 * Fed with the allocators' marks and with every access (an observed machine), in order of time. The report names the access, the
 * nearest block, who allocated and who freed it and when. As in KASAN the first report of a place counts for all; as in KMSAN a value
 * that was never written may be copied (lib/string.ts), but not used.
 * The allocators themselves (EXEMPT) may touch what they own: lists inside free memory, poison, the conservative scanner.
 * Limits: REPORTS_MAX different reports. A block freed and allocated again in between is a new block: a stale pointer into it is not
 * seen. Memory that is freed and then only read through a copy is seen at the copy.
 */
import { ACCESS_BYTES, ACCESS_KIND, ACCESS_WORD } from "../../../machine/memory/layout.ts";
import type { Symbols } from "../../image/symbols.ts";
import type { CurrentTasks } from "../current-tasks.ts";
import type { Stack } from "../moment.ts";
import { BAD_FROM, BYTE, Shadow } from "./shadow.ts";
import type { HeapArea, HeapBlock, HeapKind, HeapReport } from "./types.ts";

export const REPORTS_MAX = 64;
const ACCESS_WORDS = ACCESS_BYTES / 4;
const TWO_32 = 2 ** 32;
const MACHINE_MODE = 3;
const AROUND_BEFORE = 32;
const AROUND_BYTES = 80;
/** A block this far away is still told as the one that was meant. */
const NEAR = 64;
const EXEMPT = ["kernel/mm/slab", "kernel/mm/page", "kernel/mm/kmemleak-scan.ts", "kernel/mm/vmap/", "kernel/mm/pcpu/"];
const COPIES = ["kernel/lib/string.ts"];
/** Unwinding reads what it finds. */
const WALKERS = ["kernel/arch/stacktrace.ts"];

export interface CacheInfo {
  readonly name: string;
  /** It has a constructor: objects come, and come back, in its state. */
  readonly constructed: boolean;
}

interface Block {
  readonly address: number;
  /** Bytes that the allocator gave, and that the user asked for. */
  readonly room: number;
  size: number;
  area: HeapArea;
  cache: string | null;
  task: number;
  stack: Stack;
  freedBy: number;
  freed: Stack | null;
}

export class HeapChecker {
  readonly reports: HeapReport[] = [];
  dropped = 0;
  /** Accesses to memory that an allocator owns. */
  checked = 0;
  readonly #symbols: Symbols;
  readonly #tasks: CurrentTasks;
  readonly #shadow = new Shadow();
  /** By start: whole pages, and what allocators made of them. */
  readonly #pages = new Map<number, Block>();
  readonly #blocks = new Map<number, Block>();
  readonly #known = new Map<string, HeapReport>();
  readonly #exempt = new Map<number, boolean>();
  readonly #copies = new Map<number, boolean>();

  constructor(symbols: Symbols, tasks: CurrentTasks) {
    this.#symbols = symbols;
    this.#tasks = tasks;
  }

  /** A slab's memory: nobody's until objects are allocated from it. What a constructor wrote stays written. */
  slabCreated(address: number, bytes: number, cache: CacheInfo): void {
    if (!cache.constructed) this.#shadow.fill(address, bytes, BYTE.REDZONE);
  }

  allocated(address: number, size: number, area: HeapArea, cache: CacheInfo | null, stack: Stack): void {
    const task = this.#tasks.task[stack.hart];
    const at = address >>> 0;
    this.#shadow.fill(at, size, cache?.constructed ? BYTE.WRITTEN : BYTE.UNWRITTEN);
    const block = { address: at, room: size, size, area, cache: cache?.name ?? null, task, stack, freedBy: 0, freed: null };
    (area === "page" ? this.#pages : this.#blocks).set(at, block);
  }

  /** The user of a block may use so many bytes of its room from now on. */
  resized(address: number, size: number): void {
    const block = this.#blocks.get(address >>> 0);
    if (block === undefined || block.freed !== null || size > block.room) return;
    const { address: at, size: before } = block;
    if (size > before) this.#shadow.fill(at + before, size - before, BYTE.UNWRITTEN);
    else this.#shadow.fill(at + size, before - size, BYTE.REDZONE);
    block.size = size;
  }

  /** `pages`: from the page allocator; else an object or an area. `readable`: RCU readers may still look at it. */
  freed(address: number, pages: boolean, readable: boolean, stack: Stack): void {
    const at = address >>> 0;
    const block = (pages ? this.#pages : this.#blocks).get(at);
    if (block === undefined) {
      if (this.#shadow.at(at) !== BYTE.UNTRACKED)
        this.#report("invalid-free", "free", 0, at, stack);
      return;
    }
    if (block.freed !== null) {
      this.#report("double-free", "free", 0, at, stack);
      return;
    }
    block.freed = stack;
    block.freedBy = this.#tasks.task[stack.hart];
    if (readable) return;
    this.#shadow.fill(at, block.room, block.area === "page" ? BYTE.FREE_PAGE : BYTE.FREED);
  }

  /** One run of whole access records. */
  consume = (words: Int32Array, count: number): void => {
    const shadow = this.#shadow;
    for (let at = 0, end = count * ACCESS_WORDS; at < end; at += ACCESS_WORDS) {
      const head = words[at + ACCESS_WORD.HEAD];
      if (((head >>> 24) & 3) === MACHINE_MODE) continue;
      const kind = (head >>> 12) & 15;
      const bytes = (head >>> 8) & 15;
      const address = words[at + ACCESS_WORD.VIRTUAL];
      if (kind === ACCESS_KIND.LOAD || kind === ACCESS_KIND.LR) {
        const worst = shadow.read(address, bytes);
        if (worst > BYTE.WRITTEN) this.#badRead(words, at, worst);
        if (worst !== BYTE.UNTRACKED) this.checked++;
      } else if (kind !== ACCESS_KIND.FENCE && kind !== ACCESS_KIND.SC_FAILED) {
        const worst =
          kind === ACCESS_KIND.AMO
            ? Math.max(shadow.read(address, bytes), shadow.write(address, bytes))
            : shadow.write(address, bytes);
        if (worst >= BAD_FROM) this.#bad(words, at, worst, "write");
        if (worst !== BYTE.UNTRACKED) this.checked++;
      }
    }
  };

  #badRead(words: Int32Array, at: number, worst: number): void {
    if (worst >= BAD_FROM) {
      this.#bad(words, at, worst, "read");
      return;
    }
    const pc = words[at + ACCESS_WORD.PC] >>> 0;
    if (this.#inFiles(this.#copies, pc, COPIES) || this.#inFiles(this.#exempt, pc, EXEMPT)) return;
    this.#access("uninit-value", words, at, "read");
  }

  #bad(words: Int32Array, at: number, worst: number, access: "read" | "write"): void {
    if (this.#inFiles(this.#exempt, words[at + ACCESS_WORD.PC] >>> 0, EXEMPT)) return;
    this.#access(worst === BYTE.REDZONE ? "out-of-bounds" : "use-after-free", words, at, access);
  }

  #access(kind: HeapKind, words: Int32Array, at: number, access: "read" | "write"): void {
    const head = words[at + ACCESS_WORD.HEAD];
    const stack = {
      pc: words[at + ACCESS_WORD.PC] >>> 0,
      ra0: 0,
      ra1: 0,
      hart: head & 0xff,
      clock:
        (words[at + ACCESS_WORD.CLOCK_HIGH] >>> 0) * TWO_32 +
        (words[at + ACCESS_WORD.CLOCK_LOW] >>> 0),
    };
    this.#report(kind, access, (head >>> 8) & 15, words[at + ACCESS_WORD.VIRTUAL] >>> 0, stack);
  }

  #report(kind: HeapKind, access: HeapReport["access"], size: number, address: number, stack: Stack): void {
    const name = `${kind} ${access} ${stack.pc} ${access === "free" ? stack.ra0 : 0}`;
    const known = this.#known.get(name);
    if (known !== undefined) {
      known.count++;
      return;
    }
    if (this.reports.length === REPORTS_MAX) {
      this.dropped++;
      return;
    }
    const block = this.#nearest(address);
    const from = (address & ~15) - AROUND_BEFORE;
    const report: HeapReport = {
      kind,
      area: block?.area ?? "page",
      count: 1,
      access,
      size,
      address,
      hart: stack.hart,
      task: this.#tasks.task[stack.hart],
      stack,
      block: block === null ? null : view(block),
      offset: block === null ? 0 : address - block.address,
      around: Array.from({ length: AROUND_BYTES }, (_, i) => this.#shadow.at((from + i) >>> 0)),
    };
    this.#known.set(name, report);
    this.reports.push(report);
  }

  /** The block that holds the address, objects before the pages around them; else the nearest that ends or begins close by. */
  #nearest(address: number): Block | null {
    let best: Block | null = null;
    let bestDistance = NEAR;
    let bestSize = Infinity;
    for (const block of [...this.#blocks.values(), ...this.#pages.values()]) {
      const after = address - (block.address + block.size - 1);
      const distance = Math.max(block.address - address, after, 0);
      if (distance > bestDistance || (distance === bestDistance && block.size >= bestSize)) continue;
      best = block;
      bestDistance = distance;
      bestSize = block.size;
    }
    return best;
  }

  #inFiles(cache: Map<number, boolean>, pc: number, files: readonly string[]): boolean {
    let answer = cache.get(pc);
    if (answer === undefined) {
      answer = this.#symbols
        .frames(pc)
        .some(({ file }) => [...files, ...WALKERS].some((one) => file.startsWith(one)));
      cache.set(pc, answer);
    }
    return answer;
  }
}

function view(block: Block): HeapBlock {
  return {
    address: block.address,
    size: block.size,
    area: block.area,
    cache: block.cache,
    allocated: { task: block.task, stack: block.stack },
    freed: block.freed === null ? null : { task: block.freedBy, stack: block.freed },
  };
}
