/** Records of memory that is allocated, mapped, written as a whole and freed: to whoever watches memory. */
import { MARK_WORD } from "../../machine/memory/layout.ts";
import type { BlockLog } from "../truth/blocks.ts";
import { CODE } from "./events.ts";
import type { GuestNames } from "./guest-names.ts";
import type { Stack } from "./moment.ts";
import type { Observation } from "./observation.ts";
import type { RaceChecker } from "./races/races.ts";
import { stackOf } from "./record.ts";

const PAGE_BYTES = 4096;

export class MemoryRecords {
  readonly #observers: Observation;
  readonly #names: GuestNames;
  readonly #vmallocArea: number;

  /** `vmallocArea`: stands in a record for the cache of a block that is an area of vmalloc. */
  constructor(observers: Observation, names: GuestNames, vmallocArea: number) {
    this.#observers = observers;
    this.#names = names;
    this.#vmallocArea = vmallocArea;
  }

  /** One record. */
  take(code: number, words: Int32Array, at: number, hart: number, clock: number): void {
    const { heap, blocks, races, quiescence, measures, progress } = this.#observers;
    const task = this.#observers.currentTasks.task[hart];
    progress.livelock.progressed(task);
    if (races !== null) this.#races(races, code, words, at, hart, clock);
    const c = words[at + MARK_WORD.C];
    const a = words[at + MARK_WORD.A];
    const b = words[at + MARK_WORD.B];
    measures.memory(code, task, c, a, b, words[at + MARK_WORD.PC], clock);
    if (heap === null && blocks === null && !quiescence.watchesMemory) return;
    const stack = stackOf(words, at, hart, clock);
    if (quiescence.watchesMemory) quiescence.memory(code, c, a, b, this.#cacheName, task, stack);
    if (blocks !== null) this.#note(blocks, code, c >>> 0, a, b, stack);
    if (heap === null) return;
    switch (code) {
      case CODE.alloc: {
        const cache = b === 0 || b === this.#vmallocArea ? null : this.#names.cacheAt(b >>> 0);
        const area = cache !== null ? "slab" : b === 0 ? "kmalloc" : "vmalloc";
        heap.allocated(c, a >>> 0, area, cache, stack);
        break;
      }
      case CODE.free:
        heap.freed(c, false, a !== 0, stack);
        break;
      case CODE.pageAlloc:
        heap.allocated(c, (PAGE_BYTES << a) >>> 0, "page", null, stack);
        break;
      case CODE.pageFree:
        heap.freed(c, true, false, stack);
        break;
      case CODE.vmap:
        heap.allocated(c, a >>> 0, "vmalloc", null, stack);
        heap.written(c, a >>> 0);
        break;
      case CODE.vmapPage:
        heap.written(c, PAGE_BYTES);
        break;
      case CODE.fault:
        heap.faulted(c, a, b !== 0, stack);
        break;
      case CODE.zeroed:
        heap.written(c, a >>> 0);
        break;
      case CODE.resize:
        heap.resized(c, a >>> 0);
        break;
      case CODE.slabCreate:
        heap.slabCreated(c, a >>> 0, this.#names.cacheAt(b >>> 0));
        break;
    }
  }

  #note(blocks: BlockLog, code: number, address: number, a: number, b: number, stack: Stack): void {
    const { latency } = this.#observers.measures;
    const task = this.#observers.currentTasks.task[stack.hart];
    if (code === CODE.alloc) {
      const from = b === 0 ? "kmalloc" : b === this.#vmallocArea ? "vmalloc" : this.#names.cacheAt(b >>> 0).name;
      blocks.allocated({ address, bytes: a >>> 0, from, task, stack, own: latency.allocating(task) > 1 });
    } else if (code === CODE.free) blocks.freed(address, stack);
    else if (code === CODE.pageAlloc) blocks.pagesAllocated(address, (PAGE_BYTES << a) >>> 0, latency.allocating(task) > 0);
    else if (code === CODE.pageFree) blocks.pagesFreed(address, stack);
  }

  #races(races: RaceChecker, code: number, words: Int32Array, at: number, hart: number, clock: number): void {
    const c = words[at + MARK_WORD.C];
    const a = words[at + MARK_WORD.A];
    if (code === CODE.alloc) races.allocated(c, a >>> 0);
    else if (code === CODE.pageAlloc || code === CODE.pageFree) races.allocated(c, (PAGE_BYTES << a) >>> 0);
    else if (code === CODE.exclusiveWriter || code === CODE.exclusiveAccess)
      races.exclusive(c, a, code === CODE.exclusiveAccess, words[at + MARK_WORD.PC], hart, clock);
  }

  readonly #cacheName = (cache: number): string => this.#names.cacheAt(cache).name;
}
