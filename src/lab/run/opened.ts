/**
 * Where the sections began in which somebody should not be: preemption, softirqs, RCU read sections, interrupts switched off.
 *
 * Nothing in the guest remembers that, so the run is made once more on a machine that records accesses: every store to a task's
 * preempt_count and rcu_read_lock_nesting is seen, and what raised the count and was not undone by the time asked about is open.
 * For interrupts the machine knows what switched them off.
 */
import { ACCESS_KIND, ACCESS_WORD } from "../../machine/memory/layout.ts";
import type { Machine } from "../../machine/types.ts";
import type { Stack } from "../observe/moment.ts";
import type { ProgressReport } from "../observe/progress/types.ts";
import type { Pauses } from "./drive.ts";

const TWO_32 = 2 ** 32;
/** So many sections of one task are told, the innermost ones. */
const SECTIONS_MAX = 4;
const SOFTIRQ_OFFSET = 1 << 8;
const HARDIRQ_OFFSET = 1 << 16;

/** Of whom it is asked what is open, and when. */
export interface Question {
  readonly report: ProgressReport;
  readonly task: number;
  /** Address of the task_struct. */
  readonly address: number;
  readonly hart: number;
  readonly clock: number;
}

export interface Fields {
  readonly preemptCount: number;
  readonly rcuNesting: number;
}

interface Section {
  readonly value: number;
  readonly role: string;
  readonly stack: Stack;
}

class Watched {
  value = 0;
  readonly open: Section[] = [];
}

export class OpenedSections implements Pauses {
  readonly #machine: Machine;
  readonly #questions: readonly Question[];
  readonly #fields: Fields;
  readonly #words = new Map<number, Watched>();
  #asked = 0;
  #answered = 0;

  constructor(machine: Machine, questions: readonly Question[], fields: Fields) {
    this.#machine = machine;
    this.#questions = [...questions].sort((a, b) => a.clock - b.clock);
    this.#fields = fields;
    for (const { address } of questions) {
      this.#words.set((address + fields.preemptCount) | 0, new Watched());
      this.#words.set((address + fields.rcuNesting) | 0, new Watched());
    }
  }

  get dueCycle(): number | null {
    return this.#questions[this.#asked]?.clock ?? null;
  }

  reached(): void {
    const clock = this.dueCycle;
    for (; this.#questions[this.#asked]?.clock === clock; this.#asked++) {
      const question = this.#questions[this.#asked];
      const { irqsOff } = this.#machine.hart(question.hart);
      if (question.report.facts.irqsOff !== 1 || irqsOff === null) continue;
      const stack = { pc: irqsOff.pc, ra0: 0, ra1: 0, hart: question.hart, clock: irqsOff.since };
      question.report.scenes.push({ role: "interrupts have been off since", task: question.task, stack, waitsFor: null });
    }
  }

  /** Takes access records, in order of time. */
  consume = (words: Int32Array, places: Int32Array, count: number): void => {
    for (let record = 0; record < count; record++) {
      const at = places[record];
      const watched = this.#words.get(words[at + ACCESS_WORD.VIRTUAL]);
      if (watched === undefined) continue;
      const head = words[at + ACCESS_WORD.HEAD];
      if (((head >>> 12) & 15) !== ACCESS_KIND.STORE) continue;
      const clock = (words[at + ACCESS_WORD.CLOCK_HIGH] >>> 0) * TWO_32 + (words[at + ACCESS_WORD.CLOCK_LOW] >>> 0);
      this.#answerUntil(clock);
      const stack = { pc: words[at + ACCESS_WORD.PC] >>> 0, ra0: 0, ra1: 0, hart: head & 0xff, clock };
      this.#stored(watched, words[at + ACCESS_WORD.VALUE], this.#isCount(words[at + ACCESS_WORD.VIRTUAL]), stack);
    }
  };

  /** The run has ended: what has not been answered is answered now. */
  finish(): void {
    this.#answerUntil(Infinity);
  }

  #isCount(address: number): boolean {
    return this.#questions.some((one) => ((one.address + this.#fields.preemptCount) | 0) === address);
  }

  #stored(watched: Watched, value: number, isCount: boolean, stack: Stack): void {
    const { open } = watched;
    const step = value - watched.value;
    watched.value = value;
    if (step > 0 && value > 0) {
      open.push({ value, role: isCount ? countRole(step) : "an RCU read section began", stack });
      return;
    }
    while (open.length > 0 && open[open.length - 1].value > value) open.pop();
    const tooOften = isCount ? "switched preemption on once too often" : "left a read section that it was not in";
    if (value < 0) open.push({ value, role: tooOften, stack });
  }

  /** All questions about times before `clock`. */
  #answerUntil(clock: number): void {
    for (; this.#answered < this.#questions.length && this.#questions[this.#answered].clock < clock; this.#answered++) {
      const { report, task, address } = this.#questions[this.#answered];
      const { what } = report.facts;
      for (const offset of [this.#fields.preemptCount, this.#fields.rcuNesting]) {
        const all = this.#words.get((address + offset) | 0)?.open ?? [];
        // The innermost level there is the scheduler's own.
        const scheduler = offset === this.#fields.preemptCount && (what === "schedule" || what === "rcu");
        const open = scheduler ? all.slice(0, -1) : all;
        for (const { role, stack } of open.slice(-SECTIONS_MAX)) report.scenes.push({ role, task, stack, waitsFor: null });
      }
    }
  }
}

function countRole(step: number): string {
  if (step >= HARDIRQ_OFFSET) return "an interrupt came";
  if (step >= 2 * SOFTIRQ_OFFSET) return "softirqs have been off since";
  return step >= SOFTIRQ_OFFSET ? "softirqs were served from" : "preemption has been off since";
}
