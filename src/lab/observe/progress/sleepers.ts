/**
 * Tasks that sleep, at a look: what each waits for and who could end it; hung tasks, wake-ups that were lost, circles of waits, and whether
 * anything is left that could wake anybody.
 *
 * What a task waits for, first that applies: a lock (lockdep knows it), a timer of its own (armed and on its stack), the end or parking
 * of another task, a grace period (the queue stands in a callback head of its own), a wait queue. Only waits of the first kinds lead on:
 * to holders, to that task, to the readers that hold up the grace period.
 *
 * Stuck: for two looks no task has run but the idle ones, no interrupt but the timer's came, no callback was called; no timer is armed,
 * nothing outside is to happen, and a task of the scenario (or one created since its start, or one that sleeps
 * uninterruptibly) sleeps. Ticks go on, but they wake nobody.
 */
import type { CurrentTasks } from "../current-tasks.ts";
import type { WaitReport } from "../lockdep/waits.ts";
import { GuestState, TASK_INTERRUPTIBLE, TASK_UNINTERRUPTIBLE, type TaskState } from "./guest-state.ts";
import type { Histories } from "./history.ts";
import type { LockWaits } from "./progress.ts";
import type { ProgressReport, Scene, WaitFor } from "./types.ts";

/** A queue lies so near behind the callback head of synchronize_rcu. */
const RCU_SYNCHRONIZE_BYTES = 64;
const SCENES_MAX = 8;

interface Sleeper {
  readonly number: number;
  readonly state: TaskState;
  readonly since: number;
  readonly timed: boolean;
}

export interface Found {
  readonly key: string;
  readonly report: ProgressReport;
}

export class Sleepers {
  stuckSince: number | null = null;
  circle: readonly WaitReport[] = [];
  /** Callbacks of call_rcu that have not been called: their heads, and who queued them. */
  readonly callbacks = new Map<number, number>();
  readonly #guest: GuestState;
  readonly #histories: Histories;
  readonly #tasks: CurrentTasks;
  readonly #locks: LockWaits;
  readonly #nameOf: (address: number) => string;
  /** Names of the scenario's tasks; and those of its tasks, and what they have made. */
  readonly #names: ReadonlySet<string>;
  readonly #own = new Set<number>();
  #states: TaskState[] = [];
  #sleeping = new Map<number, Sleeper>();
  #lastActive = 0;
  #lastLook = 0;

  constructor(
    guest: GuestState,
    histories: Histories,
    tasks: CurrentTasks,
    locks: LockWaits,
    nameOf: (address: number) => string,
    names: ReadonlySet<string>,
  ) {
    this.#guest = guest;
    this.#histories = histories;
    this.#tasks = tasks;
    this.#locks = locks;
    this.#nameOf = nameOf;
    this.#names = names;
  }

  /** Something other than idling happened. */
  active(clock: number): void {
    this.#lastActive = clock;
  }

