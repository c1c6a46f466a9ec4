// cpus_read_lock: no CPU comes or goes while anybody holds it. As Linux had it in 2012.
//
// cpu_hotplug.lock (mutex) guards refcount. Readers nest freely and hold no lock; the writer waits until refcount is 0 and
// keeps the mutex from then on, so readers that come later sleep. The writing task itself may enter as a reader: that
// counts nothing. Nobody may register CPU states as a reader, which would be a real deadlock.

import { WARN_ON } from "../lib/bug.ts";
import { mutex, mutex_lock, mutex_unlock } from "../locking/mutex.ts";
import {
  __set_current_state,
  schedule,
  set_current_state,
  wake_up_process,
} from "../sched/core.ts";
import { might_sleep } from "../sched/preempt.ts";
import {
  get_current,
  TASK_RUNNING,
  TASK_UNINTERRUPTIBLE,
  type task_struct,
} from "../sched/task.ts";

class cpu_hotplug_t {
  active_writer: task_struct | null = null;
  readonly lock = new mutex();
  /** Readers inside, nesting included. */
  refcount: u32 = 0;
}
const cpu_hotplug = new cpu_hotplug_t();

/** @may_sleep */
export function cpus_read_lock(): void {
  might_sleep();
  if (cpu_hotplug.active_writer === get_current()) return;
  mutex_lock(cpu_hotplug.lock);
  cpu_hotplug.refcount += 1;
  mutex_unlock(cpu_hotplug.lock);
}

export function cpus_read_unlock(): void {
  if (cpu_hotplug.active_writer === get_current()) return;
  mutex_lock(cpu_hotplug.lock);
  if (!WARN_ON(cpu_hotplug.refcount === 0)) cpu_hotplug.refcount -= 1;
  const writer = cpu_hotplug.active_writer;
  if (cpu_hotplug.refcount === 0 && writer !== null) wake_up_process(writer);
  mutex_unlock(cpu_hotplug.lock);
}

/** The caller holds cpu_add_remove_lock, so it is the only writer. */
export function cpu_hotplug_begin(): void {
  cpu_hotplug.active_writer = get_current();
  for (;;) {
    mutex_lock(cpu_hotplug.lock);
    if (cpu_hotplug.refcount === 0) return;
    // The state before the mutex is released: the last reader wakes under the mutex, so the wake-up is not lost.
    set_current_state(TASK_UNINTERRUPTIBLE);
    mutex_unlock(cpu_hotplug.lock);
    schedule();
    __set_current_state(TASK_RUNNING);
  }
}

export function cpu_hotplug_done(): void {
  cpu_hotplug.active_writer = null;
  mutex_unlock(cpu_hotplug.lock);
}
