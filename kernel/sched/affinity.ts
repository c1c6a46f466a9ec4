// Moving a task that is bound to no CPU to a certain one.
//
// A task belongs to the run queue of task.cpu; asleep (on_rq 0, read under that queue's lock) it is on no CPU, and task.cpu
// may change under that lock. Whoever wakes it looks again after locking (task_rq_lock).
// A moved task stays where it is until its CPU goes offline: there is no mask of allowed CPUs.

import { local_irq_restore, local_irq_save } from "../arch/irqflags.ts";
import { raw_spin_unlock } from "../locking/spinlock.ts";
import { jiffies } from "./clock.ts";
import { schedule, set_current_state, wake_up_process } from "./core.ts";
import { cpu_rq, task_rq_lock } from "./rq.ts";
import {
  get_current, smp_processor_id, TASK_RUNNING, TASK_UNINTERRUPTIBLE, type task_struct,
} from "./task.ts";
import { add_timer, del_timer_sync, timer_list, timer_setup } from "./timer.ts";

/** The task, asleep, will wake up on `cpu`. False: it is not asleep, or that CPU takes no tasks. */
function move_sleeping_task(task: task_struct, cpu: u32): boolean {
  const flags = local_irq_save();
  const queue = task_rq_lock(task);
  // A CPU that closes its queue after this look is no harm: the waker finds it closed and takes another.
  const asleep = task.on_rq === 0 && task.state !== TASK_RUNNING;
  const moved = asleep && READ_ONCE(cpu_rq(cpu).online) !== 0;
  if (moved) WRITE_ONCE(task.cpu, cpu);
  raw_spin_unlock(queue.lock);
  local_irq_restore(flags);
  return moved;
}

class mover {
  readonly timer = new timer_list();
  task: task_struct;
  cpu: u32;
}

/** @atomic */
function move_and_wake(timer: timer_list): void {
  const move = containerOf(mover, "timer", timer);
  move_sleeping_task(move.task, move.cpu);
  wake_up_process(move.task);
}

/** The caller goes on on `cpu`, about a tick later. False: that CPU is offline, and the caller stays. @may_sleep */
export function migrate_to(cpu: u32): boolean {
  const move = new mover();
  move.task = get_current();
  move.cpu = cpu;
  timer_setup(move.timer, move_and_wake);
  while (smp_processor_id() !== cpu) {
    if (READ_ONCE(cpu_rq(cpu).online) === 0) return false;
    set_current_state(TASK_UNINTERRUPTIBLE);
    move.timer.expires = jiffies() + 1;
    add_timer(move.timer);
    schedule();
    del_timer_sync(move.timer);
  }
  return true;
}
