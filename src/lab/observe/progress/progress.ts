/**
 * Progress: who is stuck, seen from outside, whether or not the guest's own watchdogs are on.
 *
 * Marks tell what happened when (switches, wake-ups, waits, failed tries, grace periods); at looks, every 20 ms of guest time, harts and
 * the guest's memory are read, without side effects. What must have lasted for some time to be reported: ProgressLimits.
 * The order of looks is part of the run: it depends on guest time alone, so two runs report the same.
 * Limits: a task's state is read at looks, so what begins and ends between two is not seen. Ages count from the mark, to the cycle.
 */
import type { HartlabSection } from "../../../base/hartlab-section.ts";
import type { HartView } from "../../../machine/types.ts";
import type { Symbols } from "../../image/symbols.ts";
import type { CurrentTasks } from "../current-tasks.ts";
import type { WaitReport } from "../lockdep/waits.ts";
import type { Stack } from "../moment.ts";
import { GuestState, type ReadMemory } from "./guest-state.ts";
import { Histories } from "./history.ts";
import { Livelock } from "./livelock.ts";
import { Lockups } from "./lockups.ts";
import { Reports } from "./reports.ts";
import { Sleepers } from "./sleepers.ts";
import type { ProgressReport, Scene, WaitFor } from "./types.ts";

/** Cycles that something must have lasted; 0: not looked for. */
export interface ProgressLimits {
  /** One task on a CPU and no other, no interrupt on a CPU, a CPU in WFI. */
  readonly softLockup: number;
  readonly hungTask: number;
  readonly rcuStall: number;
  readonly livelock: number;
}

export const PROGRESS_OFF: ProgressLimits = { softLockup: 0, hungTask: 0, rcuStall: 0, livelock: 0 };

/** What the lock-order checker knows of waits for locks. */
export interface LockWaits {
  waitOf(task: number): { readonly lock: number; readonly stack: Stack } | null;
  /** Tasks that hold it. */
  holdersOf(lock: number): number[];
  /** Where the task took the lock at this address; null: it does not hold it. */
  takenAt(task: number, address: number): Stack | null;
  kindName(kind: number): string;
  lockOf(lock: number): { readonly kind: string; readonly name: string; readonly address: number };
}

const HARTS = 64;
const SUPERVISOR = 1;
const TIMER_INTERRUPT = 0x8000_0005 | 0;

export class Progress {
  readonly reports = new Reports();
  readonly histories = new Histories();
  readonly livelock = new Livelock();
  readonly lockups = new Lockups();
  readonly guest: GuestState;
  readonly #limits: ProgressLimits;
  readonly #tasks: CurrentTasks;
  readonly #locks: LockWaits;
  readonly #sleepers: Sleepers;
  /** Start of the per-CPU area, by hart. */
  readonly #areas = new Int32Array(HARTS);
  #lastLook = 0;
  /** The grace period under way: its number, and when it began; null: none. */
  #gracePeriod: { readonly number: number; readonly since: number } | null = null;

