// Who runs, and where: priorities and turns on one CPU, masks of allowed CPUs, work that spreads over all of them.
//
// Threads give the CPU away themselves (cond_resched), so that all preemption models can be tried.

import { cpumask, cpumask_set_cpu, for_each_online_cpu, num_online_cpus } from "../arch/cpumask.ts";
import { NR_CPUS } from "../arch/percpu.ts";
import { EINTR, EINVAL } from "../lib/errno.ts";
import { bind_current_to, migrate_disable, migrate_enable, set_cpus_allowed_ptr } from "../sched/affinity.ts";
import { jiffies, time_before } from "../sched/clock.ts";
import { cond_resched, wake_up_process } from "../sched/core.ts";
import { get_task_struct, put_task_struct } from "../sched/fork.ts";
import {
  kthread_create, kthread_create_on_cpu, kthread_exit, type kthread_function, kthread_park, kthread_parkme, kthread_should_park,
  kthread_should_stop, kthread_stop, kthread_unpark,
} from "../sched/kthread.ts";
import { preempt_disable, preempt_enable } from "../sched/preempt.ts";
import { sched_param, sched_setscheduler_nocheck, set_effective_prio } from "../sched/prio.ts";
import {
  DEFAULT_PRIO, get_current, MAX_RT_PRIO, SCHED_FIFO, SCHED_NORMAL, SCHED_RR, smp_processor_id, type task_struct,
} from "../sched/task.ts";
import { msleep, schedule_timeout_interruptible } from "../sched/timer.ts";
import { expect_equal, expect_true, test_run } from "./tap.ts";

/** Ticks until work must have spread; a host that runs QEMU may be busy. */
const PATIENCE = 5000;
const THREADS_MAX = 4 * NR_CPUS;

const tasks = new FixedArray<task_struct>(THREADS_MAX);
let task_count: u32 = 0;
/** Threads in the order in which they came to run. */
const order = new FixedArray<u32>(8);
let order_length: u32 = 0;
/** Times another thread than the one before ran. */
let turns: u32 = 0;
let last_runner: u32 = 0;
let stop_at: u32 = 0;
const ENOUGH_TURNS = 4;
/** One bit a CPU (below 32) on which any thread ran. */
let seen: u32 = 0;

function set_policy(task: task_struct, policy: u32, priority: u32): i32 {
  const param = new sched_param();
  param.sched_priority = priority;
  return sched_setscheduler_nocheck(task, policy, param);
}

/** Makes thread number task_count, on `cpu` or anywhere. */
function add(fn: kthread_function, cpu: u32): task_struct {
  const task = cpu === NR_CPUS ? kthread_create(fn, task_count, "test") : kthread_create_on_cpu(fn, task_count, cpu, "test/%u");
  if (task === null) expect_true(false, "memory for a thread");
  get_task_struct(task!);
  tasks[task_count] = task!;
  task_count += 1;
  return task!;
}

/** Asks all threads to stop; returns when they have. */
function end_all(): void {
  for (let n: u32 = 0; n < task_count; n++) {
    kthread_stop(tasks[n]);
    while (tasks[n].usage.counter !== 1) msleep(1);
    put_task_struct(tasks[n]);
  }
  task_count = 0;
}

function wait_to_be_stopped(): void {
  while (!kthread_should_stop()) schedule_timeout_interruptible(1);
}

function note_order(index: u32): void {
  order[order_length] = index;
  order_length += 1;
  wait_to_be_stopped();
}

