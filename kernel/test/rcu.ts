// RCU: a grace period waits for every kind of reader, callbacks run in order, in batches and after their grace period, those of
// a CPU that goes are adopted in order, and rcu_barrier waits for all of them while CPUs come and go.

import { nr_cpu_ids, num_online_cpus } from "../arch/cpumask.ts";
import { local_irq_restore, local_irq_save } from "../arch/irqflags.ts";
import { get_cycles64, timebase_hz } from "../arch/time.ts";
import { cpu_down, cpu_up } from "../cpu/hotplug.ts";
import {
  CPU_DEAD, CPU_DYING, CPU_PRI_MIGRATION, notifier_block, NOTIFY_OK, register_cpu_notifier, unregister_cpu_notifier,
} from "../cpu/notifier.ts";
import { smp_call_function_single } from "../irq/smp.ts";
import { local_bh_disable, local_bh_enable } from "../irq/softirq.ts";
import {
  call_rcu, cond_synchronize_rcu, get_state_synchronize_rcu, poll_state_synchronize_rcu, PREEMPT_RCU, rcu_barrier, rcu_callbacks_pending,
  rcu_head, rcu_preempt_depth, rcu_read_lock, rcu_read_lock_any_held, rcu_read_lock_held, rcu_read_unlock, start_poll_synchronize_rcu,
  synchronize_rcu,
} from "../rcu/rcu.ts";
import { bind_current_to } from "../sched/affinity.ts";
import { jiffies } from "../sched/clock.ts";
import { complete, completion, init_completion, wait_for_completion } from "../sched/completion.ts";
import { cond_resched, preempt_schedule } from "../sched/core.ts";
import { kthread_run } from "../sched/kthread.ts";
import { in_serving_softirq, preempt_disable, preempt_enable } from "../sched/preempt.ts";
import { smp_processor_id } from "../sched/task.ts";
import { add_timer, del_timer_sync, msleep, timer_list, timer_setup } from "../sched/timer.ts";
import { expect_equal, expect_true, test_run } from "./tap.ts";
import { run_threads } from "./threads.ts";

/** Long enough for a grace period to end, if nothing held it up. */
const LONG_MS = 4;

/** Without giving the CPU away. */
function udelay(us: u32): void {
  const until = get_cycles64() + u64((timebase_hz / 1_000_000) * us);
  while (get_cycles64() < until) pause();
}

function mdelay(ms: u32): void {
  udelay(1000 * ms);
}

function grace_period_ends(cookie: u32, what: string): void {
  for (let n: u32 = 0; n < 500 && !poll_state_synchronize_rcu(cookie); n++) msleep(1);
  expect_true(poll_state_synchronize_rcu(cookie), what);
}

// ---- readers ----

/** A section that lasts, in whatever context: the grace period begun in it does not end in it. The cookie. */
function long_section(what: string): u32 {
  // On rt a softirq is a section itself: it holds locks.
  const outside = rcu_preempt_depth();
  rcu_read_lock();
  rcu_read_lock();
  expect_true(rcu_read_lock_held(), "inside a section rcu_read_lock_held says so");
  expect_equal(rcu_preempt_depth() - outside, PREEMPT_RCU ? 2 : 0, "depth");
  const cookie = start_poll_synchronize_rcu();
  rcu_read_unlock();
  mdelay(LONG_MS);
  expect_true(!poll_state_synchronize_rcu(cookie), what);
  rcu_read_unlock();
  return cookie;
}

let interrupt_cookie: u32 = 0;

function read_in_timer(_timer: timer_list): void {
  interrupt_cookie = long_section("a reader in a softirq is waited for");
}

function read_in_ipi(_arg: u32): void {
  interrupt_cookie = long_section("a reader in a hardirq is waited for");
}

function pushed_aside(): void {
  rcu_read_lock();
  const cookie = start_poll_synchronize_rcu();
  const until = jiffies() + LONG_MS;
  while (i32(jiffies() - until) < 0) preempt_schedule();
  expect_true(!poll_state_synchronize_rcu(cookie), "a reader that was pushed aside is waited for");
  rcu_read_unlock();
  grace_period_ends(cookie, "when the reader that was pushed aside has left");
}

