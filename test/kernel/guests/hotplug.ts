// Tasks for the tests of CPU hotplug: who is told what, in either mechanism.

import { cpu_down, cpu_up } from "kernel/cpu/hotplug.ts";
import {
  CPU_DEAD, CPU_DOWN_FAILED, CPU_DOWN_PREPARE, CPU_DYING, CPU_ONLINE, CPU_POST_DEAD, CPU_STARTING, CPU_UP_CANCELED, CPU_UP_PREPARE,
  notifier_block, NOTIFY_BAD, NOTIFY_OK, register_cpu_notifier,
} from "kernel/cpu/notifier.ts";
import { CPUHP, cpuhp_setup_state_nocalls } from "kernel/cpu/states.ts";
import { EIO } from "kernel/lib/errno.ts";
import { pr_info } from "kernel/lib/printk.ts";
import { smp_processor_id } from "kernel/sched/task.ts";

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
