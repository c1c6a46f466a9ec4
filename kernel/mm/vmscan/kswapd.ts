// kswapd: the thread that reclaims before anybody has to wait for memory.
//
// An allocation that finds free memory at or below the low watermark wakes it; it reclaims up to the high one and sleeps. When it could not
// get there, the next allocation wakes it again. It runs anywhere, survives CPUs that go, and has PF_MEMALLOC for life.
// Waking works where wake_up_process does: it is called by allocations in every context.

import { BUG } from "../../lib/bug.ts";
import { schedule } from "../../sched/core.ts";
import { kthread_run } from "../../sched/kthread.ts";
import { finish_swait, prepare_to_swait, swait_queue, swait_queue_head, swake_up_one } from "../../sched/swait.ts";
import { get_current, PF_KSWAPD, PF_MEMALLOC, TASK_IDLE } from "../../sched/task.ts";
import { count_vm_events, vm_event_states } from "../memory/vmstat.ts";
import { balance_pgdat } from "./vmscan.ts";

const kswapd_wait = new swait_queue_head();
/** Somebody has found memory short since kswapd began to look. */
let wanted: u32 = 0;

/** Free memory is short. Any context. */
export function wakeup_kswapd(): void {
  WRITE_ONCE(wanted, 1);
  fence("rw", "rw");
  if (READ_ONCE(kswapd_wait.head.next) !== kswapd_wait.head) swake_up_one(kswapd_wait);
}

function kswapd(_arg: u32): void {
  get_current().flags |= PF_MEMALLOC | PF_KSWAPD;
  const wait = new swait_queue();
  for (;;) {
    prepare_to_swait(kswapd_wait, wait, TASK_IDLE);
    if (READ_ONCE(wanted) === 0) schedule();
    finish_swait(kswapd_wait, wait);
    WRITE_ONCE(wanted, 0);
    count_vm_events(addressOf(vm_event_states.kswapd_wakeups), 1);
    balance_pgdat();
  }
}

/** At boot, once threads can be made. @may_sleep */
export function kswapd_run(): void {
  if (kthread_run(kswapd, 0, "kswapd0") === null) BUG("no memory for kswapd");
}
