/**
 * A profile: every so many cycles the run pauses, and where each hart stands is counted, with its whole stack.
 *
 * A sample stands for the period before it: its cycles, and the instructions that the hart retired in it. Pauses change nothing in
 * the machine (run/drive.ts), and the period counts guest cycles, so a profile is as repeatable as its run. It says nothing of what
 * recurs faster than the period or in step with it; hence a prime by default.
 *
 * While no hart retires anything for IDLE_CYCLES nothing is sampled, so that the machine can find out whether anything ever will happen.
 */
import type { Symbols } from "../image/symbols.ts";
import type { Pauses } from "../run/drive.ts";
import type { Machine } from "../../machine/types.ts";
import { Unwinder } from "./unwind.ts";

export const PERIOD_CYCLES = 9973;
const IDLE_CYCLES = 20_000_000;
/** The kernel's own name for where its traps begin; what lies outside of it in a stack was interrupted. */
const TRAP_ENTRY = "trap_entry";

/** A place in the tree of stacks: the root's children are harts. */
export interface ProfileNode {
  /** Code address; at the first two levels the hart and the task's address, or INTERRUPT. */
  readonly children: Map<number, ProfileNode>;
  samples: number;
  instructions: number;
}

export const INTERRUPT = -1;

export interface Profile {
  readonly period: number;
  readonly samples: number;
  readonly root: ProfileNode;
}

const node = (): ProfileNode => ({ children: new Map(), samples: 0, instructions: 0 });

export class Sampler implements Pauses {
  readonly #machine: Machine;
  readonly #symbols: Symbols;
  readonly #unwinder: Unwinder;
  readonly #taskOn: (hart: number) => number;
  readonly #period: number;
  readonly #retired: number[];
  readonly #root = node();
  #samples = 0;
  #next: number;
  #activeCycle = 0;

  /** `taskOn`: the task that a hart runs, by the address of its task_struct. */
  constructor(machine: Machine, symbols: Symbols, period: number, taskOn: (hart: number) => number) {
    this.#machine = machine;
    this.#symbols = symbols;
    this.#unwinder = new Unwinder(machine, symbols);
    this.#taskOn = taskOn;
    this.#period = period;
    this.#next = period;
    this.#retired = Array.from({ length: machine.config.harts }, () => 0);
  }

  get dueCycle(): number {
    if (this.#next === Infinity) this.#resume();
    return this.#next;
  }

  reached(): void {
    const clock = this.#next;
    this.#next += this.#period;
    let active = false;
    this.#retired.forEach((before, hart) => {
      const view = this.#machine.hart(hart);
      const instructions = view.instructions - before;
      this.#retired[hart] = view.instructions;
      active ||= instructions > 0;
      this.#count(hart, this.#unwinder.stack(view), view.waiting, instructions);
    });
    this.#samples++;
    if (active) this.#activeCycle = clock;
    else if (clock - this.#activeCycle >= IDLE_CYCLES) this.#next = Infinity;
  }

  /** Whether somebody does something again. */
  #resume(): void {
    let latest = 0;
    let active = false;
    this.#retired.forEach((before, hart) => {
      const { clock, instructions } = this.#machine.hart(hart);
      latest = Math.max(latest, clock);
      active ||= instructions > before;
    });
    if (!active) return;
    this.#activeCycle = latest;
    this.#next = (Math.floor(latest / this.#period) + 1) * this.#period;
  }

  profile(): Profile {
    return { period: this.#period, samples: this.#samples, root: this.#root };
  }

  #count(hart: number, stack: readonly number[], waiting: boolean, instructions: number): void {
    const trap = stack.findIndex((address) => this.#symbols.functionName(address) === TRAP_ENTRY);
    let at = child(child(this.#root, hart), trap < 0 ? this.#taskOn(hart) : INTERRUPT);
    for (let i = trap < 0 ? stack.length - 1 : trap; i >= 0; i--) {
      // A return address belongs to the instruction before it, and so does the pc of a hart that waits: behind its wfi. What was
      // interrupted at its first instruction is no return address.
      const address = stack[i]!;
      at = child(at, (i === 0 && !waiting) || this.#symbols.isEntry(address) ? address : address - 1);
    }
    at.samples++;
    at.instructions += instructions;
  }
}

function child({ children }: ProfileNode, key: number): ProfileNode {
  let found = children.get(key);
  if (found === undefined) {
    found = node();
    children.set(key, found);
  }
  return found;
}
