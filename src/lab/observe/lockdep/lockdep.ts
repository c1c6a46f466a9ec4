/**
 * lockdep: proves that lock classes are taken in an order, and in interrupt contexts, that cannot deadlock, whether or not
 * this run did.
 *
 * Fed with the marks in order of time. What is checked when a lock is wanted, before the wait (Linux's order of checks):
 * wait types, interrupt states, recursion, circles, chains from interrupt-safe to interrupt-unsafe classes. Unlike Linux it goes on
 * after a report: a dependency that would close a circle is told once and left out of the graph.
 * Reports are kept up to REPORTS_MAX different ones; `dropped` counts the rest. Sources: Documentation/locking/lockdep-design.rst
 * and the layouts of kernel/locking/lockdep.c, Linux 6.1.
 * Limits: interrupts switched on while a lock is held are seen at its release, not at once. Reports carry moments, which
 * run/second-look.ts turns into whole stacks.
 */
import type { CurrentTasks } from "../current-tasks.ts";
import type { LockEvent, LockKinds } from "../locks/lock-event.ts";
import type { LockInstances } from "../locks/lock-instances.ts";
import { Checks, type LockdepRules } from "./checks.ts";
import { EXCLUSIVE, RECURSIVE, SHARED } from "./graph.ts";
import { type WaitCycle, type WaitReport, Waits } from "./waits.ts";
import { HARDIRQ, HELD_MAX, HeldLock, SOFTIRQ, TASK, TaskLocks } from "./held.ts";
import type { Stack } from "../moment.ts";
import type { IrqContext, LockdepReport } from "./types.ts";

const HARTS = 64;

export class Lockdep {
  readonly #instances: LockInstances;
  readonly #kinds: LockKinds;
  readonly #rules: LockdepRules;
  readonly #checks: Checks;
  readonly #taskLocks: TaskLocks[] = [];
  /** How many hold it, by lock. */
  readonly #holders: number[] = [];
  readonly #hardirqs = new Int32Array(HARTS);
  /** Filled anew for each event. */
  readonly #irqNow = { hardirq: 0, softirq: 0, hardirqsOn: true, softirqsOn: true };
  readonly #waits: Waits;
  /** The first tasks that were seen to wait for each other. */
  deadlock: WaitCycle | null = null;
  /** Locks that were held beyond HELD_MAX, and so not checked. */
  tooDeep = 0;

