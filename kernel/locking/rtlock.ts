// What spinlock_t and rwlock_t are on preempt = rt: a lock whose waiters sleep and lend their priority to the owner.
//
// The word: address of the owning task, 0 when free; HAS_WAITERS in it keeps the fast paths (one CMPXCHG each) out. Everything else
// is with the tasks: owner.rt_waiters holds those who wait for any lock that it owns, by priority and then first come; a waiter stands on
// the stack of the task that waits, whose rt_blocked_on names it. So a lock stays one word, and needs no init.
//   lock     free: take it. Taken: stand in the owner's list, lend it my priority and so on along the chain, wait for `granted`
//   unlock   nobody waits: 0. Else hand it to the first of its waiters, with the rest of them, and take back what they lent
// Handed over, never up for grabs: first come first served among equals. The first waiter spins while the owner runs elsewhere.
//
// Lock: pi_word, one for the machine, raw, interrupts off: lists, rt_blocked_on and HAS_WAITERS; the run queues' locks nest inside it.
// A waiter keeps its own state: schedule_rtlock (sched/core.ts) says how. Linux has a lock inside each rtmutex and each task instead, and
// lets others take a lock that is on its way to a waiter.
// Limits: a chain is followed MAX_LOCK_DEPTH locks far. A task that locks twice waits for itself: said at once, for good (BUG).

import { local_irq_restore, local_irq_save } from "../arch/irqflags.ts";
import { BUG } from "../lib/bug.ts";
import { list_add_tail, list_del_init, list_empty, list_for_each_entry, list_for_each_entry_safe, list_head } from "../lib/list.ts";
import { pr_warn } from "../lib/printk.ts";
import { rcu_read_lock, rcu_read_unlock } from "../rcu/read.ts";
import { restore_rtlock_state, save_rtlock_state, schedule_rtlock, set_current_state, try_to_wake_up } from "../sched/core.ts";
import { need_resched, preempt_disable, preempt_enable } from "../sched/preempt.ts";
import { set_effective_prio } from "../sched/prio.ts";
import { get_current, TASK_RTLOCK_WAIT, type task_struct } from "../sched/task.ts";
import { quiet_lock, quiet_unlock } from "./spin_word.ts";

const HAS_WAITERS = 1;
const MAX_LOCK_DEPTH = 1024;

export class rtlock_waiter {
  /** In owner.rt_waiters. */
  readonly list = new list_head();
  task: task_struct;
  /** Address of the lock's word. */
  word: usize;
  /** Of the task, when it was put in the list. */
  prio: u32;
  granted: u32;
}

let pi_word: u32 = 0;

export function pi_lock(): u32 {
  const flags = local_irq_save();
  preempt_disable();
  quiet_lock(addressOf(pi_word));
  return flags;
}

/** @restores flags */
export function pi_unlock(flags: u32): void {
  quiet_unlock(addressOf(pi_word));
  local_irq_restore(flags);
  preempt_enable();
}

/** Who holds the lock, or null. */
export function rtlock_owner(word: Ptr<u32>): task_struct | null {
  return castOrNull<task_struct>(READ_ONCE(word[0]) & ~HAS_WAITERS);
}

/** Behind all that are as urgent. */
function insert_waiter(owner: task_struct, waiter: rtlock_waiter): void {
  let at = owner.rt_waiters.next;
  while (at !== owner.rt_waiters && containerOf(rtlock_waiter, "list", at).prio <= waiter.prio) at = at.next;
  list_add_tail(waiter.list, at);
}

/** The most urgent of the task itself and those who wait for it. */
function wanted_prio(task: task_struct): u32 {
  const own: u32 = task.normal_prio;
  if (list_empty(task.rt_waiters)) return own;
  const lent = containerOf(rtlock_waiter, "list", task.rt_waiters.next).prio;
  return lent < own ? lent : own;
}

