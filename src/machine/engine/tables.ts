/**
 * Where the engine keeps its own tables: behind the sections of memory/layout.ts, before guest RAM.
 * Everything here is a cache or model state, rebuilt by `reset`; nothing of it is in a machine hash.
 *
 * What a snapshot does with a table (machine/snapshot/), and so where a new table goes:
 *   contexts .. linePrivilege   derived from the model, small: copied whole by a snapshot, not saved to a file
 *   data .. l1Next              small model state: copied whole, saved
 *   l2Tags .. codeBits          large model state: whoever writes there calls `mark` (core.ts), and so for RAM
 *   codeOf, code                caches without influence on the model: left alone, stale entries dropped one by one
 */
import type { Timing } from "../types.ts";
import { ACCESS_BYTES, ACCESS_CAPACITY, ENGINE_BASE } from "../memory/layout.ts";
import { CACHE } from "../timing/constants.ts";

/**
 * Line-table entry, 16 bytes. A tag is the virtual address of the line (a page in functional mode), or all ones:
 * equality with address & (line mask | alignment mask) means that the access is translated, permitted, aligned, in RAM
 * and, in cycle mode, in the L1 (owned, for WRITE). Host address = virtual address + ADDEND.
 */
export const LINE = { READ: 0, WRITE: 4, ADDEND: 8, SHIFT: 4 } as const;
/**
 * TLB entry, 8 bytes: virtual page | ASID << 1 | 1, then physical page | PTE bits 0..7. ASIDs have 9 bits (all that satp holds).
 * Entries of 4 KiB pages come first, then those of superpages (page: multiples of 4 MiB).
 */
export const TLB = { TAG: 0, VALUE: 4, SHIFT: 3, ASID_SHIFT: 1, ASID_BITS: 0x1ff << 1 } as const;
/** Execution table entry, 8 bytes: virtual page, or all ones; address of the page's predecoded entries. */
export const EXEC = { TAG: 0, PAGE: 4, SHIFT: 3, ENTRIES: 256 } as const;
/**
 * Directory entry of a physical line, 16 bytes: u64 harts that hold it, hart + 1 that owns it, and when its last move between harts is
 * over: 31 bits of that clock, then whether it is to a reader.
 */
export const DIRECTORY = { SHARERS: 0, OWNER: 8, MOVED: 12, SHIFT: 4 } as const;

/**
 * Predecoded page: an entry of 8 bytes for each halfword, then a PAGE_END entry whose second word is the page's offset in
 * RAM, then 8 bytes that a store to the next page's first word may clear (wroteCode).
 */
export const CODE_PAGE_BYTES = 16384;
export const CODE_PAGE_STRIDE = CODE_PAGE_BYTES + 16;
/** Bytes of entries that an instruction takes up, by its length: 4 bytes of entry for each byte of code. */
export const ENTRY_SHIFT = 2;
/** A hart's entry for the instruction that crosses the end of a page: its word behind it, then PAGE_END. */
export const SPLIT = { WORD: 8, END: 16, STRIDE: 32 } as const;
/**
 * Record of a region of the JIT (jit/cache.ts): cycles that must be left to enter it, index in the table of functions, what
 * its entry was, and the same to stand alone with a PAGE_END behind it.
 */
export const REGION = { NEED: 0, INDEX: 4, ORIGINAL: 8, APART: 16, STRIDE: 48 } as const;
export const REGIONS_MAX = 4096;
/** Samples (jit/emit-sampling.ts): how many, cycles to the next one and between two, then two entry addresses each. */
export const SAMPLES = { COUNT: 0, DUE: 4, PERIOD: 8, FIRST: 16, MAX: 510 } as const;

/** Pages of code predecoded at a time; when they are used up all are dropped. */
export const CODE_PAGES = 1024;

/** A hart has a line table with an execution table behind it for M mode, and another pair for S and U. */
export const CONTEXTS = 2;

