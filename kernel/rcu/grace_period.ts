// Grace periods: what a reader may still see is freed only after one.
//
// A grace period ends when every CPU that was online at its start has passed through a quiescent state and, in the preemptible
// flavour, every task that was preempted inside a read section before its start has left it. Quiescent states are a context
// switch, and a tick that finds the CPU outside of any read section: idle or, in the preemptible flavour, wherever the task
// counts no read section; in the non-preemptible one, wherever preemption is on. A tick that finds the CPU inside a section asks
// for the next quiescent state: the end of that section (preemptible), or the next cond_resched.
// They are numbered; a callback queued now may run when the first one that begins from now on has ended.
//
// Lock: rcu_lock (raw, interrupts off) protects everything here. It nests inside everything, the run queues included, and nothing
//   is called under it.
// Nobody drives grace periods: whoever removes the last obstacle ends one and begins the next, if somebody wants one.
// Limits: one flat mask of CPUs under one lock; no expedited grace periods; no nohz: an idle CPU's tick reports.

import { BUSTED, CONFIG, RCU_QUIESCENT } from "config";
import { ATOMIC, MARK } from "../abi/marks.ts";
import { cpumask, cpumask_test_cpu, for_each_online_cpu } from "../arch/cpumask.ts";
import { NR_CPUS } from "../arch/percpu.ts";
import { list_add_tail, list_del_init, list_empty, list_head, list_splice_tail_init } from "../lib/list.ts";
import { raw_spin_lock, raw_spin_lock_irqsave, raw_spin_unlock, raw_spin_unlock_irqrestore, raw_spinlock_t } from "../locking/spinlock.ts";
import { cpu_rq } from "../sched/rq.ts";
import { context_word, HARDIRQ_OFFSET, preempt_count } from "../sched/preempt.ts";
import { get_current, PF_IDLE, smp_processor_id, TASK_RUNNING } from "../sched/task.ts";
import { PREEMPT_RCU } from "./read.ts";
import { stall_grace_period_began } from "./stall.ts";

export const rcu_lock = new raw_spinlock_t();

/** The last grace period that began, and the last that ended; equal when none is under way. */
export let gp_started: u32 = 0;
export let gp_ended: u32 = 0;
/** The highest grace period that somebody waits for. */
let gp_wanted: u32 = 0;
/** CPUs that take part; those that still owe the current grace period a quiescent state. */
export const rcu_online = new cpumask();
export const rcu_owing = new cpumask();
/** Tasks preempted inside a read section: those that hold up the current grace period, and the others. */
export const blocking_tasks = new list_head();
const preempted_tasks = new list_head();

/** task.rcu_read_unlock_special: the task is on a list of blocked tasks; its CPU waits for the section to end. */
const BLOCKED = 1;
const NEED_QS = 2;

const REMOTE: boolean = PREEMPT_RCU && CONFIG.rcu.quiescent === RCU_QUIESCENT.remote;
/** The seeded bug `busted=rcu`: every tick is a quiescent state, and preempted readers are not waited for. */
const BUSTED_RCU: boolean = CONFIG.busted === BUSTED.rcu;

export function rcu_gp_in_progress(): boolean {
  return READ_ONCE(gp_started) !== READ_ONCE(gp_ended);
}

// ---- called with rcu_lock held ----

function owing_none(): boolean {
  for (let i: u32 = 0; i < NR_CPUS / 32; i++) if (rcu_owing.bits[i] !== 0) return false;
  return true;
}

function start_grace_period(): void {
  WRITE_ONCE(gp_started, gp_started + 1);
  for (let i: u32 = 0; i < NR_CPUS / 32; i++) WRITE_ONCE(rcu_owing.bits[i], rcu_online.bits[i]);
  // Readers preempted earlier may hold what this grace period shall free.
  list_splice_tail_init(preempted_tasks, blocking_tasks);
  stall_grace_period_began();
  traceMark(MARK.GP_START, gp_started);
}

/** Ends the current grace period if nothing holds it up, and begins the next if somebody wants one. */
function advance(): void {
  if (gp_started !== gp_ended) {
    if (!owing_none() || (!BUSTED_RCU && !list_empty(blocking_tasks))) return;
    WRITE_ONCE(gp_ended, gp_started);
    traceMark(MARK.GP_END, gp_ended);
  }
  if (i32(gp_wanted - gp_started) > 0) start_grace_period();
}

/** Somebody waits for the first grace period that begins from now on: its number. One under way may have begun too early. */
export function request_grace_period(): u32 {
  const gp = gp_started + 1;
  if (i32(gp - gp_wanted) > 0) gp_wanted = gp;
  advance();
  return gp;
}

function quiescent(cpu: u32): void {
  const word = cpu >> 5;
  const bit = 1 << (cpu & 31);
  if ((rcu_owing.bits[word] & bit) === 0) return;
  WRITE_ONCE(rcu_owing.bits[word], rcu_owing.bits[word] & ~bit);
  advance();
}

// ---- hooks of the readers, the scheduler and the tick ----

