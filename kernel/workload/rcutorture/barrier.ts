// rcutorture's test of rcu_barrier: some threads queue a callback each, on whatever CPU they are; when all have, rcu_barrier; then
// all callbacks must have run.

import { atomic_dec_and_test, atomic_inc, atomic_read, atomic_set, atomic_t } from "../../lib/atomic.ts";
import { WARN_ON_ONCE } from "../../lib/bug.ts";
import { pr_err } from "../../lib/printk.ts";
import { call_rcu, rcu_barrier, rcu_head } from "../../rcu/rcu.ts";
import { complete, completion, init_completion, wait_for_completion } from "../../sched/completion.ts";
import { kthread_should_stop } from "../../sched/kthread.ts";
import { schedule_timeout_uninterruptible } from "../../sched/timer.ts";

export const BARRIER_CBS_MAX = 8;

class barrier_cb {
  readonly rcu = new rcu_head();
  /** Its thread shall queue it. */
  readonly go = new completion();
}
const cbs = new StructArray(barrier_cb, BARRIER_CBS_MAX);
/** Threads that have not queued theirs yet; callbacks that have run. */
const waiting = new atomic_t();
const invoked = new atomic_t();
const all_queued = new completion();
/** Threads made. */
let count: u32 = 0;
let stopping: boolean = false;

class barrier_results {
  attempts: u32 = 0;
  successes: u32 = 0;
  errors: u32 = 0;
}
export const barriers = new barrier_results();

export function barrier_test_init(n: u32): void {
  count = n;
  init_completion(all_queued);
  for (let i: u32 = 0; i < n; i++) init_completion(cbs[i].go);
}

/** @atomic */
function rcu_torture_barrier_cbf(_head: rcu_head): void {
  atomic_inc(invoked);
}

/** Thread number `index` of those that queue. */
export function rcu_torture_barrier_cbs(index: u32): void {
  for (;;) {
    wait_for_completion(cbs[index].go);
    if (READ_ONCE(stopping)) break;
    call_rcu(cbs[index].rcu, rcu_torture_barrier_cbf);
    if (atomic_dec_and_test(waiting)) complete(all_queued);
  }
  while (!kthread_should_stop()) schedule_timeout_uninterruptible(1);
}

function one_round(): void {
  atomic_set(invoked, 0);
  atomic_set(waiting, i32(count));
  for (let n: u32 = 0; n < count; n++) complete(cbs[n].go);
  wait_for_completion(all_queued);
  barriers.attempts += 1;
  rcu_barrier();
  if (u32(atomic_read(invoked)) === count) {
    barriers.successes += 1;
    return;
  }
  barriers.errors += 1;
  pr_err("rcu-torture: barrier_cbs_invoked = %d, n_barrier_cbs = %u\n", atomic_read(invoked), count);
  WARN_ON_ONCE(true);
  // Until those that the barrier forgot have run: they are used again.
  while (u32(atomic_read(invoked)) !== count) schedule_timeout_uninterruptible(1);
}

/** The thread that waits; started after those that queue, stopped before them. */
export function rcu_torture_barrier(_arg: u32): void {
  while (!kthread_should_stop()) {
    one_round();
    schedule_timeout_uninterruptible(3);
  }
  WRITE_ONCE(stopping, true);
  for (let n: u32 = 0; n < count; n++) complete(cbs[n].go);
}
