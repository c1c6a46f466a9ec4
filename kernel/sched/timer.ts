// Timers in ticks, and sleeping for a time.
//
// Each CPU has a list of timers sorted by expiry, under timer_base.lock (raw, interrupts off; taken inside any other
// lock but rq.lock, which it never takes). The functions run in the TIMER softirq of the CPU that armed the timer, or of
// the one that took over when that went offline. A timer on a stack is removed with del_timer_sync before the stack goes.

import { CONFIG } from "config";
import { cpu_online, nr_cpu_ids } from "../arch/cpumask.ts";
import { local_irq_restore, local_irq_save } from "../arch/irqflags.ts";
import { open_softirq, raise_softirq_irqoff, TIMER_SOFTIRQ } from "../irq/softirq.ts";
import { atomic_dec, atomic_inc, atomic_read, atomic_t } from "../lib/atomic.ts";
import {
  INIT_LIST_HEAD,
  list_add_tail,
  list_del_init,
  list_empty,
  list_for_each_entry,
  list_head,
} from "../lib/list.ts";
import {
  raw_spin_lock,
  raw_spin_lock_init,
  raw_spin_lock_irq,
  raw_spin_lock_irqsave,
  raw_spin_lock_nested,
  raw_spin_unlock,
  raw_spin_unlock_irq,
  raw_spin_unlock_irqrestore,
  raw_spinlock_t,
  RT,
  SINGLE_DEPTH_NESTING,
  spin_lock,
  spin_unlock,
  spinlock_t,
} from "../locking/spinlock.ts";
import { jiffies, msecs_to_jiffies, time_after_eq, time_before, time_before_eq } from "./clock.ts";
import { schedule, set_current_state, wake_up_process } from "./core.ts";
import { hrtimers_dying_cpu } from "./hrtimer.ts";
import { might_sleep } from "./preempt.ts";
import {
  get_current,
  smp_processor_id,
  TASK_INTERRUPTIBLE,
  TASK_UNINTERRUPTIBLE,
  type task_struct,
} from "./task.ts";

export type timer_function = (timer: timer_list) => void;

export class timer_list {
  /** Alone when the timer is not armed. */
  readonly entry = new list_head();
  expires: u32;
  /** Whose list it is or was on. */
  cpu: u32;
  /** TIMER_IRQSAFE or 0. */
  flags: u32;
  fn: timer_function;
}

/** The function runs with interrupts off: del_timer_sync may then be called with them off, also on rt. */
export const TIMER_IRQSAFE = 1;

class timer_base {
  readonly lock = new raw_spinlock_t();
  readonly timers = new list_head();
  /** Address of the timer whose function runs now, or 0. */
  running: usize;
  /** rt: held while functions run, so that who waits for one sleeps and lends its priority; and how many wait. */
  readonly expiry_lock = new spinlock_t();
  readonly expiry_waiters = new atomic_t();
}
const timer_bases = new PerCpu(timer_base);

export const MAX_SCHEDULE_TIMEOUT = 0x7fff_ffff;

/** @calls_atomic fn */
export function __init_timer(timer: timer_list, fn: timer_function, flags: u32): void {
  INIT_LIST_HEAD(timer.entry);
  timer.cpu = 0;
  timer.flags = flags;
  timer.fn = fn;
}

/** @calls_atomic fn */
export function timer_setup(timer: timer_list, fn: timer_function): void {
  __init_timer(timer, fn, 0);
}

export function timer_pending(timer: timer_list): boolean {
  return !list_empty(timer.entry);
}

/** Behind all timers that expire no later: usually at the end, so look from there. */
function insert(base: timer_base, timer: timer_list): void {
  let before = base.timers.prev;
  while (before !== base.timers) {
    const other = containerOf(timer_list, "entry", before);
    if (time_before_eq(other.expires, timer.expires)) break;
    before = before.prev;
  }
  list_add_tail(timer.entry, before.next);
}

