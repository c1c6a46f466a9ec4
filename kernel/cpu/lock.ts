// Keeping CPUs where they are: no CPU comes or goes while anybody is inside get_online_cpus (today's name: cpus_read_lock).
//
// Task context; may sleep. Two designs, hotplug.lock:
//   refcount      Linux until 2014. cpu_hotplug.lock (mutex) guards refcount. Readers nest freely and hold no lock; the writer waits
//                 until refcount is 0 and keeps the mutex from then on, so readers that come later sleep. The writing task may
//                 enter as a reader: that counts nothing; helpers that it waits for may not. Readers that keep coming starve the
//                 writer. A wake-up is not lost: the writer sets its state before it releases the mutex, and the
//                 last reader wakes it under the mutex, when the count becomes exactly 0. hotplug.priority=writer: readers that come
//                 while a writer waits let it go first, so nobody starves, and a reader that enters again deadlocks with it.
//   percpu-rwsem  Linux since 4.13. A waiting writer keeps new readers out, so a reader that enters again deadlocks with it, and so
//                 does a writer that enters as a reader.
// One put too many makes a refcount of -1: the next reader makes it 0 under which a writer goes on beside it, and without
// a reader the writer waits for a 0 that nobody wakes it at. hotplug.underflow says what is noticed, where:
//   none  nothing            get       the next reader warns, whose fault it is not
//   put-bug, put-warn        the put itself: the end, or a warning and the count as it was (merged in 2012)
//   akpm-wrong               the first sketch of put-warn: looks for -1 inside "became 0" and never finds it
// For lockdep the count is a lock, too (hotplug.lockdep=readers): readers and the writer want it before they take the mutex, and have it when
// they have been counted, or nobody is. With `mutex` lockdep sees the mutex alone, which readers do not hold: it says nothing about those who wait
// for the count, and a circle through the mutex where the count forbids it.
// Order: cpu_add_remove_lock (notifier.ts) > cpu_hotplug.lock > what the listeners take. Nobody may register a listener as a reader.

import { CONFIG, HOTPLUG_LOCK, HOTPLUG_LOCKDEP, HOTPLUG_PRIORITY, UNDERFLOW } from "config";
import { LOCK_FLAG, LOCK_KIND, MARK } from "../abi/marks.ts";
import { BUG, panic, WARN_ON } from "../lib/bug.ts";
import { mutex, mutex_lock, mutex_unlock } from "../locking/mutex.ts";
import {
  percpu_down_read, percpu_down_write, percpu_init_rwsem, percpu_rw_semaphore, percpu_up_read, percpu_up_write,
} from "../locking/percpu-rwsem.ts";
import { __set_current_state, schedule, set_current_state, wake_up_process } from "../sched/core.ts";
import { might_sleep } from "../sched/preempt.ts";
import { get_current, TASK_RUNNING, TASK_UNINTERRUPTIBLE, type task_struct } from "../sched/task.ts";
import { finish_wait, init_waitqueue_head, prepare_to_wait, wait_queue_entry, wait_queue_head, wake_up_all } from "../sched/wait.ts";

const COUNTED = CONFIG.hotplug.lock === HOTPLUG_LOCK.refcount;
const COUNT_MARKS = CONFIG.hotplug.lockdep === HOTPLUG_LOCKDEP.readers;
const WRITER_FIRST = COUNTED && CONFIG.hotplug.priority === HOTPLUG_PRIORITY.writer;
/** Whether a reader may enter again. */
const NESTING: u32 = WRITER_FIRST ? 0 : LOCK_FLAG.recursive;

class cpu_hotplug_t {
  active_writer: task_struct | null = null;
  readonly lock = new mutex();
  /** Readers inside, nesting included; under lock. */
  refcount: i32 = 0;
  /** How often the writer has looked at the count; for those who measure. */
  tries: u32 = 0;
}
const cpu_hotplug = new cpu_hotplug_t();
/** hotplug.priority=writer: who comes while a writer waits. */
const late_readers = new wait_queue_head();
const cpu_hotplug_lock = new percpu_rw_semaphore();

/** Before the first CPU comes or goes. */
export function cpu_hotplug_init(): void {
  if (WRITER_FIRST) init_waitqueue_head(late_readers);
  if (COUNTED) return;
  if (percpu_init_rwsem(cpu_hotplug_lock, "cpu_hotplug_lock") !== 0) panic("no memory for cpu_hotplug_lock");
}

/** cpu_hotplug.lock is held before and after, and then no writer waits. @may_sleep */
function let_writer_go_first(): void {
  if (READ_ONCE(cpu_hotplug.active_writer) === null) return;
  if (COUNT_MARKS) traceMark(MARK.LOCK_CONTENDED, addressOf(cpu_hotplug.refcount), LOCK_KIND.sem_read, 0);
  const wait = new wait_queue_entry();
  while (READ_ONCE(cpu_hotplug.active_writer) !== null) {
    prepare_to_wait(late_readers, wait, TASK_UNINTERRUPTIBLE);
    mutex_unlock(cpu_hotplug.lock);
    if (READ_ONCE(cpu_hotplug.active_writer) !== null) schedule();
    finish_wait(late_readers, wait);
    mutex_lock(cpu_hotplug.lock);
  }
}

