// Mutual exclusion under contention, for every form of the spinning locks and for percpu_rw_semaphore: a number that two
// steps change is never seen between them, and no change is lost.

import { irqs_disabled } from "../arch/irqflags.ts";
import { atomic_inc, atomic_read, atomic_set, atomic_t } from "../lib/atomic.ts";
import {
  percpu_down_read, percpu_down_read_trylock, percpu_down_write, percpu_free_rwsem, percpu_init_rwsem,
  percpu_is_write_locked, percpu_rw_semaphore, percpu_up_read, percpu_up_write,
} from "../locking/percpu-rwsem.ts";
import {
  read_lock, read_lock_bh, read_lock_irqsave, read_trylock, read_unlock, read_unlock_bh, read_unlock_irqrestore, rwlock_t,
  write_lock, write_lock_bh, write_lock_irqsave, write_trylock, write_unlock, write_unlock_bh, write_unlock_irqrestore,
} from "../locking/rwlock.ts";
import {
  raw_spin_lock, raw_spin_lock_bh, raw_spin_trylock_bh, raw_spin_unlock, raw_spin_unlock_bh, raw_spinlock_t,
  spin_is_locked, spin_lock, spin_lock_bh, spin_lock_irqsave, spin_trylock, spin_trylock_bh, spin_unlock, spin_unlock_bh,
  spin_unlock_irqrestore, spinlock_t,
} from "../locking/spinlock.ts";
import { yield_cpu } from "../sched/core.ts";
import { in_softirq } from "../sched/preempt.ts";
import { expect_equal, expect_true, test_run } from "./tap.ts";
import { run_threads } from "./threads.ts";

const ROUNDS = 60;

/** Equal but while a holder changes them. */
let first: u32 = 0;
let second: u32 = 0;
/** Times they were not. */
const broken = new atomic_t();
/** Changes made. */
const changes = new atomic_t();

function look(): void {
  if (READ_ONCE(first) !== READ_ONCE(second)) atomic_inc(broken);
}

function change(): void {
  "noinline";
  look();
  const value = READ_ONCE(first) + 1;
  WRITE_ONCE(first, value);
  for (let n: u32 = 0; n < 250; n++) pause();
  WRITE_ONCE(second, value);
  atomic_inc(changes);
}

function begin(): void {
  first = 0;
  second = 0;
  atomic_set(broken, 0);
  atomic_set(changes, 0);
}

function nothing_broken(): void {
  expect_equal(u32(atomic_read(broken)), 0, "times the lock let somebody in between");
  expect_equal(first, u32(atomic_read(changes)), "changes that were not lost");
  expect_true(first !== 0, "there were changes");
}

const spin = new spinlock_t();
const raw = new raw_spinlock_t();

function spin_thread(index: u32): void {
  for (let round: u32 = 0; round < ROUNDS; round++) {
    const form = (round + index) % 5;
    if (form === 0) {
      const flags = spin_lock_irqsave(spin);
      change();
      spin_unlock_irqrestore(spin, flags);
    } else if (form === 1) {
      spin_lock_bh(spin);
      change();
      spin_unlock_bh(spin);
    } else if (form === 2) {
      if (!spin_trylock(spin)) continue;
      change();
      spin_unlock(spin);
    } else {
      spin_lock(spin);
      change();
      spin_unlock(spin);
    }
    if (round % 8 === 0) yield_cpu();
  }
}

function raw_thread(index: u32): void {
  for (let round: u32 = 0; round < ROUNDS; round++) {
    if (((round + index) & 1) === 0) {
      raw_spin_lock(raw);
      change();
      raw_spin_unlock(raw);
    } else {
      raw_spin_lock_bh(raw);
      change();
      raw_spin_unlock_bh(raw);
    }
  }
}

function bh_forms(): void {
  const lock = new spinlock_t();
  const other = new raw_spinlock_t();
  spin_lock_bh(lock);
  expect_true(in_softirq() && !irqs_disabled() && spin_is_locked(lock), "softirqs are off, interrupts on");
  expect_true(!spin_trylock_bh(lock), "it is taken");
  expect_true(in_softirq(), "a failed try leaves softirqs as they were");
  spin_unlock_bh(lock);
  expect_true(!in_softirq() && !spin_is_locked(lock), "both are back");
  expect_true(spin_trylock_bh(lock), "it is free");
  spin_unlock_bh(lock);
  expect_true(raw_spin_trylock_bh(other) && in_softirq(), "the raw one too");
  raw_spin_unlock_bh(other);
}

