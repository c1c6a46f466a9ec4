/**
 * Tier 2: finds hot places, makes regions of them in batches, and keeps the cache.
 *
 * Nothing here is state of the machine: with or without regions, sooner or later, every instruction, cycle and access is
 * that of tier 1. `afterSlice` is called between calls of the engine's `run`, so regions come and go only there, but for
 * those whose code is written.
 */
import type { Costs } from "../../timing/constants.ts";
import type { Tables } from "../tables.ts";
import { MODULE_BYTES_MAX, RegionCache } from "./cache.ts";
import type { NewRegion } from "./cache.ts";
import { Heat } from "./heat.ts";
import type { HotPlace } from "./heat.ts";
import type { CostModel } from "./op.ts";
import { formRegion } from "./region.ts";
import { structure } from "./structure.ts";

/** Regions a module, if so many are hot. */
export const BATCH_REGIONS = 16;
/** A region of fewer instructions costs more to enter than it saves, unless it is a loop. */
const REGION_OPS_MIN = 3;
/** Cycles between two checks of time, at most: what is left of a turn is interpreted. */
const CHECK_CYCLES = 48;

export interface JitTuning {
  /** Samples of jumps to one place that make it hot. */
  readonly hotSamples: number;
  /** Cycles of interpretation from sample to sample. */
  readonly samplePeriod: number;
  /** Slices (of `run`) that a hot place waits for others to be compiled with. */
  readonly batchSlices: number;
  /** WebAssembly bytes of all regions together; default MODULE_BYTES_MAX. */
  readonly moduleBytesMax?: number;
  /** Wrong costs, for the test that must find them. */
  readonly costs?: Costs;
}
export const JIT_TUNING: JitTuning = { hotSamples: 100, samplePeriod: 4000, batchSlices: 4 };

export interface JitOptions extends CostModel {
  readonly words: Int32Array;
  readonly memory: WebAssembly.Memory;
  readonly tables: Tables;
  readonly tuning: JitTuning;
  readonly ahead: boolean;
}

export class Jit {
  readonly cache: RegionCache;
  readonly #heat: Heat;
  readonly #options: JitOptions;
  #waiting: HotPlace[] = [];
  #slices = 0;

  constructor(options: JitOptions) {
    this.#options = options;
    this.cache = new RegionCache({ ...options, moduleBytesMax: options.tuning.moduleBytesMax ?? MODULE_BYTES_MAX });
    this.#heat = new Heat(options.words, options.tables, options.tuning.hotSamples, options.tuning.samplePeriod);
  }

  get table(): WebAssembly.Table {
    return this.cache.table;
  }

  /** Looks at the samples; compiles when enough places are hot or one has waited long enough. */
  afterSlice(): void {
    this.#waiting.push(...this.#heat.take());
    if (this.#waiting.length === 0) return;
    if (this.#waiting.length < BATCH_REGIONS && ++this.#slices < this.#options.tuning.batchSlices) return;
    this.#slices = 0;
    const places = this.#waiting;
    this.#waiting = [];
    for (let first = 0; first < places.length; first += 4 * BATCH_REGIONS) this.compile(places.slice(first, first + 4 * BATCH_REGIONS));
  }

  compile(places: readonly HotPlace[]): void {
    // A place may have become hot again while it waited.
    const once = new Map(places.map((place) => [place.page + place.at, place]));
    const made = [...once.values()].flatMap((place) => this.#form(place) ?? []);
    if (made.length > 0) this.cache.install(made);
  }

  #form({ page, at }: HotPlace): NewRegion | null {
    const { words } = this.#options;
    if (!this.cache.allows(page) || this.cache.holds(page, at)) return null;
    const region = formRegion(words, page, at);
    if (!region) return null;
    const structured = structure(region, this.#options, CHECK_CYCLES);
    if (region.opCount < REGION_OPS_MIN && !structured.nodes.some((node) => node.isLoop)) return null;
    return { region, structure: structured, page, at };
  }

  /** Code at an offset in RAM is about to be written. */
  wroteCode(offset: number): void {
    this.cache.wrote(offset);
  }

  /** All predecoded code goes. */
  dropAll(): void {
    this.cache.dropAll();
    this.#heat.clear();
    this.#waiting = [];
  }
}