function interrupt_cases(): void {
  const timer = new timer_list();
  timer_setup(timer, read_in_timer);
  timer.expires = jiffies() + 1;
  interrupt_cookie = 0;
  add_timer(timer);
  while (READ_ONCE(interrupt_cookie) === 0) msleep(1);
  del_timer_sync(timer);
  grace_period_ends(interrupt_cookie, "when the reader in the softirq has left");
  smp_call_function_single(nr_cpu_ids - 1, read_in_ipi, 0, true);
  grace_period_ends(interrupt_cookie, "when the reader in the hardirq has left");
}

function read_cases(): void {
  expect_true(!rcu_read_lock_held(), "outside of a section");
  expect_true(!rcu_read_lock_any_held(), "outside of everything");
  preempt_disable();
  expect_true(rcu_read_lock_any_held(), "preemption is off");
  preempt_enable();
  grace_period_ends(long_section("a reader in a task is waited for"), "when the reader in a task has left");
  local_bh_disable();
  const cookie = long_section("a reader with softirqs off is waited for");
  local_bh_enable();
  grace_period_ends(cookie, "when the reader with softirqs off has left");
  if (PREEMPT_RCU) pushed_aside();
  interrupt_cases();
  const before = get_state_synchronize_rcu();
  synchronize_rcu();
  expect_true(poll_state_synchronize_rcu(before), "synchronize_rcu waits for a whole grace period");
  const later = get_state_synchronize_rcu();
  expect_true(!poll_state_synchronize_rcu(later), "a cookie is not old at once");
  cond_synchronize_rcu(later);
  expect_true(poll_state_synchronize_rcu(later), "cond_synchronize_rcu waits for it");
}

export function test_rcu_read(_arg: u32): void {
  test_run("rcu read", read_cases);
}

// ---- callbacks ----

const CALLBACKS = 36;
/** rcutree.blimit as it is without a boot parameter. */
const BLIMIT = 10;

class counted {
  readonly rcu = new rcu_head();
  number: u32;
  cookie: u32;
  runs: u32;
}
const callbacks = new StructArray(counted, CALLBACKS);
/** How many have run, and what they saw. */
let ran: u32 = 0;
let out_of_order: u32 = 0;
let too_early: u32 = 0;
let elsewhere: u32 = 0;
/** Callbacks since the number of those pending fell last, the most of that, and the number. */
let in_batch: u32 = 0;
let longest_batch: u32 = 0;
let pending_before: u32 = 0;
/** Callbacks take their time. */
let slow: boolean = false;

/** @atomic */
function note_run(head: rcu_head): void {
  const me = containerOf(counted, "rcu", head);
  me.runs += 1;
  if (me.number !== ran) out_of_order += 1;
  ran += 1;
  if (!poll_state_synchronize_rcu(me.cookie)) too_early += 1;
  if (!in_serving_softirq()) elsewhere += 1;
  const pending = rcu_callbacks_pending();
  in_batch = pending < pending_before ? 1 : in_batch + 1;
  pending_before = pending;
  if (in_batch > longest_batch) longest_batch = in_batch;
  if (slow) udelay(100);
}

/** Queues so many more, on this CPU. */
function queue_some(count: u32): void {
  const flags = local_irq_save();
  for (let n: u32 = 0; n < count; n++) {
    const me = callbacks[queued];
    me.number = queued;
    me.runs = 0;
    me.cookie = get_state_synchronize_rcu();
    call_rcu(me.rcu, note_run);
    queued += 1;
  }
  local_irq_restore(flags);
}
let queued: u32 = 0;

function begin_callbacks(): void {
  queued = 0;
  ran = 0;
  out_of_order = 0;
  too_early = 0;
  elsewhere = 0;
  in_batch = 0;
  longest_batch = 0;
  pending_before = 0;
  slow = false;
}

