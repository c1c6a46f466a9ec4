/**
 * Heap checker: uses of memory that its user does not own, and reads of what nobody wrote.
 *
 * Fed with the allocators' marks and with every access (an observed machine), in order of time. The report names the access, the
 * nearest block, who allocated and who freed it and when. A function's accesses to blocks of one origin make one report; as in KMSAN a value
 * that was never written may be copied (lib/string.ts), but not used.
 * The allocators themselves (EXEMPT) may touch what they own: lists inside free memory, poison, the conservative scanner. Not
 * so what makes and destroys slab caches, and frees their slabs later: a cache is an object like any other.
 * Limits: REPORTS_MAX different reports. A block freed and allocated again in between is a new block: a stale pointer into it is not
 * seen. Memory that is freed and then only read through a copy is seen at the copy.
 */
import { ACCESS_KIND, ACCESS_WORD } from "../../../machine/memory/layout.ts";
import type { Symbols } from "../../image/symbols.ts";
import type { CurrentTasks } from "../current-tasks.ts";
import type { ConsumeAccesses } from "../merge.ts";
import type { Stack } from "../moment.ts";
import { BAD_FROM, BYTE, Shadow } from "./shadow.ts";
import type { HeapArea, HeapBlock, HeapKind, HeapReport } from "./types.ts";

export const REPORTS_MAX = 64;
const TWO_32 = 2 ** 32;
const MACHINE_MODE = 3;
const PAGE_BYTES = 4096;
const AROUND_BEFORE = 32;
const AROUND_BYTES = 80;
/** So often the block behind a repeated access is looked for; then it counts with the last one. */
const LOOKED_UP_MAX = 256;
/** A block this far away is still told as the one that was meant. */
const NEAR = 64;
const EXEMPT = [
  "kernel/mm/slab.ts", ...["lists", "kmalloc", "debug", "report", "track", "info", "cache"].map((name) => `kernel/mm/slab/${name}.ts`), "kernel/mm/page", "kernel/mm/kmemleak/scan-block.ts", "kernel/mm/kmemleak/checksum.ts", "kernel/mm/kmemleak/hexdump.ts",
  "kernel/lib/crc32.ts", "kernel/mm/vmap/", "kernel/mm/pcpu/",
];
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
  /** By function and by who allocated the block; and the last report of each place, with how often it was looked up. */
  readonly #known = new Map<string, HeapReport>();
  readonly #places = new Map<string, { times: number; report: HeapReport }>();
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
    const end = at + size;
    if (area === "vmalloc") this.#shadow.fill(end, -end & (PAGE_BYTES - 1), BYTE.REDZONE);
    const whole = area === "kmalloc" ? (this.#pages.get(at)?.size ?? 0) : 0;
    if (whole > size) this.#shadow.fill(end, whole - size, BYTE.REDZONE);
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

  /** Bytes that may be written through another mapping, which is not followed: they count as written. */
  written(address: number, bytes: number): void {
    this.#shadow.fill(address, bytes, BYTE.WRITTEN);
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

  /** An access that did not happen, because nothing is mapped there any more, or behind the end of an area. */
  faulted(address: number, size: number, write: boolean, stack: Stack): void {
    const at = address >>> 0;
    const state = this.#shadow.at(at);
    const access = write ? "write" : "read";
    if (state > BYTE.REDZONE) this.#report("use-after-free", access, size, at, stack);
    else if (this.#nearest(at)?.area === "vmalloc") this.#report("out-of-bounds", access, size, at, stack);
  }

  consume: ConsumeAccesses = (words, places, from, to) => {
    const shadow = this.#shadow;
    for (let record = from; record < to; record++) {
      const at = places[record];
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
    const place = `${kind} ${access} ${stack.pc}`;
    const repeated = this.#places.get(place);
    if (repeated !== undefined && repeated.times++ > LOOKED_UP_MAX) {
      repeated.report.count++;
      return;
    }
    const block = this.#nearest(address);
    const by = block === null ? "" : `${block.stack.pc} ${block.stack.ra0} ${block.stack.ra1}`;
    const name = `${kind} ${access} ${this.#symbols.functionName(stack.pc)} ${by}`;
    let report = this.#known.get(name);
    if (report !== undefined) report.count++;
    else if (this.reports.length === REPORTS_MAX) {
      this.dropped++;
      return;
    } else {
      report = this.#made(kind, access, size, address, stack, block);
      this.#known.set(name, report);
      this.reports.push(report);
    }
    this.#places.set(place, { times: (repeated?.times ?? 0) + 1, report });
  }

  #made(kind: HeapKind, access: HeapReport["access"], size: number, address: number, stack: Stack, block: Block | null): HeapReport {
    const from = (address & ~15) - AROUND_BEFORE;
    return {
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
  }

  /**
   * The object or area that holds the address or comes close; else the pages that do. Objects older than the pages that are there
   * now are of the past.
   */
  #nearest(address: number): Block | null {
    const pages = closest(this.#pages.values(), address, 0);
    const since = pages !== null && pages.freed === null ? pages.stack.clock : 0;
    return closest(this.#blocks.values(), address, since) ?? pages;
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

function closest(blocks: Iterable<Block>, address: number, since: number): Block | null {
  let best: Block | null = null;
  let bestDistance = NEAR;
  for (const block of blocks) {
    const after = address - (block.address + block.size - 1);
    const distance = Math.max(block.address - address, after, 0);
    if (block.stack.clock < since || distance > bestDistance) continue;
    // Among equals the youngest: addresses are used again.
    if (distance === bestDistance && best !== null && block.stack.clock < best.stack.clock) continue;
    best = block;
    bestDistance = distance;
  }
  return best;
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
