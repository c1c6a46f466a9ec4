// The workload of races/unordered: pairs of tasks on two CPUs that meet at one word. With the boot parameter `races=right` each
// pair does it as it should.

import { get_option } from "kernel/lib/cmdline.ts";
import { strcmp } from "kernel/lib/string.ts";
import { spin_lock, spin_unlock, spinlock_t } from "kernel/locking/spinlock.ts";

const ROUNDS = 200;

/** What the tasks read, so that the reads are not in vain. */
export let seen_by_watcher: u32 = 0;
export let seen_by_reader: u32 = 0;
export let seen_by_meddler: u32 = 0;

function right(): boolean {
  return strcmp(get_option("races", "wrong"), "right") === 0;
}

// ---- a counter under a lock, which one of them forgets ----

class account_t {
  readonly lock = new spinlock_t();
  balance: u32 = 0;
}
const account = new account_t();

function deposit(): void {
  "noinline";
  account.balance += 1;
}

export function saver(_arg: u32): void {
  for (let i: u32 = 0; i < ROUNDS; i++) {
    spin_lock(account.lock);
    deposit();
    spin_unlock(account.lock);
  }
}

function steal(): void {
  "noinline";
  account.balance -= 1;
}

export function thief(_arg: u32): void {
  for (let i: u32 = 0; i < ROUNDS; i++) {
    if (right()) spin_lock(account.lock);
    steal();
    if (right()) spin_unlock(account.lock);
  }
}

// ---- a flag that is read without READ_ONCE while another CPU sets it ----

class progress_t {
  done: u32 = 0;
  steps: u32 = 0;
}
const progress = new progress_t();

export function worker(_arg: u32): void {
  for (let i: u32 = 0; i < ROUNDS; i++) WRITE_ONCE(progress.done, i);
}

function glance(): u32 {
  "noinline";
  return right() ? READ_ONCE(progress.done) : progress.done;
}

export function watcher(_arg: u32): void {
  let seen: u32 = 0;
  for (let i: u32 = 0; i < ROUNDS; i++) {
    seen += glance();
    // A figure for people: nobody minds what it is.
    seen += data_race(progress.steps);
  }
  seen_by_watcher = seen;
}

export function stepper(_arg: u32): void {
  for (let i: u32 = 0; i < ROUNDS; i++) data_race(progress.steps++);
}

// ---- a message whose announcement nothing orders after it ----

class message_t {
  text: u32 = 0;
  ready: u32 = 0;
}
const message = new message_t();

function announce(): void {
  "noinline";
  if (right()) fence("rw", "w");
  WRITE_ONCE(message.ready, 1);
}

export function writer(_arg: u32): void {
  message.text = 42;
  announce();
}

export function reader(_arg: u32): void {
  while (READ_ONCE(message.ready) === 0) pause();
  seen_by_reader += message.text;
}

// ---- a level that all may read and one alone writes, as that one says ----

class gauge_t {
  level: u32 = 0;
}
const gauge = new gauge_t();

export function owner(_arg: u32): void {
  for (let i: u32 = 0; i < ROUNDS; i++) {
    ASSERT_EXCLUSIVE_WRITER(gauge.level);
    WRITE_ONCE(gauge.level, i);
  }
}

export function meddler(_arg: u32): void {
  for (let i: u32 = 0; i < ROUNDS; i++) {
    if (right()) seen_by_meddler = READ_ONCE(gauge.level);
    else WRITE_ONCE(gauge.level, 0);
  }
}
