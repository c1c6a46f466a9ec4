// Who enters a taken rwlock first (rwlock.fairness). Readers that overlap without a gap keep a writer out to their end, unless
// the lock is queued; a reader in interrupt context gets past a waiting writer, since it may have interrupted the reader
// that the writer waits for. On rt the lock is fair, and there is no way past a writer: a handler is a thread that sleeps.

import { CONFIG, FAIRNESS } from "config";
import { num_online_cpus } from "../arch/cpumask.ts";
import { read_lock, read_trylock, read_unlock, rwlock_t, write_lock, write_unlock } from "../locking/rwlock.ts";
import { RT } from "../locking/spinlock.ts";
import { jiffies } from "../sched/clock.ts";
import { yield_cpu } from "../sched/core.ts";
import { add_timer, del_timer_sync, timer_list, timer_setup } from "../sched/timer.ts";
import { expect_equal, expect_true, test_run } from "./tap.ts";
import { run_threads } from "./threads.ts";

const FAIR: boolean = RT || CONFIG.rwlock.fairness === FAIRNESS.queued;
const ROUNDS = 150;
/** Before the writer comes. */
const WARM_UP = 10;
/** Looks of a queued reader at the other one, which may wait behind the writer. */
const PATIENCE = 3000;

const lock = new rwlock_t();
const timer = new timer_list();

/** Rounds that each of the two readers has entered. */
const entered = new FixedArray<u32>(2);
/** Entries when the writer came, and when it got in. */
let entries_before: u32 = 0;
let entries_after: u32 = 0;

/** Holds the lock until the other reader has entered `round`. */
function overlapping_read(me: u32, other: u32, round: u32): void {
  read_lock(lock);
  WRITE_ONCE(entered[me], entered[me] + 1);
  for (let n: u32 = 0; READ_ONCE(entered[other]) < round; n++) {
    if (FAIR && n === PATIENCE) break;
    pause();
  }
  read_unlock(lock);
}

function starving_thread(index: u32): void {
  if (index === 0) {
    while (READ_ONCE(entered[0]) < WARM_UP) pause();
    entries_before = READ_ONCE(entered[0]) + READ_ONCE(entered[1]);
    write_lock(lock);
    entries_after = entered[0] + entered[1];
    write_unlock(lock);
  } else if (index < 3) {
    // Reader 0 leaves round r when 1 is in r, reader 1 when 0 is in r + 1.
    const me = index - 1;
    for (let round: u32 = 1; round <= ROUNDS; round++) overlapping_read(me, 1 - me, me === 1 && round < ROUNDS ? round + 1 : round);
  }
}

function starvation(): void {
  entered[0] = 0;
  entered[1] = 0;
  run_threads(starving_thread, 1);
  expect_equal(entered[0] + entered[1], 2 * ROUNDS, "reads in all");
  if (FAIR) {
    expect_true(entries_after - entries_before < ROUNDS / 2, "the writer gets in among the readers");
  } else {
    expect_true(entries_after >= 2 * ROUNDS - 1, "the writer starves until the readers end");
  }
}

let reading: u32 = 0;
let writer_comes: u32 = 0;
let writer_got: u32 = 0;
let interrupt_read: u32 = 0;

/** In the TIMER softirq, on top of the reader. */
function timer_reads(_timer: timer_list): void {
  read_lock(lock);
  WRITE_ONCE(interrupt_read, 1 + READ_ONCE(writer_got));
  read_unlock(lock);
}

function bypass_thread(index: u32): void {
  if (index === 0) {
    read_lock(lock);
    WRITE_ONCE(reading, 1);
    while (READ_ONCE(writer_comes) === 0 && num_online_cpus() > 1) pause();
    for (let n: u32 = 0; n < PATIENCE; n++) pause();
    timer_setup(timer, timer_reads);
    timer.expires = jiffies() + 2;
    add_timer(timer);
    while (READ_ONCE(interrupt_read) === 0) pause();
    read_unlock(lock);
    del_timer_sync(timer);
  } else if (index === 1) {
    while (READ_ONCE(reading) === 0) pause();
    WRITE_ONCE(writer_comes, 1);
    write_lock(lock);
    WRITE_ONCE(writer_got, 1);
    write_unlock(lock);
  }
}

function bypass(): void {
  reading = 0;
  writer_comes = 0;
  writer_got = 0;
  interrupt_read = 0;
  const threads = run_threads(bypass_thread, 1);
  expect_equal(interrupt_read, 1, "the interrupt read while the reader under it held the lock, before the writer");
  expect_equal(writer_got, threads > 1 ? 1 : 0, "then the writer wrote");
}

/** rt: holds the lock for reading until a writer waits, which keeps other readers out. */
function turned_away_thread(index: u32): void {
  if (index === 0) {
    read_lock(lock);
    WRITE_ONCE(reading, 1);
    while (read_trylock(lock)) read_unlock(lock);
    WRITE_ONCE(interrupt_read, 1 + READ_ONCE(writer_got));
    read_unlock(lock);
  } else if (index === 1) {
    while (READ_ONCE(reading) === 0) yield_cpu();
    write_lock(lock);
    WRITE_ONCE(writer_got, 1);
    write_unlock(lock);
  }
}

function turned_away(): void {
  reading = 0;
  writer_got = 0;
  interrupt_read = 0;
  run_threads(turned_away_thread, 2);
  expect_equal(interrupt_read, 1, "a reader is turned away while a writer waits");
  expect_equal(writer_got, 1, "the writer writes once the reader inside has left");
  expect_equal(lock.word, 0, "the word afterwards");
}

function fairness_cases(): void {
  if (RT) turned_away();
  else bypass();
  if (num_online_cpus() >= 3) starvation();
}

export function test_rwlock_fairness(_arg: u32): void {
  test_run("rwlock_fairness", fairness_cases);
}