  created(task: number, comm: string, started: boolean): void {
    if (started || this.#names.has(comm)) this.#own.add(task);
    else this.#own.delete(task);
  }

  /** `areas`: of all CPUs; `alone`: nothing outside of the guest is still to happen. */
  look(clock: number, areas: readonly number[], hungCycles: number, alone: boolean): Found[] {
    const quietSince = this.#lastActive;
    const quiet = quietSince < this.#lastLook;
    this.#lastLook = clock;
    const timers = areas.flatMap((area) => this.#guest.timers(area));
    this.#read(timers);
    this.#findCircle();
    const found: Found[] = [];
    if (hungCycles > 0) {
      for (const sleeper of this.#sleeping.values()) {
        const { state, since, timed, number } = sleeper;
        if (state.state !== TASK_UNINTERRUPTIBLE || timed || clock - since < hungCycles || this.#inCircle(number)) continue;
        found.push({ key: `hung ${number} ${since}`, report: this.#hung(sleeper, clock) });
      }
    }
    const idle = areas.every((area) => (this.#guest.task(this.#guest.current(area))?.pid ?? 0) === 0);
    if (alone && quiet && idle && timers.length === 0 && this.stuckSince === null) {
      const stuck = this.#stuck(clock, quietSince);
      if (stuck !== null) {
        this.stuckSince = quietSince;
        found.push({ key: "stuck", report: stuck });
      }
    }
    return found;
  }

  waitOf(task: number): WaitFor | null {
    const lock = this.#locks.waitOf(task);
    if (lock !== null) {
      const holders = this.#locks.holdersOf(lock.lock).map((holder) => ({ task: holder }));
      return { ...this.#locks.lockOf(lock.lock), holders };
    }
    if (this.#sleeping.get(task)?.timed) return { kind: "timer", name: "", address: 0, holders: [] };
    const queue = this.#histories.queueOf(task) >>> 0;
    if (queue === 0) return null;
    const ending = this.#guest.awaited(queue, this.#states);
    if (ending !== null) {
      const holder = this.#tasks.numberOf(ending.address);
      return { kind: "task", name: "end", address: queue, holders: [{ task: holder }] };
    }
    for (const [head, by] of this.callbacks) {
      const distance = queue - (head >>> 0);
      if (by !== task || distance < 0 || distance >= RCU_SYNCHRONIZE_BYTES) continue;
      const readers = this.#guest.blockingReaders().map((address) => ({ task: this.#tasks.numberOf(address) }));
      return { kind: "rcu", name: "grace period", address: head >>> 0, holders: readers };
    }
    // The lock stands first in a queue, and the queue in a completion is its field `wait`.
    const name = this.#nameOf(queue).replace(/\.lock$/, "");
    if (name.endsWith(".wait")) return { kind: "completion", name: name.slice(0, -".wait".length), address: queue, holders: [] };
    return { kind: "wait queue", name, address: queue, holders: [] };
  }

  #read(timers: readonly number[]): void {
    this.#states = this.#guest.tasks();
    this.#sleeping = new Map();
    for (const state of this.#states) {
      const number = this.#tasks.numberOf(state.address);
      const { hart, left, ended } = this.#histories.of(number);
      if (state.queued || state.state === 0 || hart >= 0 || ended || left.clock === 0) continue;
      const timed = timers.some((timer) => GuestState.onStack(timer, state));
      this.#sleeping.set(number, { number, state, since: left.clock, timed });
    }
  }

  #scene(task: number, role: string): Scene {
    return { role, task, stack: this.#histories.of(task).left, waitsFor: this.waitOf(task) };
  }

  /** The task, those whom it waits for, and so on. */
  #scenes(task: number): Scene[] {
    const scenes = [this.#scene(task, "sleeps")];
    const seen = new Set([task]);
    for (let at = 0; at < scenes.length && scenes.length < SCENES_MAX; at++) {
      for (const { task: holder } of scenes[at].waitsFor?.holders ?? []) {
        if (seen.has(holder)) continue;
        seen.add(holder);
        const asleep = this.#sleeping.has(holder);
        scenes.push(this.#scene(holder, asleep ? "sleeps" : "ran here last, and runs"));
      }
    }
    return scenes;
  }

  #hung(sleeper: Sleeper, clock: number): ProgressReport {
    const { number, since, state } = sleeper;
    return this.#withMissed(number, {
      kind: "hung-task",
      count: 1,
      task: number,
      hart: this.#histories.of(number).left.hart,
      clock,
      since,
      facts: { state: state.state },
      scenes: this.#scenes(number),
    });
  }

  #stuck(clock: number, since: number): ProgressReport | null {
    const waiting = [...this.#sleeping.values()].filter(
      ({ number, state }) =>
        state.state === TASK_UNINTERRUPTIBLE || (state.state === TASK_INTERRUPTIBLE && this.#own.has(number)),
    );
    if (waiting.length === 0) return null;
    const culprit = waiting.find(({ number }) => this.#histories.missedBy(number) !== null) ?? waiting[0];
    const others = waiting.filter((one) => one !== culprit).slice(0, SCENES_MAX);
    const scenes = [culprit, ...others].map(({ number }) => this.#scene(number, "sleeps"));
    const { left } = this.#histories.of(culprit.number);
    const facts = { waiting: waiting.length };
    return this.#withMissed(culprit.number, {
      kind: "stuck", count: 1, task: culprit.number, hart: left.hart, clock, since, facts, scenes,
    });
  }

  /** The same as a lost wake-up, if that is what it is. */
  #withMissed(task: number, report: ProgressReport): ProgressReport {
    const missed = this.#histories.missedBy(task);
    if (missed === null) return report;
    const [own, ...others] = report.scenes;
    const waker: Scene = { role: "woke nobody", task: missed.task, stack: missed.stack, waitsFor: null };
    const facts = { ...report.facts, early: own.stack.clock - missed.stack.clock };
    return { ...report, kind: "lost-wakeup", facts, scenes: [own, waker, ...others] };
  }

  // ---- circles ----

  #inCircle(task: number): boolean {
    return this.circle.some((one) => one.task === task);
  }

  /** The first circle of sleeping tasks in which not all wait for locks: those are lockdep's. */
  #findCircle(): void {
    if (this.circle.length > 0) return;
    for (const { number } of this.#sleeping.values()) {
      const path = this.#follow(number, number, []);
      if (path === null || path.every(({ wait }) => this.#isLock(wait))) continue;
      this.circle = path.map(({ task, wait }, at) => ({
        task,
        class: wait.name,
        kind: wait.kind,
        address: wait.address,
        waits: { stack: this.#histories.of(task).left },
        held: { stack: this.#heldAt(path[(at + 1) % path.length].task, wait) },
      }));
      this.stuckSince ??= Math.max(...path.map(({ task }) => this.#histories.of(task).left.clock));
      return;
    }
  }

  #follow(start: number, task: number, path: { task: number; wait: WaitFor }[]): { task: number; wait: WaitFor }[] | null {
    const sleeper = this.#sleeping.get(task);
    if (sleeper === undefined || sleeper.timed || path.some((one) => one.task === task)) return null;
    const wait = this.waitOf(task);
    if (wait === null) return null;
    const longer = [...path, { task, wait }];
    for (const { task: holder } of wait.holders) {
      if (holder === start) return longer;
      const found = this.#follow(start, holder, longer);
      if (found !== null) return found;
    }
    return null;
  }

  #isLock({ kind }: WaitFor): boolean {
    return !["task", "rcu", "completion", "wait queue", "timer"].includes(kind);
  }

  /** Where a task took what another one waits for; of what is not taken anywhere, where it is. */
  #heldAt(holder: number, wait: WaitFor): ProgressReport["scenes"][number]["stack"] {
    return (this.#isLock(wait) ? this.#locks.takenAt(holder, wait.address) : null) ?? this.#histories.of(holder).left;
  }
}
