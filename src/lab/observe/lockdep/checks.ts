/** The rules of lockdep, and the reports that breaking them makes. */
import { LockEvent, type LockKinds } from "../locks/lock-event.ts";
import type { LockInstances } from "../locks/lock-instances.ts";
import { DependencyGraph, type Edge, EXCLUSIVE, RECURSIVE } from "./graph.ts";
import { HARDIRQ, type HeldLock, SOFTIRQ, TASK, TaskLocks } from "./held.ts";
import { NO_STACK, type Raw, type Stack } from "../moment.ts";
import type {
  ChainLink,
  ClassUsage,
  ClassView,
  IrqContext,
  LockdepReport,
  LockView,
  UsageLink,
} from "./types.ts";
import {
  ANY_ENABLED,
  ANY_USED_IN,
  conflicting,
  ENABLED,
  ENABLED_READ,
  irqName,
  SOFTIRQ_SHIFT,
  USAGE_BITS,
  USED_IN,
  usageCharacters,
  usageName,
} from "./usage.ts";

export const REPORTS_MAX = 64;

export interface LockdepRules {
  /** preempt = rt: spinlock_t and rwlock_t sleep, so that raw locks and interrupts must not take them. */
  readonly sleepingSpinlocks: boolean;
  /** Readers queue behind waiting writers, but for those in interrupts. */
  readonly fairReaders: boolean;
}

interface Wanted {
  event: LockEvent;
  cls: number;
  read: number;
  locks: TaskLocks;
  irq: IrqContext;
  /** A lock held already, whose state changes; null: the one that is wanted. */
  lock: HeldLock | null;
}

const NO_IRQ: IrqContext = { hardirq: 0, softirq: 0, hardirqsOn: true, softirqsOn: true };

