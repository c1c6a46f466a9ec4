// The scheduler: who runs next, and how a sleeping task comes to run again.
//
// A task sleeps by writing its state and calling schedule(); the waker writes its condition, then reads the state under
// the lock of the task's run queue. set_current_state orders the two, so no wake-up is lost.
// Preemption: need_resched is set for a running task by the tick or by a waker (with an IPI when it runs elsewhere); it is
// looked at when preempt_count falls to 0 and at the end of an interrupt. A preempted task stays runnable whatever its state.
// Every switch happens with preempt_count 2: one for schedule(), one for rq.lock. New tasks begin with that.

import { CONFIG, PREEMPT } from "config";
import { ATOMIC, MARK } from "../abi/marks.ts";
import { IPI, send_ipi_single } from "../arch/ipi.ts";
import {
  irqs_disabled,
  local_irq_disable,
  local_irq_enable,
  local_irq_restore,
  local_irq_save,
} from "../arch/irqflags.ts";
import { __switch_to } from "../arch/switch.ts";
import { dump_stack, panic } from "../lib/bug.ts";
import { pr_info, printk } from "../lib/printk.ts";
import { raw_spin_lock, raw_spin_unlock, raw_spin_unlock_irq } from "../locking/spinlock.ts";
import { mmdrop_lazy_tlb } from "../mm/mm_struct.ts";
import { rcu_note_context_switch } from "../rcu/rcu.ts";
import { task_may_run_on } from "./affinity.ts";
import { periodic_balance, select_allowed_cpu, select_task_rq } from "./balance.ts";
import { jiffies } from "./clock.ts";
import { put_task_struct } from "./fork.ts";
import { context_switch_mm, finish_mm_switch } from "./mm.ts";
import {
  context_word,
  need_resched,
  PREEMPT_OFFSET,
  preempt_count_add,
  preempt_count_sub,
  preempt_disable,
  preempt_enable,
} from "./preempt.ts";
import {
  cpu_rq,
  enqueue_task,
  pick_next_task,
  RR_TIMESLICE,
  type rq,
  task_rq_lock,
  this_rq,
} from "./rq.ts";
import {
  get_current,
  PF_BOUND,
  PF_IDLE,
  PF_PER_CPU,
  SCHED_FIFO,
  STACK_END_MAGIC,
  smp_processor_id,
  switch_current,
  TASK_DEAD,
  TASK_NORMAL,
  TASK_RTLOCK_WAIT,
  TASK_RUNNING,
  type task_struct,
} from "./task.ts";

/** State first, then the condition: what a waker does the other way round. */
export function set_current_state(state: u32): void {
  "inline";
  WRITE_ONCE(get_current().state, state);
  fence("rw", "rw");
}

export function __set_current_state(state: u32): void {
  "inline";
  WRITE_ONCE(get_current().state, state);
}

/** The CPU of `queue` shall look for another task soon. Its lock is held. */
export function resched_curr(queue: rq): void {
  if (queue.curr.need_resched !== 0) return;
  WRITE_ONCE(queue.curr.need_resched, 1);
  if (queue.cpu !== smp_processor_id()) send_ipi_single(queue.cpu, IPI.RESCHEDULE);
}

function check_stack(task: task_struct): void {
  if (unlikely(cast<Ptr<u32>>(task.stack)[0] !== STACK_END_MAGIC)) {
    panic("corrupted stack end detected inside scheduler (%s/%u)", addr(task.comm), task.pid);
  }
}

/** Why a task comes to __schedule: by itself, pushed aside, or because it waits for a lock, which is no rest for RCU. */
const enum SM { none, preempt, rtlock_wait }

/** A task gives the CPU away inside a section that must not: its count is set right, and the section is broken. */
function __schedule_bug(task: task_struct): void {
  "noinline";
  traceMark(MARK.ATOMIC_SLEEP, context_word(), ATOMIC.schedule);
  printk("BUG: scheduling while atomic: %s/%u/0x%08x\n", addr(task.comm), task.pid, task.preempt_count);
  dump_stack();
  task.preempt_count = PREEMPT_OFFSET;
}

