/**
 * The longest sections during which a hart took no interrupt, and during which it could not have changed tasks.
 *
 * Interrupts off: the machine's own records (IRQS_OFF), which cost the guest nothing; the least that is recorded is 256 cycles.
 * Preemption off, from marks that are there for other reasons: a hart holds or waits for a lock that spins, has softirqs off or serves
 * them, or serves an interrupt; an outermost such section counts, or a section with interrupts off if that is longer. A section
 * ends where the hart changes tasks, and the idle task has none. Not seen: preempt_disable() outside of locks, whose sections in this kernel are a few
 * instructions long. In the preemption models none and voluntary it is the same figure: what would be switched off if tasks could be pushed aside.
 */

export interface OffSection {
  /** 0: none was seen. */
  readonly cycles: number;
  /** Where it began, or 0. */
  readonly pc: number;
  readonly hart: number;
  readonly endCycle: number;
}

const NONE: OffSection = { cycles: 0, pc: 0, hart: 0, endCycle: 0 };
const HARTS = 64;

export class OffSections {
  irqsOff: OffSection = NONE;
  preemptOff: OffSection = NONE;
  /** From the start of the scenario on. */
  counting = false;
  readonly #depth = new Int32Array(HARTS);
  readonly #since = new Float64Array(HARTS);
  readonly #pc = new Float64Array(HARTS);
  readonly #idle = new Uint8Array(HARTS);
  readonly #waiting: number[][] = [];

  irqsOffEnded(hart: number, cycles: number, pc: number, clock: number): void {
    if (!this.counting) return;
    const section = { cycles, pc, hart, endCycle: clock };
    if (cycles > this.irqsOff.cycles) this.irqsOff = section;
    if (cycles > this.preemptOff.cycles) this.preemptOff = section;
  }

  /** The hart waits for a lock that spins; `taken` follows. */
  waits(hart: number, lock: number, pc: number, clock: number): void {
    (this.#waiting[hart] ??= []).push(lock);
    this.began(hart, pc, clock);
  }

  /** The hart has a lock that spins. */
  taken(hart: number, lock: number, pc: number, clock: number): void {
    const waiting = this.#waiting[hart];
    if (waiting !== undefined && waiting.at(-1) === lock) waiting.pop();
    else this.began(hart, pc, clock);
  }

  /** One more reason why the hart cannot change tasks. */
  began(hart: number, pc: number, clock: number): void {
    if (this.#depth[hart]++ > 0) return;
    this.#since[hart] = clock;
    this.#pc[hart] = pc >>> 0;
  }

  /** One reason less. */
  ended(hart: number, clock: number): void {
    if (this.#depth[hart] === 0 || --this.#depth[hart] > 0) return;
    this.#close(hart, clock);
  }

  /** The scheduler holds the run queue's lock when it changes tasks, and the next task releases it. */
  switched(hart: number, toIdle: boolean, pc: number, clock: number): void {
    if (this.#depth[hart] > 0) this.#close(hart, clock);
    this.#depth[hart] = 1;
    this.#since[hart] = clock;
    this.#pc[hart] = pc >>> 0;
    this.#idle[hart] = Number(toIdle);
  }

  #close(hart: number, clock: number): void {
    if (!this.counting || this.#idle[hart] === 1) return;
    const cycles = clock - this.#since[hart];
    if (cycles > this.preemptOff.cycles) this.preemptOff = { cycles, pc: this.#pc[hart], hart, endCycle: clock };
  }
}