function get_counted(): void {
  if (READ_ONCE(cpu_hotplug.active_writer) === get_current()) return;
  if (COUNT_MARKS) traceMark(MARK.LOCK_ACQUIRE, addressOf(cpu_hotplug.refcount), LOCK_KIND.sem_read, NESTING);
  mutex_lock(cpu_hotplug.lock);
  if (WRITER_FIRST) let_writer_go_first();
  if (CONFIG.hotplug.underflow === UNDERFLOW.get) WARN_ON(cpu_hotplug.refcount < 0);
  cpu_hotplug.refcount += 1;
  mutex_unlock(cpu_hotplug.lock);
  if (COUNT_MARKS) traceMark(MARK.LOCK_ACQUIRED, addressOf(cpu_hotplug.refcount), LOCK_KIND.sem_read, NESTING);
}

function put_counted(): void {
  if (READ_ONCE(cpu_hotplug.active_writer) === get_current()) return;
  mutex_lock(cpu_hotplug.lock);
  if (CONFIG.hotplug.underflow === UNDERFLOW.put_bug && cpu_hotplug.refcount === 0) {
    BUG("put_online_cpus without get_online_cpus");
  }
  if (CONFIG.hotplug.underflow === UNDERFLOW.put_warn && WARN_ON(cpu_hotplug.refcount === 0)) cpu_hotplug.refcount += 1;
  cpu_hotplug.refcount -= 1;
  if (cpu_hotplug.refcount === 0) {
    if (CONFIG.hotplug.underflow === UNDERFLOW.akpm_wrong && WARN_ON(cpu_hotplug.refcount === -1)) cpu_hotplug.refcount += 1;
    const writer = READ_ONCE(cpu_hotplug.active_writer);
    if (writer !== null) wake_up_process(writer);
  }
  if (COUNT_MARKS) traceMark(MARK.LOCK_RELEASE, addressOf(cpu_hotplug.refcount), LOCK_KIND.sem_read, 0);
  mutex_unlock(cpu_hotplug.lock);
}

/** @may_sleep */
export function get_online_cpus(): void {
  might_sleep();
  if (COUNTED) get_counted();
  else percpu_down_read(cpu_hotplug_lock);
}

export function put_online_cpus(): void {
  if (COUNTED) put_counted();
  else percpu_up_read(cpu_hotplug_lock);
}

/** Linux's name for get_online_cpus since 4.13. @may_sleep */
export function cpus_read_lock(): void {
  get_online_cpus();
}

export function cpus_read_unlock(): void {
  put_online_cpus();
}

function begin_counted(): void {
  if (COUNT_MARKS) traceMark(MARK.LOCK_ACQUIRE, addressOf(cpu_hotplug.refcount), LOCK_KIND.sem_write, 0);
  let waits = false;
  for (;;) {
    mutex_lock(cpu_hotplug.lock);
    cpu_hotplug.tries += 1;
    if (likely(cpu_hotplug.refcount === 0)) break;
    set_current_state(TASK_UNINTERRUPTIBLE);
    mutex_unlock(cpu_hotplug.lock);
    if (COUNT_MARKS && !waits) traceMark(MARK.LOCK_CONTENDED, addressOf(cpu_hotplug.refcount), LOCK_KIND.sem_write, 0);
    waits = true;
    schedule();
    __set_current_state(TASK_RUNNING);
  }
  if (COUNT_MARKS) traceMark(MARK.LOCK_ACQUIRED, addressOf(cpu_hotplug.refcount), LOCK_KIND.sem_write, 0);
}

/** No reader is inside, and none enters until cpu_hotplug_done. The caller holds cpu_add_remove_lock. @may_sleep */
export function cpu_hotplug_begin(): void {
  // Readers look without the lock: is it me?
  WRITE_ONCE(cpu_hotplug.active_writer, get_current());
  if (COUNTED) begin_counted();
  else percpu_down_write(cpu_hotplug_lock);
}

export function cpu_hotplug_done(): void {
  WRITE_ONCE(cpu_hotplug.active_writer, null);
  if (COUNTED && COUNT_MARKS) traceMark(MARK.LOCK_RELEASE, addressOf(cpu_hotplug.refcount), LOCK_KIND.sem_write, 0);
  if (COUNTED) mutex_unlock(cpu_hotplug.lock);
  if (WRITER_FIRST) wake_up_all(late_readers);
  if (!COUNTED) percpu_up_write(cpu_hotplug_lock);
}

/** The caller is in a hotplug operation: a notifier, or what one calls. */
export function cpu_hotplug_is_writer(): boolean {
  return cpu_hotplug.active_writer === get_current();
}

/** How often writers have looked whether readers were inside, ever; with percpu-rwsem 0. */
export function cpu_hotplug_tries(): u32 {
  return READ_ONCE(cpu_hotplug.tries);
}
