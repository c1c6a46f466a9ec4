// Callbacks of CPUs that have gone, on their way to another CPU: the orphanage.
//
// A dead CPU's callbacks are adopted by the CPU that clears up behind it: those whose grace period has ended go behind the adopter's own of
// that kind, the others behind all of its callbacks, for a grace period anew. Their order among themselves stays, nothing is lost.
// When that happens is the business of the rcu_barrier variant (barrier.ts says what each needs):
//   a          orphaned on the dying CPU while the machine stands still; a barrier that comes first adopts them itself
//   b, b-bug   orphaned once the CPU is dead; adopted at once, but with b not while a barrier is under way, which adopts them later
//   c, d, m    orphaned and adopted in one step once the CPU is dead
//   naive      never: they wait on their list until the CPU is back
//
// Lock: orphan_lock (raw, interrupts off) protects the orphanage; a CPU's own list is touched inside it. rcu_lock nests inside.

import { CONFIG, RCU_BARRIER } from "config";
import { cpumask_test_cpu } from "../arch/cpumask.ts";
import { local_irq_restore, local_irq_save } from "../arch/irqflags.ts";
import { raw_spin_lock, raw_spin_lock_irqsave, raw_spin_unlock, raw_spin_unlock_irqrestore, raw_spinlock_t } from "../locking/spinlock.ts";
import { barrier_before_adoption, barrier_lock_lists, barrier_unlock_lists } from "./barrier.ts";
import { rcu_data } from "./callbacks.ts";
import type { rcu_head } from "./cblist.ts";
import { gp_add_cpu, gp_remove_cpu, rcu_online } from "./grace_period.ts";
import { rcu_segcblist, segcblist_enqueue, segcblist_merge } from "./segcblist.ts";

const orphan_lock = new raw_spinlock_t();
const orphans = new rcu_segcblist();
/** A barrier is under way: with rcu.barrier=b nobody but itself adopts. */
let adoption_forbidden: u32 = 0;

export function orphans_pending(): u32 {
  return READ_ONCE(orphans.len);
}

/** A callback that nobody's CPU queues. Interrupts are off. */
export function queue_orphan(head: rcu_head): void {
  raw_spin_lock(orphan_lock);
  segcblist_enqueue(orphans, head);
  raw_spin_unlock(orphan_lock);
}

export function forbid_adoption(): void {
  const flags = raw_spin_lock_irqsave(orphan_lock);
  adoption_forbidden = 1;
  raw_spin_unlock_irqrestore(orphan_lock, flags);
}

/** The calling CPU takes all orphans, and from now on others may again. */
export function adopt_orphans(): void {
  const flags = raw_spin_lock_irqsave(orphan_lock);
  adoption_forbidden = 0;
  segcblist_merge(orphans, rcu_data.current().cblist);
  raw_spin_unlock_irqrestore(orphan_lock, flags);
}

/** On the starting CPU, interrupts off: grace periods wait for it from the next one on. */
export function rcu_cpu_starting(cpu: u32): void {
  const flags = local_irq_save();
  rcu_data.of(cpu).dying = 0;
  barrier_lock_lists();
  gp_add_cpu(cpu);
  barrier_unlock_lists();
  local_irq_restore(flags);
}

/** On the dying CPU, interrupts off, the other CPUs standing still: with rcu.barrier=a it has no callbacks from now on. */
export function rcu_cpu_dying(cpu: u32): void {
  if (CONFIG.rcu.barrier !== RCU_BARRIER.a) return;
  const data = rcu_data.of(cpu);
  raw_spin_lock(orphan_lock);
  data.dying = 1;
  segcblist_merge(data.cblist, orphans);
  raw_spin_unlock(orphan_lock);
}

/** Interrupts are off, the lists are locked. */
function adopt_from(cpu: u32): void {
  barrier_before_adoption(cpu);
  raw_spin_lock(orphan_lock);
  segcblist_merge(rcu_data.of(cpu).cblist, orphans);
  if (CONFIG.rcu.barrier !== RCU_BARRIER.b || adoption_forbidden === 0) segcblist_merge(orphans, rcu_data.current().cblist);
  raw_spin_unlock(orphan_lock);
}

/** By a survivor, once the CPU has stopped: it owes nothing any more, and its callbacks find a new home. */
export function rcu_report_dead(cpu: u32): void {
  if (!cpumask_test_cpu(cpu, rcu_online)) return;
  const flags = local_irq_save();
  barrier_lock_lists();
  if (CONFIG.rcu.barrier !== RCU_BARRIER.naive) adopt_from(cpu);
  gp_remove_cpu(cpu);
  barrier_unlock_lists();
  local_irq_restore(flags);
}
