// Who waits for a spinlock gets it in the order of arrival, whatever spinlock.kind.
//
// The holder lets the others come one after the other: the word of the lock changes when somebody begins to wait.

import { num_online_cpus } from "../arch/cpumask.ts";
import { NR_CPUS } from "../arch/percpu.ts";
import { smp_rmb, smp_wmb } from "../lib/atomic.ts";
import { raw_spin_lock, raw_spin_unlock, raw_spinlock_t } from "../locking/spinlock.ts";
import { expect_equal, expect_true, test_run } from "./tap.ts";
import { run_threads } from "./threads.ts";

const ROUNDS = 4;
const lock = new raw_spinlock_t();
/** Whose turn it is to begin to wait; 0 is the holder. */
let turn: u32 = 0;
/** Holders that have let the others in. */
let round: u32 = 0;
const order = new FixedArray<u32>(NR_CPUS);
let entered: u32 = 0;
let wrong: u32 = 0;
let done: u32 = 0;

/** Others begin to wait in the order first, first + step, … */
function hold(threads: u32, step: u32): void {
  raw_spin_lock(lock);
  entered = 0;
  // Whose turn was last does not begin before it is called.
  WRITE_ONCE(turn, 0);
  smp_wmb();
  WRITE_ONCE(round, round + 1);
  for (let n: u32 = 1; n < threads; n++) {
    const before = READ_ONCE(lock.slock);
    WRITE_ONCE(turn, ((n * step) % threads));
    while (READ_ONCE(lock.slock) === before) pause();
  }
  raw_spin_unlock(lock);
  while (READ_ONCE(entered) < threads - 1) pause();
  for (let n: u32 = 1; n < threads; n++) if (order[n - 1] !== (n * step) % threads) wrong += 1;
  WRITE_ONCE(done, done + 1);
}

function fifo_thread(index: u32): void {
  const threads = num_online_cpus();
  for (let n: u32 = 1; n <= ROUNDS; n++) {
    if (index === 0) {
      // Forwards, then backwards.
      hold(threads, (n & 1) === 1 ? 1 : threads - 1);
      continue;
    }
    while (READ_ONCE(round) < n) pause();
    smp_rmb();
    while (READ_ONCE(turn) !== index) pause();
    raw_spin_lock(lock);
    order[entered] = index;
    WRITE_ONCE(entered, entered + 1);
    raw_spin_unlock(lock);
    while (READ_ONCE(done) < n) pause();
  }
}

function fifo_cases(): void {
  turn = 0;
  round = 0;
  wrong = 0;
  done = 0;
  run_threads(fifo_thread, 1);
  expect_equal(wrong, 0, "places in the queue that were not the order of arrival");
  expect_equal(done, ROUNDS, "rounds");
  expect_true(lock.slock >>> 16 === (lock.slock & 0xffff), "the lock is free");
}

export function test_spin_fifo(_arg: u32): void {
  test_run("spin_fifo", fifo_cases);
}