  constructor(
    section: HartlabSection,
    read: ReadMemory,
    symbols: Symbols,
    tasks: CurrentTasks,
    locks: LockWaits,
    limits: ProgressLimits,
  ) {
    this.#limits = limits;
    this.#tasks = tasks;
    this.#locks = locks;
    this.guest = new GuestState(section, read);
    const names = new Set(section.tasks.map((name) => name.slice(0, 15)));
    const nameOf = (address: number): string => symbols.storageName(address, this.#areasSeen()) ?? "";
    this.#sleepers = new Sleepers(this.guest, this.histories, tasks, locks, nameOf, names);
  }

  /** Since when nothing can go on any more; null: something can. */
  get stuckSince(): number | null {
    return this.#sleepers.stuckSince;
  }

  /** The first circle of waits of which not all are for locks. */
  get circle(): readonly WaitReport[] {
    return this.#sleepers.circle;
  }

  // ---- marks ----

  switched(previous: number, next: number, idle: boolean, tp: number, stack: Stack): void {
    this.#areas[stack.hart] = tp;
    this.lockups.switched(stack.hart, stack.clock);
    this.histories.switched(previous, next, stack);
    if (!idle) this.#sleepers.active(stack.clock);
  }

  taskCreated(task: number, comm: string, clock: number, started: boolean): void {
    this.histories.created(task, clock);
    this.#sleepers.created(task, comm, started);
  }

  interrupted(hart: number, cause: number, clock: number): void {
    this.lockups.interrupted(hart, clock);
    if (cause !== TIMER_INTERRUPT) this.#sleepers.active(clock);
  }

  gracePeriodBegan(number: number, clock: number): void {
    this.#gracePeriod = { number, since: clock };
  }

  gracePeriodEnded(): void {
    this.#gracePeriod = null;
  }

  callbackQueued(head: number, task: number): void {
    this.#sleepers.callbacks.set(head, task);
  }

  callbackInvoked(head: number, clock: number): void {
    this.#sleepers.callbacks.delete(head);
    this.#sleepers.active(clock);
  }

  // ---- looks ----

  /** `pending`: something outside of the guest is still to happen to it; `started`: the scenario's tasks run. */
  look(clock: number, harts: readonly HartView[], pending: boolean, started: boolean): void {
    const since = this.#lastLook;
    this.#lastLook = clock;
    // Who is held by a step is where the scenario wants it.
    if (!this.guest.usable || harts.some((one) => one.held)) return;
    this.#lookAtHarts(clock, harts);
    if (this.#limits.livelock > 0) this.#lookForLivelock(clock, since);
    const areas = this.#areasSeen();
    const found = this.#sleepers.look(clock, areas, this.#limits.hungTask, started && !pending);
    for (const { key, report } of found) this.reports.addOnce(key, () => report);
    this.#lookAtGracePeriod(clock, harts);
  }

  #lookAtHarts(clock: number, harts: readonly HartView[]): void {
    const { softLockup } = this.#limits;
    if (softLockup === 0) return;
    harts.forEach((view, hart) => {
      const area = this.#areas[hart] >>> 0;
      if (area === 0 || !this.guest.isOnline(this.guest.cpuOf(area))) return;
      this.#lookAtIdle(view, hart, area, clock);
      const found = this.lockups.look(hart, view, area, this.guest, clock, softLockup);
      if (found === null) return;
      const { kind, since, facts } = found;
      const task = this.#tasks.task[hart];
      const stack = placeOf(view, hart, clock);
      const scenes = [{ role: kind === "wfi" ? "waits for an interrupt" : "runs", task, stack, waitsFor: this.#lockWait(task) }];
      this.reports.addOnce(`${kind} ${task}`, () => ({ kind, count: 1, task, hart, clock, since, facts, scenes }));
    });
  }

  /** The idle task keeps preemption off once, and is in no read section. */
  #lookAtIdle(view: HartView, hart: number, area: number, clock: number): void {
    if (!view.waiting || view.privilege !== SUPERVISOR) return;
    const idle = this.guest.task(this.guest.current(area));
    if (idle === null || idle.pid !== 0 || (idle.preemptCount === 1 && idle.rcuNesting === 0)) return;
    const task = this.#tasks.task[hart];
    const facts = { at: "idle", count: idle.preemptCount - 1, rcu: idle.rcuNesting, irqsOff: 0 };
    const scenes = [{ role: "idles", task, stack: placeOf(view, hart, clock), waitsFor: null }];
    this.reports.addOnce(`idle ${task}`, () => ({ kind: "unbalanced", count: 1, task, hart, clock, since: clock, facts, scenes }));
  }

  #lookForLivelock(clock: number, lastLook: number): void {
    const vain = this.livelock.vain(clock, this.#limits.livelock, lastLook);
    if (vain.length < 2) return;
    const key = `livelock ${vain.map(({ task }) => task).join()}`;
    const [first] = vain;
    this.reports.addOnce(key, () => ({
      kind: "livelock",
      count: 1,
      task: first.task,
      hart: first.stack.hart,
      clock,
      since: Math.max(...vain.map((one) => one.since)),
      facts: { tasks: vain.length },
      scenes: vain.map(({ task, stack, lock, kind, owner, fails }): Scene => ({
        role: `has tried ${fails} times in vain`,
        task,
        stack,
        waitsFor: { ...this.#locks.lockOf(lock), kind: this.#locks.kindName(kind), holders: [{ task: owner }] },
      })),
    }));
  }

  #lookAtGracePeriod(clock: number, harts: readonly HartView[]): void {
    const period = this.#gracePeriod;
    if (this.#limits.rcuStall === 0 || period === null || clock - period.since < this.#limits.rcuStall) return;
    const scenes: Scene[] = [];
    harts.forEach((view, hart) => {
      const area = this.#areas[hart] >>> 0;
      if (area === 0 || !this.guest.owesGracePeriod(this.guest.cpuOf(area))) return;
      scenes.push({ role: "owes a quiescent state", task: this.#tasks.task[hart], stack: placeOf(view, hart, clock), waitsFor: null });
    });
    for (const address of this.guest.blockingReaders()) {
      const task = this.#tasks.numberOf(address);
      const { left } = this.histories.of(task);
      scenes.push({ role: "is inside a read section", task, stack: left, waitsFor: this.#sleepers.waitOf(task) });
    }
    const [first] = scenes;
    if (first === undefined) return;
    const facts = { gracePeriod: period.number, holders: scenes.length };
    this.reports.addOnce(`rcu-stall ${period.number}`, () => ({
      kind: "rcu-stall", count: 1, task: first.task, hart: first.stack.hart, clock, since: period.since, facts, scenes,
    }));
  }

  #lockWait(task: number): WaitFor | null {
    const wait = this.#locks.waitOf(task);
    return wait === null ? null : this.#lock(wait.lock);
  }

  #lock(lock: number): WaitFor {
    return { ...this.#locks.lockOf(lock), holders: this.#locks.holdersOf(lock).map((task) => ({ task })) };
  }

  #areasSeen(): number[] {
    return [...this.#areas].filter((area) => area !== 0).map((area) => area >>> 0);
  }
}

function placeOf(view: HartView, hart: number, clock: number): Stack {
  return { pc: view.pc, ra0: 0, ra1: 0, hart, clock };
}

export type { ProgressReport };
