/**
 * The regions that exist: their functions, their records (tables.ts REGION) and the predecoded entries that lead to them.
 *
 * An entry under which a region begins holds opcode REGION and the address of the region's record; what it held before
 * is in the record. Regions go when code under them is written (only those that hold it), when all predecoded code is
 * dropped, and the oldest module first when a limit is reached. No region is running then: stores to code, and JavaScript
 * other than devices, happen outside of regions.
 */
import { assert } from "../../../base/assert.ts";
import { OP } from "../opcodes.ts";
import { CODE_PAGE_BYTES, REGION, REGIONS_MAX } from "../tables.ts";
import type { Tables } from "../tables.ts";
import { layApart } from "./apart.ts";
import { buildBatch } from "./batch.ts";
import { ENTRY_BYTES } from "./op.ts";
import type { CostModel } from "./op.ts";
import type { Region } from "./region.ts";
import type { Structure } from "./structure.ts";

/** WebAssembly bytes of all modules together; the host's code is some ten times as long. */
export const MODULE_BYTES_MAX = 4 << 20;
/** How often code of a page may be written under regions before the page gets no more of them. */
export const PAGE_DROPS_MAX = 16;

export interface NewRegion {
  readonly region: Region;
  readonly structure: Structure;
  /** Address of the predecoded page, and number of the entry. */
  readonly page: number;
  readonly at: number;
}

interface Installed {
  readonly index: number;
  /** Address of the entry. */
  readonly entry: number;
  readonly ramPage: number;
  readonly covered: Region["covered"];
}

interface Batch {
  readonly regions: Set<Installed>;
  readonly bytes: number;
}

export interface CacheOptions extends CostModel {
  readonly words: Int32Array;
  readonly memory: WebAssembly.Memory;
  readonly tables: Tables;
  readonly ahead: boolean;
  readonly moduleBytesMax: number;
}

export class RegionCache {
  readonly table = new WebAssembly.Table({ element: "anyfunc", initial: REGIONS_MAX, maximum: REGIONS_MAX });
  /** What regions call on a miss (emit-reach.ts): a function of the engine's module. */
  reach: unknown = null;
  readonly #options: CacheOptions;
  readonly #bytes: Uint8Array;
  readonly #free: number[] = [];
  readonly #byPage = new Map<number, Set<Installed>>();
  readonly #drops = new Map<number, number>();
  #batches: Batch[] = [];
  #moduleBytes = 0;
  #compiledCount = 0;

  constructor(options: CacheOptions) {
    this.#options = options;
    this.#bytes = new Uint8Array(options.memory.buffer);
    for (let index = REGIONS_MAX - 1; index >= 0; index--) this.#free.push(index);
  }

  get regionCount(): number {
    return REGIONS_MAX - this.#free.length;
  }
  /** Regions made so far, those that went included. */
  get compiledCount(): number {
    return this.#compiledCount;
  }
  get moduleBytes(): number {
    return this.#moduleBytes;
  }

  #recordOf(index: number): number {
    return this.#options.tables.regions + index * REGION.STRIDE;
  }
  ramPageOf(page: number): number {
    return this.#options.words[(page + CODE_PAGE_BYTES + 4) >>> 2]! >>> 12;
  }
  /** Whether a region begins at the entry number `at`. */
  holds(page: number, at: number): boolean {
    return (this.#options.words[(page + at * ENTRY_BYTES) >>> 2]! & 0xff) === OP.REGION;
  }
  /** Whether regions may be made from this page. */
  allows(page: number): boolean {
    return (this.#drops.get(this.ramPageOf(page)) ?? 0) < PAGE_DROPS_MAX;
  }

  /** Makes one module of them and puts them under their entries. */
  install(items: readonly NewRegion[]): void {
    const { memory, moduleBytesMax } = this.#options;
    const bytes = buildBatch({ ...this.#options, tableEntries: REGIONS_MAX }, items);
    while (this.#batches.length > 0 && (this.#free.length < items.length || this.#moduleBytes + bytes.length > moduleBytesMax)) {
      this.#evict(this.#batches[0]!);
    }
    const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), { engine: { memory, regions: this.table, reach: this.reach } });
    const batch: Batch = { regions: new Set(), bytes: bytes.length };
    items.forEach((item, number) => {
      const index = this.#free.pop();
      assert(index !== undefined, "jit: a batch is smaller than the table");
      this.table.set(index, instance.exports[`r${number}`]);
      batch.regions.add(this.#enter(item, index));
    });
    this.#batches.push(batch);
    this.#compiledCount += items.length;
    this.#moduleBytes += bytes.length;
  }

  #enter({ region, structure, page, at }: NewRegion, index: number): Installed {
    const { words } = this.#options;
    const entry = page + at * ENTRY_BYTES;
    const record = this.#recordOf(index);
    assert(!this.holds(page, at), "jit: one region an entry");
    words[(record + REGION.NEED) >>> 2] = structure.root.path;
    words[(record + REGION.INDEX) >>> 2] = index;
    words[(record + REGION.ORIGINAL) >>> 2] = words[entry >>> 2]!;
    words[(record + REGION.ORIGINAL + 4) >>> 2] = words[(entry + 4) >>> 2]!;
    layApart(words, (record + REGION.APART) >>> 2, words[entry >>> 2]!, words[(entry + 4) >>> 2]!);
    words[entry >>> 2] = OP.REGION;
    words[(entry + 4) >>> 2] = record;

    const installed = { index, entry, ramPage: this.ramPageOf(page), covered: region.covered };
    const others = this.#byPage.get(installed.ramPage) ?? new Set();
    this.#byPage.set(installed.ramPage, others.add(installed));
    this.#bytes[this.#options.tables.regionPages + installed.ramPage] = 1;
    return installed;
  }

  /** Takes a region from under its entry. */
  #remove(installed: Installed): void {
    const { words, tables } = this.#options;
    const { index, entry, ramPage } = installed;
    const record = this.#recordOf(index);
    words[entry >>> 2] = words[(record + REGION.ORIGINAL) >>> 2]!;
    words[(entry + 4) >>> 2] = words[(record + REGION.ORIGINAL + 4) >>> 2]!;
    this.table.set(index, null);
    this.#free.push(index);
    const others = this.#byPage.get(ramPage)!;
    others.delete(installed);
    if (others.size > 0) return;
    this.#byPage.delete(ramPage);
    this.#bytes[tables.regionPages + ramPage] = 0;
  }

  #evict(batch: Batch): void {
    for (const installed of batch.regions) this.#remove(installed);
    this.#batches = this.#batches.filter((other) => other !== batch);
    this.#moduleBytes -= batch.bytes;
  }

  /** A word of code at an offset in RAM is about to be written; the instruction before may reach into it. */
  wrote(offset: number): void {
    const ramPage = offset >>> 12;
    const first = ((offset & 0xffc) >>> 1) - 1;
    const holds = ({ covered }: Installed): boolean => covered.some(([from, to]) => from <= first + 2 && to > first);
    const hit = [...(this.#byPage.get(ramPage) ?? [])].filter(holds);
    if (hit.length === 0) return;
    this.#drops.set(ramPage, (this.#drops.get(ramPage) ?? 0) + 1);
    for (const installed of hit) {
      this.#remove(installed);
      for (const batch of this.#batches) batch.regions.delete(installed);
    }
    this.#batches.filter((batch) => batch.regions.size === 0).forEach((batch) => this.#evict(batch));
  }

  /** Entries are as they would be without regions. */
  dropAll(): void {
    while (this.#batches.length > 0) this.#evict(this.#batches[0]!);
  }
}
