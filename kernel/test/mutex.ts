// Mutexes: exclusion under contention, service in the order of arrival, who sleeps and who polls.

import { CONFIG } from "config";
import { num_online_cpus } from "../arch/cpumask.ts";
import { CSR_TIME } from "../arch/csr.ts";
import { timebase_hz } from "../arch/time.ts";
import { atomic_inc, atomic_read, atomic_set, atomic_t } from "../lib/atomic.ts";
import {
  mutex, mutex_init, mutex_is_locked, mutex_lock, mutex_lock_interruptible, mutex_lock_killable, mutex_lock_nested, mutex_owner,
  mutex_trylock, mutex_unlock, mutexes_held,
} from "../locking/mutex.ts";
import { yield_cpu } from "../sched/core.ts";
import { get_current } from "../sched/task.ts";
import { msleep } from "../sched/timer.ts";
import { expect_equal, expect_true, test_run } from "./tap.ts";
import { run_threads } from "./threads.ts";

const ROUNDS = 40;

const lock = new mutex();
let first: u32 = 0;
let second: u32 = 0;
const broken = new atomic_t();
const changes = new atomic_t();

function enter(form: u32): boolean {
  if (form === 0) return mutex_trylock(lock);
  if (form === 1) return mutex_lock_interruptible(lock) === 0;
  if (form === 2) return mutex_lock_killable(lock) === 0;
  if (form === 3) mutex_lock_nested(lock, 1);
  else mutex_lock(lock);
  return true;
}

function contender(index: u32): void {
  for (let round: u32 = 0; round < ROUNDS; round++) {
    if (!enter((round + index) % 6)) continue;
    if (first !== second || mutex_owner(lock) !== get_current()) atomic_inc(broken);
    first += 1;
    if (round % 4 === 0) yield_cpu();
    second += 1;
    atomic_inc(changes);
    mutex_unlock(lock);
  }
}

let taken: boolean = false;
let served: u32 = 0;
let out_of_order: u32 = 0;

/** How many wait for the mutex, as long as nobody leaves. */
function waiters(): u32 {
  let count: u32 = 0;
  for (let at = READ_ONCE(lock.wait_list.next); at !== lock.wait_list; at = READ_ONCE(at.next)) count += 1;
  return count;
}

/** Threads come one after the other to a mutex that is taken until all wait; they must get it in this order. */
function queuer(index: u32): void {
  if (index === 0) {
    mutex_lock(lock);
    WRITE_ONCE(taken, true);
    while (waiters() !== 2 * num_online_cpus() - 1) msleep(1);
    mutex_unlock(lock);
    return;
  }
  while (!READ_ONCE(taken) || waiters() !== index - 1) msleep(1);
  mutex_lock(lock);
  if (served !== index - 1) out_of_order += 1;
  served += 1;
  mutex_unlock(lock);
}

function spin_us(us: u32): void {
  const begin = csrRead(CSR_TIME);
  while (csrRead(CSR_TIME) - begin < us * (timebase_hz / 1_000_000)) pause();
}

/** Somebody has queued for the mutex. */
let queued: boolean = false;
let holds: u32 = 0;

/** Thread 0 holds the mutex and runs; thread 1, on another CPU, wants it meanwhile. */
function short_hold(index: u32): void {
  if (index === 0) {
    mutex_lock(lock);
    WRITE_ONCE(holds, 1);
    for (let round: u32 = 0; round < (CONFIG.mutex.spin_on_owner ? 3 : 1000); round++) {
      spin_us(100);
      queued = READ_ONCE(lock.owner) !== addr(get_current());
      if (queued) break;
    }
    mutex_unlock(lock);
  } else if (index === 1) {
    while (READ_ONCE(holds) === 0) pause();
    mutex_lock(lock);
    mutex_unlock(lock);
  }
}

function mutex_cases(): void {
  mutex_init(lock, "test mutex");
  const before = mutexes_held();
  mutex_lock(lock);
  expect_true(mutex_is_locked(lock) && mutex_owner(lock) === get_current(), "its owner");
  expect_true(!mutex_trylock(lock), "taken once");
  expect_equal(mutexes_held() - before, CONFIG.debug.mutexes ? 1 : 0, "mutexes held");
  mutex_unlock(lock);
  expect_true(!mutex_is_locked(lock) && mutex_owner(lock) === null, "free");
  first = 0;
  second = 0;
  atomic_set(broken, 0);
  atomic_set(changes, 0);
  run_threads(contender, 2);
  expect_equal(u32(atomic_read(broken)), 0, "times somebody was inside beside the owner");
  expect_equal(first, u32(atomic_read(changes)), "changes that were not lost");
  served = 0;
  out_of_order = 0;
  taken = false;
  const count = run_threads(queuer, 2);
  expect_equal(served, count - 1, "tasks that were served");
  expect_equal(out_of_order, 0, "tasks that were served out of turn");
  if (num_online_cpus() === 1) return;
  holds = 0;
  run_threads(short_hold, 1);
  expect_equal(u32(queued), CONFIG.mutex.spin_on_owner ? 0 : 1, "tasks that queue although the owner runs");
}

export function test_mutex(_arg: u32): void {
  test_run("mutex", mutex_cases);
}
