// Runs a scenario: starts the tasks that bootargs name, fires SCENARIO_START, and returns when all of them have ended.
//
// task=NAME@CPUS[*REPEAT][+DELAY]: CPUS is `all`, `last` or `n,n,...` modulo the number of CPUs; one kthread for each CPU named,
// bound to it; its argument counts the kthreads of all tasks from 0. DELAY counts from SCENARIO_START. The names are looked up
// in the .tasks section, which the compiler filled.
// Lifetime: the records below stay until power-off, reachable from scenario_tasks.

import { MARK } from "../abi/marks.ts";
import { num_online_cpus } from "../arch/cpumask.ts";
import { atomic_dec_and_test, atomic_inc, atomic_set, atomic_t } from "../lib/atomic.ts";
import { panic } from "../lib/bug.ts";
import { for_each_option, parse_duration_ms, parse_u32 } from "../lib/cmdline.ts";
import { list_add_tail, list_for_each_entry, list_head } from "../lib/list.ts";
import { pr_info } from "../lib/printk.ts";
import { strncmp } from "../lib/string.ts";
import { GFP_KERNEL } from "../mm/gfp.ts";
import { kzalloc } from "../mm/slab.ts";
import { complete, completion, init_completion, wait_for_completion_state } from "../sched/completion.ts";
import { wake_up_process } from "../sched/core.ts";
import { kthread_create_on_cpu } from "../sched/kthread.ts";
import { TASK_IDLE, task_struct } from "../sched/task.ts";
import { msleep } from "../sched/timer.ts";

/** One entry of the .tasks section. */
class task_entry {
  name: string;
  run: (arg: u32) => void;
}

/** One kthread to run. */
class scenario_task {
  readonly list = new list_head();
  entry: task_entry;
  thread: task_struct;
  index: u32;
  repeat: u32;
  delay_ms: u32;
}

const scenario_tasks = new list_head();
/** Kthreads that have not ended yet, and one for run_scenario itself. */
const scenario_running = new atomic_t();
const scenario_ended = new completion();
let scenario_count: u32 = 0;
let stopping: boolean = false;

/** Asks endless tasks to end: what a scenario's last task calls. */
export function scenario_stop(): void {
  WRITE_ONCE(stopping, true);
}

export function scenario_stopping(): boolean {
  return READ_ONCE(stopping);
}

/** The entry whose name is the `length` bytes at `name`. */
function find_task(name: usize, length: u32): task_entry {
  const stop = linkerSymbol("__tasks_stop");
  for (let at = linkerSymbol("__tasks_start"); at < stop; at += sizeof<task_entry>()) {
    const entry = cast<task_entry>(at);
    const candidate = cast<Ptr<u8>>(addr(entry.name));
    if (strncmp(entry.name, stringAt(name), length) === 0 && candidate[length] === 0) return entry;
  }
  panic("scenario: no task of this image is named as in task=%s", name);
}

function scenario_thread(arg: u32): void {
  const task = cast<scenario_task>(arg);
  if (task.delay_ms !== 0) msleep(task.delay_ms);
  for (let i: u32 = 0; i < task.repeat; i++) task.entry.run(task.index);
  if (atomic_dec_and_test(scenario_running)) complete(scenario_ended);
}

function add_thread(entry: task_entry, cpu: u32, repeat: u32, delay_ms: u32): void {
  const memory = kzalloc(sizeof<scenario_task>(), GFP_KERNEL);
  if (memory === 0) panic("scenario: no memory for a task record");
  const task = cast<scenario_task>(memory);
  task.entry = entry;
  task.index = scenario_count++;
  task.repeat = repeat;
  task.delay_ms = delay_ms;
  list_add_tail(task.list, scenario_tasks);
  const thread = kthread_create_on_cpu(scenario_thread, memory, cpu, entry.name);
  if (thread === null) panic("scenario: no memory for a kthread");
  task.thread = thread!;
  atomic_inc(scenario_running);
}

/** Calls add_thread for each CPU that `cpus` (up to `end`) names. */
function add_on_cpus(entry: task_entry, cpus: usize, end: usize, repeat: u32, delay_ms: u32): void {
  const count = num_online_cpus();
  if (strncmp(stringAt(cpus), "all", 3) === 0) {
    for (let cpu: u32 = 0; cpu < count; cpu++) add_thread(entry, cpu, repeat, delay_ms);
    return;
  }
  if (strncmp(stringAt(cpus), "last", 4) === 0) {
    add_thread(entry, count - 1, repeat, delay_ms);
    return;
  }
  for (let at = cpus; at < end; ) {
    add_thread(entry, parse_u32(at) % count, repeat, delay_ms);
    while (at < end && cast<Ptr<u8>>(at)[0] !== 0x2c) at++;
    at++;
  }
}

/** NAME@CPUS[*REPEAT][+DELAY], NUL-terminated. */
function add_task(spec: usize): void {
  const text = cast<Ptr<u8>>(spec);
  let at: u32 = 0;
  while (text[at] !== 0 && text[at] !== 0x40) at++;
  const entry = find_task(spec, at);
  if (text[at] === 0) panic("scenario: task=%s names no CPU; write NAME@CPUS", spec);
  const cpus = spec + at + 1;
  while (text[at] !== 0 && text[at] !== 0x2a && text[at] !== 0x2b) at++;
  const end = spec + at;
  let repeat: u32 = 1;
  let delay_ms: u32 = 0;
  if (text[at] === 0x2a) {
    repeat = parse_u32(spec + at + 1);
    while (text[at] !== 0 && text[at] !== 0x2b) at++;
  }
  if (text[at] === 0x2b) delay_ms = parse_duration_ms(spec + at + 1);
  add_on_cpus(entry, cpus, end, repeat, delay_ms);
}

/** Called by the init kthread with all CPUs online. */
export function run_scenario(): void {
  init_completion(scenario_ended);
  atomic_set(scenario_running, 1);
  for (const spec of for_each_option("task")) add_task(spec);
  if (scenario_count === 0) {
    pr_info("scenario: no task= in the boot arguments, nothing to run\n");
    return;
  }
  pr_info("scenario: %u kthreads\n", scenario_count);
  traceMark(MARK.SCENARIO_START);
  for (const task of list_for_each_entry(scenario_tasks, scenario_task, "list")) wake_up_process(task.thread);
  if (!atomic_dec_and_test(scenario_running)) wait_for_completion_state(scenario_ended, TASK_IDLE);
}