/**
 * The running task, which must not stay on this CPU, goes elsewhere: finish_task_switch takes it there. False: where it should have gone
 * went offline meanwhile, and now it may stay. The run queue is locked.
 */
function sent_away(queue: rq, task: task_struct): boolean {
  WRITE_ONCE(task.cpu, select_allowed_cpu(task));
  return task.cpu !== queue.cpu;
}

function __schedule(mode: u32): void {
  if (unlikely(get_current().preempt_count !== PREEMPT_OFFSET)) __schedule_bug(get_current());
  local_irq_disable();
  const queue = this_rq();
  const prev = queue.curr;
  check_stack(prev);
  rcu_note_context_switch(mode !== SM.none);
  raw_spin_lock(queue.lock);
  prev.need_resched = 0;
  if ((prev.flags & PF_IDLE) === 0) {
    if (mode !== SM.preempt && READ_ONCE(prev.state) !== TASK_RUNNING) {
      WRITE_ONCE(prev.on_rq, 0);
      prev.slept_at = jiffies() | 1;
      WRITE_ONCE(queue.nr_running, queue.nr_running - 1);
    } else if (unlikely(!task_may_run_on(prev, queue.cpu)) && sent_away(queue, prev)) {
      WRITE_ONCE(queue.nr_running, queue.nr_running - 1);
    } else {
      // A task that was pushed aside before its turn was over goes on first, among equals.
      const rest = prev.time_slice !== 0;
      if (!rest) prev.time_slice = RR_TIMESLICE;
      enqueue_task(queue, prev, rest);
    }
  }
  const next = pick_next_task(queue);
  if (next === prev) {
    raw_spin_unlock_irq(queue.lock);
    return;
  }
  queue.nr_switches += 1;
  queue.curr = next;
  WRITE_ONCE(queue.curr_prio, next.prio);
  queue.prev = prev;
  WRITE_ONCE(next.on_cpu, 1);
  traceMark(MARK.SWITCH, next, prev, next.pid);
  switch_current(next);
  context_switch_mm(queue, prev, next);
  __switch_to(prev.thread, next.thread);
  finish_task_switch();
}

/** The first thing a task does after somebody switched to it: on its own stack, with the run queue still locked. */
function finish_task_switch(): void {
  const queue = this_rq();
  const prev = queue.prev;
  const state = prev.state;
  const sent = prev.cpu !== queue.cpu;
  WRITE_ONCE(prev.on_cpu, 0);
  const mm = finish_mm_switch(queue);
  raw_spin_unlock_irq(queue.lock);
  if (CONFIG.swap.enabled && unlikely(mm !== null)) mmdrop_lazy_tlb(mm!, queue.prev_mm_ref);
  if (unlikely(state === TASK_DEAD)) put_task_struct(prev);
  if (unlikely(sent)) place_task(prev);
}

/** Where a new task begins. */
export function schedule_tail(): void {
  finish_task_switch();
  preempt_enable();
}

/** The last act of a task; the caller keeps preemption off. */
export function do_task_dead(): void {
  __set_current_state(TASK_DEAD);
  __schedule(SM.none);
}

/** Gives the CPU away; a task whose state is not TASK_RUNNING sleeps until it is woken. @may_sleep */
export function schedule(): void {
  do {
    preempt_count_add(PREEMPT_OFFSET);
    __schedule(SM.none);
    preempt_count_sub(PREEMPT_OFFSET);
  } while (need_resched());
}

/** As schedule, for a caller with preemption off, once, before and after: nothing comes between what it did last and its sleep. */
export function schedule_preempt_disabled(): void {
  __schedule(SM.none);
}