/** Arms a timer that is not armed, on the calling CPU. */
export function add_timer(timer: timer_list): void {
  const flags = local_irq_save();
  const cpu = smp_processor_id();
  const base = timer_bases.of(cpu);
  raw_spin_lock(base.lock);
  timer.cpu = cpu;
  insert(base, timer);
  raw_spin_unlock(base.lock);
  local_irq_restore(flags);
}

/** Locks the base that a timer belongs to, with interrupts off. */
function lock_timer_base(timer: timer_list): timer_base {
  for (;;) {
    const cpu = READ_ONCE(timer.cpu);
    const base = timer_bases.of(cpu);
    raw_spin_lock(base.lock);
    if (timer.cpu === cpu) return base;
    raw_spin_unlock(base.lock);
  }
}

/** True when the timer was armed. Its function may still be running. */
export function del_timer(timer: timer_list): boolean {
  const flags = local_irq_save();
  const base = lock_timer_base(timer);
  const armed = timer_pending(timer);
  if (armed) list_del_init(timer.entry);
  raw_spin_unlock(base.lock);
  local_irq_restore(flags);
  return armed;
}

/** rt: the function may have been pushed aside by the caller. */
function wait_for_expiry(base: timer_base): void {
  atomic_inc(base.expiry_waiters);
  spin_lock(base.expiry_lock);
  atomic_dec(base.expiry_waiters);
  spin_unlock(base.expiry_lock);
}

/**
 * As del_timer, and the function does not run any more either. Not from the function itself; on rt the caller may sleep unless the
 * timer is TIMER_IRQSAFE.
 */
export function del_timer_sync(timer: timer_list): boolean {
  const armed = del_timer(timer);
  for (;;) {
    const flags = local_irq_save();
    const base = lock_timer_base(timer);
    const busy = base.running === addr(timer);
    raw_spin_unlock(base.lock);
    local_irq_restore(flags);
    if (!busy) return armed;
    if (RT && (timer.flags & TIMER_IRQSAFE) === 0) wait_for_expiry(base);
    else pause();
  }
}

export function mod_timer(timer: timer_list, expires: u32): boolean {
  const armed = del_timer(timer);
  timer.expires = expires;
  add_timer(timer);
  return armed;
}

function first_timer(base: timer_base): timer_list | null {
  if (list_empty(base.timers)) return null;
  return containerOf(timer_list, "entry", base.timers.next);
}

/** Calls the function; base.lock is held, with interrupts off, before and after. */
function expire_timer(base: timer_base, timer: timer_list): void {
  list_del_init(timer.entry);
  base.running = addr(timer);
  const fn = timer.fn;
  if ((timer.flags & TIMER_IRQSAFE) !== 0) {
    raw_spin_unlock(base.lock);
    fn(timer);
    raw_spin_lock(base.lock);
    base.running = 0;
    return;
  }
  raw_spin_unlock_irq(base.lock);
  fn(timer);
  raw_spin_lock_irq(base.lock);
  base.running = 0;
  if (RT && atomic_read(base.expiry_waiters) !== 0) {
    raw_spin_unlock_irq(base.lock);
    spin_unlock(base.expiry_lock);
    spin_lock(base.expiry_lock);
    raw_spin_lock_irq(base.lock);
  }
}

/** The TIMER softirq. @atomic */
function run_timer_softirq(): void {
  const base = timer_bases.current();
  if (RT) spin_lock(base.expiry_lock);
  raw_spin_lock_irq(base.lock);
  for (;;) {
    const timer = first_timer(base);
    if (timer === null || time_before(jiffies(), timer.expires)) break;
    expire_timer(base, timer);
  }
  raw_spin_unlock_irq(base.lock);
  if (RT) spin_unlock(base.expiry_lock);
}

