// Workqueues: each work runs once for each time it was queued, on its CPU, in order; flushing and cancelling wait; works of a CPU
// that goes offline run elsewhere.

import { cpu_online, nr_cpu_ids, num_online_cpus } from "../arch/cpumask.ts";
import { cpu_down, cpu_up } from "../cpu/hotplug.ts";
import { atomic_inc, atomic_read, atomic_set, atomic_t } from "../lib/atomic.ts";
import { GFP_KERNEL } from "../mm/gfp.ts";
import { kfree, kzalloc } from "../mm/slab.ts";
import { jiffies, time_before } from "../sched/clock.ts";
import { bind_current_to } from "../sched/affinity.ts";
import {
  cancel_delayed_work_sync, delayed_work, flush_delayed_work, INIT_DELAYED_WORK, mod_delayed_work, queue_delayed_work,
  queue_delayed_work_on,
} from "../sched/delayed_work.ts";
import { get_current } from "../sched/task.ts";
import { msleep } from "../sched/timer.ts";
import {
  cancel_work_sync, create_workqueue, destroy_workqueue, flush_work, flush_workqueue, INIT_WORK, queue_work, queue_work_on,
  schedule_work, schedule_work_on, system_wq, work_pending, work_struct, workqueue_init, workqueue_struct,
} from "../sched/workqueue.ts";
import { expect_equal, expect_true, test_run } from "./tap.ts";

const WORKS = 24;

class counted_work {
  readonly work = new work_struct();
  runs: u32;
  /** Position in the order in which functions ran, and where. */
  turn: u32;
  cpu: u32;
  /** How long the function sleeps, once `gate_open` says so. */
  sleep_ms: u32;
  inside: u32;
  overlaps: u32;
}
const works = new StructArray(counted_work, WORKS);
const turns = new atomic_t();
/** Works that sleep wait for it first: what was queued behind them is pending until then. */
let gate_open: boolean = true;

function count_work(work: work_struct): void {
  const counted = containerOf(counted_work, "work", work);
  if (amoAdd(addressOf(counted.inside), 1) !== 0) counted.overlaps += 1;
  counted.turn = u32(atomic_read(turns));
  atomic_inc(turns);
  counted.cpu = get_current().cpu;
  if (counted.sleep_ms !== 0) {
    while (!READ_ONCE(gate_open)) msleep(1);
    msleep(counted.sleep_ms);
  }
  counted.runs += 1;
  amoAdd(addressOf(counted.inside), -1);
}

function prepare_works(sleep_ms: u32): void {
  atomic_set(turns, 0);
  for (let i: u32 = 0; i < WORKS; i++) {
    INIT_WORK(works[i].work, count_work);
    works[i].runs = 0;
    works[i].overlaps = 0;
    works[i].inside = 0;
    works[i].sleep_ms = sleep_ms;
  }
}

function order_cases(): void {
  prepare_works(0);
  const wq = create_workqueue();
  if (!expect_true(wq !== null, "a workqueue can be created")) return;
  for (let cpu: u32 = 0; cpu < nr_cpu_ids; cpu++) {
    atomic_set(turns, 0);
    WRITE_ONCE(gate_open, false);
    for (let i: u32 = 0; i < WORKS; i++) {
      // The first is still running when the last is queued: the others are pending.
      works[i].sleep_ms = i === 0 ? 1 : 0;
      expect_true(queue_work_on(cpu, wq!, works[i].work), "a work that is not pending is queued");
    }
    expect_true(!queue_work_on(cpu, wq!, works[WORKS - 1].work), "a pending work is not queued again");
    expect_true(work_pending(works[WORKS - 1].work), "a queued work is pending");
    WRITE_ONCE(gate_open, true);
    flush_workqueue(wq!);
    for (let i: u32 = 0; i < WORKS; i++) {
      expect_equal(works[i].runs, cpu + 1, "a work runs once for each time it was queued");
      expect_equal(works[i].turn, i, "works of a CPU run in order");
      expect_equal(works[i].cpu, cpu, "a work runs on its CPU");
      expect_true(!work_pending(works[i].work), "a work is not pending when it has run");
    }
  }
  expect_true(!flush_work(works[0].work), "flushing an idle work waits for nothing");
  for (let i: u32 = 0; i < WORKS; i++) queue_work(wq!, works[i].work);
  destroy_workqueue(wq!);
  for (let i: u32 = 0; i < WORKS; i++) expect_equal(works[i].runs, nr_cpu_ids + 1, "destroying runs what is queued");
}