/** Three threads become runnable while this one keeps them out; then they run by their priorities. */
function order_of(lend: boolean, first: u32, second: u32, third: u32): void {
  const cpu = smp_processor_id();
  order_length = 0;
  set_policy(get_current(), SCHED_FIFO, 90);
  for (let n: u32 = 0; n < 3; n++) add(note_order, cpu);
  set_policy(tasks[1], SCHED_FIFO, 10);
  set_policy(tasks[2], SCHED_RR, 20);
  for (let n: u32 = 0; n < 3; n++) wake_up_process(tasks[n]);
  if (lend) set_effective_prio(tasks[0], MAX_RT_PRIO - 1 - 30);
  expect_equal(order_length, 0, "threads that ran before one of a higher priority slept");
  while (READ_ONCE(order_length) !== 3) msleep(1);
  expect_equal(order[0], first, "the first to run");
  expect_equal(order[1], second, "the second to run");
  expect_equal(order[2], third, "the third to run");
  if (lend) set_effective_prio(tasks[0], tasks[0].normal_prio);
  expect_equal(tasks[0].prio, DEFAULT_PRIO, "a priority that was taken back");
  set_policy(get_current(), SCHED_NORMAL, 0);
  end_all();
}

function take_turns(index: u32): void {
  while (time_before(jiffies(), stop_at) && READ_ONCE(turns) < ENOUGH_TURNS) {
    if (last_runner !== index) {
      last_runner = index;
      turns += 1;
    }
    cond_resched();
  }
  wait_to_be_stopped();
}

/** How often two busy threads of one priority relieve each other. */
function turns_of(policy: u32, ticks: u32): u32 {
  const cpu = smp_processor_id();
  turns = 0;
  last_runner = 99;
  set_policy(get_current(), SCHED_FIFO, 90);
  for (let n: u32 = 0; n < 2; n++) set_policy(add(take_turns, cpu), policy, 50);
  stop_at = jiffies() + ticks;
  wake_up_process(tasks[0]);
  wake_up_process(tasks[1]);
  while (time_before(jiffies(), stop_at) && READ_ONCE(turns) < ENOUGH_TURNS) msleep(1);
  msleep(2);
  set_policy(get_current(), SCHED_NORMAL, 0);
  end_all();
  return turns;
}

function priority_cases(): void {
  expect_equal(u32(set_policy(get_current(), SCHED_FIFO, 0)), u32(-EINVAL), "real-time without a priority");
  expect_equal(u32(set_policy(get_current(), SCHED_NORMAL, 1)), u32(-EINVAL), "a priority without real-time");
  expect_equal(u32(set_policy(get_current(), SCHED_RR, 100)), u32(-EINVAL), "a priority that does not exist");
  order_of(false, 2, 1, 0);
  order_of(true, 0, 2, 1);
  expect_true(turns_of(SCHED_FIFO, 14) <= 2, "SCHED_FIFO does not take turns");
  expect_true(turns_of(SCHED_RR, PATIENCE) >= ENOUGH_TURNS, "SCHED_RR takes turns");
}

function one(cpu: u32, mask: cpumask): cpumask {
  for (let n: u32 = 0; n < NR_CPUS / 32; n++) mask.bits[n] = 0;
  cpumask_set_cpu(cpu, mask);
  return mask;
}

function everywhere(mask: cpumask): cpumask {
  for (let n: u32 = 0; n < NR_CPUS / 32; n++) mask.bits[n] = ~0;
  return mask;
}

/** Runs, and every other thread sleeps now and then. */
function roam(index: u32): void {
  while (!kthread_should_stop()) {
    preempt_disable();
    amoOr(addressOf(seen), 1 << (smp_processor_id() & 31));
    preempt_enable();
    if ((index & 1) !== 0) schedule_timeout_interruptible(1);
    cond_resched();
  }
}

/** A CPU that is online and not `cpu`. */
function another(cpu: u32): u32 {
  for (const other of for_each_online_cpu()) if (other !== cpu) return other;
  return cpu;
}

