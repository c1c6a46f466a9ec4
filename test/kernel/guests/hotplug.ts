// Tasks for the tests of CPU hotplug: who is told what, and what goes wrong when readers count wrongly, nest, register or never end.
//
// Tasks begin together and take their turns by sleeping; `verdict` comes last, says who has ended and turns the machine off.

import { nr_cpu_ids } from "kernel/arch/cpumask.ts";
import { cpu_down, cpu_up } from "kernel/cpu/hotplug.ts";
import { get_online_cpus, put_online_cpus } from "kernel/cpu/lock.ts";
import {
  __register_cpu_notifier, CPU_DEAD, CPU_DOWN_FAILED, CPU_DOWN_PREPARE, CPU_DYING, cpu_notifier_register_begin, cpu_notifier_register_done,
  CPU_ONLINE, CPU_POST_DEAD, CPU_STARTING, CPU_UP_CANCELED, CPU_UP_PREPARE, notifier_block, NOTIFY_BAD, NOTIFY_OK, register_cpu_notifier,
} from "kernel/cpu/notifier.ts";
import { CPUHP, cpuhp_setup_state_nocalls } from "kernel/cpu/states.ts";
import { kernel_power_off } from "kernel/init/main.ts";
import { EIO } from "kernel/lib/errno.ts";
import { pr_info } from "kernel/lib/printk.ts";
import { mutex, mutex_lock, mutex_unlock } from "kernel/locking/mutex.ts";
import { smp_processor_id } from "kernel/sched/task.ts";
import { msleep } from "kernel/sched/timer.ts";

// ---- who is told what ----

class listener {
  readonly nb = new notifier_block();
  name: string;
  refuse_at: u32;
}
const listeners = new StructArray(listener, 3);

function event_name(action: u32): string {
  switch (action) {
    case CPU_UP_PREPARE:
      return "UP_PREPARE";
    case CPU_UP_CANCELED:
      return "UP_CANCELED";
    case CPU_STARTING:
      return "STARTING";
    case CPU_ONLINE:
      return "ONLINE";
    case CPU_DOWN_PREPARE:
      return "DOWN_PREPARE";
    case CPU_DOWN_FAILED:
      return "DOWN_FAILED";
    case CPU_DYING:
      return "DYING";
    case CPU_DEAD:
      return "DEAD";
    case CPU_POST_DEAD:
      return "POST_DEAD";
    default:
      return "?";
  }
}

function hear(nb: notifier_block, action: u32, cpu: u32): u32 {
  const self = containerOf(listener, "nb", nb);
  const refused = self.refuse_at === action;
  pr_info("event: %s %s(%u)%s\n", self.name, event_name(action), cpu, refused ? " refused" : "");
  return refused ? NOTIFY_BAD : NOTIFY_OK;
}

function listen(index: u32, name: string, priority: i32): void {
  listeners[index].name = name;
  listeners[index].nb.notifier_call = hear;
  listeners[index].nb.priority = priority;
  register_cpu_notifier(listeners[index].nb);
}

function down_and_up(): void {
  pr_info("event: cpu_down = %d\n", cpu_down(1));
  pr_info("event: cpu_up = %d\n", cpu_up(1));
}

/** On two CPUs: down and up, then with each listener refusing. */
export function events(_arg: u32): void {
  listen(0, "low", -5);
  listen(1, "high", 20);
  listen(2, "middle", 0);
  down_and_up();
  for (let n: u32 = 0; n < 3; n++) {
    listeners[n].refuse_at = CPU_DOWN_PREPARE;
    pr_info("event: %s refuses: cpu_down = %d\n", listeners[n].name, cpu_down(1));
    listeners[n].refuse_at = 0;
  }
  cpu_down(1);
  for (let n: u32 = 0; n < 3; n++) {
    listeners[n].refuse_at = CPU_UP_PREPARE;
    pr_info("event: %s refuses: cpu_up = %d\n", listeners[n].name, cpu_up(1));
    listeners[n].refuse_at = 0;
  }
}

/** The machine itself fails (the test breaks it): once down and up. */
export function failing_events(_arg: u32): void {
  listen(0, "low", -5);
  listen(1, "high", 20);
  down_and_up();
}

// ---- states ----

let fail_last: boolean = false;

function say_state(name: string, up: boolean, cpu: u32): i32 {
  pr_info("event: %s %s, %s\n", name, up ? "up" : "down", smp_processor_id() === cpu ? "on the CPU" : "elsewhere");
  return 0;
}

function prepare_up(cpu: u32): i32 {
  return say_state("prepare", true, cpu);
}

function prepare_down(cpu: u32): i32 {
  return say_state("prepare", false, cpu);
}

function first_up(cpu: u32): i32 {
  return say_state("first", true, cpu);
}

function first_down(cpu: u32): i32 {
  return say_state("first", false, cpu);
}

function last_up(cpu: u32): i32 {
  say_state("last", true, cpu);
  return fail_last ? -EIO : 0;
}

function last_down(cpu: u32): i32 {
  say_state("last", false, cpu);
  return fail_last ? -EIO : 0;
}

