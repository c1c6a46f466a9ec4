// The idle task of each CPU, and setting up the scheduler.
//
// Idle keeps preemption off and asks the scheduler itself. It looks for work with interrupts off and sleeps in WFI, which
// a pending interrupt ends even then, so no wake-up falls between the look and the sleep. The tick goes on.

import { CONFIG } from "config";
import { cpu_online, nr_cpu_ids } from "../arch/cpumask.ts";
import { init_stack } from "../arch/head.ts";
import { local_irq_disable, local_irq_enable } from "../arch/irqflags.ts";
import { STACK_SIZE } from "../arch/thread.ts";
import { set_dump_stack_task } from "../lib/bug.ts";
import { printk } from "../lib/printk.ts";
import { snprintf } from "../lib/vsprintf.ts";
import { idle_balance } from "./balance.ts";
import { sched_cpu_starting, schedule_idle } from "./core.ts";
import { alloc_task } from "./fork.ts";
import { idle_task_exit } from "./mm.ts";
import { need_resched } from "./preempt.ts";
import { cpu_rq, rq_init } from "./rq.ts";
import {
  get_current,
  init_task,
  MAX_PRIO,
  PF_IDLE,
  STACK_END_MAGIC,
  set_current,
  smp_processor_id,
  TASK_COMM_LEN,
  TASK_RUNNING,
  type task_struct,
} from "./task.ts";

/** What an idle CPU does once it is offline; does not return. */
let play_dead: (() => void) | null = null;

export function set_play_dead(fn: () => void): void {
  play_dead = fn;
}

export function cpu_idle(): void {
  for (;;) {
    local_irq_disable();
    if (!cpu_online(smp_processor_id())) {
      if (CONFIG.swap.enabled) idle_task_exit();
      const die = play_dead;
      if (die !== null) die();
    }
    if (!need_resched() && !idle_balance()) wfi();
    local_irq_enable();
    if (need_resched()) schedule_idle();
  }
}

function print_task(): void {
  const task = get_current();
  printk("CPU: %u PID: %u Comm: %s\n", smp_processor_id(), task.pid, addr(task.comm));
}

/** The boot CPU can schedule once this is done; the others have their run queues, still closed. */
export function sched_init(): void {
  set_dump_stack_task(print_task);
  for (let cpu: u32 = 0; cpu < nr_cpu_ids; cpu++) rq_init(cpu);
  init_task.stack = init_stack();
  cast<Ptr<u32>>(init_task.stack)[0] = STACK_END_MAGIC;
  become_idle(init_task, 0);
  sched_cpu_starting(0);
}

function become_idle(task: task_struct, cpu: u32): void {
  const queue = cpu_rq(cpu);
  snprintf(task.comm, TASK_COMM_LEN, "swapper/%u", cpu);
  task.flags = PF_IDLE;
  task.state = TASK_RUNNING;
  task.preempt_count = 1;
  task.need_resched = 0;
  task.cpu = cpu;
  task.prio = MAX_PRIO;
  task.on_rq = 1;
  task.on_cpu = 1;
  queue.idle = task;
  queue.curr = task;
  queue.curr_prio = MAX_PRIO;
}

/** The idle task of a CPU that is about to start, ready to begin anew; 0 when memory is short, else its stack's end. */
export function prepare_idle(cpu: u32): usize {
  const queue = cpu_rq(cpu);
  let task: task_struct | null = castOrNull<task_struct>(addr(queue.idle));
  if (task === null) task = alloc_task();
  if (task === null) return 0;
  become_idle(task, cpu);
  set_current(cpu, task);
  return task.stack + STACK_SIZE;
}