function all_ran(): void {
  expect_equal(ran, queued, "callbacks that have run");
  for (let n: u32 = 0; n < queued; n++) expect_equal(callbacks[n].runs, 1, "times a callback has run");
  expect_equal(out_of_order, 0, "callbacks out of order");
  expect_equal(too_early, 0, "callbacks before the end of their grace period");
  expect_equal(elsewhere, 0, "callbacks outside of softirqs");
}

function callback_cases(): void {
  rcu_barrier();
  begin_callbacks();
  bind_current_to(0);
  // A grace period is under way: the callbacks need the next one.
  start_poll_synchronize_rcu();
  queue_some(CALLBACKS - 2);
  expect_true(rcu_callbacks_pending() >= CALLBACKS - 2, "callbacks are pending");
  msleep(1);
  queue_some(2);
  rcu_barrier();
  all_ran();
  expect_true(longest_batch <= BLIMIT, "callbacks run in batches");
  expect_true(longest_batch > 1, "in batches of more than one");
  for (let n: u32 = 0; n < 20 && rcu_callbacks_pending() !== 0; n++) rcu_barrier();
  expect_equal(rcu_callbacks_pending(), 0, "callbacks pending after rcu_barrier");
}

export function test_rcu_callbacks(_arg: u32): void {
  test_run("rcu callbacks", callback_cases);
}

// ---- CPUs that go ----

let release_reader: boolean = false;
let reader_inside: boolean = false;
const reader_ended = new completion();

/** Holds up the grace period until it is released; pushed aside, so that CPUs can go. */
function hold_up(_arg: u32): void {
  rcu_read_lock();
  WRITE_ONCE(reader_inside, true);
  while (!READ_ONCE(release_reader)) preempt_schedule();
  rcu_read_unlock();
  complete(reader_ended);
}

function queue_here(count: u32): void {
  queue_some(count);
}

/** CPU `cpu` goes with callbacks in all segments of its list. */
function offline_round(cpu: u32): void {
  bind_current_to(cpu === 0 ? 1 : 0);
  begin_callbacks();
  init_completion(reader_ended);
  WRITE_ONCE(release_reader, false);
  WRITE_ONCE(reader_inside, false);
  if (PREEMPT_RCU && !expect_true(kthread_run(hold_up, 0, "hold_up") !== null, "a thread can be made")) return;
  while (PREEMPT_RCU && !READ_ONCE(reader_inside)) msleep(1);
  for (let n: u32 = 0; n < 3; n++) {
    smp_call_function_single(cpu, queue_here, CALLBACKS / 3, true);
    msleep(n === 2 ? 0 : 2);
  }
  expect_true(cpu_down(cpu) === 0, "a CPU goes offline");
  expect_true(!PREEMPT_RCU || ran === 0, "no callback runs while a reader is inside");
  WRITE_ONCE(release_reader, true);
  rcu_barrier();
  all_ran();
  if (PREEMPT_RCU) wait_for_completion(reader_ended);
  expect_true(cpu_up(cpu) === 0, "the CPU comes back");
  begin_callbacks();
  smp_call_function_single(cpu, queue_here, 3, true);
  rcu_barrier();
  all_ran();
}

function offline_cases(): void {
  expect_equal(num_online_cpus(), nr_cpu_ids, "all CPUs are online");
  if (nr_cpu_ids === 1) {
    expect_true(cpu_down(0) !== 0, "the only CPU stays");
    expect_equal(rcu_callbacks_pending(), 0, "callbacks pending");
    return;
  }
  for (let cpu: u32 = 0; cpu < nr_cpu_ids; cpu++) offline_round(cpu);
}

export function test_rcu_offline(_arg: u32): void {
  test_run("rcu offline", offline_cases);
}

// ---- a barrier that begins when a CPU has gone and its callbacks have not been adopted ----

const window_open = new completion();
const waited = new completion();
const watcher = new notifier_block();
/** Callbacks that had run when the barrier returned. */
let ran_by_then: u32 = 0;

/** On the CPU that goes, at the last moment: callbacks. Then, before RCU hears that it is dead: time for the barrier to begin. */
function watch(_nb: notifier_block, action: u32, _cpu: u32): u32 {
  if (action === CPU_DYING) queue_some(CALLBACKS);
  if (action === CPU_DEAD) {
    complete(window_open);
    msleep(4);
  }
  return NOTIFY_OK;
}