export interface Tables {
  readonly lineShift: number;
  readonly lineSlots: number;
  /** Bytes of one context's line table; its execution table is there. */
  readonly lineBytes: number;
  /** Bytes of one context. */
  readonly contextBytes: number;
  /** Context c of hart h: contexts + (h * CONTEXTS + c) * contextBytes. */
  readonly contexts: number;
  readonly data: number;
  readonly fetch: number;
  /** End of what a snapshot copies whole, from `contexts` on. */
  readonly copiedEnd: number;
  /** Bytes of a hart's TLB of one kind. */
  readonly tlbBytes: number;
  /** Per hart one word: the privilege that the S and U line table was filled by. */
  readonly linePrivilege: number;
  /** Cycle mode: tags and line-table slots of the L1 by set and way, next way of each set. */
  readonly l1Tags: number;
  readonly l1Slots: number;
  readonly l1Next: number;
  /** Functional mode: line-table slot that may write a physical page, by page number modulo lineSlots. */
  readonly writers: number;
  /** From here to trackedEnd: whole pages of tables that are tracked. */
  readonly trackedStart: number;
  readonly l2Tags: number;
  readonly l2Next: number;
  readonly directory: number;
  /** Cycle mode, several harts: a byte by RAM page, whether instructions were fetched from it. */
  readonly executed: number;
  /** Likewise: a bit by word of RAM, whether an instruction in it was executed since it was last written. */
  readonly codeBits: number;
  readonly trackedEnd: number;
  /** A byte by 4 KiB page of this whole memory: whether it was written since the last snapshot or restore. */
  readonly dirty: number;
  /** How many pages that are, then their numbers. */
  readonly dirtyList: number;
  /** By RAM page: address of its predecoded page or 0. */
  readonly codeOf: number;
  readonly code: number;
  /** Per hart: see SPLIT. */
  readonly split: number;
  /** Records of an observed engine. */
  readonly accesses: number;
  /** JIT: records of regions; a byte by RAM page, whether regions were made from it; samples. */
  readonly regions: number;
  readonly regionPages: number;
  readonly samples: number;
  /** JIT: what the last `reach` cost. */
  readonly regionCost: number;
  readonly ramOffset: number;
  /** Pages of 64 KiB of the whole memory: storage lies behind RAM. */
  readonly wasmPages: number;
}

export function layTables(harts: number, memoryBytes: number, timing: Timing, storageBytes = 0): Tables {
  const cycle = timing === "cycle";
  let next = ENGINE_BASE;
  const take = (bytes: number): number => {
    const at = next;
    next += (bytes + 63) & ~63;
    return at;
  };
  const lineSlots = cycle ? 1024 : 256;
  const lineBytes = lineSlots << LINE.SHIFT;
  const tlbBytes = (CACHE.tlbEntries + CACHE.tlbSuperEntries) << TLB.SHIFT;
  const contextBytes = lineBytes + (EXEC.ENTRIES << EXEC.SHIFT);
  const l1Lines = cycle ? CACHE.l1Sets * CACHE.l1Ways : 0;
  const l2Lines = cycle ? CACHE.l2Sets * CACHE.l2Ways : 0;
  const alignPage = (): number => {
    next = (next + 4095) & ~4095;
    return next;
  };
  /** Only then does the model ask whether code was executed. */
  const seesCode = cycle && harts > 1;
  const tables = {
    lineShift: cycle ? CACHE.lineShift : 12,
    lineSlots,
    lineBytes,
    tlbBytes,
    contextBytes,
    contexts: take(harts * contextBytes * CONTEXTS),
    l1Slots: take(harts * l1Lines * 4),
    writers: take(cycle ? 0 : harts * lineSlots * 4),
    linePrivilege: take(harts * 4),
    data: take(harts * tlbBytes),
    fetch: take(harts * tlbBytes),
    l1Tags: take(harts * l1Lines * 4),
    l1Next: take(cycle ? harts * CACHE.l1Sets * 4 : 0),
    copiedEnd: next,
    trackedStart: alignPage(),
    l2Tags: take(l2Lines * 4),
    l2Next: take(cycle ? CACHE.l2Sets * 4 : 0),
    directory: take(cycle ? (memoryBytes / 64) << DIRECTORY.SHIFT : 0),
    executed: take(seesCode ? memoryBytes / 4096 : 0),
    codeBits: alignPage() && take(seesCode ? memoryBytes / 32 : 0),
    trackedEnd: alignPage(),
    codeOf: take((memoryBytes / 4096) * 4),
    // Before the first page, too, 8 bytes may be cleared.
    code: take(64 + CODE_PAGES * CODE_PAGE_STRIDE) + 64,
    split: take(harts * SPLIT.STRIDE),
    accesses: take(ACCESS_CAPACITY * ACCESS_BYTES),
    regions: take(REGIONS_MAX * REGION.STRIDE),
    regionPages: take(memoryBytes / 4096),
    samples: take(SAMPLES.FIRST + SAMPLES.MAX * 8),
    regionCost: take(4),
  };
  // One page of this memory more is five bytes more here.
  const pages = Math.ceil((next + memoryBytes + storageBytes + 0x2_0000) / (4096 - 5));
  const dirty = take(pages);
  const dirtyList = take(pages * 4 + 4);
  const ramOffset = Math.ceil(next / 0x1_0000) * 0x1_0000;
  return { ...tables, dirty, dirtyList, ramOffset, wasmPages: Math.ceil((ramOffset + memoryBytes + storageBytes) / 0x1_0000) };
}
