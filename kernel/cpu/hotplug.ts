// Taking CPUs into service and out of it, any of them as long as one stays, in task context, one at a time.
//
//   up    threads of the CPU are made -> prepare -> hart starts, on it: starting -> its threads go on -> online
//   down  leaving -> ksoftirqd parks -> stop_machine, on the CPU: dying -> idle asks the firmware to stop the hart -> dead
// Who is told at each step: chain.ts; what the machine does: bringup.ts; what each subsystem does: listeners.ts.
// Order of locks: cpu_add_remove_lock > cpu_hotplug.lock > whatever the listeners take.

import { CONFIG } from "config";
import { HOTPLUG, MARK } from "../abi/marks.ts";
import {
  cpu_active_mask, cpu_online, cpu_online_mask, cpu_possible, cpumask, cpumask_clear, cpumask_set_cpu, nr_cpu_ids, num_online_cpus,
} from "../arch/cpumask.ts";
import { ksoftirqd_offline, ksoftirqd_online, ksoftirqd_prepare } from "../irq/softirq.ts";
import { BUG_ON, panic } from "../lib/bug.ts";
import { EAGAIN, EBUSY, EINVAL } from "../lib/errno.ts";
import { pr_err, pr_info } from "../lib/printk.ts";
import { set_play_dead } from "../sched/idle.ts";
import { finish_cpu } from "../sched/mm.ts";
import { msleep } from "../sched/timer.ts";
import { __cpu_die, __cpu_up, cpu_play_dead, take_cpu_down } from "./bringup.ts";
import {
  cancel_cpu, cpu_chain_init, dead_cpu, leaving_cpu, make_chain_thread, online_cpu, post_dead_cpu, prepare_cpu, staying_cpu,
} from "./chain.ts";
import { cpu_listeners_init } from "./listeners.ts";
import { cpu_hotplug_begin, cpu_hotplug_done, cpu_hotplug_init } from "./lock.ts";
import { cpu_maps_update_begin, cpu_maps_update_done } from "./notifier.ts";
import { stop_machine_cpuslocked } from "./stop_machine.ts";
import { cpu_stop_online, cpu_stop_prepare } from "./stopper.ts";

/** How many want all CPUs to stay as they are; under cpu_add_remove_lock. */
let cpu_hotplug_disabled: u32 = 0;

/** The threads that belong to a CPU, made but not started; they stay. 0 or -ENOMEM. */
function make_cpu_threads(cpu: u32): i32 {
  let error = cpu_stop_prepare(cpu);
  if (error === 0) error = ksoftirqd_prepare(cpu);
  if (error === 0) error = make_chain_thread(cpu);
  return error;
}

function start_cpu_threads(cpu: u32): void {
  cpu_stop_online(cpu);
  ksoftirqd_online(cpu);
}

/** The part of going down that begins with the CPU stopped in the middle of what it did. 0, or it runs as before. */
function stop_cpu(cpu: u32): i32 {
  const cpus = new cpumask();
  cpumask_clear(cpus);
  cpumask_set_cpu(cpu, cpus);
  ksoftirqd_offline(cpu);
  let error = stop_machine_cpuslocked(take_cpu_down, 0, cpus);
  while (error === -EAGAIN) {
    // On rt ksoftirqd alone serves timers, this msleep's perhaps.
    ksoftirqd_online(cpu);
    msleep(1);
    ksoftirqd_offline(cpu);
    error = stop_machine_cpuslocked(take_cpu_down, 0, cpus);
  }
  if (error !== 0) {
    ksoftirqd_online(cpu);
    return error;
  }
  BUG_ON(cpu_online(cpu));
  __cpu_die(cpu);
  if (CONFIG.swap.enabled) finish_cpu(cpu);
  dead_cpu(cpu);
  return 0;
}

