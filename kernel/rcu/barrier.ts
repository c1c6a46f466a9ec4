// rcu_barrier: returns when all callbacks queued before, on whatever CPU, have run. As Linux did it at different times; the key is
// `rcu.barrier`, the letters are those of the mechanisms RB-A to RB-M:
//
//   a  (until 3.5)  preemption off: adopt the orphans, then every online CPU queues a callback behind all it has. Preemption off
//                   keeps stop_machine, hence a CPU that leaves, away
//   b  (3.6)        one possible CPU after the other: an offline one with callbacks is waited for, tick by tick, until they are orphans; an
//                   online one queues a callback. Nobody adopts orphans meanwhile; at the end the barrier adopts them, with one
//                   more callback behind them. Callers that waited for the mutex while a whole barrier passed need none of their own
//   b-bug           as b, but orphans are adopted as ever: they may land behind a callback of the barrier, and the dead CPU may come
//                   back in time to queue its own. The barrier returns before they have run
//   c  (3.7)        cpus_read_lock, and online CPUs with callbacks queue one each. Depends on the hotplug lock, inside barrier_mutex
//   d  (proposed)   as c, but a caller that is the hotplug writer (a notifier) does without cpus_read_lock. The dependency of all
//                   other callers stays
//   m  (6.1)        one possible CPU after the other, under barrier_lock: no callbacks, nothing; offline, the caller itself queues
//                   the callback there; online, the CPU does, and if it cannot be reached the caller tries again a tick later. Whoever
//                   adopts a list first puts the barrier's callback behind it. No hotplug lock
//   naive (never)   as c without cpus_read_lock, and nobody adopts: callbacks of a CPU that is offline are not waited for, and a barrier
//                   whose own callback is on a CPU that goes hangs until it is back
//
// The count of callbacks outstanding begins above 0 (1; m: 2), so that fast CPUs do not complete it before the last was asked.
// Locks: barrier_mutex (one barrier at a time), inside it with c and d the hotplug lock. barrier_lock (raw, interrupts off; m only)
//   protects barrier_seq, the per-CPU barrier_seq, lists of CPUs that are offline, and with it who is in rcu_online.
//   Order: barrier_lock > orphan_lock > rcu_lock.

import { CONFIG, RCU_BARRIER } from "config";
import { MARK } from "../abi/marks.ts";
import { cpu_online, cpumask_test_cpu, nr_cpu_ids } from "../arch/cpumask.ts";
import { cpu_hotplug_is_writer, cpus_read_lock, cpus_read_unlock } from "../cpu/lock.ts";
import { on_each_cpu, smp_call_function_single } from "../irq/smp.ts";
import { atomic_inc, atomic_set, atomic_sub_and_test, atomic_t } from "../lib/atomic.ts";
import { mutex, mutex_lock, mutex_unlock } from "../locking/mutex.ts";
import { raw_spin_lock, raw_spin_lock_irqsave, raw_spin_unlock, raw_spin_unlock_irqrestore, raw_spinlock_t } from "../locking/spinlock.ts";
import { complete, completion, init_completion, reinit_completion, wait_for_completion } from "../sched/completion.ts";
import { might_sleep, preempt_disable, preempt_enable } from "../sched/preempt.ts";
import { schedule_timeout_uninterruptible } from "../sched/timer.ts";
import { call_rcu, type rcu_cpu, rcu_data } from "./callbacks.ts";
import { rcu_head } from "./cblist.ts";
import { rcu_online } from "./grace_period.ts";
import { adopt_orphans, forbid_adoption } from "./orphans.ts";
import { segcblist_entrain } from "./segcblist.ts";

const barrier_mutex = new mutex();
const barrier_lock = new raw_spinlock_t();
/** Barriers begun and ended together: odd while one is under way. */
let barrier_seq: u32 = 0;
/** Callbacks that the barrier waits for. */
const barrier_count = new atomic_t();
const barrier_done = new completion();
/** The callback behind the orphans (b). */
const behind_orphans = new rcu_head();

export function rcu_barrier_init(): void {
  init_completion(barrier_done);
}

/** @atomic */
function barrier_callback(_head: rcu_head): void {
  drop_count(1);
}

function drop_count(n: u32): void {
  if (atomic_sub_and_test(i32(n), barrier_count)) complete(barrier_done);
}

/** On a CPU: a callback behind all that wait there. */
function post(_arg: u32): void {
  atomic_inc(barrier_count);
  call_rcu(rcu_data.current().barrier_head, barrier_callback);
}

function has_callbacks(cpu: u32): boolean {
  return READ_ONCE(rcu_data.of(cpu).cblist.len) !== 0;
}

// ---- the variants: each posts a callback behind all callbacks there are ----

function barrier_a(): void {
  preempt_disable();
  adopt_orphans();
  on_each_cpu(post, 0, true);
  preempt_enable();
}

/** An offline CPU's callbacks are orphans soon. @may_sleep */
function await_orphans(cpu: u32): void {
  while (!cpu_online(cpu) && has_callbacks(cpu)) schedule_timeout_uninterruptible(1);
}

