// RCU CPU stall warnings: a grace period that does not end within rcu.stall_timeout (boot parameter, 2100ms; Linux has 21 s, and a
// tenth suits guest time; 0 or off: never) is reported with who holds it up, in Linux's words:
//
//   rcu: INFO: rcu_preempt self-detected stall on CPU                     by the CPU that owes, from its own tick
//   rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:                 by another CPU: a few ticks later, or when a preempted reader stalls
//   rcu: 	1-....: (2104 ticks this GP) idle=0                            `!`: no tick came there for a tenth of the time; `O`: offline
//   rcu: 	Tasks blocked on level-0 rcu_node (CPUs 0-3): P34
//   rcu: 	(detected by 2, t=2102 jiffies, g=57, q=31 ncpus=4)
//
// and the stacks of those CPUs and tasks; then again after each three times as long. Names: rcu_preempt or rcu_sched, by flavour.
// Time is that of the time CSR, not jiffies: the CPU that counts jiffies may be the one that hangs.
// A CPU that has its interrupts off cannot print its stack; the report says so and names its task (irq/backtrace.ts).
// A report is made with interrupts off and without rcu_lock, but for the list of blocked tasks.

import { cpu_online, cpumask_test_cpu, nr_cpu_ids, num_online_cpus } from "../arch/cpumask.ts";
import { CSR_TIME } from "../arch/csr.ts";
import { timebase_hz } from "../arch/time.ts";
import { trigger_single_cpu_backtrace } from "../irq/backtrace.ts";
import { dump_stack } from "../lib/bug.ts";
import { get_option_ms, option_is_off } from "../lib/cmdline.ts";
import { list_empty, list_for_each_entry } from "../lib/list.ts";
import { pr_cont, printk } from "../lib/printk.ts";
import { raw_spin_lock, raw_spin_unlock } from "../locking/spinlock.ts";
import { HZ } from "../sched/clock.ts";
import { cpu_rq } from "../sched/rq.ts";
import { sched_show_task } from "../sched/show.ts";
import { PF_IDLE, task_struct } from "../sched/task.ts";
import { rcu_callbacks_pending } from "./callbacks.ts";
import { blocking_tasks, gp_started, rcu_gp_in_progress, rcu_lock, rcu_owing } from "./grace_period.ts";
import { PREEMPT_RCU } from "./read.ts";

/** How much longer than a CPU that is to blame another one waits before it speaks up. */
const RAT_DELAY_TICKS = 3;
const NAME: string = PREEMPT_RCU ? "rcu_preempt" : "rcu_sched";

/** In units of the time CSR; 0: no warnings. At most half its range. */
let timeout: u32 = 0;
/** When the current grace period began, and when it will be reported. */
let began: u32 = 0;
let report_at: u32 = 0;

class stall_cpu {
  /** The last grace period that a tick saw, how many saw it, and when the last one was. */
  gp: u32;
  ticks: u32;
  last: u32;
}
const stall_data = new PerCpu(stall_cpu);

function now(): u32 {
  "inline";
  return csrRead(CSR_TIME);
}

function ticks_of(time: u32): u32 {
  return time / (timebase_hz / HZ);
}

export function stall_init(): void {
  if (option_is_off("rcu.stall_timeout")) return;
  const most = 0x7fff_ffff / (timebase_hz / 1000);
  const ms = get_option_ms("rcu.stall_timeout", 2100);
  timeout = (ms > most ? most : ms) * (timebase_hz / 1000);
}

/** rcu_lock is held. */
export function stall_grace_period_began(): void {
  // Ticks look without the lock.
  WRITE_ONCE(began, now());
  WRITE_ONCE(report_at, began + timeout);
}