/** The idle task's schedule: it keeps preemption off. */
export function schedule_idle(): void {
  __schedule(SM.none);
}

/** Waits for a spinlock_t of rt: as schedule(), but that the task may be inside an RCU read section. */
export function schedule_rtlock(): void {
  do {
    preempt_count_add(PREEMPT_OFFSET);
    __schedule(SM.rtlock_wait);
    preempt_count_sub(PREEMPT_OFFSET);
  } while (need_resched());
}

/** The running task is about to wait for a lock: wake-ups that are for what it does otherwise are kept for later. */
export function save_rtlock_state(): void {
  const flags = local_irq_save();
  const queue = this_rq();
  raw_spin_lock(queue.lock);
  const task = queue.curr;
  task.saved_state = task.state;
  WRITE_ONCE(task.state, TASK_RTLOCK_WAIT);
  raw_spin_unlock(queue.lock);
  local_irq_restore(flags);
}

/** It has the lock: its state is what it was, or TASK_RUNNING if somebody woke it meanwhile. */
export function restore_rtlock_state(): void {
  const flags = local_irq_save();
  const queue = this_rq();
  raw_spin_lock(queue.lock);
  const task = queue.curr;
  WRITE_ONCE(task.state, task.saved_state);
  task.saved_state = TASK_RUNNING;
  raw_spin_unlock(queue.lock);
  local_irq_restore(flags);
}

/** Preemption at the end of a section that had switched it off. */
export function preempt_schedule(): void {
  if (get_current().preempt_count !== 0 || irqs_disabled()) return;
  do {
    preempt_count_add(PREEMPT_OFFSET);
    __schedule(SM.preempt);
    preempt_count_sub(PREEMPT_OFFSET);
  } while (need_resched());
}

/** Preemption at the end of an interrupt; interrupts are off before and after. */
export function preempt_schedule_irq(): void {
  do {
    preempt_count_add(PREEMPT_OFFSET);
    local_irq_enable();
    __schedule(SM.preempt);
    local_irq_disable();
    preempt_count_sub(PREEMPT_OFFSET);
  } while (need_resched());
}

/** A voluntary preemption point; true when it was used. */
export function cond_resched(): boolean {
  if (likely(!need_resched()) || get_current().preempt_count !== 0) return false;
  schedule();
  return true;
}

export function yield_cpu(): void {
  get_current().time_slice = 0;
  schedule();
}

/** A bound task whose CPU has gone is bound to `cpu` from now on, and says so. No run queue is locked. */
function say_rebound(task: task_struct, from: u32): void {
  if ((task.flags & PF_BOUND) === 0) return;
  pr_info(
    "sched: task %s/%u was bound to CPU%u, which is offline: bound to CPU%u now\n",
    addr(task.comm),
    task.pid,
    from,
    task.cpu,
  );
}

/** The task runs as soon as its turn comes. Its run queue is locked. */
function activate_task(queue: rq, task: task_struct): void {
  WRITE_ONCE(task.on_rq, 1);
  if (task.time_slice === 0) task.time_slice = RR_TIMESLICE;
  WRITE_ONCE(queue.nr_running, queue.nr_running + 1);
  enqueue_task(queue, task, false);
  if (task.prio < queue.curr_prio) resched_curr(queue);
}

