// The workload of locks/known-schedule (L12): two tasks meet at four locks in an order that flags enforce, ROUNDS times at each, so that the
// figures of lock_stat are known beforehand. `holder` (CPU0) has a lock until `waiter` (CPU1) has said that it wants it, and for
// PATIENCE loops more.
//
//   table.lock   spinlock: each round the holder, then the waiter, who had to wait
//   index.lock   rwlock: each round a reader, then a writer, who had to wait; then a reader who need not
//   log_mutex    mutex: each round the holder, who sleeps, then the waiter
//   node.lock    spinlocks of one class: each round parent, and in it the child, as subclass 1; a try of the waiter fails
//
// The holder times its own holds of table.lock with the cycle counter: just inside, and around everything.

import { CSR_CYCLE } from "kernel/arch/csr.ts";
import { pr_info } from "kernel/lib/printk.ts";
import { mutex, mutex_init, mutex_lock, mutex_unlock } from "kernel/locking/mutex.ts";
import { read_lock, read_unlock, rwlock_init, rwlock_t, write_lock, write_unlock } from "kernel/locking/rwlock.ts";
import {
  SINGLE_DEPTH_NESTING, spin_lock, spin_lock_init, spin_lock_nested, spin_trylock, spin_unlock, spinlock_t,
} from "kernel/locking/spinlock.ts";
import { msleep } from "kernel/sched/timer.ts";

const ROUNDS = 10;
const PATIENCE = 2000;
const STEPS = 10;

const table_lock = new spinlock_t();
const index_lock = new rwlock_t();
const log_mutex = new mutex();
const parent_lock = new spinlock_t();
const child_lock = new spinlock_t();
/** The step that was taken last, STEPS in a round. */
let step: u32 = 0;

function await_step(number: u32): void {
  while (READ_ONCE(step) !== number) pause();
}

function took_step(number: u32): void {
  "inline";
  WRITE_ONCE(step, number);
}

/** The other one is at its lock by the end of this. */
function be_patient(): void {
  for (let n: u32 = 0; n < PATIENCE; n++) pause();
}

export function holder(_arg: u32): void {
  spin_lock_init(table_lock, "table.lock");
  rwlock_init(index_lock, "index.lock");
  mutex_init(log_mutex, "log_mutex");
  spin_lock_init(parent_lock, "node.lock");
  spin_lock_init(child_lock, "node.lock");
  let inside: u32 = 0;
  let around: u32 = 0;
  for (let round: u32 = 0; round < ROUNDS; round++) {
    const base = round * STEPS;
    const before = csrRead(CSR_CYCLE);
    spin_lock(table_lock);
    const first = csrRead(CSR_CYCLE);
    took_step(base + 1);
    await_step(base + 2);
    be_patient();
    inside += csrRead(CSR_CYCLE) - first;
    spin_unlock(table_lock);
    around += csrRead(CSR_CYCLE) - before;
    await_step(base + 3);
    read_lock(index_lock);
    took_step(base + 4);
    await_step(base + 5);
    be_patient();
    read_unlock(index_lock);
    await_step(base + 6);
    read_lock(index_lock);
    read_unlock(index_lock);
    mutex_lock(log_mutex);
    took_step(base + 7);
    msleep(2);
    mutex_unlock(log_mutex);
    await_step(base + 8);
    spin_lock(parent_lock);
    spin_lock_nested(child_lock, SINGLE_DEPTH_NESTING);
    took_step(base + 9);
    await_step(base + 10);
    spin_unlock(child_lock);
    spin_unlock(parent_lock);
  }
  pr_info("holder: table.lock held for at least %u and at most %u cycles\n", inside, around);
}

export function waiter(_arg: u32): void {
  for (let round: u32 = 0; round < ROUNDS; round++) {
    const base = round * STEPS;
    await_step(base + 1);
    took_step(base + 2);
    spin_lock(table_lock);
    spin_unlock(table_lock);
    took_step(base + 3);
    await_step(base + 4);
    took_step(base + 5);
    write_lock(index_lock);
    write_unlock(index_lock);
    took_step(base + 6);
    await_step(base + 7);
    mutex_lock(log_mutex);
    mutex_unlock(log_mutex);
    took_step(base + 8);
    await_step(base + 9);
    if (spin_trylock(parent_lock)) spin_unlock(parent_lock);
    took_step(base + 10);
  }
}
