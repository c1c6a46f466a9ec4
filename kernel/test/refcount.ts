// Atomics and reference counts: what each returns, that no update is lost, and that an object is freed exactly once.

import {
  atomic_add, atomic_add_negative, atomic_add_return, atomic_add_return_acquire, atomic_add_return_relaxed,
  atomic_add_return_release, atomic_add_unless, atomic_and, atomic_andnot, atomic_cmpxchg, atomic_dec_and_test,
  atomic_dec_if_positive, atomic_dec_unless_positive, atomic_fetch_add, atomic_fetch_add_unless, atomic_fetch_and,
  atomic_fetch_andnot, atomic_fetch_or, atomic_fetch_sub, atomic_fetch_xor, atomic_inc, atomic_inc_and_test,
  atomic_inc_not_zero, atomic_inc_unless_negative, atomic_or, atomic_read, atomic_read_acquire, atomic_set,
  atomic_set_release, atomic_sub_and_test, atomic_sub_return, atomic_t, atomic_try_cmpxchg, atomic_xchg,
} from "../lib/atomic.ts";
import {
  refcount_add, refcount_dec, refcount_dec_if_one, refcount_dec_not_one, refcount_inc, refcount_inc_not_zero,
  refcount_read, refcount_set, refcount_sub_and_test, refcount_t,
} from "../lib/refcount.ts";
import { mutex, mutex_is_locked, mutex_unlock } from "../locking/mutex.ts";
import { refcount_dec_and_lock, refcount_dec_and_lock_irqsave, refcount_dec_and_mutex_lock } from "../locking/refcount-lock.ts";
import { spin_is_locked, spin_lock, spin_unlock, spin_unlock_irqrestore, spinlock_t } from "../locking/spinlock.ts";
import { yield_cpu } from "../sched/core.ts";
import { expect_equal, expect_true, test_run } from "./tap.ts";
import { run_threads } from "./threads.ts";

const ROUNDS = 200;

/** One step: what it returned, and what it left. */
function step(v: atomic_t, returned: i32, expected: i32, left: i32, what: string): void {
  expect_equal(u32(returned), u32(expected), what);
  expect_equal(u32(atomic_read(v)), u32(left), what);
}

function flag(condition: boolean): i32 {
  "inline";
  return condition ? 1 : 0;
}

function atomic_values(): void {
  const v = new atomic_t();
  atomic_set(v, 5);
  step(v, atomic_add_return(3, v), 8, 8, "add_return");
  step(v, atomic_add_return_relaxed(1, v), 9, 9, "add_return_relaxed");
  step(v, atomic_add_return_acquire(1, v), 10, 10, "add_return_acquire");
  step(v, atomic_add_return_release(-2, v), 8, 8, "add_return_release");
  step(v, atomic_sub_return(7, v), 1, 1, "sub_return");
  step(v, flag(atomic_dec_and_test(v)), 1, 0, "dec_and_test");
  step(v, flag(atomic_inc_not_zero(v)), 0, 0, "inc_not_zero of 0");
  step(v, atomic_dec_if_positive(v), -1, 0, "dec_if_positive of 0");
  step(v, flag(atomic_dec_unless_positive(v)), 1, -1, "dec_unless_positive of 0");
  step(v, flag(atomic_inc_unless_negative(v)), 0, -1, "inc_unless_negative of -1");
  step(v, flag(atomic_inc_and_test(v)), 1, 0, "inc_and_test");
  step(v, flag(atomic_add_negative(-4, v)), 1, -4, "add_negative");
  step(v, flag(atomic_add_negative(4, v)), 0, 0, "add_negative to 0");
  step(v, atomic_fetch_add(9, v), 0, 9, "fetch_add");
  step(v, atomic_fetch_sub(3, v), 9, 6, "fetch_sub");
  step(v, flag(atomic_sub_and_test(6, v)), 1, 0, "sub_and_test");
  step(v, atomic_fetch_or(0x3c, v), 0, 0x3c, "fetch_or");
  step(v, atomic_fetch_and(0x0f, v), 0x3c, 0x0c, "fetch_and");
  step(v, atomic_fetch_andnot(0x04, v), 0x0c, 0x08, "fetch_andnot");
  step(v, atomic_fetch_xor(0x18, v), 0x08, 0x10, "fetch_xor");
  atomic_or(3, v);
  atomic_andnot(1, v);
  atomic_and(0x0f, v);
  step(v, 0, 0, 2, "or, andnot, and");
  step(v, atomic_xchg(v, -7), 2, -7, "xchg");
  step(v, atomic_cmpxchg(v, 1, 4), -7, -7, "cmpxchg that fails");
  step(v, atomic_cmpxchg(v, -7, 4), -7, 4, "cmpxchg");
  const expected = new FixedArray<i32>(1);
  expected[0] = 9;
  step(v, flag(atomic_try_cmpxchg(v, expected, 1)), 0, 4, "try_cmpxchg that fails");
  step(v, expected[0], 4, 4, "try_cmpxchg says what it found");
  step(v, flag(atomic_try_cmpxchg(v, expected, 1)), 1, 1, "try_cmpxchg");
  step(v, atomic_fetch_add_unless(v, 5, 1), 1, 1, "fetch_add_unless");
  step(v, flag(atomic_add_unless(v, 5, 0)), 1, 6, "add_unless");
  atomic_set_release(v, 0x7fff_ffff);
  step(v, atomic_add_return(1, v), -0x8000_0000, -0x8000_0000, "arithmetic wraps");
  step(v, atomic_read_acquire(v), -0x8000_0000, -0x8000_0000, "read_acquire");
}