  constructor(
    instances: LockInstances,
    tasks: CurrentTasks,
    kinds: LockKinds,
    rules: LockdepRules,
  ) {
    this.#instances = instances;
    this.#kinds = kinds;
    this.#rules = rules;
    this.#checks = new Checks(instances, kinds, rules);
    this.#waits = new Waits(this.#taskLocks, tasks, (kind) =>
      rules.sleepingSpinlocks ? kinds.spins[kind] !== 1 : kinds.sleeps[kind] === 1,
    );
  }

  get reports(): readonly LockdepReport[] {
    return this.#checks.reports;
  }

  /** Different reports beyond the limit. */
  get dropped(): number {
    return this.#checks.dropped;
  }

  /** Lock classes and dependencies seen: a checker that saw none has proved nothing. */
  get dependencies(): number {
    return this.#checks.dependencies;
  }

  /** The first task is about to run: until now interrupts were off and nobody slept. */
  booted(): void {
    this.#checks.booted = true;
  }

  /** A lock that is made of others: its place in the order is here, before theirs. */
  announced(event: LockEvent): void {
    const locks = this.#locksOf(event.task);
    this.#want(event, locks);
    locks.announced = event.lock;
  }

  contended(event: LockEvent): void {
    const locks = this.#locksOf(event.task);
    if (locks.announced !== event.lock) this.#want(event, locks);
    const wanted = new HeldLock();
    const cls = this.#instances.classOf(event.lock, event.subclass);
    wanted.set(event, cls, this.#readForm(event, locks), this.#context(event, locks));
    locks.waitBegins(wanted);
    this.deadlock ??= this.#waits.cycleFrom(event.task, true);
  }

  acquired(event: LockEvent): void {
    const locks = this.#locksOf(event.task);
    const read = this.#readForm(event, locks);
    const waited = locks.waitsFor !== null && locks.waitEnds(event.lock);
    if (locks.announced === event.lock) locks.announced = -1;
    else if (!waited) this.#want(event, locks);
    if (locks.depth === HELD_MAX) this.tooDeep++;
    this.#holders[event.lock] = (this.#holders[event.lock] ?? 0) + 1;
    const cls = this.#instances.classOf(event.lock, event.subclass);
    locks.push(event, cls, read, this.#context(event, locks));
  }

  /** Locks that spin in every preemption model are the hart's: the scheduler's own is released by the next task. */
  switched(previous: number, next: number): void {
    const locks = this.#taskLocks[previous];
    if (locks !== undefined && locks.depth > 0)
      locks.handOver(this.#locksOf(next), this.#kinds.spins);
  }

  release(event: LockEvent): void {
    const locks = this.#locksOf(event.task);
    this.#checks.irqsSeenOn(event, locks, this.#irq(event, locks));
    this.#holders[event.lock] = Math.max(0, (this.#holders[event.lock] ?? 0) - 1);
    if (locks.take(event.lock)) return;
    const cls = this.#instances.classOf(event.lock, 0);
    this.#checks.unbalanced(event, cls, locks, this.#irq(event, locks));
  }

  /** Since when tasks wait for each other, as far as it is known now: a wait for which one sleeps counts once the task sleeps. */
  stuckSince(): number | null {
    for (const [task, locks] of this.#taskLocks.entries())
      if (locks?.waitsFor) this.deadlock ??= this.#waits.cycleFrom(task, false);
    return this.deadlock?.at(0)?.wants.clock ?? null;
  }

  /** Tasks that wait for each other, now that the run has ended; empty: none do. */
  deadlockAtEnd(): WaitReport[] {
    this.stuckSince();
    return (this.deadlock ?? []).map(({ task, wants, heldAs }) => ({
      task,
      class: this.#instances.classes.names[wants.cls],
      kind: this.#kinds.names[wants.kind] ?? String(wants.kind),
      address: wants.address >>> 0,
      waits: { stack: wants.stack },
      held: { stack: heldAs.stack },
    }));
  }

  /** The lock for which the task waits; null: none. */
  waitOf(task: number): HeldLock | null {
    return this.#taskLocks[task]?.waitsFor ?? null;
  }

  /** What a task holds, oldest first. */
  heldBy(task: number): HeldLock[] {
    return this.#taskLocks[task]?.all() ?? [];
  }

  /** Tasks that hold locks. */
  holders(): number[] {
    return [...this.#taskLocks.keys()].filter((task) => (this.#taskLocks[task]?.depth ?? 0) > 0);
  }

  holdersOf(lock: number): number[] {
    return [...this.#taskLocks.keys()].filter((task) => this.heldBy(task).some((held) => held.lock === lock));
  }

  takenAt(task: number, address: number): Stack | null {
    return this.heldBy(task).find((held) => held.address >>> 0 === address)?.stack ?? null;
  }

  kindName(kind: number): string {
    return this.#kinds.names[kind] ?? String(kind);
  }

  /** What is known of a lock by its number. */
  lockOf(lock: number): { kind: string; name: string; address: number } {
    const held = this.#taskLocks.flatMap((locks) => [locks?.waitsFor ?? [], locks?.all() ?? []].flat());
    const one = held.find((of) => of.lock === lock);
    const kind = one === undefined ? "lock" : this.kindName(one.kind);
    const name = this.#instances.classes.names[this.#instances.classOf(lock, 0)];
    return { kind, name, address: this.#instances.addressOf(lock) };
  }

  /** A new lock at an old address: nobody holds it. */
  init(lock: number): void {
    if ((this.#holders[lock] ?? 0) === 0) return;
    this.#holders[lock] = 0;
    for (const locks of this.#taskLocks) while (locks?.take(lock));
  }

  irqEntered(hart: number): void {
    this.#hardirqs[hart]++;
  }

  irqLeft(hart: number): void {
    if (this.#hardirqs[hart] > 0) this.#hardirqs[hart]--;
  }

  softirqEntered(task: number): void {
    this.#locksOf(task).softirqs++;
  }

  softirqLeft(task: number): void {
    const locks = this.#locksOf(task);
    if (locks.softirqs > 0) locks.softirqs--;
  }

  softirqsDisabled(task: number): void {
    this.#locksOf(task).softirqsOff++;
  }

  softirqsEnabled(task: number): void {
    const locks = this.#locksOf(task);
    if (locks.softirqsOff > 0) locks.softirqsOff--;
  }

  taskEnded(task: number, hart: number, clock: number): void {
    const locks = this.#taskLocks[task];
    if (locks === undefined) return;
    if (locks.depth > 0) this.#checks.heldAtExit(task, hart, clock, locks);
    delete this.#taskLocks[task];
  }

  #want(event: LockEvent, locks: TaskLocks): void {
    const cls = this.#instances.classOf(event.lock, event.subclass);
    const read = this.#readForm(event, locks);
    const context = this.#context(event, locks);
    this.#checks.wanted(event, cls, read, context, locks, this.#irq(event, locks));
  }

  #irq(event: LockEvent, locks: TaskLocks): IrqContext {
    const now = this.#irqNow;
    now.hardirq = this.#hardirqs[event.hart];
    now.softirq = locks.softirqs;
    now.hardirqsOn = event.irqsOn;
    now.softirqsOn = locks.softirqs + locks.softirqsOff === 0;
    return now;
  }

  #context({ hart }: LockEvent, locks: TaskLocks): number {
    if (this.#hardirqs[hart] > 0) return HARDIRQ;
    return locks.softirqs > 0 ? SOFTIRQ : TASK;
  }

  #readForm(event: LockEvent, locks: TaskLocks): number {
    const { shared, sleeps } = this.#kinds;
    if (shared[event.kind] !== 1) return EXCLUSIVE;
    if (event.recursive) return RECURSIVE;
    if (sleeps[event.kind] === 1) return SHARED;
    if (!this.#rules.fairReaders) return RECURSIVE;
    return this.#context(event, locks) === TASK ? SHARED : RECURSIVE;
  }

  #locksOf(task: number): TaskLocks {
    this.#taskLocks[task] ??= new TaskLocks();
    return this.#taskLocks[task];
  }
}
