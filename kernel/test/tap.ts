// Tests that run in the guest: each prints one TAP line, and loses nothing.
//
//   export function test_list(_arg: u32): void { test_run("list", list_cases); }      in kernel/test/NAME.ts
//   ok 3 - list (57 checks)
//   not ok 4 - slab (12 checks)
//   # slab: two objects at one address (kernel/test/slab.ts says what was expected)
//
// A module's functions test_* are its tests; test/kernel/in-guest.test.ts finds them there, runs all on every machine and
// fails without a line for each. Tests run one after the other, whatever CPUs their tasks are bound to (test_mutex). Around each,
// what accounts.ts reads (pages, objects, mutexes held, callbacks of RCU), the preemption count, migrate_disable, the nesting of
// RCU readers and the interrupt flag must be the same after as before.

import { irqs_disabled } from "../arch/irqflags.ts";
import { pr_info } from "../lib/printk.ts";
import { mutex, mutex_lock, mutex_unlock } from "../locking/mutex.ts";
import { preempt_count } from "../sched/preempt.ts";
import { get_current } from "../sched/task.ts";
import { msleep } from "../sched/timer.ts";
import { accounts, read_accounts } from "./accounts.ts";

/** What a test let go of last may need callbacks and a few ticks until it is back: so many times 2 ms. */
const SETTLE_ROUNDS = 50;
/** Failed checks of one test that are printed. */
const FAILURES_SHOWN = 8;

const test_mutex = new mutex();
// Of the test that holds test_mutex.
let test_name: string = "";
let number: u32 = 0;
let checks: u32 = 0;
let failures: u32 = 0;

/** One check; any CPU of the running test may make it. False when it failed. */
export function expect_true(condition: boolean, what: string): boolean {
  amoAdd(addressOf(checks), 1);
  if (condition) return true;
  if (amoAdd(addressOf(failures), 1) < FAILURES_SHOWN) pr_info(`# ${test_name}: ${what}\n`);
  return false;
}

/** As expect_true, and says both numbers. */
export function expect_equal(found: u32, expected: u32, what: string): boolean {
  amoAdd(addressOf(checks), 1);
  if (found === expected) return true;
  if (amoAdd(addressOf(failures), 1) < FAILURES_SHOWN) pr_info(`# ${test_name}: ${what}: ${found}, expected ${expected}\n`);
  return false;
}

function same(a: accounts, b: accounts): boolean {
  return a.objects === b.objects && a.free_pages === b.free_pages && a.mutexes === b.mutexes && a.callbacks === b.callbacks;
}

function expect_nothing_lost(before: accounts): void {
  const after = new accounts();
  for (let round: u32 = 0; round < SETTLE_ROUNDS; round++) {
    read_accounts(after);
    if (same(after, before)) return;
    msleep(2);
  }
  expect_equal(after.objects, before.objects, "objects in use after the test");
  expect_equal(after.free_pages, before.free_pages, "free pages after the test");
  expect_equal(after.mutexes, before.mutexes, "mutexes held after the test");
  expect_equal(after.callbacks, before.callbacks, "callbacks of RCU that wait after the test");
}

/** What the kernel holds once nobody who ended before, like the task of the last test, gives anything back any more. */
function settle(now: accounts): void {
  const then = new accounts();
  read_accounts(then);
  for (let round: u32 = 0; round < SETTLE_ROUNDS; round++) {
    msleep(2);
    read_accounts(now);
    if (same(now, then)) return;
    then.objects = now.objects;
    then.free_pages = now.free_pages;
    then.mutexes = now.mutexes;
    then.callbacks = now.callbacks;
  }
}

function nothing(): void {}

/** Runs one test: `body` makes checks. Sleeps. */
export function test_run(name: string, body: () => void): void {
  test_run_prepared(name, nothing, body);
}

/** As test_run; what `prepare` does first may stay, and no other test sees it happen. */
export function test_run_prepared(name: string, prepare: () => void, body: () => void): void {
  mutex_lock(test_mutex);
  prepare();
  test_name = name;
  checks = 0;
  failures = 0;
  const before = new accounts();
  settle(before);
  const count = preempt_count();
  body();
  expect_equal(preempt_count(), count, "preempt_count after the test");
  expect_equal(get_current().migration_disabled, 0, "depth of migrate_disable after the test");
  expect_equal(get_current().rcu_read_lock_nesting, 0, "depth of rcu_read_lock after the test");
  expect_true(!irqs_disabled(), "interrupts are on after the test");
  if (checks <= 4) expect_true(false, "the test checked nothing");
  expect_nothing_lost(before);
  number += 1;
  pr_info(failures === 0 ? "ok %u - %s (%u checks)\n" : "not ok %u - %s (%u checks)\n", number, name, checks);
  mutex_unlock(test_mutex);
}
