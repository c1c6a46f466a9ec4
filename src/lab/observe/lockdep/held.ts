/** Locks that a task holds, and the interrupt context it is in. */
import type { LockEvent } from "../locks/lock-event.ts";
import { EXCLUSIVE } from "./graph.ts";
import type { Stack } from "../moment.ts";

/** Where code runs: dependencies arise only between locks taken in the same context. */
export const TASK = 0;
export const SOFTIRQ = 1;
export const HARDIRQ = 2;

/** As Linux's MAX_LOCK_DEPTH; locks beyond it are counted, and not checked. */
export const HELD_MAX = 48;

export class HeldLock {
  address = 0;
  lock = 0;
  cls = 0;
  kind = 0;
  /** EXCLUSIVE, SHARED or RECURSIVE. */
  read: number = EXCLUSIVE;
  trylock = false;
  context = TASK;
  pc = 0;
  ra0 = 0;
  ra1 = 0;
  hart = 0;
  clock = 0;

  set(event: LockEvent, cls: number, read: number, context: number): void {
    this.address = event.address;
    this.lock = event.lock;
    this.cls = cls;
    this.kind = event.kind;
    this.read = read;
    this.trylock = event.trylock;
    this.context = context;
    this.pc = event.pc;
    this.ra0 = event.ra0;
    this.ra1 = event.ra1;
    this.hart = event.hart;
    this.clock = event.clock;
  }

  get stack(): Stack {
    const { hart, clock } = this;
    return { pc: this.pc >>> 0, ra0: this.ra0 >>> 0, ra1: this.ra1 >>> 0, hart, clock };
  }
}

export class TaskLocks {
  depth = 0;
  /** Softirq handlers, and sections with softirqs off, that the task is in. */
  softirqs = 0;
  softirqsOff = 0;
  /** The lock that it has said to want (LOCK_ACQUIRE): checked already, and not had yet; -1: none. */
  announced = -1;
  readonly #held: HeldLock[] = [];
  readonly #waits: HeldLock[] = [];

  /** The lock for which it waits, checked already; null: none. The wait of an interrupt comes before that of the task under it. */
  get waitsFor(): HeldLock | null {
    return this.#waits.at(-1) ?? null;
  }

  waitBegins(wanted: HeldLock): void {
    this.#waits.push(wanted);
  }

  /** Whether it has waited for the lock. */
  waitEnds(lock: number): boolean {
    const at = this.#waits.findLastIndex((one) => one.lock === lock);
    if (at < 0) return false;
    this.#waits.splice(at, 1);
    return true;
  }

  at(depth: number): HeldLock {
    return this.#held[depth];
  }

  push(event: LockEvent, cls: number, read: number, context: number): void {
    if (this.depth === HELD_MAX) return;
    this.#held[this.depth] ??= new HeldLock();
    this.#held[this.depth++].set(event, cls, read, context);
  }

  /** Gives what it holds of the kinds to another task. */
  handOver(to: TaskLocks, kinds: Uint8Array): void {
    let kept = 0;
    for (let at = 0; at < this.depth; at++) {
      const held = this.#held[at];
      if (kinds[held.kind] === 1 && to.depth < HELD_MAX) {
        [this.#held[at], to.#held[to.depth]] = [to.#held[to.depth] ?? new HeldLock(), held];
        to.depth++;
      } else {
        [this.#held[at], this.#held[kept]] = [this.#held[kept], held];
        kept++;
      }
    }
    this.depth = kept;
  }

  /** Removes the youngest hold of a lock; false when there is none. */
  take(lock: number): boolean {
    const held = this.#held;
    for (let at = this.depth - 1; at >= 0; at--) {
      if (held[at].lock !== lock) continue;
      const taken = held[at];
      for (let i = at; i < this.depth - 1; i++) held[i] = held[i + 1];
      this.depth--;
      held[this.depth] = taken;
      return true;
    }
    return false;
  }

  all(): HeldLock[] {
    return this.#held.slice(0, this.depth);
  }
}
