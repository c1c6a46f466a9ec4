// stop_machine: nothing runs on any CPU while the function does, and nobody was stopped inside a section with preemption off.

import {
  cpumask, cpumask_clear_cpu, cpumask_set_cpu, cpumask_test_cpu, for_each_online_cpu, nr_cpu_ids, num_online_cpus,
} from "../arch/cpumask.ts";
import { irqs_disabled } from "../arch/irqflags.ts";
import { NR_CPUS } from "../arch/percpu.ts";
import { cpu_down, cpu_up } from "../cpu/hotplug.ts";
import { stop_machine } from "../cpu/stop_machine.ts";
import { EIO } from "../lib/errno.ts";
import { cond_resched } from "../sched/core.ts";
import { preempt_disable, preempt_enable } from "../sched/preempt.ts";
import { smp_processor_id } from "../sched/task.ts";
import { msleep } from "../sched/timer.ts";
import { expect_equal, expect_true, test_run } from "./tap.ts";
import { run_threads } from "./threads.ts";

const ROUNDS = 12;
/** Looks at the counters in one stop. */
const LOOKS = 300;

const counters = new FixedArray<u32>(NR_CPUS);
/** The CPU is inside a section with preemption off. */
const inside = new FixedArray<u32>(NR_CPUS);
let finished: boolean = false;
let calls: u32 = 0;
const seen = new cpumask();

function sum_of_counters(): u32 {
  let sum: u32 = 0;
  for (let cpu: u32 = 0; cpu < nr_cpu_ids; cpu++) sum += READ_ONCE(counters[cpu]);
  return sum;
}

function look_around(arg: u32): i32 {
  amoAdd(addressOf(calls), 1);
  cpumask_set_cpu(smp_processor_id(), seen);
  expect_true(irqs_disabled(), "interrupts are off");
  const before = sum_of_counters();
  let busy: u32 = 0;
  for (let n: u32 = 0; n < LOOKS; n++) {
    for (let cpu: u32 = 0; cpu < nr_cpu_ids; cpu++) busy += READ_ONCE(inside[cpu]);
  }
  expect_equal(busy, 0, "a CPU is inside a section with preemption off while the machine stands still");
  expect_equal(sum_of_counters(), before, "a CPU runs while the machine stands still");
  return arg === 0 ? 0 : -EIO;
}

/** Counts, now in a section with preemption off, now outside, until the test is over. */
function count(): void {
  while (!READ_ONCE(finished)) {
    preempt_disable();
    const cpu = smp_processor_id();
    WRITE_ONCE(inside[cpu], 1);
    for (let n: u32 = 0; n < 40; n++) WRITE_ONCE(counters[cpu], counters[cpu] + 1);
    WRITE_ONCE(inside[cpu], 0);
    preempt_enable();
    for (let n: u32 = 0; n < 20; n++) pause();
    cond_resched();
  }
}

function stop_again_and_again(): void {
  calls = 0;
  for (let round: u32 = 0; round < ROUNDS; round++) {
    expect_true(stop_machine(look_around, 0, null) === 0, "stop_machine succeeds");
    msleep(1);
  }
  expect_equal(calls, ROUNDS, "the function runs on one CPU");
  expect_true(stop_machine(look_around, 1, null) === -EIO, "stop_machine returns what the function returned");
}

/** Thread 0 stops the machine; all others count. */
function stopper_or_counter(index: u32): void {
  if (index !== 0) {
    count();
    return;
  }
  stop_again_and_again();
  WRITE_ONCE(finished, true);
}

function nothing(_arg: u32): i32 {
  amoAdd(addressOf(calls), 1);
  cpumask_set_cpu(smp_processor_id(), seen);
  return 0;
}

/** On exactly the CPUs of the mask, those that are online. */
function mask_cases(): void {
  const cpus = new cpumask();
  for (let word: u32 = 0; word < NR_CPUS / 32; word++) cpus.bits[word] = 0;
  for (let cpu: u32 = 0; cpu < nr_cpu_ids; cpu++) cpumask_set_cpu(cpu, cpus);
  calls = 0;
  stop_machine(nothing, 0, cpus);
  expect_equal(calls, num_online_cpus(), "the function runs on all CPUs of the mask");
  for (let cpu: u32 = 0; cpu < nr_cpu_ids; cpu++) cpumask_clear_cpu(cpu, cpus);
  let last: u32 = 0;
  for (const cpu of for_each_online_cpu()) last = cpu;
  cpumask_set_cpu(last, cpus);
  for (let word: u32 = 0; word < NR_CPUS / 32; word++) seen.bits[word] = 0;
  stop_machine(nothing, 0, cpus);
  for (let cpu: u32 = 0; cpu < nr_cpu_ids; cpu++)
    expect_true(cpumask_test_cpu(cpu, seen) === (cpu === last), "the function runs on the CPU of the mask and on no other");
}

function stop_cases(): void {
  WRITE_ONCE(finished, false);
  expect_equal(run_threads(stopper_or_counter, 2), 2 * num_online_cpus(), "threads");
  mask_cases();
  const gone = nr_cpu_ids - 1;
  if (num_online_cpus() === 1 || cpu_down(gone) !== 0) return;
  mask_cases();
  expect_true(cpu_up(gone) === 0, "the CPU comes back");
}

export function test_stop_machine(_arg: u32): void {
  test_run("stop_machine", stop_cases);
}