/** From the tick, interrupts off. */
export function run_local_timers(): void {
  const base = timer_bases.current();
  raw_spin_lock(base.lock);
  const timer = first_timer(base);
  const due = timer !== null && time_after_eq(jiffies(), timer.expires);
  raw_spin_unlock(base.lock);
  if (due) raise_softirq_irqoff(TIMER_SOFTIRQ);
}

/** The CPU is about to start: it has no timers. */
export function timers_prepare_cpu(cpu: u32): void {
  INIT_LIST_HEAD(timer_bases.of(cpu).timers);
}

export function timers_init(): void {
  for (let cpu: u32 = 0; cpu < nr_cpu_ids; cpu++) {
    raw_spin_lock_init(timer_bases.of(cpu).lock, "timer_base.lock");
    timers_prepare_cpu(cpu);
  }
  open_softirq(TIMER_SOFTIRQ, run_timer_softirq);
}

/**
 * Runs on the dying CPU with interrupts off: its timers go on at CPU `to`. Here and not later, because whoever waits for
 * the CPU to be dead may sleep with a timer of this very CPU.
 */
export function timers_dying_cpu(cpu: u32, to: u32): void {
  const old = timer_bases.of(cpu);
  const base = timer_bases.of(to);
  raw_spin_lock(old.lock);
  raw_spin_lock_nested(base.lock, SINGLE_DEPTH_NESTING);
  for (;;) {
    const timer = first_timer(old);
    if (timer === null) break;
    list_del_init(timer.entry);
    // Whoever looks for the timer now waits at the new base.
    timer.cpu = to;
    insert(base, timer);
  }
  raw_spin_unlock(base.lock);
  raw_spin_unlock(old.lock);
  if (CONFIG.swap.enabled) hrtimers_dying_cpu(cpu, to);
}

/** Number of timers armed on all CPUs; for the check at the end of a run. */
export function timers_armed(): u32 {
  let count: u32 = 0;
  for (let cpu: u32 = 0; cpu < nr_cpu_ids; cpu++) {
    if (!cpu_online(cpu)) continue;
    const base = timer_bases.of(cpu);
    const flags = raw_spin_lock_irqsave(base.lock);
    for (const timer of list_for_each_entry(base.timers, timer_list, "entry"))
      count += u32(timer.cpu === cpu);
    raw_spin_unlock_irqrestore(base.lock, flags);
  }
  return count;
}

class process_timer {
  readonly timer = new timer_list();
  task: task_struct;
}

/** @atomic */
function process_timeout(timer: timer_list): void {
  wake_up_process(containerOf(process_timer, "timer", timer).task);
}

/** Sleeps (the caller has set its state) until it is woken or `timeout` ticks are over; the ticks that were left. @may_sleep */
export function schedule_timeout(timeout: u32): u32 {
  if (timeout >= MAX_SCHEDULE_TIMEOUT) {
    schedule();
    return timeout;
  }
  const sleeper = new process_timer();
  const expires = jiffies() + timeout;
  timer_setup(sleeper.timer, process_timeout);
  sleeper.task = get_current();
  sleeper.timer.expires = expires;
  add_timer(sleeper.timer);
  schedule();
  del_timer_sync(sleeper.timer);
  const now = jiffies();
  return time_before(now, expires) ? expires - now : 0;
}

/** @may_sleep */
export function schedule_timeout_interruptible(timeout: u32): u32 {
  set_current_state(TASK_INTERRUPTIBLE);
  return schedule_timeout(timeout);
}

/** @may_sleep */
export function schedule_timeout_uninterruptible(timeout: u32): u32 {
  set_current_state(TASK_UNINTERRUPTIBLE);
  return schedule_timeout(timeout);
}

/** At least `ms` milliseconds. @may_sleep */
export function msleep(ms: u32): void {
  might_sleep();
  let timeout = msecs_to_jiffies(ms) + 1;
  while (timeout !== 0) timeout = schedule_timeout_uninterruptible(timeout);
}
