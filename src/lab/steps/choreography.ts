/**
 * Drives a machine through the steps of a scenario, one after the other, from the start of the scenario on.
 *
 * Who (a CPU, a task, or a task on a CPU) stands at the place of its next until- or passes-step whenever it comes there, be it
 * before the step's turn: so nothing is missed. There its hart is held: it executes nothing, and all others go on. A step that
 * has its turn lets its own people go; `until` holds them at the place, `passes` does not. Between steps everybody who is not held
 * runs freely.
 *
 * A step that does not happen within its time, or before everybody waits or the run ends, is told with who is where. Unless it is
 * optional no further step is made: all are released and the run goes on to its end.
 *
 * It acts only at stops that depend on the guest and the scenario alone, so two runs are the same. Needs a machine in exact order,
 * without a JIT.
 */
import { assert } from "../../base/assert.ts";
import type { HartlabSection } from "../../base/hartlab-section.ts";
import type { Machine } from "../../machine/types.ts";
import { cString } from "../image/elf.ts";
import type { Symbols } from "../image/symbols.ts";
import { formatDuration } from "../scenario/units.ts";
import { Guest, type GuestTask } from "./guest.ts";
import type { PlannedStep } from "./plan.ts";
import type { StepFrame, StepResult, Whereabouts } from "./types.ts";
import { readWatch } from "./watch.ts";
import { framesOf, sentence, whereabouts } from "./whereabouts.ts";

/** The text of a line of the guest's source, where it is at hand. */
export type LineText = (file: string, line: number) => string | null;

const POINT_NAME_MAX = 128;
/** Where marks POINT are made, inlined at their place. */
const POINT_FILE = "kernel/lib/point.ts";

/** Somebody that steps name. */
interface Subject {
  readonly cpu: number | null;
  readonly task: string | null;
  /** Indices of its until- and passes-steps. */
  readonly placed: readonly number[];
  /** The hart on which it is held, and the step that did it. */
  held: { readonly hart: number; readonly step: number } | null;
  /** The step at whose place it stands, before or in its turn. */
  arrived: number | null;
  /** How often it has come to the place of its next step. */
  seen: { readonly step: number; readonly times: number };
}

/** Of a stack, the frame that a step names; else the innermost. */
function placeIn(stack: readonly StepFrame[], { step, place }: PlannedStep): StepFrame | null {
  const named = step.until ?? step.passes ?? "";
  const [, file, line] = /^(.+):(\d+)$/.exec(named) ?? [];
  const isNamed = ({ function: name, file: of, line: at }: StepFrame): boolean =>
    place === null || place.point !== null ? of !== POINT_FILE : name === named.split("+")[0] || (file !== undefined && of?.endsWith(file) === true && at === Number(line));
  return stack.find(isNamed) ?? stack[0] ?? null;
}

export class Choreography {
  readonly #machine: Machine;
  readonly #plan: readonly PlannedStep[];
  readonly #guest: Guest;
  readonly #symbols: Symbols;
  readonly #lineText: LineText;
  readonly #subjects = new Map<string, Subject>();
  readonly #results: StepResult[] = [];
  /** Tasks that there have been. */
  readonly #known = new Set<string>();
  /** The step whose turn it is; -1: not started; the number of steps: no more. */
  #turn = -1;
  /** When the step at hand ends, or has failed. */
  #deadline = Infinity;
  /** The hart that a step stalls. */
  #stalled: number | null = null;
  #armed = "";

