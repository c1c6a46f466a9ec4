/**
 * The guest's tasks, read from its memory by the layouts of the `.hartlab` section: who runs on a hart, and where a task stands
 * that does not run. Reads only, between two stretches of the run.
 */
import { assert } from "../../base/assert.ts";
import type { HartlabSection } from "../../base/hartlab-section.ts";
import type { Machine } from "../../machine/types.ts";
import { cString } from "../image/elf.ts";
import { backtrace, type Backtrace, callers } from "../run/second-look.ts";
import type { Symbols } from "../image/symbols.ts";

export interface GuestTask {
  readonly address: number;
  readonly comm: string;
  readonly pid: number;
}

const TP = 4;
const TASKS_MAX = 4096;
const MACHINE_MODE = 3;

export class Guest {
  readonly #machine: Machine;
  readonly #section: HartlabSection;
  readonly #symbols: Symbols;

  constructor(machine: Machine, section: HartlabSection, symbols: Symbols) {
    this.#machine = machine;
    this.#section = section;
    this.#symbols = symbols;
  }

  /** What the hart runs; null while it is in the firmware, or not started. */
  current(hart: number): GuestTask | null {
    const area = this.percpuArea(hart);
    const current = this.#section.percpu.find((one) => one.name === "current_task");
    if (area === null || current === undefined) return null;
    const task = this.word(area + current.address + this.#offset("cpu_current", "task"));
    return task === null || task === 0 ? null : this.task(task);
  }

  /** The start of the per-CPU area of the CPU that a hart is; null while it is in the firmware. */
  percpuArea(hart: number): number | null {
    const { privilege, x } = this.#machine.hart(hart);
    return privilege === MACHINE_MODE || x[TP] === 0 ? null : x[TP];
  }

  task(address: number): GuestTask | null {
    const comm = this.#section.structs.task_struct?.fields.find((field) => field.name === "comm");
    assert(comm !== undefined, "lab: the image's tasks have names");
    const name = this.#machine.readVirtual(address + comm.offset, comm.size);
    const pid = this.word(address + this.#offset("task_struct", "pid"));
    return name === null || pid === null ? null : { address, comm: cString(name) ?? "?", pid };
  }

  /** The task at an address, if it has not ended. */
  listed(address: number): GuestTask | null {
    return this.#tasks().find((one) => one.address === address >>> 0) ?? null;
  }

  /** All tasks of a name that have not ended. */
  named(comm: string): GuestTask[] {
    return this.#tasks().filter((one) => one.comm === comm);
  }

  #tasks(): GuestTask[] {
    const list = this.#section.statics.find((one) => one.name === "task_list");
    if (list === undefined) return [];
    const link = this.#offset("task_struct", "tasks");
    const found: GuestTask[] = [];
    let at = this.word(list.address);
    for (let n = 0; n < TASKS_MAX && at !== null && at !== list.address; n++) {
      const task = this.task(at - link);
      if (task !== null) found.push(task);
      at = this.word(at);
    }
    return found;
  }

  /** The hart's stack, innermost first. */
  stackOf(hart: number): Backtrace {
    // At a function's first instruction its frame is not there yet.
    return backtrace(this.#machine, hart, (pc) => this.#symbols.isLeaf(pc) || this.#symbols.isEntry(pc));
  }

  /** The stack of a task that does not run: where it called the scheduler. */
  stackOfSleeper(task: GuestTask): Backtrace {
    const thread = task.address + this.#offset("task_struct", "thread");
    const ra = this.word(thread + this.#offset("thread_struct", "ra")) ?? 0;
    return [ra, ...callers(this.#machine, this.word(thread + this.#offset("thread_struct", "s0")) ?? 0)];
  }

  isAsleep(task: GuestTask): boolean {
    return this.word(task.address + this.#offset("task_struct", "state")) !== 0;
  }

  word(address: number): number | null {
    const bytes = this.#machine.readVirtual(address, 4);
    return bytes === null ? null : new DataView(bytes.buffer).getUint32(0, true);
  }

  #offset(struct: string, name: string): number {
    const field = this.#section.structs[struct]?.fields.find((one) => one.name === name);
    assert(field !== undefined, `lab: the image has ${struct}.${name}`);
    return field.offset;
  }
}