function spinlock_cases(): void {
  bh_forms();
  begin();
  run_threads(spin_thread, 2);
  nothing_broken();
  begin();
  run_threads(raw_thread, 2);
  nothing_broken();
}

const rw = new rwlock_t();

function rw_thread(index: u32): void {
  for (let round: u32 = 0; round < ROUNDS; round++) {
    const form = (round + index) & 7;
    if (form === 0) {
      write_lock(rw);
      change();
      write_unlock(rw);
    } else if (form === 1) {
      write_lock_bh(rw);
      change();
      write_unlock_bh(rw);
    } else if (form === 2) {
      const flags = write_lock_irqsave(rw);
      change();
      write_unlock_irqrestore(rw, flags);
    } else if (form === 3) {
      if (!write_trylock(rw)) continue;
      change();
      write_unlock(rw);
    } else if (form === 4) {
      read_lock_bh(rw);
      look();
      read_unlock_bh(rw);
    } else if (form === 5) {
      const flags = read_lock_irqsave(rw);
      look();
      read_unlock_irqrestore(rw, flags);
    } else if (form === 6) {
      if (!read_trylock(rw)) continue;
      look();
      read_unlock(rw);
    } else {
      read_lock(rw);
      look();
      read_unlock(rw);
    }
  }
}

function rwlock_cases(): void {
  const lock = new rwlock_t();
  read_lock(lock);
  expect_true(read_trylock(lock), "two readers");
  expect_true(!write_trylock(lock), "no writer among readers");
  read_unlock(lock);
  read_unlock(lock);
  expect_true(write_trylock(lock), "a writer alone");
  expect_true(!read_trylock(lock), "no reader beside it");
  write_unlock(lock);
  begin();
  run_threads(rw_thread, 2);
  nothing_broken();
  expect_equal(rw.word, 0, "the word afterwards");
}

const sem = new percpu_rw_semaphore();
const met = new atomic_t();

/** Readers give up the CPU inside, so that writers of the same CPU meet them. */
function sem_thread(index: u32): void {
  for (let round: u32 = 0; round < 40; round++) {
    if ((round + index) % 8 === 0) {
      percpu_down_write(sem);
      look();
      WRITE_ONCE(first, first + 1);
      yield_cpu();
      WRITE_ONCE(second, second + 1);
      atomic_inc(changes);
      percpu_up_write(sem);
    } else if ((round & 3) === 1) {
      if (!percpu_down_read_trylock(sem)) {
        atomic_inc(met);
        continue;
      }
      look();
      percpu_up_read(sem);
    } else {
      if (percpu_is_write_locked(sem)) atomic_inc(met);
      percpu_down_read(sem);
      look();
      yield_cpu();
      look();
      percpu_up_read(sem);
    }
  }
}

function percpu_rwsem_cases(): void {
  if (!expect_equal(u32(percpu_init_rwsem(sem, "test percpu_rwsem")), 0, "percpu_init_rwsem")) return;
  percpu_down_read(sem);
  expect_true(percpu_down_read_trylock(sem), "two readers");
  percpu_up_read(sem);
  percpu_up_read(sem);
  percpu_down_write(sem);
  expect_true(!percpu_down_read_trylock(sem), "no reader beside a writer");
  percpu_up_write(sem);
  expect_true(percpu_down_read_trylock(sem), "a careful reader");
  percpu_up_read(sem);
  begin();
  atomic_set(met, 0);
  run_threads(sem_thread, 2);
  nothing_broken();
  expect_true(atomic_read(met) > 0, "readers met writers");
  percpu_free_rwsem(sem);
  expect_equal(sem.mode, 0, "readers are free of care again");
}

export function test_spinlock(_arg: u32): void {
  test_run("spinlock", spinlock_cases);
}

export function test_rwlock(_arg: u32): void {
  test_run("rwlock", rwlock_cases);
}

export function test_percpu_rwsem(_arg: u32): void {
  test_run("percpu_rwsem", percpu_rwsem_cases);
}
