/**
 * What happened when on which hart, kept for drawing: switches, interrupts, softirqs, locks, allocations, scans.
 *
 * Kept in columns, up to EVENTS_MAX; `dropped` counts what came after.
 */
import { CODE } from "./events.ts";

export const EVENTS_MAX = 4_000_000;

/** Codes (events.ts) that are drawn. */
const DRAWN: ReadonlySet<number> = new Set([
  CODE.lockContended,
  CODE.lockAcquired,
  CODE.lockRelease,
  CODE.taskSwitch,
  CODE.taskExit,
  CODE.irqEnter,
  CODE.irqExit,
  CODE.softirqEnter,
  CODE.softirqExit,
  CODE.scanBegin,
  CODE.scanEnd,
  CODE.alloc,
  CODE.free,
  CODE.pageAlloc,
  CODE.pageFree,
  CODE.hotplug,
  CODE.scenarioStart,
]);

/** One event; `a`, `b`, `c` as in the mark, `lock` its number in LockInstances, `task` its number in CurrentTasks. */
export interface TimelineEvent {
  readonly clock: number;
  readonly hart: number;
  readonly code: number;
  readonly task: number;
  readonly lock: number;
  readonly a: number;
  readonly b: number;
  readonly c: number;
}

const COLUMNS = 7;

export class Timeline {
  dropped = 0;
  #clocks = new Float64Array(4096);
  #words = new Int32Array(4096 * COLUMNS);
  #count = 0;

  static draws(code: number): boolean {
    return DRAWN.has(code);
  }

  add(event: TimelineEvent): void {
    if (this.#count === EVENTS_MAX) {
      this.dropped++;
      return;
    }
    if (this.#count === this.#clocks.length) this.#grow();
    this.#clocks[this.#count] = event.clock;
    const { hart, code, task, lock, a, b, c } = event;
    this.#words.set([hart, code, task, lock, a, b, c], this.#count++ * COLUMNS);
  }

  *events(): Generator<TimelineEvent> {
    for (let i = 0; i < this.#count; i++) {
      const [hart, code, task, lock, a, b, c] = this.#words.subarray(i * COLUMNS, (i + 1) * COLUMNS);
      yield { clock: this.#clocks[i], hart, code, task, lock, a, b, c };
    }
  }

  #grow(): void {
    const clocks = new Float64Array(this.#clocks.length * 2);
    clocks.set(this.#clocks);
    this.#clocks = clocks;
    const words = new Int32Array(this.#words.length * 2);
    words.set(this.#words);
    this.#words = words;
  }
}

/** A whole run to be drawn. */
export interface TimelineView {
  readonly scenario: string;
  readonly harts: number;
  readonly timeline: Timeline;
  /** `comm/pid` of a task. */
  readonly taskName: (task: number) => string;
  /** Number of the task with this task_struct. */
  readonly taskAt: (address: number) => number;
  /** Class and address of a lock. */
  readonly lockName: (lock: number) => string;
}