/** In each tick, interrupts off. */
export function stall_tick(cpu: u32): void {
  if (!rcu_gp_in_progress() || timeout === 0) return;
  const data = stall_data.current();
  const gp = READ_ONCE(gp_started);
  if (data.gp !== gp) {
    data.gp = gp;
    data.ticks = 0;
  }
  data.ticks += 1;
  data.last = now();
  const due = READ_ONCE(report_at);
  const late = i32(data.last - due);
  if (late < 0) return;
  const mine = cpumask_test_cpu(cpu, rcu_owing);
  if (!mine && late < i32(RAT_DELAY_TICKS * (timebase_hz / HZ))) return;
  // One report at a time, and only if the grace period is still the one that was looked at.
  const waited = data.last - READ_ONCE(began);
  const again = data.last + (timeout < 0x2000_0000 ? 3 * timeout : timeout);
  if (READ_ONCE(gp_started) !== gp || !rcu_gp_in_progress() || CMPXCHG(report_at, due, again) !== due) return;
  if (mine) report_own(cpu, gp, waited);
  else report_others(cpu, gp, waited);
}

/** The line of one CPU. */
function print_cpu(cpu: u32, gp: u32): void {
  const data = stall_data.of(cpu);
  const seen = data.gp === gp;
  const quiet = !seen || i32(now() - data.last) > i32(timeout / 10);
  const idle = (cpu_rq(cpu).curr.flags & PF_IDLE) !== 0;
  const offline: string = cpu_online(cpu) ? "." : "O";
  printk("rcu: \t%u-%s..%s: (%u ticks this GP) idle=%u\n", cpu, offline, quiet ? "!" : ".", seen ? data.ticks : 0, u32(idle));
}

/** This CPU owes a quiescent state: its own stack goes through the tick into what it is doing. */
function report_own(cpu: u32, gp: u32, waited: u32): void {
  printk("rcu: INFO: %s self-detected stall on CPU\n", NAME);
  print_cpu(cpu, gp);
  printk("rcu: \t(t=%u jiffies g=%u q=%u ncpus=%u)\n", ticks_of(waited), gp, rcu_callbacks_pending(), num_online_cpus());
  dump_stack();
}

/** ` P1 P2`, under rcu_lock: a task on the list cannot end. */
function print_blocked_tasks(): void {
  if (!PREEMPT_RCU) return;
  raw_spin_lock(rcu_lock);
  if (!list_empty(blocking_tasks)) {
    printk("rcu: \tTasks blocked on level-0 rcu_node (CPUs 0-%u):", nr_cpu_ids - 1);
    for (const task of list_for_each_entry(blocking_tasks, task_struct, "rcu_node")) pr_cont(" P%u", task.pid);
    pr_cont("\n");
  }
  raw_spin_unlock(rcu_lock);
}

function print_stacks_of_tasks(): void {
  if (!PREEMPT_RCU) return;
  raw_spin_lock(rcu_lock);
  for (const task of list_for_each_entry(blocking_tasks, task_struct, "rcu_node")) sched_show_task(task);
  raw_spin_unlock(rcu_lock);
}

function print_stack_of_cpu(cpu: u32): void {
  if (trigger_single_cpu_backtrace(cpu)) return;
  const task = cpu_rq(cpu).curr;
  printk("rcu: CPU%u does not answer, its interrupts are off: it runs %s/%u\n", cpu, addr(task.comm), task.pid);
}

function report_others(cpu: u32, gp: u32, waited: u32): void {
  printk("rcu: INFO: %s detected stalls on CPUs/tasks:\n", NAME);
  for (let other: u32 = 0; other < nr_cpu_ids; other++) if (cpumask_test_cpu(other, rcu_owing)) print_cpu(other, gp);
  print_blocked_tasks();
  const pending = rcu_callbacks_pending();
  printk("rcu: \t(detected by %u, t=%u jiffies, g=%u, q=%u ncpus=%u)\n", cpu, ticks_of(waited), gp, pending, num_online_cpus());
  for (let other: u32 = 0; other < nr_cpu_ids; other++) if (cpumask_test_cpu(other, rcu_owing)) print_stack_of_cpu(other);
  print_stacks_of_tasks();
}
