/**
 * CPUs that are stuck, as they are found at regular looks: soft lockup (one task and no other), hard lockup (not even interrupts),
 * WFI for ever.
 *
 * A look tells a hart's place and clock; the marks tell when it last switched, was interrupted, gave back a lock.
 */
import type { HartView } from "../../../machine/types.ts";
import type { GuestState } from "./guest-state.ts";

const HARTS = 64;
const SUPERVISOR = 1;
/** Of preempt_count: preemption and softirqs, without the interrupt that a look may find. */
const SECTION_MASK = 0xffff;

export interface Lockup {
  readonly kind: "soft-lockup" | "hard-lockup" | "wfi";
  readonly since: number;
  readonly facts: Readonly<Record<string, number | string>>;
}

export class Lockups {
  readonly #interrupted = new Float64Array(HARTS);
  readonly #switched = new Float64Array(HARTS);
  readonly #released = new Float64Array(HARTS);
  /** Instructions at the last look, and the clock of the first one at which they were so many. */
  readonly #instructions = new Float64Array(HARTS);
  readonly #still = new Float64Array(HARTS);
  /** The first look of a series at which its task was in one section. */
  readonly #section = new Float64Array(HARTS).fill(Infinity);
  readonly #reported = new Map<number, string>();

  interrupted(hart: number, clock: number): void {
    this.#interrupted[hart] = clock;
  }

  switched(hart: number, clock: number): void {
    this.#switched[hart] = clock;
    this.#section[hart] = Infinity;
    this.#reported.delete(hart);
  }

  released(hart: number, clock: number): void {
    this.#released[hart] = clock;
  }

  /** null: nothing is wrong with the hart, or it has been said. `area`: of its CPU. */
  look(hart: number, view: HartView, area: number, guest: GuestState, clock: number, cycles: number): Lockup | null {
    const found = this.#find(hart, view, area, guest, clock, cycles);
    if (found === null || this.#reported.get(hart) === found.kind) return null;
    this.#reported.set(hart, found.kind);
    return found;
  }

  #find(hart: number, view: HartView, area: number, guest: GuestState, clock: number, cycles: number): Lockup | null {
    if (view.instructions !== this.#instructions[hart]) this.#still[hart] = clock;
    this.#instructions[hart] = view.instructions;
    const runs = guest.task(guest.current(area));
    const count = (runs?.preemptCount ?? 0) & SECTION_MASK;
    if (count === 0) this.#section[hart] = Infinity;
    else if (this.#section[hart] === Infinity) this.#section[hart] = clock;
    const waiting = guest.running(area);
    const interrupted = Math.max(this.#interrupted[hart], this.#switched[hart]);
    if (view.waiting) {
      if (view.privilege !== SUPERVISOR || clock - this.#still[hart] < cycles) return null;
      return { kind: "wfi", since: this.#still[hart], facts: { runnable: waiting, pid: runs?.pid ?? 0 } };
    }
    if (clock - interrupted >= cycles) {
      const irqsOff = Number(view.irqsOff !== null);
      return { kind: "hard-lockup", since: interrupted, facts: { preemptCount: count, irqsOff } };
    }
    const since = this.#switched[hart];
    if (runs === null || runs.pid === 0 || clock - since < cycles) return null;
    if (waiting > 1) return { kind: "soft-lockup", since, facts: { waiting: waiting - 1, preemptCount: count } };
    const section = Math.max(this.#section[hart], this.#released[hart]);
    if (clock - section < cycles) return null;
    return { kind: "soft-lockup", since: section, facts: { waiting: 0, preemptCount: count } };
  }
}
