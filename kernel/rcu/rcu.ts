// RCU: what a reader may still see is freed only after a grace period. This is what other code imports; the parts:
//
//   read.ts           readers, in two flavours by preemption model
//   grace_period.ts   when a grace period begins and ends
//   callbacks.ts      call_rcu, synchronize_rcu, the softirq; on the lists of cblist.ts and segcblist.ts
//   orphans.ts        CPUs that come and go, and what becomes of their callbacks
//   barrier.ts        rcu_barrier, in the variants of `rcu.barrier`
//   stall.ts          reports of grace periods that do not end
//
// rcu_dereference and rcu_assign_pointer are READ_ONCE, and fence("rw", "w") before WRITE_ONCE.

import { open_softirq, RCU_SOFTIRQ } from "../irq/softirq.ts";
import { get_option_u32 } from "../lib/cmdline.ts";
import { rcu_barrier_init } from "./barrier.ts";
import { rcu_process_callbacks, set_blimit } from "./callbacks.ts";
import { stall_init } from "./stall.ts";

export { rcu_barrier } from "./barrier.ts";
export { call_rcu, cond_synchronize_rcu, rcu_callbacks_pending, rcu_sched_clock_irq, synchronize_rcu } from "./callbacks.ts";
export { rcu_head } from "./cblist.ts";
export {
  get_state_synchronize_rcu,
  poll_state_synchronize_rcu,
  rcu_batches_completed,
  rcu_note_context_switch,
  start_poll_synchronize_rcu,
} from "./grace_period.ts";
export { rcu_cpu_dying, rcu_cpu_starting, rcu_report_dead } from "./orphans.ts";
export {
  exit_rcu, PREEMPT_RCU, rcu_preempt_depth, rcu_read_lock, rcu_read_lock_any_held, rcu_read_lock_held, rcu_read_unlock,
} from "./read.ts";

export function rcu_init(): void {
  open_softirq(RCU_SOFTIRQ, rcu_process_callbacks);
  rcu_barrier_init();
  set_blimit(get_option_u32("rcutree.blimit", 10));
  stall_init();
}