  constructor(machine: Machine, plan: readonly PlannedStep[], section: HartlabSection, symbols: Symbols, lineText?: LineText) {
    this.#machine = machine;
    this.#lineText = lineText ?? (() => null);
    this.#plan = plan;
    this.#symbols = symbols;
    this.#guest = new Guest(machine, section, symbols);
    for (const { who, step } of plan) {
      if (who === "" || this.#subjects.has(who)) continue;
      const placed = plan.flatMap((one, at) => (one.who === who && one.place !== null ? [at] : []));
      this.#subjects.set(who, { cpu: step.cpu ?? null, task: step.task ?? null, placed, held: null, arrived: null, seen: { step: -1, times: 0 } });
    }
  }

  /** What became of the steps, in their order; complete when the run has ended. */
  get results(): readonly StepResult[] {
    return this.#results;
  }

  /** The clock at which `due` is to be called. */
  get dueCycle(): number {
    return this.#deadline;
  }

  /** The scenario starts. */
  start(): void {
    for (const { task } of this.#subjects.values()) if (task !== null && this.#guest.named(task).length > 0) this.#known.add(task);
    this.#begin(0);
  }

  /** A hart stands at a breakpoint. */
  broke(hart: number, pc: number): void {
    const task = this.#guest.current(hart);
    for (const subject of this.#subjects.values()) {
      const at = this.#next(subject);
      if (at === null || subject.held !== null || !this.#isThere(subject, at, hart, task, pc)) continue;
      const times = (subject.seen.step === at ? subject.seen.times : 0) + 1;
      subject.seen = { step: at, times };
      if (times < this.#plan[at].step.times) continue;
      subject.arrived = at;
      subject.held = { hart, step: at };
      if (at === this.#turn) this.#arrive(subject);
    }
    this.#apply();
  }

  /** `dueCycle` has come. */
  due(): void {
    const { step } = this.#plan[this.#turn];
    if (step.wait !== undefined || step.stall !== undefined) {
      this.#stalled = null;
      this.#finish(step.cpu ?? null);
    } else this.#fail(`within ${formatDuration(step.within)}`);
    this.#apply();
  }

  /** Nothing can happen any more; whether that has been changed. */
  stuck(): boolean {
    if (this.#turn < 0 || this.#turn >= this.#plan.length || this.#stalled !== null) return this.#releaseAll();
    this.#fail("and nothing else can happen");
    this.#apply();
    return true;
  }

  /** The run has ended. */
  ended(how: string): void {
    if (this.#turn < 0 && this.#plan.length > 0) this.#turn = 0;
    if (this.#turn < this.#plan.length) this.#fail(`before the run ended (${how})`, true);
  }

  /** The next until- or passes-step of a subject that it has not made. */
  #next({ placed }: Subject): number | null {
    return placed.find((at) => at >= this.#turn) ?? null;
  }

  #isThere(subject: Subject, at: number, hart: number, task: GuestTask | null, pc: number): boolean {
    const { place } = this.#plan[at];
    if (place === null || !place.addresses.includes(pc)) return false;
    if (subject.cpu !== null && subject.cpu !== hart) return false;
    if (subject.task !== null && subject.task !== task?.comm) return false;
    if (place.point === null) return true;
    const name = this.#machine.hart(hart).x[place.point.registers.get(pc) ?? 0];
    const bytes = this.#machine.readVirtual(name, POINT_NAME_MAX);
    return bytes !== null && cString(bytes) === place.point.name;
  }

  /** A step gets its turn. */
  #begin(turn: number): void {
    this.#turn = turn;
    this.#deadline = Infinity;
    if (turn < this.#plan.length) {
      const { step, who, place } = this.#plan[turn];
      const subject = this.#subjects.get(who) ?? null;
      if (place !== null) {
        assert(subject !== null, "steps: a place has somebody who comes there");
        this.#deadline = this.#now() + step.within;
        if (subject.arrived === turn) return this.#arrive(subject);
        this.#letGo(subject);
      } else if (step.wait !== undefined) this.#deadline = this.#now() + step.wait;
      else if (step.stall !== undefined) this.#stall(step.cpu ?? 0, step.stall);
      else if (subject !== null) return step.interrupt === undefined ? this.#release(subject) : this.#interrupt(subject, step.interrupt);
    } else for (const one of this.#subjects.values()) one.held = null;
    this.#apply();
  }

  #arrive(subject: Subject): void {
    const hart = subject.held?.hart ?? null;
    subject.arrived = null;
    // Shown as it stands there, then let go.
    const passes = this.#plan[this.#turn].step.passes !== undefined;
    this.#finish(hart, () => {
      if (passes) subject.held = null;
    });
  }

  #release(subject: Subject): void {
    const held = [...this.#subjects.values()].find((one) => this.#means(subject, one))?.held ?? null;
    this.#letGo(subject);
    if (held !== null) return this.#finish(held.hart);
    const detail = `step ${this.#turn + 1} (${this.#plan[this.#turn].who} release) finds nobody held`;
    this.#record(this.#plan[this.#turn], { status: "skipped", cycle: this.#now(), detail });
    this.#begin(this.#turn + 1);
  }

  /** Whoever is held under this or another name and is meant by it goes on; at the place of a later step of its own it stays. */
  #letGo(subject: Subject): void {
    for (const one of this.#subjects.values()) if (this.#means(subject, one)) one.held = null;
  }

  /** Whether `one` is held, has had its turn, and is who is meant. */
  #means({ cpu, task }: Subject, one: Subject): boolean {
    if (one.held === null || one.arrived !== null || (cpu !== null && cpu !== one.held.hart)) return false;
    return task === null || task === this.#guest.current(one.held.hart)?.comm;
  }

  #stall(hart: number, cycles: number): void {
    this.#stalled = hart;
    this.#deadline = this.#now() + cycles;
  }

  #interrupt(subject: Subject, source: "timer" | "software"): void {
    const hart = subject.held?.hart ?? subject.cpu ?? this.#hartOf(subject);
    if (hart === null) return this.#fail("as it does not run");
    this.#machine.interrupt(hart, source);
    this.#finish(hart);
  }

  #hartOf({ task }: Subject): number | null {
    for (let hart = 0; hart < this.#machine.config.harts; hart++) if (this.#guest.current(hart)?.comm === task) return hart;
    return null;
  }

  /** The step at hand is done, by what runs on `hart`; then the next one gets its turn. */
  #finish(hart: number | null, after?: () => void): void {
    const planned = this.#plan[this.#turn];
    const task = hart === null ? null : this.#guest.current(hart);
    const stack = hart === null ? [] : framesOf(this.#guest.stackOf(hart), this.#symbols);
    const at = placeIn(stack, planned);
    if (task !== null) this.#known.add(task.comm);
    this.#record(planned, {
      status: "done",
      cycle: this.#now(),
      hart,
      task: task === null ? null : { comm: task.comm, pid: task.pid },
      at,
      source: at?.file == null || at.line === null ? null : this.#lineText(at.file, at.line),
      stack,
      values: this.#values(planned, hart ?? 0),
    });
    after?.();
    this.#begin(this.#turn + 1);
  }

  #values({ watches }: PlannedStep, hart: number): StepResult["values"] {
    return watches.map((watch) => ({
      name: watch.name,
      value: readWatch(watch, hart, this.#machine, this.#guest, this.#symbols),
    }));
  }

  /** The step at hand does not happen. `atEnd`: nor does any other. */
  #fail(why: string, atEnd = false): void {
    const planned = this.#plan[this.#turn];
    const { optional } = planned.step;
    const where = this.#whereabouts();
    const what = [planned.who, planned.action].join(" ").trim();
    const detail = `step ${this.#turn + 1} (${what}) did not happen ${why}: ${where.map(sentence).join("; ")}`;
    const values = this.#values(planned, planned.step.cpu ?? 0);
    this.#record(planned, { status: optional ? "skipped" : "never", cycle: this.#now(), values, detail, where });
    if (optional && !atEnd) return this.#begin(this.#turn + 1);
    for (const rest of this.#plan.slice(this.#turn + 1)) {
      this.#record(rest, { status: optional && rest.step.optional ? "skipped" : "not reached" });
    }
    this.#turn = this.#plan.length;
    this.#deadline = Infinity;
    this.#stalled = null;
    for (const one of this.#subjects.values()) one.held = null;
  }

  #whereabouts(): Whereabouts[] {
    const heldBy = new Map<number, number>();
    for (const { held } of this.#subjects.values()) if (held !== null) heldBy.set(held.hart, held.step + 1);
    const stage = { machine: this.#machine, guest: this.#guest, symbols: this.#symbols, heldBy, stalled: this.#stalled, known: this.#known };
    return whereabouts(this.#plan, stage);
  }

  #record({ step, line, who, action }: PlannedStep, what: Partial<StepResult> & Pick<StepResult, "status">): void {
    const rest = { cycle: null, hart: null, task: null, at: null, source: null, stack: [], values: [], detail: null, where: [] };
    this.#results.push({ step: this.#results.length + 1, line, who, action, note: step.note ?? null, ...rest, ...what });
  }

  /** Everybody goes on; whether somebody was held. */
  #releaseAll(): boolean {
    let any = this.#stalled !== null;
    for (const subject of this.#subjects.values()) {
      any ||= subject.held !== null;
      subject.held = null;
    }
    this.#apply();
    return any;
  }

  /** Makes the machine hold whom it should, and stop where it should. */
  #apply(): void {
    const held = new Set([...this.#subjects.values()].flatMap((one) => (one.held === null ? [] : [one.held.hart])));
    if (this.#stalled !== null) held.add(this.#stalled);
    for (let hart = 0; hart < this.#machine.config.harts; hart++) {
      if (held.has(hart)) this.#machine.hold(hart);
      else this.#machine.release(hart);
    }
    const places = [...this.#subjects.values()].flatMap((one) => {
      const at = one.held === null ? this.#next(one) : null;
      return at === null ? [] : (this.#plan[at].place?.addresses ?? []);
    });
    const wanted = [...new Set(places)].sort((a, b) => a - b);
    if (wanted.join() === this.#armed) return;
    this.#armed = wanted.join();
    this.#machine.setBreakpoints(wanted);
  }

  #now(): number {
    let clock = 0;
    for (let hart = 0; hart < this.#machine.config.harts; hart++) clock = Math.max(clock, this.#machine.hart(hart).clock);
    return clock;
  }
}