function barrier_in_window(_arg: u32): void {
  bind_current_to(nr_cpu_ids - 1);
  wait_for_completion(window_open);
  rcu_barrier();
  ran_by_then = READ_ONCE(ran);
  complete(waited);
}

/** On the last CPU the barrier, on CPU 0 who takes CPU 1 down and adopts. */
function window_cases(): void {
  begin_callbacks();
  slow = true;
  init_completion(window_open);
  init_completion(waited);
  if (!expect_true(nr_cpu_ids < 3 || kthread_run(barrier_in_window, 0, "barrier") !== null, "a thread can be made")) return;
  bind_current_to(0);
  watcher.notifier_call = watch;
  watcher.priority = CPU_PRI_MIGRATION;
  register_cpu_notifier(watcher);
  const error = cpu_down(1);
  unregister_cpu_notifier(watcher);
  expect_true(nr_cpu_ids === 1 || error === 0, "a CPU goes offline");
  if (nr_cpu_ids >= 3) {
    wait_for_completion(waited);
    expect_equal(ran_by_then, CALLBACKS, "callbacks of a CPU that has gone, run when a barrier that began meanwhile returns");
  }
  rcu_barrier();
  all_ran();
  expect_true(nr_cpu_ids === 1 || cpu_up(1) === 0, "the CPU comes back");
}

export function test_rcu_adoption(_arg: u32): void {
  test_run("rcu adoption", window_cases);
}

// ---- rcu_barrier ----

const STORM = 10;
const EACH = 3;
const THREADS_MAX = 64;

class barrier_caller {
  readonly cbs = new StructArray<rcu_head>(rcu_head, EACH);
  /** Its callbacks that have run. */
  done: u32;
}
const callers = new StructArray<barrier_caller>(barrier_caller, THREADS_MAX);
let storm_over: boolean = false;

/** The one queued as number n of caller c: c is found by the address. @atomic */
function barrier_cb(head: rcu_head): void {
  const index = (addr(head) - addr(callers[0])) / sizeof<barrier_caller>();
  amoAdd(addressOf(callers[index].done), 1);
}

function one_barrier(index: u32): void {
  const me = callers[index];
  WRITE_ONCE(me.done, 0);
  for (let n: u32 = 0; n < EACH; n++) call_rcu(me.cbs[n], barrier_cb);
  rcu_barrier();
  expect_equal(READ_ONCE(me.done), EACH, "callbacks that have run when rcu_barrier returns");
  // Those that it forgot must not be queued twice.
  while (READ_ONCE(me.done) !== EACH) msleep(1);
}

/** Some operations, one CPU after the other, the caller's own as well. */
function storm(): void {
  for (let n: u32 = 0; n < STORM; n++) {
    const cpu = n % nr_cpu_ids;
    expect_true(cpu_down(cpu) === 0, "a CPU goes offline");
    msleep(n & 1);
    expect_true(cpu_up(cpu) === 0, "the CPU comes back");
  }
}

function storm_or_barrier(index: u32): void {
  if (index === 0) {
    if (nr_cpu_ids > 1) storm();
    else for (let n: u32 = 0; n < STORM; n++) one_barrier(0);
    WRITE_ONCE(storm_over, true);
    return;
  }
  if (index >= THREADS_MAX) return;
  do {
    one_barrier(index);
    cond_resched();
  } while (!READ_ONCE(storm_over));
}

function barrier_cases(): void {
  WRITE_ONCE(storm_over, false);
  const cpus = num_online_cpus();
  expect_equal(run_threads(storm_or_barrier, 2), 2 * cpus, "threads");
  expect_equal(num_online_cpus(), cpus, "CPUs online afterwards");
  expect_true(smp_processor_id() < nr_cpu_ids, "the test goes on somewhere");
}

export function test_rcu_barrier(_arg: u32): void {
  test_run("rcu barrier", barrier_cases);
}
