// The page lock, and waiting for a page: until somebody unlocks it, until its writeback is over.
//
//   lock_page(p);   …the page stays what it is: in the swap cache or not, where it is mapped…   unlock_page(p);
//
// Waiters stand in one of WAIT_TABLE queues by the page's number; who wakes looks for its page and its bit, so pages that share a queue
// only cost time. Of the waiters for the lock one is woken, of the others all.
// Order: the waker changes the bit (a full barrier), then looks whether anybody waits; the waiter enters the queue (a full barrier), then
// looks at the bit. Nobody sleeps over it.
// Locks: a queue's lock, raw and with interrupts off: unlock_page and end_page_writeback work in every context.
// The page lock is not shown to the lock-order checker, as in Linux: whose unlocking is often the end of an I/O.

import { MARK, WAIT_QUEUE } from "../../abi/marks.ts";
import { BUG_ON } from "../../lib/bug.ts";
import { list_add_tail, list_del_init, list_empty, list_for_each_entry_safe } from "../../lib/list.ts";
import { raw_spin_lock_irqsave, raw_spin_unlock_irqrestore } from "../../locking/spinlock.ts";
import { schedule, set_current_state, wake_up_process } from "../../sched/core.ts";
import { might_sleep } from "../../sched/preempt.ts";
import { finish_swait, init_swait_queue_head, swait_queue, swait_queue_head } from "../../sched/swait.ts";
import { get_current, TASK_UNINTERRUPTIBLE } from "../../sched/task.ts";
import { page, page_to_pfn } from "../page/page.ts";
import { rotate_reclaimable_page } from "../vmscan/lru.ts";
import { page_flags, PageWriteback, PG_locked, PG_writeback, TestClearPageReclaim, TestClearPageWriteback, TestSetPageWriteback } from "./page-flags.ts";

const WAIT_TABLE = 32;
const queues = new StructArray(swait_queue_head, WAIT_TABLE);

/** Lives on the waiter's stack. */
class page_waiter {
  readonly wait = new swait_queue();
  page: page;
  bit: u32;
}

/** At boot. */
export function page_wait_init(): void {
  for (let n: u32 = 0; n < WAIT_TABLE; n++) init_swait_queue_head(queues[n]);
}

function page_waitqueue(p: page): swait_queue_head {
  return queues[page_to_pfn(p) % WAIT_TABLE];
}

function enter_queue(queue: swait_queue_head, waiter: page_waiter): void {
  const flags = raw_spin_lock_irqsave(queue.lock);
  if (list_empty(waiter.wait.entry)) list_add_tail(waiter.wait.entry, queue.head);
  set_current_state(TASK_UNINTERRUPTIBLE);
  traceMark(MARK.WAIT, queue, WAIT_QUEUE.swait);
  raw_spin_unlock_irqrestore(queue.lock, flags);
}

/** Returns when the bit is clear; with PG_locked, when the caller is the one who has set it again. */
function wait_on_page_bit(p: page, bit: u32): void {
  "noinline";
  const queue = page_waitqueue(p);
  const waiter = new page_waiter();
  waiter.page = p;
  waiter.bit = bit;
  waiter.wait.task = get_current();
  for (;;) {
    enter_queue(queue, waiter);
    if (bit === PG_locked ? trylock_page(p) : (READ_ONCE(page_flags(p)[0]) & bit) === 0) break;
    schedule();
  }
  finish_swait(queue, waiter.wait);
}

/** The bit has been cleared by a full barrier. */
function wake_up_page(p: page, bit: u32): void {
  const queue = page_waitqueue(p);
  if (READ_ONCE(queue.head.next) === queue.head) return;
  const flags = raw_spin_lock_irqsave(queue.lock);
  let woken: u32 = 0;
  for (const wait of list_for_each_entry_safe(queue.head, swait_queue, "entry")) {
    const waiter = containerOf(page_waiter, "wait", wait);
    if (waiter.page !== p || waiter.bit !== bit) continue;
    const task = wait.task!;
    list_del_init(wait.entry);
    wake_up_process(task);
    woken += 1;
    if (bit === PG_locked) break;
  }
  traceMark(MARK.WAKE_UP, queue, woken);
  raw_spin_unlock_irqrestore(queue.lock, flags);
}

/** False: somebody else has it. An acquire when true. @must_use */
export function trylock_page(p: page): boolean {
  "inline";
  return (amoOr(page_flags(p), PG_locked) & PG_locked) === 0;
}

/** @may_sleep */
export function lock_page(p: page): void {
  might_sleep();
  if (!trylock_page(p)) wait_on_page_bit(p, PG_locked);
}

/** Any context. */
export function unlock_page(p: page): void {
  const old = amoAnd(page_flags(p), ~PG_locked);
  BUG_ON((old & PG_locked) === 0);
  wake_up_page(p, PG_locked);
}

/** Somebody else's lock: returns when it has been let go of, perhaps to be taken again. The caller has a reference. @may_sleep */
export function wait_on_page_locked(p: page): void {
  might_sleep();
  if ((READ_ONCE(page_flags(p)[0]) & PG_locked) === 0) return;
  lock_page(p);
  unlock_page(p);
}

/** The page is locked, and clean or about to be written: true, somebody was writing it already. */
export function set_page_writeback(p: page): boolean {
  return TestSetPageWriteback(p);
}

/** @may_sleep */
export function wait_on_page_writeback(p: page): void {
  might_sleep();
  if (PageWriteback(p)) wait_on_page_bit(p, PG_writeback);
}

/** The write is over, well or not. Any context. */
export function end_page_writeback(p: page): void {
  if (TestClearPageReclaim(p)) rotate_reclaimable_page(p);
  BUG_ON(!TestClearPageWriteback(p));
  wake_up_page(p, PG_writeback);
}