function start_cpu(cpu: u32): i32 {
  let error = make_cpu_threads(cpu);
  if (error !== 0) return error;
  error = prepare_cpu(cpu);
  if (error !== 0) {
    pr_err("cpu: attempt to bring up CPU%u failed\n", cpu);
    return error;
  }
  error = __cpu_up(cpu);
  if (error !== 0) {
    cancel_cpu(cpu);
    return error;
  }
  BUG_ON(!cpu_online(cpu));
  start_cpu_threads(cpu);
  error = online_cpu(cpu);
  if (error !== 0) stop_cpu(cpu);
  return error;
}

function _cpu_up(cpu: u32): i32 {
  if (cpu_online(cpu)) return -EINVAL;
  cpu_hotplug_begin();
  traceMark(MARK.HOTPLUG, cpu, HOTPLUG.going_up, 0);
  const error = start_cpu(cpu);
  traceMark(MARK.HOTPLUG, cpu, HOTPLUG.up, u32(error));
  cpu_hotplug_done();
  return error;
}

/** 0; -EINVAL for a CPU that is not possible or online already; -EBUSY while cpu_hotplug_disable; or why it did not come up. @may_sleep */
export function cpu_up(cpu: u32): i32 {
  if (!cpu_possible(cpu)) {
    pr_err("cpu: can't online CPU%u because it is not configured as may-hotadd at boot time\n", cpu);
    return -EINVAL;
  }
  cpu_maps_update_begin();
  const error = cpu_hotplug_disabled !== 0 ? -EBUSY : _cpu_up(cpu);
  cpu_maps_update_done();
  return error;
}

function _cpu_down(cpu: u32): i32 {
  if (num_online_cpus() === 1) return -EBUSY;
  if (!cpu_online(cpu)) return -EINVAL;
  cpu_hotplug_begin();
  traceMark(MARK.HOTPLUG, cpu, HOTPLUG.going_down, 0);
  let error = leaving_cpu(cpu);
  if (error !== 0) {
    pr_err("cpu: attempt to take down CPU%u failed\n", cpu);
  } else {
    error = stop_cpu(cpu);
    if (error !== 0) staying_cpu(cpu);
  }
  traceMark(MARK.HOTPLUG, cpu, HOTPLUG.down, u32(error));
  cpu_hotplug_done();
  if (error === 0) post_dead_cpu(cpu);
  return error;
}

/** 0; -EBUSY for the last one online and while cpu_hotplug_disable; -EINVAL for a CPU that is not online; or who refused. @may_sleep */
export function cpu_down(cpu: u32): i32 {
  if (!cpu_possible(cpu)) return -EINVAL;
  cpu_maps_update_begin();
  const error = cpu_hotplug_disabled !== 0 ? -EBUSY : _cpu_down(cpu);
  cpu_maps_update_done();
  return error;
}

/** No CPU comes or goes until as many cpu_hotplug_enable: whoever asks gets -EBUSY. @may_sleep */
export function cpu_hotplug_disable(): void {
  cpu_maps_update_begin();
  cpu_hotplug_disabled += 1;
  cpu_maps_update_done();
}

/** @may_sleep */
export function cpu_hotplug_enable(): void {
  cpu_maps_update_begin();
  if (cpu_hotplug_disabled !== 0) cpu_hotplug_disabled -= 1;
  cpu_maps_update_done();
}

/** The boot CPU is online from the start. */
export function boot_cpu_init(): void {
  set_play_dead(cpu_play_dead);
  cpumask_set_cpu(0, cpu_online_mask);
  cpumask_set_cpu(0, cpu_active_mask);
}

/** Who listens when CPUs come and go. Memory can be had, and locks work. */
export function cpu_init(): void {
  cpu_hotplug_init();
  cpu_chain_init();
  cpu_listeners_init();
}

/** Brings all CPUs into service. In task context: it sleeps. */
export function smp_init(): void {
  if (make_cpu_threads(0) !== 0) panic("no memory for the threads of CPU0");
  start_cpu_threads(0);
  for (let cpu: u32 = 1; cpu < nr_cpu_ids; cpu++) cpu_up(cpu);
  pr_info("smp: Brought up %u of %u CPUs\n", num_online_cpus(), nr_cpu_ids);
}
