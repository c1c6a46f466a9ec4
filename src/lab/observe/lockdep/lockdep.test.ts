import { expect, test } from "vitest";
import { KIND, type Mark, observed, RECURSIVE, TRY } from "../testing.ts";
import type { LockdepReport } from "./types.ts";

/** Locks of four classes: A and B by name, Z and L by where they stand. */
const ADDRESS = { A: 0xc0020000, B: 0xc0020100, Z: 0xc0010020, L: 0xc0010040 } as const;
type Name = keyof typeof ADDRESS;
type Options = Partial<Mark> & { readonly kind?: keyof typeof KIND; readonly config?: object };

const CLASS_NAMES: Readonly<Record<string, string>> = {
  "first.lock": "A",
  "other.lock": "B",
  "zones[1].lock": "Z",
  list_lock: "L",
};

/** A run of one history: every call is a mark, one cycle after the other. */
class History {
  readonly marks: Mark[] = [
    { event: "LOCK_INIT", clock: 1, c: ADDRESS.A, a: 0xc0005000 },
    { event: "LOCK_INIT", clock: 2, c: ADDRESS.B, a: 0xc0005300 },
  ];
  #config = {};

  mark(event: Mark["event"], more: Partial<Mark> = {}): this {
    this.marks.push({ event, clock: this.marks.length + 1, ...more });
    return this;
  }

  lock(name: Name, { kind = "spin", ...more }: Options = {}): this {
    return this.mark("LOCK_ACQUIRED", { c: ADDRESS[name], a: KIND[kind], ...more });
  }

  unlock(name: Name, { kind = "spin", ...more }: Options = {}): this {
    return this.mark("LOCK_RELEASE", { c: ADDRESS[name], a: KIND[kind], ...more });
  }

  /** Takes the first and, inside it, the others; lets go in reverse. */
  nest(names: readonly Name[], options: Options = {}): this {
    for (const name of names) this.lock(name, options);
    for (const name of [...names].reverse()) this.unlock(name, options);
    return this;
  }

  irq(inside: (self: this) => void, hart = 0): this {
    this.mark("IRQ_ENTER", { hart });
    inside(this);
    return this.mark("IRQ_EXIT", { hart });
  }

  with(config: object): this {
    this.#config = config;
    return this;
  }

