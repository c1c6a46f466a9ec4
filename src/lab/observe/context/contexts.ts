/**
 * What runs where it must not, and what is not put back as it was: sleeping in atomic context; preempt_count, RCU read sections and
 * interrupt flags that are not balanced at the end of an interrupt, of softirqs, of a task and of a work.
 *
 * The guest's marks bring a context word: preempt_count in bits 0..23 (preemption 0..7, softirqs 8..15, hardirqs 16..19), depth of RCU
 * read sections above. A report names who; where the sections were opened is found in a second run (run/opened.ts).
 */
import type { Stack } from "../moment.ts";
import type { ProgressReport } from "../progress/types.ts";
import { Reports } from "../progress/reports.ts";

const HARTS = 64;
const COUNT_MASK = 0xff_ffff;

export type Handler = "interrupt" | "softirq";

export class Contexts {
  readonly reports = new Reports();
  /** What a handler was entered with, by hart; innermost last. */
  readonly #entered = Array.from({ length: HARTS }, (): { handler: Handler; word: number }[] => []);
  /** When a task was last told that it might sleep where it must not. */
  readonly #told = new Map<number, number>();
  readonly #atomic: ReadonlyMap<number, string>;
  readonly #boundaries: ReadonlyMap<number, string>;

  /** ATOMIC and BOUNDARY, by name. */
  constructor(atomic: Readonly<Record<string, number>>, boundary: Readonly<Record<string, number>>) {
    this.#atomic = byValue(atomic);
    this.#boundaries = byValue(boundary);
  }

  /** `what`: ATOMIC; `word`: the context; `entered`: when the task came to the hart. */
  slept(what: number, word: number, entered: number, irqsOn: boolean, task: number, stack: Stack): void {
    const name = this.#atomic.get(what) ?? "might";
    // Who sleeps has been told already that he must not.
    if (name !== "might" && (this.#told.get(task) ?? -1) >= entered) return;
    if (name === "might") this.#told.set(task, stack.clock);
    const { count, rcu } = contextOf(word);
    // The scheduler has its own level on top, and interrupts off once it has begun.
    const own = name === "schedule" ? count - 1 : name === "rcu" ? 0 : count;
    const facts = { what: name, count: own, rcu, irqsOff: name === "might" && !irqsOn ? 1 : 0 };
    this.#add("atomic-sleep", `${name} ${stack.ra0} ${stack.ra1}`, facts, task, stack);
  }

  unbalanced(boundary: number, word: number, irqsOn: boolean, task: number, stack: Stack): void {
    const at = this.#boundaries.get(boundary) ?? "exit";
    const facts = { at, ...contextOf(word), irqsOff: Number(!irqsOn) };
    this.#add("unbalanced", `${at} ${task} ${stack.ra1}`, facts, task, stack);
  }

  entered(hart: number, handler: Handler, word: number): void {
    this.#entered[hart].push({ handler, word });
  }

  left(handler: Handler, word: number, cause: number, task: number, stack: Stack): void {
    const open = this.#entered[stack.hart];
    const at = open.findLastIndex((one) => one.handler === handler);
    if (at < 0) return;
    const [entry] = open.splice(at);
    if (entry.word === word) return;
    const before = contextOf(entry.word);
    const then = { countBefore: before.count, rcuBefore: before.rcu };
    const facts = { at: handler, cause: cause & 0x7fff_ffff, ...contextOf(word), irqsOff: 0, ...then };
    this.#add("unbalanced", `${handler} ${cause} ${entry.word} ${word}`, facts, task, stack);
  }

  #add(kind: "atomic-sleep" | "unbalanced", key: string, facts: ProgressReport["facts"], task: number, stack: Stack): void {
    const { hart, clock } = stack;
    this.reports.add(`${kind} ${key}`, () => ({
      kind, count: 1, task, hart, clock, since: clock, facts, scenes: [{ role: "is here", task, stack, waitsFor: null }],
    }));
  }
}

function contextOf(word: number): { count: number; rcu: number } {
  return { count: word & COUNT_MASK, rcu: word >>> 24 };
}

function byValue(names: Readonly<Record<string, number>>): ReadonlyMap<number, string> {
  return new Map(Object.entries(names).map(([name, value]) => [value, name]));
}