/** With hotplug.chain=states: down and up; a state that refuses to go, then one that refuses to come. */
export function states(_arg: u32): void {
  cpuhp_setup_state_nocalls(CPUHP.BP_PREPARE_DYN, "prepare", prepare_up, prepare_down);
  cpuhp_setup_state_nocalls(CPUHP.AP_ONLINE_DYN, "first", first_up, first_down);
  cpuhp_setup_state_nocalls(CPUHP.AP_ONLINE_DYN, "last", last_up, last_down);
  down_and_up();
  fail_last = true;
  pr_info("event: cpu_down = %d\n", cpu_down(1));
  fail_last = false;
  cpu_down(1);
  fail_last = true;
  pr_info("event: cpu_up = %d\n", cpu_up(1));
}

// ---- counts that are wrong ----

const FIRST_MS = 5;
let down_ended: boolean = false;
let reader_ended: boolean = false;

function say(ended: boolean): string {
  return ended ? "ended" : "hangs";
}

export function verdict(_arg: u32): void {
  msleep(150);
  pr_info("verdict: writer %s, reader %s\n", say(READ_ONCE(down_ended)), say(READ_ONCE(reader_ended)));
  kernel_power_off();
}

/** Takes the last CPU down a little later. */
export function writer(_arg: u32): void {
  msleep(2 * FIRST_MS);
  const error = cpu_down(nr_cpu_ids - 1);
  pr_info("verdict: cpu_down = %d\n", error);
  WRITE_ONCE(down_ended, true);
}

export function culprit(_arg: u32): void {
  get_online_cpus();
  put_online_cpus();
  put_online_cpus();
}

/** A reader that does nothing wrong. */
export function victim(_arg: u32): void {
  msleep(FIRST_MS);
  get_online_cpus();
  put_online_cpus();
  msleep(10 * FIRST_MS);
  get_online_cpus();
  msleep(FIRST_MS);
  put_online_cpus();
  WRITE_ONCE(reader_ended, true);
}

// ---- two locks in both orders ----

const list_mutex = new mutex();
const list_nb = new notifier_block();

/** As a subsystem with a list of what has per-CPU parts. */
function take_list(_nb: notifier_block, action: u32, _cpu: u32): u32 {
  if (action === CPU_DOWN_PREPARE) {
    mutex_lock(list_mutex);
    mutex_unlock(list_mutex);
  }
  return NOTIFY_OK;
}

/** Destroys something on the list, which asks for readers again (as rcu_barrier did) inside the list's lock, or after it. */
function destroy(inside: boolean): void {
  list_nb.notifier_call = take_list;
  register_cpu_notifier(list_nb);
  msleep(FIRST_MS);
  get_online_cpus();
  mutex_lock(list_mutex);
  if (!inside) mutex_unlock(list_mutex);
  msleep(4 * FIRST_MS);
  get_online_cpus();
  put_online_cpus();
  if (inside) mutex_unlock(list_mutex);
  put_online_cpus();
  WRITE_ONCE(reader_ended, true);
}

export function destroyer(_arg: u32): void {
  destroy(true);
}

export function destroyer_fixed(_arg: u32): void {
  destroy(false);
}

// ---- readers that register, nest, or never end ----

export function registrar(_arg: u32): void {
  listeners[0].name = "late";
  listeners[0].nb.notifier_call = hear;
  get_online_cpus();
  msleep(4 * FIRST_MS);
  register_cpu_notifier(listeners[0].nb);
  put_online_cpus();
  WRITE_ONCE(reader_ended, true);
}

export function registrar_fixed(_arg: u32): void {
  listeners[0].name = "late";
  listeners[0].nb.notifier_call = hear;
  cpu_notifier_register_begin();
  get_online_cpus();
  msleep(4 * FIRST_MS);
  __register_cpu_notifier(listeners[0].nb);
  put_online_cpus();
  cpu_notifier_register_done();
  WRITE_ONCE(reader_ended, true);
}

export function nesting(_arg: u32): void {
  get_online_cpus();
  msleep(4 * FIRST_MS);
  get_online_cpus();
  put_online_cpus();
  put_online_cpus();
  WRITE_ONCE(reader_ended, true);
}

const ROUNDS = 30;
const entered = new FixedArray<u32>(2);

/** Two of these leave no gap: each stays until the other is inside, or has kept it waiting for long. */
export function overlapping(index: u32): void {
  for (let round: u32 = 1; round <= ROUNDS; round++) {
    get_online_cpus();
    WRITE_ONCE(entered[index], round);
    for (let ms: u32 = 0; READ_ONCE(entered[1 - index]) < round && ms < 20; ms++) msleep(1);
    msleep(1);
    put_online_cpus();
  }
  WRITE_ONCE(reader_ended, true);
}

export function starving_writer(_arg: u32): void {
  msleep(FIRST_MS);
  cpu_down(nr_cpu_ids - 1);
  pr_info("verdict: in after %s reads\n", READ_ONCE(entered[0]) === ROUNDS && READ_ONCE(entered[1]) === ROUNDS ? "all" : "some");
}

// ---- a listener that may not sleep ----

function sleep_while_dying(_nb: notifier_block, action: u32, _cpu: u32): u32 {
  if (action === CPU_DYING) msleep(1);
  return NOTIFY_OK;
}

export function sleeper(_arg: u32): void {
  list_nb.notifier_call = sleep_while_dying;
  register_cpu_notifier(list_nb);
  cpu_down(nr_cpu_ids - 1);
}
