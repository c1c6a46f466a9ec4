// bio_alloc: bios that need no memory at the moment when there is none. BIO_POOL of them; who finds all in use sleeps until one is put
// back, which the end of some transfer does. So no more transfers than that are on their way from here (Linux: nr_requests).
// Lock: pool_waiters.lock (raw, interrupts off), for the list too: bio_put works in every context. Linux: bio_alloc, a mempool of slab objects.

import { list_add, list_del_init, list_empty, list_head } from "../lib/list.ts";
import { raw_spin_lock_irqsave, raw_spin_unlock_irqrestore } from "../locking/spinlock.ts";
import { schedule } from "../sched/core.ts";
import { might_sleep } from "../sched/preempt.ts";
import { finish_swait, init_swait_queue_head, prepare_to_swait, swait_queue, swait_queue_head, swake_up_one } from "../sched/swait.ts";
import { TASK_UNINTERRUPTIBLE } from "../sched/task.ts";
import { bio } from "./bio.ts";

export const BIO_POOL = 64;
const bios = new StructArray(bio, BIO_POOL);
/** bio.bi_list of those that nobody uses. */
const pool = new list_head();
const pool_waiters = new swait_queue_head();

/** At boot. */
export function bioset_init(): void {
  init_swait_queue_head(pool_waiters);
  for (let n: u32 = 0; n < BIO_POOL; n++) list_add(bios[n].bi_list, pool);
}

function take(): bio | null {
  const flags = raw_spin_lock_irqsave(pool_waiters.lock);
  let b: bio | null = null;
  if (!list_empty(pool)) {
    b = containerOf(bio, "bi_list", pool.next);
    list_del_init(b.bi_list);
  }
  raw_spin_unlock_irqrestore(pool_waiters.lock, flags);
  return b;
}

/** Never fails. @may_sleep */
export function bio_alloc(): bio {
  might_sleep();
  const wait = new swait_queue();
  let b = take();
  while (b === null) {
    prepare_to_swait(pool_waiters, wait, TASK_UNINTERRUPTIBLE);
    b = take();
    if (b === null) schedule();
    finish_swait(pool_waiters, wait);
  }
  return b;
}

/** @atomic */
export function bio_put(b: bio): void {
  const flags = raw_spin_lock_irqsave(pool_waiters.lock);
  list_add(b.bi_list, pool);
  raw_spin_unlock_irqrestore(pool_waiters.lock, flags);
  swake_up_one(pool_waiters);
}
