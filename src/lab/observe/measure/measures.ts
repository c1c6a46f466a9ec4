/** The measures that a comparison is made of, behind the observers' loop: latency of allocation, off sections, size of metadata. */
import type { Symbols } from "../../image/symbols.ts";
import { CODE } from "../events.ts";
import type { LockEvent, LockKinds } from "../locks/lock-event.ts";
import type { ScanCosts } from "../scan-cost.ts";
import { AllocLatency, type Area } from "./alloc-latency.ts";
import { OffSections } from "./off-sections.ts";

/** Slab caches of kmemleak itself, by name. */
const METADATA_CACHE = /^kmemleak/;
const VMALLOC_FILE = "kernel/mm/vmalloc.ts";

export class Measures {
  readonly latency = new AllocLatency();
  readonly sections = new OffSections();
  readonly #symbols: Symbols;
  readonly #scans: ScanCosts;
  readonly #spins: (kind: number) => boolean;
  readonly #softirqsCount: boolean;
  readonly #cacheName: (cache: number) => string;
  readonly #areaOfPc = new Map<number, Area>();
  readonly #metadata = new Map<number, number>();
  readonly #isMetadata = new Map<number, boolean>();

  /** `rt`: spinlock_t and rwlock_t sleep, and softirqs off keep nobody from running. */
  constructor(symbols: Symbols, scans: ScanCosts, kinds: LockKinds, rt: boolean, cacheName: (cache: number) => string) {
    this.#symbols = symbols;
    this.#scans = scans;
    this.#spins = (kind) => (rt ? kinds.spins[kind] === 1 : kinds.sleeps[kind] === 0);
    this.#softirqsCount = !rt;
    this.#cacheName = cacheName;
  }

  started(): void {
    this.latency.counting = true;
    this.sections.counting = true;
  }

  /** ALLOC (b: cache or area) and FREE; the marks of calls. */
  memory(code: number, task: number, address: number, bytes: number, cache: number, pc: number, clock: number): void {
    const scanning = this.#scans.active;
    switch (code) {
      case CODE.allocEnter:
        this.latency.entered(task, "alloc", false, scanning, clock);
        break;
      case CODE.allocLeave:
        this.latency.left(task, "alloc", this.#areaAt(pc), scanning, clock);
        break;
      case CODE.freeLeave:
        this.latency.left(task, "free", this.#areaAt(pc), scanning, clock);
        break;
      case CODE.alloc:
        if (this.#ofMetadata(cache)) {
          this.#metadata.set(address, bytes);
          this.#scans.metadataBytes += bytes;
        }
        break;
      case CODE.free: {
        const known = this.#metadata.get(address);
        this.latency.entered(task, "free", known !== undefined, scanning, clock);
        if (known === undefined) break;
        this.#metadata.delete(address);
        this.#scans.metadataBytes -= known;
        break;
      }
    }
  }

  lock(code: number, event: LockEvent): void {
    if (!this.#spins(event.kind)) return;
    const { hart, lock, pc, clock } = event;
    if (code === CODE.lockContended) this.sections.waits(hart, lock, pc, clock);
    else if (code === CODE.lockAcquired) this.sections.taken(hart, lock, pc, clock);
    else this.sections.ended(hart, clock);
  }

  softirqsOff(hart: number, pc: number, clock: number): void {
    if (this.#softirqsCount) this.sections.began(hart, pc, clock);
  }

  softirqsOn(hart: number, clock: number): void {
    if (this.#softirqsCount) this.sections.ended(hart, clock);
  }

  interrupted(hart: number, task: number, pc: number, clock: number): void {
    this.latency.interrupted(task);
    this.sections.began(hart, pc, clock);
  }

  resumed(hart: number, task: number, clock: number): void {
    this.latency.resumed(task);
    this.sections.ended(hart, clock);
  }

  #ofMetadata(cache: number): boolean {
    const known = this.#isMetadata.get(cache);
    if (known !== undefined) return known;
    const is = METADATA_CACHE.test(this.#cacheName(cache));
    this.#isMetadata.set(cache, is);
    return is;
  }

  #areaAt(pc: number): Area {
    const known = this.#areaOfPc.get(pc);
    if (known !== undefined) return known;
    const area = this.#symbols.frames(pc >>> 0).some(({ file }) => file === VMALLOC_FILE) ? "vmalloc" : "slab";
    this.#areaOfPc.set(pc, area);
    return area;
  }
}
