// rcutorture's element and counters, after Linux's kernel/rcu/rcutorture.c (facts and format, not code).
//
// An element is published in rcu_torture_current. Once it has been replaced it passes through a pipe: its rtort_pipe_count grows by
// one when it is unpublished, and by one more after each grace period from then on. At RCU_TORTURE_PIPE_LEN it is free again.
// A reader that finds an element with a count of 2 or more has been passed over by a whole grace period: that is the error
// that all this looks for. A free element has rtort_mbtest 0, a published one 1: a reader that sees 0 has seen one too early.
//
// Elements come from a static pool; rcu_torture_lock (raw, interrupts off) protects the list of free ones.

import { atomic_inc, atomic_t } from "../../lib/atomic.ts";
import { list_add_tail, list_del_init, list_empty, list_head } from "../../lib/list.ts";
import { raw_spin_lock_irqsave, raw_spin_unlock_irqrestore, raw_spinlock_t } from "../../locking/spinlock.ts";
import { rcu_head } from "../../rcu/rcu.ts";

export const RCU_TORTURE_PIPE_LEN = 10;
const POOL = 10 * RCU_TORTURE_PIPE_LEN;

export class rcu_torture {
  readonly rtort_rcu = new rcu_head();
  rtort_pipe_count: u32;
  readonly rtort_free = new list_head();
  rtort_mbtest: u32;
}

class torture_state {
  rcu_torture_current: rcu_torture | null = null;
  /** How often it was replaced. */
  rcu_torture_current_version: u32 = 0;
  /** The callbacks stop going round. */
  ending: u32 = 0;
}
export const torture = new torture_state();

const pool = new StructArray(rcu_torture, POOL);
const rcu_torture_lock = new raw_spinlock_t();
export const rcu_torture_freelist = new list_head();

export const n_rcu_torture_alloc = new atomic_t();
export const n_rcu_torture_alloc_fail = new atomic_t();
export const n_rcu_torture_free = new atomic_t();
/** Readers that saw an element before it was complete, or after it was free. */
export const n_rcu_torture_mberror = new atomic_t();
export const n_rcu_torture_error = new atomic_t();
/** Readers that ran in a timer or in a function called from another CPU. */
export const n_rcu_torture_timers = new atomic_t();
/** Elements that have reached each stage of the pipe. */
export const rcu_torture_wcount = new StructArray(atomic_t, RCU_TORTURE_PIPE_LEN + 1);

export class reader_counts {
  /** Reads by the element's place in the pipe, and by grace periods that ended meanwhile. */
  readonly pipe = new FixedArray<u32>(RCU_TORTURE_PIPE_LEN + 1);
  readonly batch = new FixedArray<u32>(RCU_TORTURE_PIPE_LEN + 1);
}
export const rcu_torture_count = new PerCpu(reader_counts);

export function pool_init(): void {
  for (let n: u32 = 0; n < POOL; n++) list_add_tail(pool[n].rtort_free, rcu_torture_freelist);
}

export function rcu_torture_alloc(): rcu_torture | null {
  const flags = raw_spin_lock_irqsave(rcu_torture_lock);
  let found: rcu_torture | null = null;
  if (!list_empty(rcu_torture_freelist)) {
    found = containerOf(rcu_torture, "rtort_free", rcu_torture_freelist.next);
    list_del_init(found.rtort_free);
  }
  raw_spin_unlock_irqrestore(rcu_torture_lock, flags);
  atomic_inc(found === null ? n_rcu_torture_alloc_fail : n_rcu_torture_alloc);
  return found;
}

export function rcu_torture_free(p: rcu_torture): void {
  atomic_inc(n_rcu_torture_free);
  const flags = raw_spin_lock_irqsave(rcu_torture_lock);
  list_add_tail(p.rtort_free, rcu_torture_freelist);
  raw_spin_unlock_irqrestore(rcu_torture_lock, flags);
}

/** One stage on; true when the element has been through. */
export function rcu_torture_pipe_update_one(p: rcu_torture): boolean {
  const stage = READ_ONCE(p.rtort_pipe_count);
  atomic_inc(rcu_torture_wcount[stage > RCU_TORTURE_PIPE_LEN ? RCU_TORTURE_PIPE_LEN : stage]);
  WRITE_ONCE(p.rtort_pipe_count, stage + 1);
  if (stage + 1 < RCU_TORTURE_PIPE_LEN) return false;
  WRITE_ONCE(p.rtort_mbtest, 0);
  return true;
}
