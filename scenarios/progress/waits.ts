// Tasks that wait for what does not come, one or two a case.
//
//   keeper, wanter          a mutex held for some 100 ms, and who waits for it uninterruptibly (hung task)
//   consumer, producer      looks at the condition, then stands in the queue: the wake-up comes between the two (lost wake-up)
//   worker, boss            the same with wake_up_process alone
//   forgotten               waits for what nobody completes (stuck)
//   reaper, victim          waits for the end of a thread that waits for a mutex of his (deadlock)
//   updater, reader         waits for a grace period with a mutex that a reader waits for inside its section (deadlock)
//   polite                  each has one lock, tries the other's, and gives way (livelock)

import { get_cycles64 } from "kernel/arch/time.ts";
import { mutex, mutex_init, mutex_lock, mutex_unlock } from "kernel/locking/mutex.ts";
import { spin_lock, spin_lock_init, spin_trylock, spin_unlock, spinlock_t } from "kernel/locking/spinlock.ts";
import { rcu_read_lock, rcu_read_unlock, synchronize_rcu } from "kernel/rcu/rcu.ts";
import { complete, completion, init_completion, wait_for_completion } from "kernel/sched/completion.ts";
import { schedule, set_current_state, wake_up_process } from "kernel/sched/core.ts";
import { kthread_run, kthread_should_stop, kthread_stop } from "kernel/sched/kthread.ts";
import { get_current, TASK_RUNNING, TASK_UNINTERRUPTIBLE, type task_struct } from "kernel/sched/task.ts";
import { msleep } from "kernel/sched/timer.ts";
import { finish_wait, init_waitqueue_head, prepare_to_wait, wait_queue_entry, wait_queue_head, wake_up } from "kernel/sched/wait.ts";
import { right } from "./right.ts";

const account_mutex = new mutex();
let ready: u32 = 0;

// ---- hung task ----

export function keeper(_arg: u32): void {
  mutex_init(account_mutex, "account_mutex");
  mutex_lock(account_mutex);
  WRITE_ONCE(ready, 1);
  msleep(right() ? 2 : 150);
  mutex_unlock(account_mutex);
}

export function wanter(_arg: u32): void {
  while (READ_ONCE(ready) === 0) msleep(1);
  mutex_lock(account_mutex);
  mutex_unlock(account_mutex);
}

// ---- lost wake-up ----

const items = new wait_queue_head();
let item: u32 = 0;
let looked: u32 = 0;

/** Both sides in the wrong order would be the same without the pause between look and sleep: that is what makes it happen each time. */
export function consumer(_arg: u32): void {
  init_waitqueue_head(items);
  WRITE_ONCE(ready, 1);
  const wait = new wait_queue_entry();
  if (right()) prepare_to_wait(items, wait, TASK_UNINTERRUPTIBLE);
  const empty = READ_ONCE(item) === 0;
  WRITE_ONCE(looked, 1);
  while (READ_ONCE(looked) === 1) pause();
  if (!right()) prepare_to_wait(items, wait, TASK_UNINTERRUPTIBLE);
  if (empty) schedule();
  finish_wait(items, wait);
}

export function producer(_arg: u32): void {
  while (READ_ONCE(looked) === 0) pause();
  WRITE_ONCE(item, 1);
  wake_up(items);
  WRITE_ONCE(looked, 2);
}

let worker_task: task_struct | null = null;

export function worker(_arg: u32): void {
  WRITE_ONCE(worker_task, get_current());
  if (right()) set_current_state(TASK_UNINTERRUPTIBLE);
  const empty = READ_ONCE(item) === 0;
  WRITE_ONCE(looked, 1);
  while (READ_ONCE(looked) === 1) pause();
  if (!right()) set_current_state(TASK_UNINTERRUPTIBLE);
  if (empty) schedule();
  set_current_state(TASK_RUNNING);
}

export function boss(_arg: u32): void {
  while (READ_ONCE(looked) === 0) pause();
  WRITE_ONCE(item, 1);
  wake_up_process(worker_task!);
  WRITE_ONCE(looked, 2);
}

// ---- stuck ----

const never = new completion();

export function forgotten(_arg: u32): void {
  init_completion(never);
  if (right()) complete(never);
  wait_for_completion(never);
}

// ---- circles that are not of locks alone ----

function victim(_arg: u32): void {
  while (!kthread_should_stop()) {
    mutex_lock(account_mutex);
    mutex_unlock(account_mutex);
    msleep(1);
  }
}

export function reaper(_arg: u32): void {
  mutex_init(account_mutex, "account_mutex");
  const thread = kthread_run(victim, 0, "victim");
  msleep(3);
  if (!right()) mutex_lock(account_mutex);
  // The victim comes to want what we have.
  msleep(3);
  kthread_stop(thread!);
  if (!right()) mutex_unlock(account_mutex);
}

export function updater(_arg: u32): void {
  mutex_init(account_mutex, "account_mutex");
  mutex_lock(account_mutex);
  WRITE_ONCE(ready, 1);
  msleep(3);
  if (right()) mutex_unlock(account_mutex);
  synchronize_rcu();
  if (!right()) mutex_unlock(account_mutex);
}

export function reader(_arg: u32): void {
  while (READ_ONCE(ready) === 0) msleep(1);
  if (right()) mutex_lock(account_mutex);
  rcu_read_lock();
  if (!right()) mutex_lock(account_mutex);
  mutex_unlock(account_mutex);
  rcu_read_unlock();
}

// ---- livelock ----

/** Some 60 ms. */
const ROUNDS = 1000;

const left_lock = new spinlock_t();
const right_lock = new spinlock_t();
let arrived: u32 = 0;

/** Two that run at the same speed: each comes here as often as the other. */
function in_step(times: u32): void {
  "noinline";
  amoAdd(addressOf(arrived), 1);
  while (i32(READ_ONCE(arrived) - 2 * times) < 0) pause();
}

/** 50 us of work. */
function rest(): void {
  const until = get_cycles64() + 500n;
  while (get_cycles64() < until) pause();
}

/** Holds one lock and tries the other; false: in vain. */
function both(mine: spinlock_t, other: spinlock_t, round: u32): boolean {
  "noinline";
  spin_lock(mine);
  if (!right()) in_step(2 * round + 1);
  const got = spin_trylock(other);
  if (!right()) in_step(2 * round + 2);
  if (got) spin_unlock(other);
  spin_unlock(mine);
  return got;
}

export function polite(index: u32): void {
  if (index === 0) {
    spin_lock_init(left_lock, "left.lock");
    spin_lock_init(right_lock, "right.lock");
    WRITE_ONCE(ready, 1);
  }
  while (READ_ONCE(ready) === 0) pause();
  const first = index === 0 || right();
  for (let round: u32 = 0; round < ROUNDS; round++) {
    if (first ? both(left_lock, right_lock, round) : both(right_lock, left_lock, round)) return;
    rest();
  }
}