/** The end of a section in which the task was preempted, or that a tick has found under way. */
export function rcu_read_unlock_special(): void {
  "noinline";
  const task = get_current();
  const flags = raw_spin_lock_irqsave(rcu_lock);
  const special = task.rcu_read_unlock_special;
  task.rcu_read_unlock_special = 0;
  if ((special & BLOCKED) !== 0) {
    list_del_init(task.rcu_node);
    advance();
  }
  if ((special & NEED_QS) !== 0) quiescent(smp_processor_id());
  raw_spin_unlock_irqrestore(rcu_lock, flags);
}

/** Before each switch, interrupts off: a quiescent state of this CPU; a reader that is pushed aside is written down. */
export function rcu_note_context_switch(preempt: boolean): void {
  const task = get_current();
  const cpu = smp_processor_id();
  const reader = PREEMPT_RCU && task.rcu_read_lock_nesting !== 0 && (task.rcu_read_unlock_special & BLOCKED) === 0;
  if (!reader && !cpumask_test_cpu(cpu, rcu_owing)) return;
  if (CONFIG.marks && reader && !preempt && READ_ONCE(task.state) !== TASK_RUNNING)
    traceMark(MARK.ATOMIC_SLEEP, context_word(), ATOMIC.rcu);
  raw_spin_lock(rcu_lock);
  if (reader) {
    task.rcu_read_unlock_special = BLOCKED;
    // A CPU that owes nothing has been quiescent since the grace period began: this section began later.
    if (cpumask_test_cpu(cpu, rcu_owing)) list_add_tail(task.rcu_node, blocking_tasks);
    else list_add_tail(task.rcu_node, preempted_tasks);
  }
  quiescent(cpu);
  raw_spin_unlock(rcu_lock);
}

/** The tick has interrupted code that is in no read section. */
function outside_of_readers(): boolean {
  if (BUSTED_RCU) return true;
  const task = get_current();
  if (PREEMPT_RCU) return task.rcu_read_lock_nesting === 0;
  // The idle task keeps preemption off all the time.
  return preempt_count() - ((task.flags & PF_IDLE) !== 0 ? 1 : 0) === HARDIRQ_OFFSET;
}

/** The tick has interrupted a read section: the CPU shall say when it is over. */
function ask_for_quiescent_state(): void {
  const task = get_current();
  if (PREEMPT_RCU) task.rcu_read_unlock_special |= NEED_QS;
  else WRITE_ONCE(task.need_resched, 1);
}

/**
 * rcu.quiescent=remote: a CPU whose task counts no read section is quiescent, whatever keeps it from saying so. A task that was switched
 * out in one is on a list; a section that begins while this looks began after the grace period (read.ts orders that).
 */
function look_at_other_cpus(): void {
  raw_spin_lock(rcu_lock);
  for (const cpu of for_each_online_cpu()) {
    if (cpumask_test_cpu(cpu, rcu_owing) && READ_ONCE(cpu_rq(cpu).curr.rcu_read_lock_nesting) === 0) quiescent(cpu);
  }
  raw_spin_unlock(rcu_lock);
}

/** In each tick, interrupts off: a quiescent state, if this CPU owes one and is in no read section. */
export function rcu_tick_quiescent(cpu: u32): void {
  if (REMOTE && rcu_gp_in_progress()) look_at_other_cpus();
  if (!cpumask_test_cpu(cpu, rcu_owing)) return;
  if (!outside_of_readers()) {
    ask_for_quiescent_state();
    return;
  }
  raw_spin_lock(rcu_lock);
  quiescent(cpu);
  raw_spin_unlock(rcu_lock);
}

// ---- CPUs coming and going; interrupts are off ----

/** Grace periods wait for the CPU from the next one on. */
export function gp_add_cpu(cpu: u32): void {
  raw_spin_lock(rcu_lock);
  WRITE_ONCE(rcu_online.bits[cpu >> 5], rcu_online.bits[cpu >> 5] | (1 << (cpu & 31)));
  raw_spin_unlock(rcu_lock);
}

/** The CPU has stopped: it owes nothing any more. */
export function gp_remove_cpu(cpu: u32): void {
  raw_spin_lock(rcu_lock);
  WRITE_ONCE(rcu_online.bits[cpu >> 5], rcu_online.bits[cpu >> 5] & ~(1 << (cpu & 31)));
  quiescent(cpu);
  raw_spin_unlock(rcu_lock);
}

// ---- grace periods as numbers ----

/** A cookie for poll_state_synchronize_rcu: a full grace period has passed once the one of that number has ended. */
export function get_state_synchronize_rcu(): u32 {
  fence("rw", "rw");
  return READ_ONCE(gp_started) + 1;
}

/** As get_state_synchronize_rcu, and that grace period will come even if nobody else wants one. */
export function start_poll_synchronize_rcu(): u32 {
  fence("rw", "rw");
  const flags = raw_spin_lock_irqsave(rcu_lock);
  const gp = request_grace_period();
  raw_spin_unlock_irqrestore(rcu_lock, flags);
  return gp;
}

/** A full grace period has passed since the cookie was made. */
export function poll_state_synchronize_rcu(cookie: u32): boolean {
  const passed = i32(READ_ONCE(gp_ended) - cookie) >= 0;
  fence("rw", "rw");
  return passed;
}

/** Grace periods ended so far; for statistics. */
export function rcu_batches_completed(): u32 {
  return READ_ONCE(gp_ended);
}
