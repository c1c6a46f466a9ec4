/**
 * What the guest's memory says about its tasks and CPUs, read between two stretches of the run by the layouts of the `.hartlab` section.
 * Reads only, without side effects, so the run stays what it was.
 *
 * `usable` is false for an image that does not describe this kernel's tasks; then nothing may be asked.
 */
import type { HartlabSection } from "../../../base/hartlab-section.ts";

export interface TaskState {
  readonly address: number;
  readonly pid: number;
  /** TASK_RUNNING 0, INTERRUPTIBLE 1, UNINTERRUPTIBLE 2 ... */
  readonly state: number;
  readonly preemptCount: number;
  readonly rcuNesting: number;
  /** Runnable: running or queued. */
  readonly queued: boolean;
  readonly stack: number;
}

export const TASK_INTERRUPTIBLE = 1;
export const TASK_UNINTERRUPTIBLE = 2;
/** As kernel/arch/thread.ts has it. */
const STACK_BYTES = 8192;
const TASKS_MAX = 4096;
const LIST_MAX = 65_536;

export type ReadMemory = (address: number, length: number) => Uint8Array | null;

const NEEDED: Readonly<Record<string, readonly string[]>> = {
  task_struct: ["state", "preempt_count", "pid", "on_rq", "rcu_read_lock_nesting", "stack", "tasks", "exited", "parked", "rcu_node"],
  rq: ["nr_running"],
  timer_base: ["timers"],
  completion: ["wait"],
  cpu_current: ["task", "cpu"],
};

export class GuestState {
  readonly usable: boolean;
  readonly #section: HartlabSection;
  readonly #read: ReadMemory;
  readonly #statics = new Map<string, number>();
  readonly #percpu = new Map<string, number>();

  constructor(section: HartlabSection, read: ReadMemory) {
    this.#section = section;
    this.#read = read;
    for (const { name, address } of section.statics) this.#statics.set(name, address);
    for (const { name, address } of section.percpu) this.#percpu.set(name, address);
    this.usable =
      ["task_list", "cpu_online_mask"].every((name) => this.#statics.has(name)) &&
      ["runqueues", "timer_bases", "current_task"].every((name) => this.#percpu.has(name)) &&
      Object.entries(NEEDED).every(([struct, names]) => names.every((name) => this.offset(struct, name) !== null));
  }

  /** null: there is no such field. */
  offset(struct: string, name: string): number | null {
    return this.#section.structs[struct]?.fields.find((field) => field.name === name)?.offset ?? null;
  }

  word(address: number): number | null {
    const bytes = this.#read(address, 4);
    return bytes === null ? null : new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  }

  task(address: number): TaskState | null {
    const bytes = this.#read(address, this.#section.structs.task_struct.size);
    if (bytes === null) return null;
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    const word = (name: string): number => view.getUint32(this.#at("task_struct", name), true);
    return {
      address,
      pid: word("pid"),
      state: word("state"),
      preemptCount: word("preempt_count"),
      rcuNesting: word("rcu_read_lock_nesting"),
      queued: bytes[this.#at("task_struct", "on_rq")] !== 0,
      stack: word("stack"),
    };
  }

  /** All tasks but the idle ones. */
  tasks(): TaskState[] {
    const head = this.#statics.get("task_list") ?? 0;
    const link = this.#at("task_struct", "tasks");
    return this.#list(head, TASKS_MAX).flatMap((at) => this.task(at - link) ?? []);
  }

  /** Address of the task that a CPU runs; `area`: start of its per-CPU area. */
  current(area: number): number {
    return this.word(area + (this.#percpu.get("current_task") ?? 0)) ?? 0;
  }

  /** Number of the CPU. */
  cpuOf(area: number): number {
    return this.word(area + (this.#percpu.get("current_task") ?? 0) + this.#at("cpu_current", "cpu")) ?? 0;
  }

  /** Runnable tasks of a CPU, the running one included, the idle one not. */
  running(area: number): number {
    return this.word(area + (this.#percpu.get("runqueues") ?? 0) + this.#at("rq", "nr_running")) ?? 0;
  }

  /** Addresses of the timers armed on a CPU. */
  timers(area: number): number[] {
    return this.#list(area + (this.#percpu.get("timer_bases") ?? 0) + this.#at("timer_base", "timers"), LIST_MAX);
  }

  isOnline(cpu: number): boolean {
    return this.#inMask("cpu_online_mask", cpu);
  }

  /** Whether the grace period waits for the CPU. */
  owesGracePeriod(cpu: number): boolean {
    return this.#inMask("rcu_owing", cpu);
  }

  /** Tasks that were preempted in read sections for which the grace period waits. */
  blockingReaders(): number[] {
    const head = this.#statics.get("blocking_tasks");
    const link = this.#at("task_struct", "rcu_node");
    return head === undefined ? [] : this.#list(head, TASKS_MAX).map((at) => at - link);
  }

  /** Of a list of tasks the one whose end (or parking) this wait queue waits for; null: none. */
  awaited(queue: number, tasks: readonly TaskState[]): TaskState | null {
    const wait = this.#at("completion", "wait");
    const [exited, parked] = [this.#at("task_struct", "exited"), this.#at("task_struct", "parked")];
    return tasks.find(({ address }) => queue === address + exited + wait || queue === address + parked + wait) ?? null;
  }

  static onStack(address: number, { stack }: TaskState): boolean {
    return address >= stack && address < stack + STACK_BYTES;
  }

  #inMask(name: string, cpu: number): boolean {
    const mask = this.#statics.get(name);
    const word = mask === undefined ? null : this.word(mask + (cpu >>> 5) * 4);
    return word !== null && ((word >>> (cpu & 31)) & 1) === 1;
  }

  #at(struct: string, name: string): number {
    return this.offset(struct, name) ?? 0;
  }

  /** Addresses of a list's links. */
  #list(head: number, max: number): number[] {
    const links: number[] = [];
    for (let at = this.word(head); at !== null && at !== head && at !== 0 && links.length < max; at = this.word(at)) links.push(at);
    return links;
  }
}