/** Wakes a task that sleeps in one of `states`. False: it did not. */
export function try_to_wake_up(task: task_struct, states: u32): boolean {
  // Until interrupts are as they were: then the task may push this one aside.
  preempt_disable();
  const flags = local_irq_save();
  // Orders the caller's condition before the state that is read below.
  fence("rw", "rw");
  let rebound = false;
  let looked = false;
  let from: u32 = 0;
  let woken = false;
  for (;;) {
    const queue = task_rq_lock(task);
    if ((READ_ONCE(task.state) & states) === 0) {
      if (CONFIG.preempt === PREEMPT.rt && (task.saved_state & states) !== 0) {
        task.saved_state = TASK_RUNNING;
        woken = true;
      }
      raw_spin_unlock(queue.lock);
      break;
    }
    if (task.on_rq === 0 && (task.flags & PF_PER_CPU) === 0) {
      const cpu = task.cpu;
      if (unlikely(queue.online === 0 || !task_may_run_on(task, cpu))) {
        from = cpu;
        rebound = queue.online === 0;
        WRITE_ONCE(task.cpu, select_allowed_cpu(task));
      } else if (queue.nr_running !== 0 && !looked) {
        looked = true;
        WRITE_ONCE(task.cpu, select_task_rq(queue, task));
      }
      if (task.cpu !== cpu) {
        raw_spin_unlock(queue.lock);
        continue;
      }
    }
    WRITE_ONCE(task.state, TASK_RUNNING);
    if (task.on_rq === 0) activate_task(queue, task);
    raw_spin_unlock(queue.lock);
    woken = true;
    break;
  }
  traceMark(MARK.WAKE, task, u32(woken));
  local_irq_restore(flags);
  preempt_enable();
  if (rebound) say_rebound(task, from);
  return woken;
}

export function wake_up_process(task: task_struct): boolean {
  return try_to_wake_up(task, TASK_NORMAL);
}

/** From the tick, interrupts off. */
export function scheduler_tick(): void {
  const queue = this_rq();
  raw_spin_lock(queue.lock);
  const task = queue.curr;
  if ((task.flags & PF_IDLE) === 0 && task.policy !== SCHED_FIFO) {
    if (task.time_slice !== 0) task.time_slice -= 1;
    if (task.time_slice === 0) {
      if (queue.nr_running > 1) resched_curr(queue);
      else task.time_slice = RR_TIMESLICE;
    }
  }
  raw_spin_unlock(queue.lock);
  periodic_balance(queue);
}

/** A runnable task that is on no queue and whose `cpu` says where it shall wait. Interrupts may be on. */
export function place_task(task: task_struct): void {
  const flags = local_irq_save();
  for (;;) {
    const queue = task_rq_lock(task);
    if (queue.online === 0 && (task.flags & PF_PER_CPU) === 0) {
      WRITE_ONCE(task.cpu, select_allowed_cpu(task));
      raw_spin_unlock(queue.lock);
      continue;
    }
    WRITE_ONCE(queue.nr_running, queue.nr_running + 1);
    enqueue_task(queue, task, false);
    if (task.prio < queue.curr_prio) resched_curr(queue);
    raw_spin_unlock(queue.lock);
    break;
  }
  local_irq_restore(flags);
}

/** Takes a waiting task off a CPU that is going away; null when none is left. Interrupts are off. */
function detach_task(queue: rq): task_struct | null {
  raw_spin_lock(queue.lock);
  let task: task_struct | null = pick_next_task(queue);
  if (task === queue.idle) {
    task = null;
  } else {
    WRITE_ONCE(queue.nr_running, queue.nr_running - 1);
    WRITE_ONCE(task!.cpu, select_allowed_cpu(task!));
  }
  raw_spin_unlock(queue.lock);
  return task;
}

/** Runs on the dying CPU with interrupts off, last of all in a task: everybody else who waits here goes elsewhere. */
export function sched_cpu_dying(cpu: u32): void {
  const queue = cpu_rq(cpu);
  raw_spin_lock(queue.lock);
  WRITE_ONCE(queue.online, 0);
  raw_spin_unlock(queue.lock);
  for (;;) {
    const task = detach_task(queue);
    if (task === null) break;
    // on_rq stays 1: nobody else queues it meanwhile.
    place_task(task);
    say_rebound(task, cpu);
  }
}

export function sched_cpu_starting(cpu: u32): void {
  const queue = cpu_rq(cpu);
  raw_spin_lock(queue.lock);
  WRITE_ONCE(queue.online, 1);
  raw_spin_unlock(queue.lock);
}
