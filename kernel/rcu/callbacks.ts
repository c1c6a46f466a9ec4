// Callbacks: call_rcu, and the softirq that runs them.
//
// Each CPU has its segmented list (segcblist.ts), changed with that CPU's interrupts off. Callbacks of one CPU run in the order of
// call_rcu, in the RCU softirq of that CPU (where the preemption model has softirqs in threads, in such a thread), at most
// rcutree.blimit (10) in one round: then other softirqs and, through ksoftirqd, tasks get their turn. Beyond QHIMARK waiting
// callbacks there is no limit.

import { CONFIG, RCU_BARRIER } from "config";
import { MARK } from "../abi/marks.ts";
import { for_each_possible_cpu } from "../arch/cpumask.ts";
import { local_irq_disable, local_irq_enable, local_irq_restore, local_irq_save } from "../arch/irqflags.ts";
import { raise_softirq_irqoff, RCU_SOFTIRQ } from "../irq/softirq.ts";
import { raw_spin_lock, raw_spin_unlock } from "../locking/spinlock.ts";
import { complete, completion, init_completion, wait_for_completion } from "../sched/completion.ts";
import { might_sleep } from "../sched/preempt.ts";
import { smp_processor_id } from "../sched/task.ts";
import { cblist_splice, cblist_splice_front, rcu_cblist, type rcu_callback, rcu_head } from "./cblist.ts";
import { gp_ended, poll_state_synchronize_rcu, rcu_lock, rcu_tick_quiescent, request_grace_period } from "./grace_period.ts";
import { orphans_pending, queue_orphan } from "./orphans.ts";
import { rcu_segcblist, segcblist_accelerate, segcblist_advance, segcblist_enqueue, segcblist_ready } from "./segcblist.ts";
import { stall_tick } from "./stall.ts";

/** So many callbacks waiting on one CPU that they all run in one round. */
const QHIMARK = 10000;

export class rcu_cpu {
  readonly cblist = new rcu_segcblist();
  /** The CPU's callback of rcu_barrier, and the last barrier that has been here. */
  readonly barrier_head = new rcu_head();
  barrier_seq: u32 = 0;
  /** The CPU is dying: what it queues from now on is an orphan at once. Only with rcu.barrier=a. */
  dying: u32 = 0;
}
export const rcu_data = new PerCpu(rcu_cpu);

/** Callbacks run in one round. */
let blimit: u32 = 10;

export function set_blimit(limit: u32): void {
  if (limit !== 0) blimit = limit;
}

/** Calls func(head) after a grace period, in softirq. Callable anywhere. @calls_atomic func */
export function call_rcu(head: rcu_head, func: rcu_callback): void {
  head.func = func;
  traceMark(MARK.RCU_CALL, head, addr(func));
  const flags = local_irq_save();
  const data = rcu_data.current();
  if (CONFIG.rcu.barrier === RCU_BARRIER.a && unlikely(data.dying !== 0)) queue_orphan(head);
  else segcblist_enqueue(data.cblist, head);
  local_irq_restore(flags);
}

/** Tells this CPU's callbacks which grace periods are over, and gives new ones theirs. Interrupts are off. */
function note_grace_periods(list: rcu_segcblist): void {
  segcblist_advance(list, READ_ONCE(gp_ended));
  if (list.next.head === null) return;
  raw_spin_lock(rcu_lock);
  segcblist_accelerate(list, request_grace_period());
  raw_spin_unlock(rcu_lock);
}

/** The RCU softirq. @atomic */
export function rcu_process_callbacks(): void {
  local_irq_disable();
  const list = rcu_data.current().cblist;
  note_grace_periods(list);
  const batch = new rcu_cblist();
  batch.head = null;
  batch.tail = null;
  cblist_splice(list.done, batch);
  const limit = list.len > QHIMARK ? list.len : blimit;
  local_irq_enable();
  let count: u32 = 0;
  while (batch.head !== null && count < limit) {
    const head: rcu_head = batch.head!;
    batch.head = head.next;
    traceMark(MARK.RCU_INVOKE, head, addr(head.func));
    head.func(head);
    count += 1;
  }
  local_irq_disable();
  if (batch.head !== null) cblist_splice_front(batch, list.done);
  // Only now: who sees 0 knows that they have run.
  fence("rw", "w");
  WRITE_ONCE(list.len, list.len - count);
  if (list.done.head !== null) raise_softirq_irqoff(RCU_SOFTIRQ);
  local_irq_enable();
}

/** In each tick, interrupts off. */
export function rcu_sched_clock_irq(_user: boolean): void {
  const cpu = smp_processor_id();
  stall_tick(cpu);
  rcu_tick_quiescent(cpu);
  const list = rcu_data.current().cblist;
  if (list.next.head !== null || segcblist_ready(list, READ_ONCE(gp_ended))) raise_softirq_irqoff(RCU_SOFTIRQ);
}

class rcu_synchronize {
  readonly head = new rcu_head();
  readonly done = new completion();
}

/** @atomic */
function wakeme_after_rcu(head: rcu_head): void {
  complete(containerOf(rcu_synchronize, "head", head).done);
}

/** Returns when every read section that had begun before has ended. Sleeps. @may_sleep */
export function synchronize_rcu(): void {
  might_sleep();
  const wait = new rcu_synchronize();
  init_completion(wait.done);
  call_rcu(wait.head, wakeme_after_rcu);
  wait_for_completion(wait.done);
}

/** Returns when a full grace period has passed since the cookie was made. @may_sleep */
export function cond_synchronize_rcu(cookie: u32): void {
  if (!poll_state_synchronize_rcu(cookie)) synchronize_rcu();
}

/** Callbacks on all CPUs that have not run to their end. A guess while anybody queues some. */
export function rcu_callbacks_pending(): u32 {
  let count = orphans_pending();
  for (const cpu of for_each_possible_cpu()) count += READ_ONCE(rcu_data.of(cpu).cblist.len);
  return count;
}