  get reports(): string[] {
    return observed(this.marks, this.#config).lockdep.reports.map(brief);
  }
}

const short = (name: string): string => name.replace(/^[^/]+/, (cls) => CLASS_NAMES[cls] ?? cls);

function brief(report: LockdepReport): string {
  const times = report.count > 1 ? ` x${report.count}` : "";
  switch (report.kind) {
    case "circular": {
      const path = [report.acquiring, ...report.chain].map((one) => short(one.class));
      return `circular ${path.join(">")}${times}`;
    }
    case "recursive":
      return `recursive ${short(report.acquiring.class)}${times}`;
    case "inconsistent":
      return `${short(report.acquiring.class)} {${report.before.state}} -> {${report.now}}${times}`;
    case "irq-order":
      return `${short(report.safe.class)} ${report.safe.state} > ${short(report.unsafe.class)} ${report.unsafe.state}${times}`;
    case "irq-inversion":
      return `inversion ${report.forwards ? "forwards" : "backwards"} ${short(report.changed.class)} ${short(report.other.class)}${times}`;
    case "wait-context":
      return `wait ${short(report.acquiring.class)} ${report.acquiring.waits} in ${report.context}${times}`;
    case "unbalanced":
      return `unbalanced ${short(report.releasing.class)}${times}`;
    case "held-at-exit":
      return `exit with ${report.held.map((one) => short(one.class)).join()}${times}`;
  }
}

const run = (): History => new History();

test("an order and its reverse, on any hart and at any time", () => {
  expect(run().nest(["A", "B"]).nest(["B", "A"], { hart: 1 }).reports).toEqual(["circular A>B"]);
  expect(run().nest(["A", "B"]).nest(["A", "B"], { hart: 1 }).reports).toEqual([]);
  // Released before the other is taken: no order.
  expect(run().nest(["A", "B"]).nest(["B"]).nest(["A"]).reports).toEqual([]);
});

test("a circle through a third lock, told once", () => {
  const history = run().nest(["A", "B"]).nest(["B", "Z"]);
  expect(history.nest(["Z", "A"]).nest(["Z", "A"]).reports).toEqual(["circular A>B>Z x2"]);
});

test("a wait that never ends is checked before it", () => {
  const stuck = { c: ADDRESS.A, a: KIND.spin };
  expect(run().nest(["A", "B"]).lock("B").mark("LOCK_CONTENDED", stuck).reports).toEqual([
    "circular A>B",
  ]);
});

test("the order is that of the nearest lock; a try neither waits nor hides what lies before it", () => {
  const tried = { b: TRY };
  // The try itself closes no circle.
  expect(run().nest(["A", "B"]).lock("B").lock("A", tried).reports).toEqual([]);
  // What is taken under a tried lock is taken under the one before, too.
  expect(
    run().lock("A").lock("B", tried).lock("Z").unlock("Z").unlock("B").unlock("A").nest(["Z", "A"])
      .reports,
  ).toEqual(["circular A>Z"]);
});

/** A count of readers as kernel/cpu/lock.ts marks it: A, made of the mutex B. */
const mutexed = { kind: "mutex" } as const;
const announce = (on: History, kind: "sem_read" | "sem_write", b: number): History => on.mark("LOCK_ACQUIRE", { c: ADDRESS.A, a: KIND[kind], b });
const enter = (on: History): History => announce(on, "sem_read", RECURSIVE).nest(["B"], mutexed).lock("A", { kind: "sem_read", b: RECURSIVE });
const leave = (on: History): History => on.lock("B", mutexed).unlock("A", { kind: "sem_read" }).unlock("B", mutexed);
const write = (on: History, inside: (on: History) => void): History => {
  announce(on, "sem_write", 0).lock("B", mutexed).lock("A", { kind: "sem_write" });
  inside(on);
  return on.unlock("A", { kind: "sem_write" }).unlock("B", mutexed);
};

test("a lock made of another one has its place where it was wanted: readers and the writer close no circle with the mutex inside", () => {
  const once = (on: History): History => leave(enter(on));
  const nested = (on: History): History => leave(leave(enter(enter(on))));
  expect(write(nested(once(run())), () => {}).reports).toEqual([]);
  // What the writer takes inside is behind the count, and a reader who takes it first closes a circle …
  const inside = (on: History): void => void on.nest(["Z"], mutexed);
  const first = write(run(), inside).lock("Z", mutexed);
  expect(leave(enter(first)).unlock("Z", mutexed).reports).toEqual(["circular A>Z"]);
  // … but not one who has been inside all along: while it is, no writer is.
  const again = enter(write(run(), inside)).lock("Z", mutexed);
  expect(leave(leave(enter(again).unlock("Z", mutexed))).reports).toEqual([]);
  // The lock that holds the writer's place, taken by a reader inside: nobody would ever go on.
  const outside = write(run().lock("L", mutexed), () => {}).unlock("L", mutexed);
  expect(leave(enter(outside).nest(["L"], mutexed)).reports).toEqual(["circular L>A"]);
});

test("recursion, and what is none", () => {
  expect(run().lock("A").lock("A").reports).toEqual(["recursive A"]);
  expect(run().lock("A").lock("A", { b: 1 }).reports).toEqual([]);
  expect(run().lock("A").lock("A", { b: TRY }).reports).toEqual([]);
  const read = { kind: "read" } as const;
  expect(run().lock("A", read).lock("A", read).reports).toEqual([]);
  expect(run().lock("A", read).lock("A", { kind: "write" }).reports).toEqual(["recursive A"]);
  expect(
    run().with({ "rwlock.fairness": "queued" }).lock("A", read).lock("A", read).reports,
  ).toEqual(["recursive A"]);
  // Behind a waiting writer a reader in an interrupt still gets in.
  expect(
    run()
      .with({ "rwlock.fairness": "queued" })
      .lock("A", read)
      .irq((on) => on.lock("A", read).unlock("A", read)).reports,
  ).toEqual([]);
});

test("readers pass readers: a circle needs a strong path", () => {
  const read = { kind: "read" } as const;
  const write = { kind: "write" } as const;
  const order = (first: Options, second: Options): string[] =>
    run().lock("A", first).lock("B").unlock("B").unlock("A", first).lock("B").lock("A", second)
      .reports;
  expect(order(read, read)).toEqual([]);
  expect(order(read, write)).toEqual(["circular A>B"]);
  expect(order(write, read)).toEqual(["circular A>B"]);
});

test("taken in an interrupt and with interrupts on", () => {
  const inside = (on: History): void => void on.nest(["A"]);
  expect(run().nest(["A"], { irqsOn: true }).irq(inside).reports).toEqual([
    "A {HARDIRQ-ON-W} -> {IN-HARDIRQ-W}",
  ]);
  expect(run().irq(inside).nest(["A"], { irqsOn: true }).reports).toEqual([
    "A {IN-HARDIRQ-W} -> {HARDIRQ-ON-W}",
  ]);
  expect(run().irq(inside).nest(["A"]).reports).toEqual([]);
});

test("an interrupt on top of who holds the lock: the same, though its state was not seen before", () => {
  expect(run().lock("A").irq((on) => on.lock("A")).reports).toEqual(["A {HARDIRQ-ON-W} -> {IN-HARDIRQ-W}"]);
  const read = { kind: "read" } as const;
  expect(run().lock("A", read).irq((on) => on.lock("A", { kind: "write" })).reports).toEqual(["A {HARDIRQ-ON-R} -> {IN-HARDIRQ-W}"]);
  expect(run().lock("A", read).irq((on) => on.lock("A", read)).reports).toEqual([]);
});

test("interrupts that come on while the lock is held are seen at its release", () => {
  const history = run().irq((on) => void on.nest(["A"]));
  expect(history.lock("A").unlock("A", { irqsOn: true }).reports).toEqual([
    "A {IN-HARDIRQ-W} -> {HARDIRQ-ON-W}",
  ]);
});

test("softirqs: with bh off a lock is safe from them", () => {
  const on = { irqsOn: true };
  const served = (history: History): History =>
    history.mark("SOFTIRQ_ENTER").nest(["A"], on).mark("SOFTIRQ_EXIT");
  expect(served(run().nest(["A"], on)).reports).toEqual(["A {SOFTIRQ-ON-W} -> {IN-SOFTIRQ-W}"]);
  expect(served(run().mark("BH_DISABLE").nest(["A"], on).mark("BH_ENABLE")).reports).toEqual([]);
});

test("a chain from a class that interrupts take to one that is held while they may come", () => {
  const unsafe = { irqsOn: true };
  const safe = (on: History): void => void on.nest(["A"]);
  // The new dependency connects them.
  expect(run().irq(safe).nest(["B"], unsafe).nest(["A", "B"]).reports).toEqual([
    "A IN-HARDIRQ-W > B HARDIRQ-ON-W",
  ]);
  // The dependency is old, the state is new.
  expect(run().nest(["A", "B"]).nest(["B"], unsafe).irq(safe).reports).toEqual([
    "inversion forwards A B",
  ]);
  expect(run().nest(["A", "B"]).irq(safe).nest(["B"], unsafe).reports).toEqual([
    "inversion backwards B A",
  ]);
});

test("locks of different contexts are in no order", () => {
  expect(
    run()
      .lock("A")
      .irq((on) => void on.nest(["B"]))
      .unlock("A")
      .nest(["B", "A"]).reports,
  ).toEqual([]);
});

test("wait types: what may sleep is not taken where nobody sleeps", () => {
  const mutex = { kind: "mutex" } as const;
  const raw = { kind: "raw" } as const;
  expect(run().lock("A").lock("B", mutex).reports).toEqual(["wait B 3:3 in 4"]);
  expect(run().lock("B", mutex).lock("A").reports).toEqual([]);
  expect(run().irq((on) => on.lock("B", mutex)).reports).toEqual(["wait B 3:3 in 2"]);
  expect(run().lock("A", raw).lock("B").reports).toEqual([]);
  // Where interrupts are off nobody sleeps either, once tasks run.
  expect(run().lock("B", mutex).reports).toEqual([]);
  expect(run().mark("FIRST_KTHREAD").lock("B", mutex).reports).toEqual(["wait B 3:3 in 2"]);
  expect(run().mark("FIRST_KTHREAD").lock("B", { ...mutex, irqsOn: true }).reports).toEqual([]);
  const rt = { preempt: "rt" };
  expect(run().with(rt).lock("A", raw).lock("B").reports).toEqual(["wait B 3:3 in 5"]);
  expect(
    run()
      .with(rt)
      .irq((on) => on.lock("B")).reports,
  ).toEqual(["wait B 3:3 in 2"]);
  expect(run().with(rt).lock("A").lock("B", raw).reports).toEqual([]);
});

test("tasks carry their locks over harts; the scheduler's lock is let go by the next task", () => {
  const mutex = { kind: "mutex" } as const;
  const moved = run()
    .mark("SWITCH", { c: 0x100 })
    .lock("A", mutex)
    .lock("L", { kind: "raw" })
    .mark("SWITCH", { c: 0x200 })
    .unlock("L", { kind: "raw" })
    .lock("Z")
    .unlock("Z")
    .mark("SWITCH", { c: 0x100, hart: 1 })
    .nest(["B"], { kind: "mutex", hart: 1 })
    .unlock("A", { kind: "mutex", hart: 1 });
  expect(moved.reports).toEqual([]);
  // A before B is known although they were taken on different harts.
  expect(moved.nest(["B", "A"], mutex).reports).toEqual(["circular A>B"]);
});

test("tasks that wait for each other are stuck; what an interrupt has taken is not kept by what its task waits for", () => {
  const stuck = (marks: readonly Mark[]) => observed(marks).lockdep.stuckSince() !== null;
  const wait = (self: History, name: Name, hart: number) => self.mark("LOCK_CONTENDED", { c: ADDRESS[name], a: KIND.spin, hart });
  const two = () =>
    run()
      .mark("SWITCH", { c: 0x100 })
      .mark("SWITCH", { c: 0x200, hart: 1 })
      .lock("A", { hart: 1 });
  // The task on hart 0 has B and waits for A, whose holder waits for B.
  expect(stuck(wait(wait(two().lock("B"), "A", 0), "B", 1).marks)).toBe(true);
  // It waits for A, and an interrupt on its hart takes B: that will be let go of.
  expect(stuck(wait(wait(two(), "A", 0).mark("IRQ_ENTER").lock("B").mark("IRQ_ENTER", { hart: 1 }), "B", 1).marks)).toBe(false);
  // So will what an interrupt on the other hart has, whoever of them begins to wait last.
  expect(stuck(wait(wait(two().lock("B"), "Z", 0), "B", 1).mark("IRQ_ENTER", { hart: 1 }).lock("Z", { hart: 1 }).marks)).toBe(false);
});

test("a release without a hold, a task that ends with a lock, a lock made anew while it is held", () => {
  expect(run().unlock("A").reports).toEqual(["unbalanced A"]);
  expect(
    run().mark("SWITCH", { c: 0x100 }).lock("A").mark("TASK_EXIT", { c: 0x100 }).reports,
  ).toEqual(["exit with A"]);
  expect(
    run().lock("A").mark("LOCK_INIT", { c: ADDRESS.A, a: 0xc0005000 }).nest(["A"]).reports,
  ).toEqual([]);
});

test("what it saw is counted: nothing seen proves nothing", () => {
  expect(observed(run().nest(["A", "B", "Z"]).marks).lockdep.dependencies).toBe(2);
  expect(observed(run().nest(["A"]).marks).lockdep.dependencies).toBe(0);
});
