// Tasks: the structure, the list of all of them, and the one that runs here.
//
// tasklist_lock (rwlock, taken with interrupts off by writers) protects the list of tasks and with it the life of a
// task's stack: a task leaves the list before its stack is freed. Nested inside no other lock of the scheduler.
// A task_struct lives until its usage count is 0: one reference is the task's own, dropped by whoever runs after it.
// Fields marked [rq] belong to the lock of the run queue of `cpu`, those marked [self] to the task itself.

import { cpumask } from "../arch/cpumask.ts";
import { NR_CPUS } from "../arch/percpu.ts";
import { STACK_SIZE, thread_struct } from "../arch/thread.ts";
import { atomic_t } from "../lib/atomic.ts";
import { list_for_each_entry, list_head } from "../lib/list.ts";
import type { rtlock_waiter } from "../locking/rtlock.ts";
import { rwlock_t } from "../locking/rwlock.ts";
import { spinlock_t } from "../locking/spinlock.ts";
import { mm_ref } from "../mm/mm_ref/types.ts";
import type { mm_struct } from "../mm/mm_types.ts";
import { rcu_head } from "../rcu/cblist.ts";
import { completion } from "./completion.ts";

/** Bytes of a stack. */
export const THREAD_SIZE = STACK_SIZE;

export const TASK_RUNNING = 0;
export const TASK_INTERRUPTIBLE = 1;
export const TASK_UNINTERRUPTIBLE = 2;
export const TASK_PARKED = 0x40;
export const TASK_DEAD = 0x80;
/** Waits for a spinlock_t or rwlock_t of rt: nothing but that lock wakes it, and its own state is in saved_state. */
export const TASK_RTLOCK_WAIT = 0x1000;
/** Sleeps as long as nobody has anything for it: not stuck, however long. */
const TASK_NOLOAD = 0x400;
export const TASK_IDLE = TASK_UNINTERRUPTIBLE | TASK_NOLOAD;
/** Sleeps for whatever time, but for the signal that ends it. */
export const TASK_KILLABLE = 0x100 | TASK_UNINTERRUPTIBLE;
/** States out of which wake_up_process wakes. */
export const TASK_NORMAL = TASK_INTERRUPTIBLE | TASK_UNINTERRUPTIBLE;

/** An idle task: never queued, never asleep. */
export const PF_IDLE = 1 << 1;
export const PF_EXITING = 1 << 2;
/** Made for one CPU; bound to another one, which is said, when that goes offline. */
export const PF_BOUND = 1 << 3;
/** Belongs to its CPU: sleeps while that is offline, is never moved, nor is cpus_mask looked at. */
export const PF_PER_CPU = 1 << 4;
/** Frees memory: may use the reserves for that, and does not reclaim inside. */
export const PF_MEMALLOC = 1 << 5;
export const PF_KSWAPD = 1 << 6;

/** Who goes first; the lower, the sooner. Below MAX_RT_PRIO: real-time policies; then the one level of all others. */
export const MAX_RT_PRIO = 100;
export const DEFAULT_PRIO = 120;
/** The idle tasks'. */
export const MAX_PRIO = 140;

export const SCHED_NORMAL = 0;
/** Runs until it sleeps or somebody of a higher priority wants the CPU. */
export const SCHED_FIFO = 1;
/** Takes turns with others of its priority. */
export const SCHED_RR = 2;

export const TASK_COMM_LEN = 16;
/** At the low end of each stack: overwritten, the stack has overflowed. */
export const STACK_END_MAGIC = 0x57ac_6e9d;