/** Queued for another CPU while it runs, a work does not run beside itself. */
function reentrancy_cases(): void {
  prepare_works(4);
  const work = works[0];
  for (let round: u32 = 0; round < 6; round++) {
    schedule_work_on(round % nr_cpu_ids, work.work);
    msleep(1);
  }
  flush_work(work.work);
  expect_equal(work.overlaps, 0, "a work does not run beside itself");
  expect_true(work.runs >= 2, "a work that runs can be queued again");
  expect_equal(work.inside, 0, "flush_work waits for the function");
}

function free_own_work(work: work_struct): void {
  kfree(addr(containerOf(counted_work, "work", work)));
  atomic_inc(turns);
}

function freeing_cases(): void {
  atomic_set(turns, 0);
  for (let i: u32 = 0; i < WORKS; i++) {
    const counted = cast<counted_work>(kzalloc(sizeof<counted_work>(), GFP_KERNEL));
    INIT_WORK(counted.work, free_own_work);
    expect_true(schedule_work_on(i % nr_cpu_ids, counted.work), "a work that frees itself is queued");
  }
  flush_workqueue(system_wq);
  expect_equal(u32(atomic_read(turns)), WORKS, "works that free themselves ran");
}

/** Queues itself again, for ever: usually it sleeps when somebody cancels it. */
function again(work: work_struct): void {
  atomic_inc(turns);
  msleep(2);
  schedule_work(work);
}

function cancel_cases(): void {
  prepare_works(5);
  const first = works[0];
  const second = works[1];
  WRITE_ONCE(gate_open, false);
  schedule_work_on(0, first.work);
  schedule_work_on(0, second.work);
  while (READ_ONCE(first.inside) === 0) msleep(1);
  expect_true(cancel_work_sync(second.work), "a pending work is cancelled");
  WRITE_ONCE(gate_open, true);
  expect_true(!cancel_work_sync(first.work), "a work that runs was not pending");
  expect_equal(first.runs, 1, "cancel_work_sync waits for the function");
  expect_equal(second.runs, 0, "a cancelled work does not run");
  const endless = works[2];
  INIT_WORK(endless.work, again);
  atomic_set(turns, 0);
  schedule_work(endless.work);
  while (atomic_read(turns) < 2) msleep(1);
  cancel_work_sync(endless.work);
  const runs = atomic_read(turns);
  msleep(5);
  expect_true(atomic_read(turns) === runs, "a cancelled work does not queue itself");
  expect_true(schedule_work(first.work), "a cancelled work can be queued again");
  flush_work(first.work);
  expect_equal(first.runs, 2, "and runs");
}

const delayed = new delayed_work();
let delayed_at: u32 = 0;
let delayed_runs: u32 = 0;
/** Long enough that it has not passed between two statements, on a busy host neither. */
const DELAY_MS = 60;

function note_time(_work: work_struct): void {
  delayed_at = jiffies();
  delayed_runs += 1;
}