function affinity_cases(): void {
  const mask = new cpumask();
  const here = smp_processor_id();
  const there = another(here);
  expect_equal(u32(set_cpus_allowed_ptr(get_current(), one(NR_CPUS - 1, mask))), u32(-EINVAL), "a mask without an online CPU");
  for (let n: u32 = 0; n < 4; n++) wake_up_process(add(roam, NR_CPUS));
  for (let round: u32 = 0; round < 4; round++) {
    const cpu = (round & 1) === 0 ? there : here;
    for (let n: u32 = 0; n < task_count; n++) expect_equal(u32(set_cpus_allowed_ptr(tasks[n], one(cpu, mask))), 0, "set_cpus_allowed_ptr");
    WRITE_ONCE(seen, 0);
    while (READ_ONCE(seen) === 0) msleep(1);
    msleep(3);
    expect_equal(READ_ONCE(seen), 1 << (cpu & 31), "CPUs on which threads run that may run on one");
  }
  end_all();
  expect_equal(u32(bind_current_to(there)), 0, "bind_current_to");
  expect_equal(smp_processor_id(), there, "the CPU after bind_current_to");
  migrate_disable();
  migrate_disable();
  set_cpus_allowed_ptr(get_current(), one(here, mask));
  msleep(2);
  migrate_enable();
  expect_equal(smp_processor_id(), there, "the CPU inside migrate_disable");
  migrate_enable();
  expect_equal(smp_processor_id(), here, "the CPU after migrate_enable");
}

/** `count` more busy threads, all on this CPU to begin with; on which CPUs they run soon. */
function spread(count: u32): u32 {
  const mask = new cpumask();
  const first = task_count;
  for (let n: u32 = 0; n < count; n++) {
    const task = add(roam, NR_CPUS);
    set_cpus_allowed_ptr(task, one(smp_processor_id(), mask));
    wake_up_process(task);
  }
  msleep(2);
  for (let n: u32 = first; n < task_count; n++) set_cpus_allowed_ptr(tasks[n], everywhere(mask));
  WRITE_ONCE(seen, 0);
  const until = jiffies() + PATIENCE;
  while (READ_ONCE(seen) !== online_bits() && time_before(jiffies(), until)) msleep(1);
  return READ_ONCE(seen);
}

function online_bits(): u32 {
  let bits: u32 = 0;
  for (const cpu of for_each_online_cpu()) bits |= 1 << (cpu & 31);
  return bits;
}

function busy(_index: u32): void {
  while (!kthread_should_stop()) cond_resched();
}

/** Idle CPUs take work; and so do busy ones that have less. */
function balance_cases(): void {
  const online = num_online_cpus();
  expect_equal(spread(2 * online), online_bits(), "CPUs that take part when there is work for all");
  end_all();
  for (const cpu of for_each_online_cpu()) if (cpu !== smp_processor_id()) wake_up_process(add(busy, cpu));
  expect_equal(spread(3 * online), online_bits(), "CPUs that take part although each has work");
  end_all();
}

let progress: u32 = 0;

function parkable(_index: u32): void {
  while (!kthread_should_stop()) {
    if (kthread_should_park()) kthread_parkme();
    WRITE_ONCE(progress, progress + 1);
    schedule_timeout_interruptible(1);
  }
  kthread_exit(42);
}

function kthread_cases(): void {
  expect_equal(u32(kthread_stop(add(parkable, NR_CPUS))), u32(-EINTR), "a thread that never ran");
  put_task_struct(tasks[0]);
  task_count = 0;
  const task = add(parkable, NR_CPUS);
  wake_up_process(task);
  while (READ_ONCE(progress) === 0) msleep(1);
  expect_equal(u32(kthread_park(task)), 0, "kthread_park");
  const parked = READ_ONCE(progress);
  msleep(5);
  wake_up_process(task);
  msleep(2);
  expect_equal(READ_ONCE(progress), parked, "rounds of a parked thread");
  kthread_unpark(task);
  while (READ_ONCE(progress) === parked) msleep(1);
  expect_equal(u32(kthread_park(task)), 0, "kthread_park again");
  expect_equal(u32(kthread_stop(task)), 42, "the exit code of a thread stopped while it is parked");
  end_all();
}

export function test_priorities(_arg: u32): void {
  test_run("priorities", priority_cases);
}

export function test_affinity(_arg: u32): void {
  test_run("affinity", affinity_cases);
}

export function test_balance(_arg: u32): void {
  test_run("balance", balance_cases);
}

export function test_kthread(_arg: u32): void {
  test_run("kthread", kthread_cases);
}