/** The waiters of a task have changed: its priority follows, and that of the owner it waits for itself, and so on. */
function adjust_prio(first: task_struct): void {
  let task = first;
  for (let depth: u32 = 0; depth < MAX_LOCK_DEPTH; depth++) {
    const prio = wanted_prio(task);
    if (prio === task.prio) return;
    set_effective_prio(task, prio);
    const blocked = task.rt_blocked_on;
    if (blocked === null) return;
    const owner = rtlock_owner(cast<Ptr<u32>>(blocked.word))!;
    list_del_init(blocked.list);
    blocked.prio = prio;
    insert_waiter(owner, blocked);
    task = owner;
  }
  pr_warn("rtlock: maximum lock depth %u reached, task: %s (%u)\n", MAX_LOCK_DEPTH, addr(first.comm), first.pid);
}

/** Marks the word as waited for; null: it was free, and is the caller's now. Under pi_word. */
function mark_waited(word: Ptr<u32>, me: task_struct): task_struct | null {
  for (;;) {
    const value = READ_ONCE(word[0]);
    if (value === 0) {
      if (CMPXCHG(word[0], 0, addr(me)) === 0) return null;
    } else if ((value & HAS_WAITERS) !== 0 || CMPXCHG(word[0], value, value | HAS_WAITERS) === value) {
      return rtlock_owner(word);
    }
  }
}

/** False once the owner does not run, or somebody wants this CPU. A task is freed by RCU: looking at one that is gone does no harm. */
function owner_runs(word: Ptr<u32>, waiter: rtlock_waiter): boolean {
  rcu_read_lock();
  let runs = true;
  while (runs && READ_ONCE(waiter.granted) === 0) {
    pause();
    const owner = rtlock_owner(word);
    runs = owner !== null && READ_ONCE(owner.on_cpu) !== 0 && !need_resched();
  }
  rcu_read_unlock();
  return runs;
}

/** The word was not free. */
export function rtlock_slow(word: Ptr<u32>): void {
  "noinline";
  const me = get_current();
  const waiter = new rtlock_waiter();
  let flags = pi_lock();
  const alone = (READ_ONCE(word[0]) & HAS_WAITERS) === 0;
  const owner = mark_waited(word, me);
  if (owner === null) {
    pi_unlock(flags);
    return;
  }
  if (owner === me) BUG("spinlock recursion: %s/%u has lock %p already", addr(me.comm), me.pid, addr(word));
  waiter.task = me;
  waiter.word = addr(word);
  waiter.prio = me.prio;
  waiter.granted = 0;
  me.rt_blocked_on = waiter;
  save_rtlock_state();
  insert_waiter(owner, waiter);
  adjust_prio(owner);
  pi_unlock(flags);
  while (READ_ONCE(waiter.granted) === 0) {
    if (!(alone && owner_runs(word, waiter))) schedule_rtlock();
    set_current_state(TASK_RTLOCK_WAIT);
  }
  // Whoever granted it is done with the waiter, and with this task.
  flags = pi_lock();
  pi_unlock(flags);
  restore_rtlock_state();
}

/** Somebody waits, or the caller is not the owner. */
export function rtlock_unlock_slow(word: Ptr<u32>): void {
  "noinline";
  const me = get_current();
  const flags = pi_lock();
  if (rtlock_owner(word) !== me) BUG("spinlock wrong owner: %s/%u unlocks %p, which it does not hold", addr(me.comm), me.pid, addr(word));
  let first: rtlock_waiter | null = null;
  let more: u32 = 0;
  for (const waiter of list_for_each_entry_safe(me.rt_waiters, rtlock_waiter, "list")) {
    if (waiter.word !== addr(word)) continue;
    list_del_init(waiter.list);
    if (first === null) {
      first = waiter;
    } else {
      insert_waiter(first.task, waiter);
      more = HAS_WAITERS;
    }
  }
  const next = first!.task;
  next.rt_blocked_on = null;
  fence("rw", "w");
  WRITE_ONCE(word[0], addr(next) | more);
  adjust_prio(next);
  adjust_prio(me);
  fence("rw", "w");
  WRITE_ONCE(first!.granted, 1);
  try_to_wake_up(next, TASK_RTLOCK_WAIT);
  pi_unlock(flags);
}

/** Tasks that wait for locks of `task`. A hint. */
export function rtlock_waiters(task: task_struct): u32 {
  let count: u32 = 0;
  const flags = pi_lock();
  for (const waiter of list_for_each_entry(task.rt_waiters, rtlock_waiter, "list")) count += u32(waiter.task !== task);
  pi_unlock(flags);
  return count;
}
