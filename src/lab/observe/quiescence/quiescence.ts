/**
 * Quiescence: what a run that has come to its end by itself has not put back.
 *
 * Always: locks that have been held for KEPT_CYCLES and still are, callbacks of call_rcu that have waited for longer than a
 * grace period lasts (CALLBACK_CYCLES). On request: memory that was allocated since the start of the scenario and not freed, by the place that
 * allocated it, and kmemleak's metadata of blocks that are gone.
 *
 * Not counted as left: blocks that the workload has planted, and what was allocated beside them (resolved stacks tell: run/kept.ts); as
 * many kmalloc blocks of a size as were freed of those that were there at the start (tasks and pages are not set off so); pages of slabs (their objects are); what a callback that is not
 * due yet will free; a task that has ended and its stack, which the next task on its CPU frees; metadata of blocks that are there.
 * Allocations are those that have marks: slab objects, pages, vmalloc, vmap. Per-CPU memory has none.
 */
import { CODE } from "../events.ts";
import type { Stack } from "../moment.ts";
import { Reports } from "../progress/reports.ts";
import type { ProgressReport } from "../progress/types.ts";

const PAGE_BYTES = 4096;
const KEPT_CYCLES = 10_000_000;
const CALLBACK_CYCLES = 50_000_000;
const METADATA_CACHE = "kmemleak_object";
/** Tasks that end during the run make no room for others. */
const OWN_LEVEL: ReadonlySet<string> = new Set(["task_struct", "pages"]);
const SCAN_AREA_CACHE = "kmemleak_scan_area";

interface Block {
  readonly size: number;
  /** Name of the slab cache, `kmalloc`, `vmalloc` or `pages`. */
  readonly of: string;
  readonly task: number;
  readonly stack: Stack;
}

interface Callback {
  readonly function: number;
  readonly task: number;
  readonly stack: Stack;
}

/** What is asked of the other observers when the run has ended. */
export interface EndOfRun {
  readonly clock: number;
  /** Addresses of what the workload planted. */
  readonly planted: ReadonlySet<number>;
  /** Locks held by a task. */
  readonly held: readonly { readonly task: number; readonly name: string; readonly kind: string; readonly stack: Stack }[];
  /** Task_structs of tasks that have ended and are not freed yet, and their stacks. */
  readonly ended: ReadonlySet<number>;
  readonly functionName: (address: number) => string;
  /** The block that an object of kmemleak's metadata is about; null: not to be known. */
  readonly metadataOf: (object: number) => number | null;
}

export class Quiescence {
  readonly reports = new Reports();
  readonly #memory: boolean;
  readonly #vmallocArea: number;
  readonly #blocks = new Map<number, Block>();
  readonly #pages = new Map<number, Block>();
  /** Blocks that were freed, and allocated no more since. */
  readonly #gone = new Set<number>();
  /** How many blocks of before the start have been freed since, by roomOf. */
  readonly #freed = new Map<string, number>();
  readonly #callbacks = new Map<number, Callback>();
  #start = Infinity;

  /** `memory`: whether that is asked for; `vmallocArea`: ALLOC_AREA.vmalloc. */
  constructor(memory: boolean, vmallocArea: number) {
    this.#memory = memory;
    this.#vmallocArea = vmallocArea;
  }

  get watchesMemory(): boolean {
    return this.#memory;
  }

