/** Lanes of the harts: the task that runs, interrupts and softirqs inside it, and waits for locks while the waiter has the hart. */
import { CODE } from "../../../lab/observe/events.ts";
import type { TimelineEvent, TimelineView } from "../../../lab/observe/timeline.ts";
import type { TaskTimes } from "./digest.ts";
import { FAINT, type Names } from "./names.ts";
import { Slices } from "./slices.ts";

const INTERRUPT_COLOUR = 1;
const SOFTIRQ_COLOUR = 5;
const WAIT_COLOUR = 3;

class Hart {
  readonly run = new Slices();
  readonly interrupt = new Slices();
  readonly wait = new Slices();
  task = -1;
  taskSince = 0;
  /** Names of what is open inside the task, and since when the innermost runs. */
  readonly inside: number[] = [];
  insideSince = 0;
  /** Name of the lock waited for, -1: none. */
  waiting = -1;
  waitingSince = 0;
}

interface TaskSums {
  running: number;
  switches: number;
  readonly harts: Set<number>;
}

export class HartLanes {
  readonly harts: readonly Hart[];
  readonly #view: TimelineView;
  readonly #names: Names;
  readonly #interrupt: number;
  readonly #softirq: number;
  /** Locks that each task waits for, the innermost last. */
  readonly #waits = new Map<number, number[]>();
  readonly #tasks = new Map<number, TaskSums>();
  readonly #waitNames = new Map<number, number>();

  constructor(view: TimelineView, names: Names) {
    this.#view = view;
    this.#names = names;
    this.#interrupt = names.of("interrupt", INTERRUPT_COLOUR);
    this.#softirq = names.of("softirq", SOFTIRQ_COLOUR);
    this.harts = Array.from({ length: view.harts }, () => new Hart());
  }

  event(event: TimelineEvent): void {
    const { code, clock, lock, task } = event;
    const hart = this.harts[event.hart]!;
    switch (code) {
      case CODE.taskSwitch:
        this.#switch(hart, event);
        break;
      case CODE.irqEnter:
        this.#inside(hart, clock, this.#interrupt);
        break;
      case CODE.softirqEnter:
        this.#inside(hart, clock, this.#softirq);
        break;
      case CODE.irqExit:
      case CODE.softirqExit:
        this.#inside(hart, clock, null);
        break;
      case CODE.lockContended: {
        const waits = this.#waits.get(task) ?? [];
        waits.push(lock);
        this.#waits.set(task, waits);
        this.#waitsFor(hart, clock, lock);
        break;
      }
      case CODE.lockAcquired: {
        const waits = this.#waits.get(task);
        const at = waits?.lastIndexOf(lock) ?? -1;
        if (waits === undefined || at < 0) break;
        waits.splice(at, 1);
        this.#waitsFor(hart, clock, waits.at(-1) ?? null);
        break;
      }
    }
  }

  finish(clock: number): void {
    this.harts.forEach((hart, index) => {
      this.#endTask(hart, index, clock);
      this.#inside(hart, clock, null);
      this.#waitsFor(hart, clock, null);
    });
  }

  /** By running time. */
  taskTimes(waitsOf: (task: number) => { waits: number; waiting: number }): TaskTimes[] {
    return [...this.#tasks]
      .map(([task, { running, switches, harts }]) => ({
        name: this.#view.taskName(task),
        running,
        switches,
        harts: harts.size,
        ...waitsOf(task),
      }))
      .sort((a, b) => b.running - a.running || (a.name < b.name ? -1 : 1));
  }

  #switch(hart: Hart, { clock, c, hart: index }: TimelineEvent): void {
    this.#endTask(hart, index, clock);
    while (hart.inside.length > 0) this.#inside(hart, clock, null);
    this.#waitsFor(hart, clock, null);
    hart.task = this.#view.taskAt(c);
    hart.taskSince = clock;
    this.#sums(hart.task).switches++;
    const waits = this.#waits.get(hart.task)?.at(-1);
    if (waits !== undefined) this.#waitsFor(hart, clock, waits);
  }

  #endTask(hart: Hart, index: number, clock: number): void {
    // Before its first switch a hart boots.
    const name = hart.task < 0 ? this.#names.of("before the first switch", FAINT) : this.#names.task(hart.task, this.#view.taskName);
    hart.run.add(hart.taskSince, clock, name);
    if (hart.task < 0) return;
    const sums = this.#sums(hart.task);
    sums.running += clock - hart.taskSince;
    sums.harts.add(index);
  }

  /** Enters, or with null leaves what was entered last. */
  #inside(hart: Hart, clock: number, entered: number | null): void {
    const { inside } = hart;
    const innermost = inside.at(-1);
    if (innermost !== undefined) hart.interrupt.add(hart.insideSince, clock, innermost);
    if (entered === null) inside.pop();
    else inside.push(entered);
    hart.insideSince = clock;
  }

  #waitsFor(hart: Hart, clock: number, lock: number | null): void {
    if (hart.waiting >= 0) hart.wait.add(hart.waitingSince, clock, hart.waiting);
    hart.waiting = lock === null ? -1 : this.#waitName(lock);
    hart.waitingSince = clock;
  }

  #waitName(lock: number): number {
    let name = this.#waitNames.get(lock);
    if (name === undefined) {
      name = this.#names.of(`waits for ${this.#view.lockName(lock)}`, WAIT_COLOUR);
      this.#waitNames.set(lock, name);
    }
    return name;
  }

  #sums(task: number): TaskSums {
    let sums = this.#tasks.get(task);
    if (sums === undefined) {
      sums = { running: 0, switches: 0, harts: new Set() };
      this.#tasks.set(task, sums);
    }
    return sums;
  }
}
