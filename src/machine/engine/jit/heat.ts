/**
 * Where tier 1 spends its time, by sampling (emit-sampling.ts): each sample is a jump that was taken, and stands
 * for a period of interpretation. A place that jumps go to often enough becomes a region's entry.
 */
import { OP } from "../opcodes.ts";
import { CODE_PAGES, CODE_PAGE_BYTES, CODE_PAGE_STRIDE, SAMPLES } from "../tables.ts";
import type { Tables } from "../tables.ts";
import { ENTRY_BYTES, readOp } from "./op.ts";

export interface HotPlace {
  readonly page: number;
  readonly at: number;
}

export class Heat {
  readonly #words: Int32Array;
  readonly #tables: Tables;
  /** Samples that make a place hot. */
  readonly #hotSamples: number;
  readonly #counts = new Map<number, number>();

  constructor(words: Int32Array, tables: Tables, hotSamples: number, period: number) {
    this.#words = words;
    this.#tables = tables;
    this.#hotSamples = hotSamples;
    words[(tables.samples + SAMPLES.PERIOD) >>> 2] = period;
    words[(tables.samples + SAMPLES.DUE) >>> 2] = period;
  }

  /** Entry address -> place, null when it is not an instruction in a page of code. */
  #placeOf(entry: number): HotPlace | null {
    const { code } = this.#tables;
    const number = Math.floor((entry - code) / CODE_PAGE_STRIDE);
    if (number < 0 || number >= CODE_PAGES) return null;
    const page = code + number * CODE_PAGE_STRIDE;
    return entry - page < CODE_PAGE_BYTES ? { page, at: (entry - page) / ENTRY_BYTES } : null;
  }

  /** Empties the buffer; places that have become hot. */
  take(): HotPlace[] {
    const words = this.#words;
    const base = this.#tables.samples >>> 2;
    const hot: HotPlace[] = [];
    const count = words[base]!;
    words[base] = 0;
    for (let i = 0; i < count; i++) {
      const from = words[base + SAMPLES.FIRST / 4 + i * 2]!;
      const to = words[base + SAMPLES.FIRST / 4 + i * 2 + 1]!;
      const place = this.#placeOf(to);
      if (!place || (words[to >>> 2]! & 0xff) === OP.REGION || this.#joins(from, to)) continue;
      const seen = (this.#counts.get(to) ?? 0) + 1;
      if (seen < this.#hotSamples) {
        this.#counts.set(to, seen);
        continue;
      }
      // Its region may go again.
      this.#counts.delete(to);
      hot.push(place);
    }
    return hot;
  }

  /** A forward branch joins paths of one region; only loops, calls and returns begin new ones. */
  #joins(from: number, to: number): boolean {
    const place = from < to ? this.#placeOf(from) : null;
    return place !== null && readOp(this.#words, place.page, place.at).kind === "branch";
  }

  /** Predecoded code has been dropped: addresses mean nothing any more. */
  clear(): void {
    this.#counts.clear();
    this.#words[this.#tables.samples >>> 2] = 0;
  }
}