export class Checks {
  readonly reports: LockdepReport[] = [];
  dropped = 0;
  dependencies = 0;
  /** Tasks run: where interrupts are off nobody may sleep. */
  booted = false;
  readonly #instances: LockInstances;
  readonly #kinds: LockKinds;
  readonly #graph = new DependencyGraph();
  /** Usage bits by class, and who set each, by class * USAGE_BITS + bit. */
  readonly #usage: number[] = [];
  readonly #usageStacks = new Map<number, Stack>();
  /** LOCK_KIND by class, and who took one of it first. */
  readonly #kindOf: number[] = [];
  readonly #firstUse: Stack[] = [];
  readonly #known = new Map<string, LockdepReport>();
  /** What the checks look at, filled anew for each lock. */
  readonly #base: Wanted = {
    event: new LockEvent(),
    cls: 0,
    read: EXCLUSIVE,
    locks: new TaskLocks(),
    irq: NO_IRQ,
    lock: null,
  };
  readonly #spinWait = 2;
  readonly #configWait: number;
  readonly #sleepWait: number;

  constructor(instances: LockInstances, kinds: LockKinds, rules: LockdepRules) {
    this.#instances = instances;
    this.#kinds = kinds;
    this.#configWait = rules.sleepingSpinlocks ? 3 : 2;
    this.#sleepWait = rules.sleepingSpinlocks ? 4 : 3;
  }

  /** The task is about to take a lock, in the form `read`. */
  wanted(
    event: LockEvent,
    cls: number,
    read: number,
    context: number,
    locks: TaskLocks,
    irq: IrqContext,
  ): void {
    const base = this.#about(event, cls, read, locks, irq, null);
    this.#kindOf[cls] = event.kind;
    this.#firstUse[cls] ??= stackOf(event);
    if (!event.trylock) {
      this.#waitContext(base, context);
      if (context !== TASK) this.#interrupted(base, context);
    }
    this.#used(base, context);
    if (!event.trylock && !this.#recursion(base, context) && !readsAgain(base)) this.#depend(base, context);
  }

  /** An interrupt wants a lock of a class that whoever it interrupted holds: so that class was held while they could come. */
  #interrupted({ locks, cls }: Wanted, context: number): void {
    for (let depth = 0; depth < locks.depth; depth++) {
      const held = locks.at(depth);
      if (held.cls !== cls || held.context >= context) continue;
      const bit = (held.read === EXCLUSIVE ? ENABLED : ENABLED_READ) << (context === SOFTIRQ ? SOFTIRQ_SHIFT : 0);
      if (((this.#usage[cls] ?? 0) & bit) !== 0) continue;
      this.#usage[cls] = (this.#usage[cls] ?? 0) | bit;
      this.#usageStacks.set(cls * USAGE_BITS + 31 - Math.clz32(bit), held.stack);
    }
  }

  /** At a mark with interrupts on: what the task holds, it holds while they may come. */
  irqsSeenOn(event: LockEvent, locks: TaskLocks, irq: IrqContext): void {
    if (!irq.hardirqsOn || irq.hardirq > 0 || irq.softirq > 0) return;
    for (let depth = 0; depth < locks.depth; depth++) {
      const held = locks.at(depth);
      const enabled = enabledBits(held.read, irq);
      if (((this.#usage[held.cls] ?? 0) & enabled) === enabled) continue;
      this.#mark(this.#about(event, held.cls, held.read, locks, irq, held), enabled);
    }
  }

  unbalanced(event: LockEvent, cls: number, locks: TaskLocks, irq: IrqContext): void {
    const base = this.#about(event, cls, EXCLUSIVE, locks, irq, null);
    this.#report(`unbalanced ${cls}`, () => ({
      ...this.#frame(base),
      kind: "unbalanced",
      releasing: this.#wantedView(base),
    }));
  }

  heldAtExit(task: number, hart: number, clock: number, locks: TaskLocks): void {
    const held = locks.all();
    this.#report(`exit ${held.map((one) => one.cls).join()}`, () => ({
      kind: "held-at-exit",
      count: 1,
      hart,
      clock,
      task,
      irq: NO_IRQ,
      held: held.map((one) => this.#heldView(one)),
      stack: { ...NO_STACK, hart, clock },
    }));
  }

  #about(
    event: LockEvent,
    cls: number,
    read: number,
    locks: TaskLocks,
    irq: IrqContext,
    lock: HeldLock | null,
  ): Wanted {
    const base = this.#base;
    base.event = event;
    base.cls = cls;
    base.read = read;
    base.locks = locks;
    base.irq = irq;
    base.lock = lock;
    return base;
  }

  #waitContext(base: Wanted, context: number): void {
    const { locks, event, irq } = base;
    const atomic = context === HARDIRQ || (this.booted && !irq.hardirqsOn);
    const contextWait = atomic ? this.#spinWait : context === SOFTIRQ ? this.#configWait : Infinity;
    let allowed = contextWait;
    for (let depth = locks.depth - 1; depth >= 0; depth--) {
      const held = locks.at(depth);
      if (held.context !== context) break;
      allowed = Math.min(allowed, this.#waitOf(held.kind));
    }
    if (this.#waitOf(event.kind) <= allowed) return;
    this.#report(
      `wait ${base.cls} ${context} ${locks
        .all()
        .map((one) => one.cls)
        .join()}`,
      () => ({
        ...this.#frame(base),
        kind: "wait-context",
        acquiring: this.#wantedView(base),
        context: contextWait === Infinity ? this.#sleepWait + 1 : contextWait,
      }),
    );
  }

  /** True: the class is held already in this context, and this would wait for itself; by whom it interrupted: its state tells that. */
  #recursion(base: Wanted, context: number): boolean {
    const { locks, cls, read } = base;
    for (let depth = locks.depth - 1; depth >= 0; depth--) {
      const held = locks.at(depth);
      if (held.cls !== cls || (read === RECURSIVE && held.read !== EXCLUSIVE)) continue;
      if (held.context !== context) return true;
      this.#report(`recursive ${cls} ${held.read} ${read}`, () => ({
        ...this.#frame(base),
        kind: "recursive",
        acquiring: this.#wantedView(base),
        holding: this.#heldView(held),
      }));
      return true;
    }
    return false;
  }

  #used(base: Wanted, context: number): void {
    const { irq, read, event, cls } = base;
    let bits = 0;
    if (!event.trylock) {
      const shared = read === EXCLUSIVE ? 0 : 1;
      if (context === HARDIRQ) bits = USED_IN << shared;
      else if (context === SOFTIRQ) bits = USED_IN << (shared + SOFTIRQ_SHIFT);
    }
    // Inside a hardirq handler interrupts are off; a softirq handler can be interrupted.
    if (irq.hardirqsOn) bits |= enabledBits(read, irq);
    if (((this.#usage[cls] ?? 0) & bits) !== bits) this.#mark(base, bits);
  }

  /** Adds usage bits to a class, each checked against what is known of it and of its neighbours. */
  #mark(base: Wanted, bits: number): void {
    const { cls } = base;
    const fresh = bits & ~(this.#usage[cls] ?? 0);
    for (let n = 0; n < USAGE_BITS; n++) {
      const bit = 1 << n;
      if ((fresh & bit) === 0) continue;
      this.#usage[cls] = (this.#usage[cls] ?? 0) | bit;
      this.#usageStacks.set(cls * USAGE_BITS + n, stackOf(base.event));
      if (!this.#inconsistent(base, bit)) this.#inversion(base, bit);
    }
  }

  #inconsistent(base: Wanted, bit: number): boolean {
    const { cls } = base;
    const clash = this.#usage[cls] & conflicting(bit);
    if (clash === 0) return false;
    const before = clash & -clash;
    this.#report(`inconsistent ${cls} ${irqName(bit)}`, () => ({
      ...this.#frame(base),
      kind: "inconsistent",
      acquiring: this.#wantedView(base),
      before: this.#usageLink(cls, before),
      now: usageName(bit),
    }));
    return true;
  }

  /** The class has just got `bit`: does an old chain connect it with its opposite? */
  #inversion(base: Wanted, bit: number): void {
    const { cls, read } = base;
    const against = conflicting(bit);
    const forwards = (bit & ANY_USED_IN) !== 0;
    const matches = (other: number): boolean =>
      other !== cls && ((this.#usage[other] ?? 0) & against) !== 0;
    const path = forwards
      ? this.#graph.pathFrom(cls, read, matches)
      : this.#graph.pathTo(cls, read, matches);
    if (path === null || path.length === 0) return;
    const other = forwards ? path[path.length - 1].to : path[path.length - 1].from;
    const clash = this.#usage[other] & against;
    this.#report(`inversion ${cls} ${other} ${irqName(bit)}`, () => ({
      ...this.#frame(base),
      kind: "irq-inversion",
      irqName: irqName(bit),
      changed: this.#wantedView(base),
      other: this.#usageLink(other, clash & -clash),
      forwards,
      chain: this.#wholeChain(forwards ? path : [...path].reverse()),
    }));
  }

  /** Dependencies on the locks held in this context, up to the nearest that was not tried for. */
  #depend(base: Wanted, context: number): void {
    const { locks, cls, read } = base;
    for (let depth = locks.depth - 1; depth >= 0; depth--) {
      const held = locks.at(depth);
      if (held.context !== context) return;
      if (held.cls !== cls && this.#graph.isNew(held.cls, cls, held.read, read)) {
        if (!this.#circle(base, held) && !this.#irqOrder(base, held)) {
          this.dependencies++;
          this.#graph.add(held.cls, cls, held.read, read, stackOf(base.event));
        }
      }
      if (!held.trylock) return;
    }
  }

  #circle(base: Wanted, held: HeldLock): boolean {
    const { cls, read } = base;
    const path = this.#graph.pathFrom(
      cls,
      read,
      (other, onlyR) => other === held.cls && (held.read === EXCLUSIVE || !onlyR),
    );
    if (path === null) return false;
    this.#report(`circular ${held.cls} ${cls}`, () => ({
      ...this.#frame(base),
      kind: "circular",
      acquiring: this.#wantedView(base),
      holding: this.#heldView(held),
      chain: this.#chain(path),
    }));
    return true;
  }

  #irqOrder(base: Wanted, held: HeldLock): boolean {
    const { cls, read } = base;
    for (const shift of [0, SOFTIRQ_SHIFT]) {
      const safeMask = ANY_USED_IN & (0xf << shift);
      let safe = 0;
      let unsafe = 0;
      let unsafePath: Edge[] | null = null;
      const safePath = this.#graph.pathTo(held.cls, held.read, (from) => {
        const used = (this.#usage[from] ?? 0) & safeMask;
        for (let n = 0; n < USAGE_BITS && used >> n !== 0; n++) {
          const bit = 1 << n;
          if ((used & bit) === 0) continue;
          const against = conflicting(bit) & ANY_ENABLED;
          const path = this.#graph.pathFrom(
            cls,
            read,
            (to) => ((this.#usage[to] ?? 0) & against) !== 0,
          );
          if (path === null) continue;
          unsafePath = path;
          safe = bit;
          const found = this.#usage[path.at(-1)?.to ?? cls] & against;
          unsafe = found & -found;
          return true;
        }
        return false;
      });
      if (safePath === null || unsafePath === null) continue;
      this.#irqOrderReport(base, held, [...safePath].reverse(), unsafePath, safe, unsafe);
      return true;
    }
    return false;
  }

  #irqOrderReport(
    base: Wanted,
    held: HeldLock,
    safePath: Edge[],
    unsafePath: Edge[],
    safe: number,
    unsafe: number,
  ): void {
    const safeClass = safePath[0]?.from ?? held.cls;
    const unsafeClass = unsafePath.at(-1)?.to ?? base.cls;
    this.#report(`order ${held.cls} ${base.cls} ${irqName(safe)}`, () => ({
      ...this.#frame(base),
      kind: "irq-order",
      irqName: irqName(safe),
      acquiring: this.#wantedView(base),
      holding: this.#heldView(held),
      safe: this.#usageLink(safeClass, safe),
      unsafe: this.#usageLink(unsafeClass, unsafe),
      safeChain: [this.#link(safeClass, safePath.length > 0 ? this.#firstOf(safeClass) : held.stack), ...this.#chain(safePath)],
      unsafeChain: [this.#link(base.cls, stackOf(base.event)), ...this.#chain(unsafePath)],
    }));
  }

  /** Makes the report, or counts the one that there is. */
  #report(name: string, make: () => LockdepReport): void {
    const known = this.#known.get(name);
    if (known !== undefined) {
      known.count++;
      return;
    }
    if (this.reports.length === REPORTS_MAX) {
      this.dropped++;
      return;
    }
    const report = make();
    this.#known.set(name, report);
    this.reports.push(report);
  }

  #frame({ event, locks, irq }: Wanted) {
    return {
      count: 1,
      hart: event.hart,
      clock: event.clock,
      task: event.task,
      irq: { ...irq },
      held: locks.all().map((one) => this.#heldView(one)),
      stack: stackOf(event),
    };
  }

  #view(cls: number, kind: number): ClassView {
    const wait = this.#waitOf(kind);
    return {
      class: this.#instances.classes.names[cls],
      usage: usageCharacters(this.#usage[cls] ?? 0),
      waits: `${wait}:${wait}`,
    };
  }

  #heldView(held: HeldLock): LockView<Raw> {
    const { address, stack } = held;
    return { ...this.#view(held.cls, held.kind), address: address >>> 0, read: held.read !== EXCLUSIVE, stack };
  }

  /** The lock that is taken, or the held one whose state changes. */
  #wantedView({ event, cls, lock, read }: Wanted): LockView<Raw> {
    if (lock !== null) return this.#heldView(lock);
    return { ...this.#view(cls, event.kind), address: event.address >>> 0, read: read !== EXCLUSIVE, stack: stackOf(event) };
  }

  #usageLink(cls: number, bit: number): UsageLink<Raw> {
    const n = 31 - Math.clz32(bit);
    return {
      ...this.#view(cls, this.#kindOf[cls]),
      state: usageName(bit),
      stack: this.#usageStacks.get(cls * USAGE_BITS + n) ?? NO_STACK,
    };
  }

  /** One link a class that a path leads to; the first class has none. */
  #chain(path: readonly Edge[]): ChainLink<Raw>[] {
    return path.map((edge) => this.#link(edge.to, edge.stack));
  }

  /** The first class too. */
  #wholeChain(path: readonly Edge[]): ChainLink<Raw>[] {
    return [this.#link(path[0].from, this.#firstOf(path[0].from)), ...this.#chain(path)];
  }

  #firstOf(cls: number): Stack {
    return this.#firstUse[cls] ?? NO_STACK;
  }

  #link(cls: number, stack: Stack): ChainLink<Raw> {
    const usages: ClassUsage<Raw>[] = [];
    for (let n = 0; n < USAGE_BITS; n++) {
      const seen = this.#usageStacks.get(cls * USAGE_BITS + n);
      if (seen !== undefined) usages.push({ state: usageName(1 << n), stack: seen });
    }
    const first = this.#firstUse[cls];
    if (first !== undefined) usages.push({ state: "INITIAL USE", stack: first });
    return { ...this.#view(cls, this.#kindOf[cls]), stack, key: { address: this.#instances.classes.keys[cls] >>> 0 }, usages };
  }

  #waitOf(kind: number): number {
    if (this.#kinds.sleeps[kind] === 1) return this.#sleepWait;
    return this.#kinds.spins[kind] === 1 ? this.#spinWait : this.#configWait;
  }
}

/** A reader of this very lock, which no writer can have meanwhile, enters once more: it waits for nobody. */
function readsAgain({ locks, read, event }: Wanted): boolean {
  if (read !== RECURSIVE) return false;
  for (let depth = 0; depth < locks.depth; depth++) {
    if (locks.at(depth).lock === event.lock) return true;
  }
  return false;
}

function enabledBits(read: number, irq: IrqContext): number {
  const bit = read === EXCLUSIVE ? ENABLED : ENABLED << 1;
  return irq.softirqsOn ? bit | (bit << SOFTIRQ_SHIFT) : bit;
}

function stackOf({ pc, ra0, ra1, hart, clock }: LockEvent): Stack {
  return { pc: pc >>> 0, ra0: ra0 >>> 0, ra1: ra1 >>> 0, hart, clock };
}