function barrier_b(): void {
  forbid_adoption();
  for (let cpu: u32 = 0; cpu < nr_cpu_ids; cpu++) {
    preempt_disable();
    const online = cpu_online(cpu);
    if (online && has_callbacks(cpu)) smp_call_function_single(cpu, post, 0, true);
    preempt_enable();
    if (!online) await_orphans(cpu);
  }
  // On one CPU, so that the callback is behind the orphans.
  preempt_disable();
  adopt_orphans();
  atomic_inc(barrier_count);
  call_rcu(behind_orphans, barrier_callback);
  preempt_enable();
}

/** c, d, naive. */
function barrier_c(): void {
  const lock = CONFIG.rcu.barrier === RCU_BARRIER.c || (CONFIG.rcu.barrier === RCU_BARRIER.d && !cpu_hotplug_is_writer());
  if (lock) cpus_read_lock();
  for (let cpu: u32 = 0; cpu < nr_cpu_ids; cpu++) {
    if (cpu_online(cpu) && has_callbacks(cpu)) smp_call_function_single(cpu, post, 0, true);
  }
  if (lock) cpus_read_unlock();
}

/** Behind all callbacks of a CPU, once in each barrier. Its list stands still; barrier_lock is held. */
function entrain(data: rcu_cpu): void {
  if (data.barrier_seq === barrier_seq) return;
  WRITE_ONCE(data.barrier_seq, barrier_seq);
  const head = data.barrier_head;
  head.func = barrier_callback;
  if (!segcblist_entrain(data.cblist, head)) return;
  traceMark(MARK.RCU_CALL, head, addr(head.func));
  atomic_inc(barrier_count);
}

function entrain_here(_arg: u32): void {
  const flags = raw_spin_lock_irqsave(barrier_lock);
  entrain(rcu_data.current());
  raw_spin_unlock_irqrestore(barrier_lock, flags);
}

/** The CPU has the barrier's callback, or needs none. Preemption is off. */
function visited(cpu: u32): boolean {
  const data = rcu_data.of(cpu);
  const flags = raw_spin_lock_irqsave(barrier_lock);
  if (READ_ONCE(data.cblist.len) === 0) WRITE_ONCE(data.barrier_seq, barrier_seq);
  else if (!cpumask_test_cpu(cpu, rcu_online)) entrain(data);
  const done = data.barrier_seq === barrier_seq;
  raw_spin_unlock_irqrestore(barrier_lock, flags);
  return done;
}

function barrier_m(): void {
  for (let cpu: u32 = 0; cpu < nr_cpu_ids; cpu++) {
    while (!visited(cpu)) {
      // It may go offline at this very moment: then whoever adopts its callbacks does it, or this loop.
      smp_call_function_single(cpu, entrain_here, 0, true);
      if (READ_ONCE(rcu_data.of(cpu).barrier_seq) === barrier_seq) break;
      schedule_timeout_uninterruptible(1);
    }
  }
}

/** A whole barrier has begun and ended since barrier_seq was `seen`. */
function barrier_passed_since(seen: u32): boolean {
  if (CONFIG.rcu.barrier === RCU_BARRIER.a) return false;
  return i32(barrier_seq - ((seen + 1) & ~1) - 2) >= 0;
}

/** Returns when all callbacks queued before, on whatever CPU, have run. Sleeps. @may_sleep */
export function rcu_barrier(): void {
  might_sleep();
  fence("rw", "rw");
  const seen = READ_ONCE(barrier_seq);
  mutex_lock(barrier_mutex);
  if (barrier_passed_since(seen)) {
    mutex_unlock(barrier_mutex);
    return;
  }
  reinit_completion(barrier_done);
  const mine: u32 = CONFIG.rcu.barrier === RCU_BARRIER.m ? 2 : 1;
  atomic_set(barrier_count, i32(mine));
  begin_or_end();
  if (CONFIG.rcu.barrier === RCU_BARRIER.a) barrier_a();
  else if (CONFIG.rcu.barrier === RCU_BARRIER.b || CONFIG.rcu.barrier === RCU_BARRIER.b_bug) barrier_b();
  else if (CONFIG.rcu.barrier === RCU_BARRIER.m) barrier_m();
  else barrier_c();
  drop_count(mine);
  wait_for_completion(barrier_done);
  begin_or_end();
  mutex_unlock(barrier_mutex);
}

function begin_or_end(): void {
  const flags = raw_spin_lock_irqsave(barrier_lock);
  WRITE_ONCE(barrier_seq, barrier_seq + 1);
  raw_spin_unlock_irqrestore(barrier_lock, flags);
}

// ---- for those who move lists of offline CPUs (orphans.ts); interrupts are off ----

/** Until barrier_unlock_lists nobody visits a CPU, and none is added to rcu_online. */
export function barrier_lock_lists(): void {
  if (CONFIG.rcu.barrier === RCU_BARRIER.m) raw_spin_lock(barrier_lock);
}

export function barrier_unlock_lists(): void {
  if (CONFIG.rcu.barrier === RCU_BARRIER.m) raw_spin_unlock(barrier_lock);
}

/** A list is about to be adopted: if a barrier is under way its callback goes first, behind all others. The lists are locked. */
export function barrier_before_adoption(cpu: u32): void {
  if (CONFIG.rcu.barrier === RCU_BARRIER.m && (barrier_seq & 1) !== 0) entrain(rcu_data.of(cpu));
}