const sum = new atomic_t();
const bits = new atomic_t();
const tickets = new atomic_t();

function atomic_thread(index: u32): void {
  for (let round: u32 = 0; round < ROUNDS; round++) {
    atomic_inc(sum);
    atomic_add(2, sum);
    atomic_fetch_xor(i32(1 << (index & 15)), bits);
    if (atomic_add_unless(tickets, 1, i32(ROUNDS))) atomic_add(1, sum);
  }
}

function atomic_cases(): void {
  atomic_values();
  atomic_set(sum, 0);
  atomic_set(bits, 0);
  atomic_set(tickets, 0);
  const threads = run_threads(atomic_thread, 2);
  expect_equal(u32(atomic_read(sum)), threads * ROUNDS * 3 + ROUNDS, "sum of all threads");
  expect_equal(u32(atomic_read(bits)), 0, "each bit changed an even number of times");
  expect_equal(u32(atomic_read(tickets)), ROUNDS, "tickets given out");
}

function refcount_values(): void {
  const r = new refcount_t();
  const lock = new spinlock_t();
  const sleeping = new mutex();
  refcount_set(r, 1);
  refcount_inc(r);
  refcount_add(3, r);
  expect_equal(refcount_read(r), 5, "five references");
  expect_true(refcount_inc_not_zero(r), "one more");
  refcount_dec(r);
  expect_true(!refcount_sub_and_test(3, r), "three less");
  expect_true(!refcount_dec_if_one(r), "two are not one");
  expect_true(!refcount_dec_and_lock(r, lock) && !spin_is_locked(lock), "not the last: no lock");
  expect_true(!refcount_dec_not_one(r), "the last one stays");
  expect_true(refcount_dec_and_lock(r, lock) && spin_is_locked(lock), "the last: the lock is held");
  spin_unlock(lock);
  expect_equal(refcount_read(r), 0, "none left");
  expect_true(!refcount_inc_not_zero(r), "nobody finds it again");
  refcount_set(r, 1);
  const flags = new FixedArray<u32>(1);
  expect_true(refcount_dec_and_lock_irqsave(r, lock, flags), "the last, interrupts off");
  spin_unlock_irqrestore(lock, flags[0]);
  refcount_set(r, 2);
  expect_true(!refcount_dec_and_mutex_lock(r, sleeping) && !mutex_is_locked(sleeping), "not the last: no mutex");
  expect_true(refcount_dec_and_mutex_lock(r, sleeping) && mutex_is_locked(sleeping), "the last: the mutex is held");
  mutex_unlock(sleeping);
  refcount_set(r, 1);
  expect_true(refcount_dec_if_one(r), "one to none");
}

const shared = new refcount_t();
const table_lock = new spinlock_t();
/** Whether the shared object can be found; under table_lock. */
let listed: u32 = 0;
const frees = new atomic_t();
const births = new atomic_t();
const found_freed = new atomic_t();

/** Finds the object, or makes it, under the lock; uses it; and whoever is last takes it off the table. */
function refcount_thread(_index: u32): void {
  for (let round: u32 = 0; round < ROUNDS; round++) {
    spin_lock(table_lock);
    if (listed === 0) {
      refcount_set(shared, 1);
      listed = 1;
      atomic_inc(births);
    } else if (!refcount_inc_not_zero(shared)) atomic_inc(found_freed);
    spin_unlock(table_lock);
    if (round % 16 === 0) yield_cpu();
    if (refcount_dec_and_lock(shared, table_lock)) {
      listed = 0;
      atomic_inc(frees);
      spin_unlock(table_lock);
    }
  }
}

function refcount_cases(): void {
  refcount_values();
  listed = 0;
  atomic_set(frees, 0);
  atomic_set(births, 0);
  atomic_set(found_freed, 0);
  run_threads(refcount_thread, 2);
  expect_equal(u32(atomic_read(frees)), u32(atomic_read(births)), "objects freed as often as made");
  expect_true(atomic_read(births) > 1, "the object came and went");
  expect_equal(u32(atomic_read(found_freed)), 0, "objects on the table without a reference");
  expect_equal(refcount_read(shared), 0, "references left");
}

export function test_atomic(_arg: u32): void {
  test_run("atomic", atomic_cases);
}

export function test_refcount(_arg: u32): void {
  test_run("refcount", refcount_cases);
}
