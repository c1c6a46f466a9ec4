/**
 * What each kmemleak scan cost, from SCAN_BEGIN to SCAN_END.
 *
 * Cycles are the guest time that passed, whoever ran. Instructions are those of the scanning task alone, followed across
 * switches and migration, interrupt handlers on its hart left out. The longest interrupts-off section is the longest one on
 * the scanner's hart that ended while it ran there, counted from its switch-in at the earliest. Sections of interrupt handlers
 * are left out: no interrupt is taken inside a section, so one that contains IRQ_ENTER is a handler's.
 */

export interface ScanCost {
  readonly number: number;
  readonly startCycle: number;
  readonly cycles: number;
  readonly instructions: number;
  /** Words read, lookups in the index, lookups that found a block. */
  readonly words: number;
  readonly lookups: number;
  readonly hits: number;
  /** Live objects at the end. */
  readonly objects: number;
  /** Memory scanned: 4 bytes a word. */
  readonly bytes: number;
  /** 0: none of at least 256 cycles, which is the least that is recorded. */
  readonly irqsOffMaxCycles: number;
  readonly newSuspects: number;
  /** Of kmemleak's own slab caches, at the end. */
  readonly metadataBytes: number;
}

const HARTS = 64;
const NOWHERE = -1;

export class ScanCosts {
  readonly scans: ScanCost[] = [];
  /** The task that each hart runs; 0 before its first switch. */
  readonly current = new Int32Array(HARTS);
  /** Of kmemleak's own slab caches, now; kept by who sees allocations. */
  metadataBytes = 0;
  /** Where the scan that is going on, or the last one, was last seen to run. */
  hart = 0;
  #active = false;
  #number = 0;
  #task = 0;
  /** The hart on which the scanner runs now, or NOWHERE. */
  #hart = NOWHERE;
  #startCycle = 0;
  #sinceCycle = 0;
  #sinceInstret = 0;
  #inInterrupt = false;
  #interruptCycle = NOWHERE;
  #instructions = 0;
  #words = 0;
  #lookups = 0;
  #hits = 0;
  #irqsOffMax = 0;

  /** A scan is going on. */
  get active(): boolean {
    return this.#active;
  }

  get number(): number {
    return this.#number;
  }

  /** The hart on which the scanning task runs now; -1: it does not. */
  get runsOn(): number {
    return this.#hart;
  }

  /** That the scan that is going on has read so far. */
  get words(): number {
    return this.#words;
  }

  begin(number: number, hart: number, clock: number, instret: number): void {
    this.#active = true;
    this.hart = hart;
    this.#number = number;
    this.#task = this.current[hart];
    this.#hart = hart;
    this.#startCycle = clock;
    this.#sinceCycle = clock;
    this.#sinceInstret = instret;
    this.#inInterrupt = false;
    this.#interruptCycle = NOWHERE;
    this.#instructions = 0;
    this.#words = 0;
    this.#lookups = 0;
    this.#hits = 0;
    this.#irqsOffMax = 0;
  }

  chunk(words: number, lookups: number, hits: number): void {
    this.#words += words;
    this.#lookups += lookups;
    this.#hits += hits;
  }

  end(objects: number, suspects: number, clock: number, instret: number): void {
    if (!this.#active) return;
    this.#pause(instret);
    this.#active = false;
    this.#hart = NOWHERE;
    this.scans.push({
      number: this.#number,
      startCycle: this.#startCycle,
      cycles: clock - this.#startCycle,
      instructions: this.#instructions,
      words: this.#words,
      lookups: this.#lookups,
      hits: this.#hits,
      objects,
      bytes: this.#words * 4,
      irqsOffMaxCycles: this.#irqsOffMax,
      newSuspects: suspects,
      metadataBytes: this.metadataBytes,
    });
  }

  switched(hart: number, next: number, previous: number, clock: number, instret: number): void {
    this.current[hart] = next;
    if (!this.#active) return;
    if (hart === this.#hart) {
      this.#pause(instret);
      this.#hart = NOWHERE;
      // The scan began before this hart's first switch: now the scanner's task is known.
      if (this.#task === 0) this.#task = previous;
    }
    if (next === this.#task) {
      this.#hart = hart;
      this.hart = hart;
      this.#sinceCycle = clock;
      this.#sinceInstret = instret;
      this.#inInterrupt = false;
    }
  }

  interruptEntered(hart: number, clock: number, instret: number): void {
    if (hart !== this.#hart) return;
    this.#interruptCycle = clock;
    if (this.#inInterrupt) return;
    this.#pause(instret);
    this.#inInterrupt = true;
  }

  interruptLeft(hart: number, instret: number): void {
    if (hart !== this.#hart || !this.#inInterrupt) return;
    this.#sinceInstret = instret;
    this.#inInterrupt = false;
  }

  irqsOff(hart: number, cycles: number, clock: number): void {
    if (hart !== this.#hart || this.#interruptCycle >= clock - cycles) return;
    const own = Math.min(cycles, clock - this.#sinceCycle);
    if (own > this.#irqsOffMax) this.#irqsOffMax = own;
  }

  #pause(instret: number): void {
    if (this.#hart !== NOWHERE && !this.#inInterrupt) {
      this.#instructions += instret - this.#sinceInstret;
    }
  }
}