  started(clock: number): void {
    if (this.#start === Infinity) this.#start = clock;
  }

  callbackQueued(head: number, fn: number, task: number, stack: Stack): void {
    this.#callbacks.set(head >>> 0, { function: fn >>> 0, task, stack });
  }

  callbackInvoked(head: number): void {
    this.#callbacks.delete(head >>> 0);
  }

  /** A record of memory; `nameOf`: of a kmem_cache. */
  memory(code: number, c: number, a: number, b: number, nameOf: (cache: number) => string, task: number, stack: Stack): void {
    const address = c >>> 0;
    switch (code) {
      case CODE.alloc: {
        const cache = b >>> 0;
        const of = cache === 0 ? "kmalloc" : cache === this.#vmallocArea ? "vmalloc" : nameOf(cache);
        this.#blocks.set(address, { size: a >>> 0, of, task, stack });
        this.#gone.delete(address);
        break;
      }
      case CODE.resize: {
        const block = this.#blocks.get(address);
        if (block !== undefined) this.#blocks.set(address, { ...block, size: a >>> 0 });
        break;
      }
      case CODE.vmap:
        this.#blocks.set(address, { size: a >>> 0, of: "vmap", task, stack });
        break;
      case CODE.free:
        if (this.#forget(this.#blocks, address)) this.#gone.add(address);
        break;
      case CODE.pageAlloc:
        this.#pages.set(address, { size: (PAGE_BYTES << a) >>> 0, of: "pages", task, stack });
        break;
      case CODE.pageFree:
        this.#forget(this.#pages, address);
        break;
      case CODE.slabCreate:
        this.#pages.delete(address);
        break;
    }
  }

  /** What was there at the start and is freed makes room for as much of the same kind and size: per-CPU memory of a CPU that returns. */
  #forget(blocks: Map<number, Block>, address: number): boolean {
    const block = blocks.get(address);
    if (block === undefined) return false;
    if (this.#start !== Infinity && block.stack.clock < this.#start) {
      const key = roomOf(block);
      this.#freed.set(key, (this.#freed.get(key) ?? 0) + 1);
    }
    return blocks.delete(address);
  }

  /** Whether a block is allocated there. */
  has(address: number): boolean {
    return this.#blocks.has(address);
  }

  /** The guest has switched itself off. */
  ended(end: EndOfRun): void {
    this.#heldLocks(end);
    this.#lateCallbacks(end);
    if (this.#memory && this.#start !== Infinity) this.#leftMemory(end);
  }

  #heldLocks({ held, clock }: EndOfRun): void {
    for (const { task, name, kind, stack } of held) {
      if (clock - stack.clock < KEPT_CYCLES) continue;
      this.#add(`lock ${name} ${task}`, task, stack, clock, { what: "lock", name, kind }, "took it");
    }
  }

  #lateCallbacks({ clock, functionName }: EndOfRun): void {
    for (const { function: fn, task, stack } of this.#callbacks.values()) {
      if (clock - stack.clock < CALLBACK_CYCLES) continue;
      this.#add(`callback ${fn}`, task, stack, clock, { what: "callback", name: functionName(fn) }, "queued it");
    }
  }

  #leftMemory(end: EndOfRun): void {
    const groups = new Map<string, Block[]>();
    const leave = (block: Block, what: string): void => {
      const key = `${what} ${keyOf(block)}`;
      groups.set(key, [...(groups.get(key) ?? []), block]);
    };
    for (const [address, block] of this.#blocks) {
      if (block.stack.clock < this.#start || block.of === SCAN_AREA_CACHE || this.#isExcused(address, block, end)) continue;
      if (block.of === METADATA_CACHE) {
        const about = end.metadataOf(address);
        if (about !== null && this.#gone.has(about)) leave(block, "metadata");
      } else leave(block, end.planted.has(address) ? "planted" : "memory");
    }
    for (const [address, block] of this.#pages) {
      if (block.stack.clock < this.#start || this.#blocks.has(address) || this.#isExcused(address, block, end)) continue;
      leave(block, end.planted.has(address) ? "planted" : "memory");
    }
    // The largest first: that is where a CPU's memory is.
    for (const [key, all] of [...groups].sort(([, a], [, b]) => b.length - a.length)) {
      const [what] = key.split(" ");
      const room = roomOf(all[0]);
      const free = what === "memory" && !OWN_LEVEL.has(all[0].of) ? (this.#freed.get(room) ?? 0) : 0;
      this.#freed.set(room, Math.max(0, free - all.length));
      const more = all.slice(free);
      if (more.length === 0) continue;
      const [first] = more;
      const bytes = more.reduce((sum, { size }) => sum + size, 0);
      this.#add(key, first.task, first.stack, end.clock, { what, blocks: more.length, bytes, of: first.of }, "allocated the first");
    }
  }

  /** About to be freed: by a callback, or because its task has ended. */
  #isExcused(address: number, { size }: Block, { ended }: EndOfRun): boolean {
    if (ended.has(address)) return true;
    for (const head of this.#callbacks.keys()) if (head >= address && head < address + size) return true;
    return false;
  }

  #add(key: string, task: number, stack: Stack, clock: number, facts: ProgressReport["facts"], role: string): void {
    const { hart, clock: since } = stack;
    const scenes = [{ role, task, stack, waitsFor: null }];
    this.reports.add(key, () => ({ kind: "quiescence", count: 1, task, hart, clock, since, facts, scenes }));
  }
}

/** Allocations of one kind at one place. */
function keyOf({ of, stack: { pc, ra0, ra1 } }: Block): string {
  return `${of} ${pc} ${ra0} ${ra1}`;
}

function roomOf({ of, size }: Block): string {
  return `${of} ${size}`;
}