function delayed_cases(): void {
  INIT_DELAYED_WORK(delayed, note_time);
  delayed_runs = 0;
  const start = jiffies();
  expect_true(queue_delayed_work(system_wq, delayed, DELAY_MS), "a delayed work is queued");
  expect_true(!queue_delayed_work(system_wq, delayed, 1), "a delayed work is pending");
  while (READ_ONCE(delayed_runs) === 0) msleep(1);
  flush_work(delayed.work);
  expect_equal(delayed_runs, 1, "a delayed work runs once");
  expect_true(!time_before(delayed_at, start + DELAY_MS), "and not before its time");
  queue_delayed_work(system_wq, delayed, 100_000);
  expect_true(cancel_delayed_work_sync(delayed), "a delayed work is cancelled");
  expect_true(!cancel_delayed_work_sync(delayed), "once");
  expect_equal(delayed_runs, 1, "a cancelled delayed work does not run");
  queue_delayed_work(system_wq, delayed, 100_000);
  expect_true(flush_delayed_work(delayed), "flushing ends the delay");
  expect_equal(delayed_runs, 2, "flushing runs the work");
  queue_delayed_work(system_wq, delayed, 100_000);
  expect_true(mod_delayed_work(system_wq, delayed, 2), "a delay can be changed");
  while (READ_ONCE(delayed_runs) === 2) msleep(1);
  flush_work(delayed.work);
  expect_equal(delayed_runs, 3, "a changed delay ends");
}

/** CPU `cpu` goes while works wait there; they run elsewhere, and later ones at home again. */
function hotplug_round(wq: workqueue_struct, cpu: u32): void {
  prepare_works(1);
  bind_current_to(cpu === 0 ? 1 : 0);
  INIT_DELAYED_WORK(delayed, note_time);
  delayed_runs = 0;
  queue_delayed_work_on(cpu, wq, delayed, 20);
  WRITE_ONCE(gate_open, false);
  for (let i: u32 = 0; i < WORKS; i++) queue_work_on(cpu, wq, works[i].work);
  if (!expect_true(cpu_down(cpu) === 0, "a CPU goes offline")) return;
  expect_true(u32(atomic_read(turns)) < WORKS, "works wait when the CPU goes");
  WRITE_ONCE(gate_open, true);
  flush_workqueue(wq);
  for (let i: u32 = 0; i < WORKS; i++) expect_equal(works[i].runs, 1, "a work of a CPU that goes runs once");
  expect_true(works[WORKS - 1].cpu !== cpu, "on another CPU");
  queue_work_on(cpu, wq, works[0].work);
  flush_work(works[0].work);
  expect_equal(works[0].runs, 2, "a work queued for an offline CPU runs");
  expect_true(cpu_online(works[0].cpu), "on one that is online");
  msleep(25);
  flush_delayed_work(delayed);
  expect_equal(delayed_runs, 1, "a delayed work of a CPU that went runs");
  expect_true(cpu_up(cpu) === 0, "the CPU comes back");
  for (let i: u32 = 0; i < WORKS; i++) queue_work_on(cpu, wq, works[i].work);
  flush_workqueue(wq);
  for (let i: u32 = 0; i < WORKS; i++) expect_equal(works[i].cpu, cpu, "works run on the CPU that has come back");
}

function hotplug_cases(): void {
  expect_equal(num_online_cpus(), nr_cpu_ids, "all CPUs are online");
  if (nr_cpu_ids === 1) return;
  const wq = create_workqueue();
  if (!expect_true(wq !== null, "a workqueue can be created")) return;
  for (let cpu: u32 = 0; cpu < nr_cpu_ids; cpu++) hotplug_round(wq!, cpu);
  destroy_workqueue(wq!);
}

export function test_workqueue(_arg: u32): void {
  test_run("workqueue", order_cases);
}

function system_wq_cases(): void {
  reentrancy_cases();
  freeing_cases();
  cancel_cases();
  delayed_cases();
}

export function test_schedule_work(_arg: u32): void {
  // The workers of system_wq stay: they are no loss of the test.
  if (workqueue_init() === 0) test_run("schedule_work", system_wq_cases);
}

export function test_workqueue_hotplug(_arg: u32): void {
  test_run("workqueue hotplug", hotplug_cases);
}