export class task_struct {
  /** TASK_…; written by the task itself, and by whoever wakes it. */
  state: u32;
  /** [self] Nesting of preempt_disable, softirq, hardirq: see preempt.ts. */
  preempt_count: u32;
  /** Somebody wants this CPU: schedule at the next opportunity. */
  need_resched: u8;
  /** [self] PF_… */
  flags: u16;
  pid: u32;
  readonly comm = new FixedArray<u8>(TASK_COMM_LEN);
  /** [rq] What counts now: normal_prio, or that of somebody who waits for it. */
  prio: u8;
  /** [rq] Its own. */
  normal_prio: u8;
  /** [rq] SCHED_… */
  policy: u8;
  /** [self] Depth of migrate_disable. */
  migration_disabled: u8;
  /** [rq] Where it runs or ran last. */
  cpu: u32;
  /** [rq] Runnable: running or queued. */
  on_rq: u8;
  /** [rq] A CPU executes it. */
  on_cpu: u8;
  /** [rq] Ticks left until others get their turn. */
  time_slice: u8;
  /** [rq] CPUs in cpus_mask. */
  nr_cpus_allowed: u8;
  /** [rq] The tick at which it last fell asleep, at least 1; 0: never has. */
  slept_at: u32;
  /** [rq] Where it may run, as long as one of these is online. */
  readonly cpus_mask = new cpumask();
  /** [rq] Link in the run queue, when runnable and not running. */
  readonly run_list = new list_head();
  readonly thread = new thread_struct();
  /** Lowest address of the stack, THREAD_SIZE bytes, aligned to that. */
  stack: usize;
  /** Link in the list of all tasks. */
  readonly tasks = new list_head();
  readonly usage = new atomic_t();
  /** [self] */
  rcu_read_lock_nesting: u32;
  /** [self], set by the scheduler's RCU hook. */
  rcu_read_unlock_special: u32;
  readonly rcu_node = new list_head();
  readonly rcu = new rcu_head();
  // Of preempt = rt; the last three under pi_word (locking/rtlock.ts).
  /** [rq] In TASK_RTLOCK_WAIT: what its state was, or TASK_RUNNING once somebody has woken it out of that. */
  saved_state: u32;
  /** [self] As the softirq part of preempt_count elsewhere. */
  softirq_disable_cnt: u32;
  /** Those who wait for locks of this task, the most urgent first. */
  readonly rt_waiters = new list_head();
  /** What it waits for, if it does. */
  rt_blocked_on: rtlock_waiter | null;
  // Of swap.enabled (mm.ts).
  /** Its address space, or null. Others hold alloc_lock. */
  mm: mm_struct | null;
  /** [self] The one its CPU is in while it runs. */
  active_mm: mm_struct | null;
  readonly alloc_lock = new spinlock_t();
  /** By which it has the mm_count of an active_mm that is not its own. */
  readonly mm_ref = new mm_ref();
  kthread_flags: u32;
  kthread_fn: (arg: u32) => void;
  /** What kthread_stop returns, once the task has ended. */
  exit_code: i32;
  readonly exited = new completion();
  readonly parked = new completion();
}

/** The boot CPU's idle task; runs start_kernel. */
export const init_task = new task_struct();

/** Head of the list of all tasks but the idle ones. */
export const task_list = new list_head();
export const tasklist_lock = new rwlock_t();

/** First words of the per-CPU area, by which locks work: they are read with one instruction each. */
class cpu_current {
  task: task_struct;
  cpu: u32;
}
const current_task = new PerCpu(cpu_current);

export function get_current(): task_struct {
  "inline";
  return current_task.current().task;
}

/** Stable only while preemption is off. */
export function smp_processor_id(): u32 {
  "inline";
  return current_task.current().cpu;
}

/** The scheduler is between two tasks, or another CPU is about to start. */
export function set_current(cpu: u32, task: task_struct): void {
  current_task.of(cpu).task = task;
  current_task.of(cpu).cpu = cpu;
}

/** set_current for the calling CPU, which keeps its number. */
export function switch_current(task: task_struct): void {
  "inline";
  current_task.current().task = task;
}

/** First call of start_kernel: before it no lock works. */
export function early_task_init(): void {
  init_task.preempt_count = 1;
  init_task.flags = PF_IDLE;
  init_task.prio = MAX_PRIO;
  current_task.current().task = init_task;
  current_task.current().cpu = 0;
}

/** Hold tasklist_lock. */
export function* for_each_process(): Generator<task_struct> {
  for (const task of list_for_each_entry(task_list, task_struct, "tasks")) yield task;
}

/** Means "any CPU" where a CPU number is asked for. */
export const CPU_ANY = NR_CPUS;
