// Switching softirqs off on preempt = rt: the task may be preempted, others of its CPU that want the same wait for it and lend it their
// priority. Softirqs are served in the same way, by ksoftirqd or at the end of such a section, so serving and switching off
// exclude each other on each CPU. After Linux's kernel/softirq.c.
//
// softirq_ctrl.lock belongs to the CPU and is held from the outermost bh_disable_rt to its bh_enable_rt, by a task that stays there.
// Where the caller cannot be preempted anyway it is not taken: nothing else runs here meanwhile.

import { local_irq_restore, local_irq_save } from "../arch/irqflags.ts";
import { WARN_ON_ONCE } from "../lib/bug.ts";
import { spin_lock, spin_unlock, spinlock_t } from "../locking/spinlock.ts";
import { migrate_disable, migrate_enable } from "../sched/affinity.ts";
import { preemptible } from "../sched/preempt.ts";
import { get_current } from "../sched/task.ts";

class softirq_ctrl {
  readonly lock = new spinlock_t();
  /** softirq_disable_cnt of the task that has them off here. */
  cnt: u32;
}
const ctrl = new PerCpu(softirq_ctrl);

/** Nobody has softirqs off here: what is raised needs ksoftirqd. Interrupts or preemption are off. */
export function should_wake_ksoftirqd(): boolean {
  return ctrl.current().cnt === 0;
}

/** One level of `n`, which is SOFTIRQ_OFFSET to serve and twice that to switch off. */
export function bh_disable_rt(n: u32): void {
  const task = get_current();
  if (task.softirq_disable_cnt === 0) {
    if (preemptible()) {
      migrate_disable();
      spin_lock(ctrl.current().lock);
    } else {
      WARN_ON_ONCE(ctrl.current().cnt !== 0);
    }
  }
  const count = task.softirq_disable_cnt + n;
  task.softirq_disable_cnt = count;
  ctrl.current().cnt = count;
}

/** The other way round; `unlock`: when it is the outermost level, the lock is held. */
export function bh_enable_rt(n: u32, unlock: boolean): void {
  const task = get_current();
  const count = task.softirq_disable_cnt - n;
  const flags = local_irq_save();
  task.softirq_disable_cnt = count;
  ctrl.current().cnt = count;
  local_irq_restore(flags);
  if (count !== 0 || !unlock) return;
  spin_unlock(ctrl.current().lock);
  migrate_enable();
}
