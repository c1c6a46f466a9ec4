// Tasks for the tests of the kernel: CPUs that come and go, and everything that can go wrong.

import { cpu_online, nr_cpu_ids } from "kernel/arch/cpumask.ts";
import { cpu_down, cpu_up } from "kernel/cpu/hotplug.ts";
import { scenario_stop, scenario_stopping } from "kernel/init/scenario.ts";
import { on_each_cpu } from "kernel/irq/smp.ts";
import { WARN_ON_ONCE } from "kernel/lib/bug.ts";
import { get_option_u32 } from "kernel/lib/cmdline.ts";
import { pr_info } from "kernel/lib/printk.ts";
import { prandom_seed, prandom_state, prandom_u32 } from "kernel/lib/random.ts";
import { rcu_barrier, synchronize_rcu } from "kernel/rcu/rcu.ts";
import { msleep } from "kernel/sched/timer.ts";

let calls: u32 = 0;

function count(_arg: u32): void {
  amoAdd(addressOf(calls), 1);
}

export function storm(_arg: u32): void {
  const random = new prandom_state();
  prandom_seed(random, get_option_u32("seed", 1));
  let downs: u32 = 0;
  for (let round: u32 = 0; round < 40; round++) {
    const cpu = prandom_u32(random) % nr_cpu_ids;
    if (!cpu_online(cpu)) cpu_up(cpu);
    else if (cpu_down(cpu) === 0) downs += 1;
    if ((prandom_u32(random) & 3) === 0) msleep(1);
    if ((prandom_u32(random) & 7) === 0) rcu_barrier();
  }
  let lost: u32 = 0;
  for (let cpu: u32 = 0; cpu < nr_cpu_ids; cpu++) if (!cpu_online(cpu) && cpu_up(cpu) !== 0) lost += 1;
  pr_info("storm: %u CPUs went down, %u did not come back\n", downs, lost);
  scenario_stop();
}

export function calling(_arg: u32): void {
  while (!scenario_stopping()) {
    const before = READ_ONCE(calls);
    on_each_cpu(count, 0, true);
    if (READ_ONCE(calls) === before) pr_info("calling: nobody answered\n");
    synchronize_rcu();
  }
  pr_info("calling ends\n");
}

export function store_to_nowhere(_arg: u32): void {
  "noinline";
  cast<Ptr<u32>>(0x100)[0] = 1;
}

export function illegal(_arg: u32): void {
  "noinline";
  asm`.word 0`;
}

export function overflow(arg: u32): void {
  "noinline";
  const room = new FixedArray<u32>(200);
  for (let i: u32 = 0; i < 200; i++) room[i] = arg;
  if (arg < 11) overflow(arg + 1);
  msleep(room[arg & 127] & 1);
}

/** Never sleeps: only preemption lets another task of its CPU run. */
export function hog(_arg: u32): void {
  while (!scenario_stopping()) READ_ONCE(calls);
}

export function warner(_arg: u32): void {
  for (let i: u32 = 0; i < 3; i++) WARN_ON_ONCE(calls !== 0xffff_ffff);
  pr_info("warner goes on\n");
  scenario_stop();
}
