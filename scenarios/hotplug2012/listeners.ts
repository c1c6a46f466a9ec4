// The workload of hotplug2012/refusal and sleeps-while-dying: listeners that hear of a CPU, say no, or sleep where they may not.

import { cpu_down, cpu_up } from "kernel/cpu/hotplug.ts";
import {
  CPU_DEAD, CPU_DOWN_FAILED, CPU_DOWN_PREPARE, CPU_DYING, CPU_ONLINE, CPU_POST_DEAD, CPU_STARTING, CPU_UP_CANCELED, CPU_UP_PREPARE,
  notifier_block, notifier_from_errno, NOTIFY_OK, register_cpu_notifier,
} from "kernel/cpu/notifier.ts";
import { WARN_ON } from "kernel/lib/bug.ts";
import { get_option } from "kernel/lib/cmdline.ts";
import { ENOMEM } from "kernel/lib/errno.ts";
import { pr_info } from "kernel/lib/printk.ts";
import { strcmp } from "kernel/lib/string.ts";
import { msleep } from "kernel/sched/timer.ts";

const PLUGGED = 1;
const LISTENERS = 3;

class listener {
  readonly nb = new notifier_block();
  refuse_at: u32;
}
const listeners = new StructArray(listener, LISTENERS);

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

function hear(nb: notifier_block, action: u32, _cpu: u32): u32 {
  const self = containerOf(listener, "nb", nb);
  const refused = self.refuse_at === action;
  pr_info("event: %u hears %s%s\n", (addr(self) - addr(listeners[0])) / sizeof<listener>(), event_name(action), refused ? " and refuses" : "");
  return refused ? notifier_from_errno(-ENOMEM) : NOTIFY_OK;
}

/** Once down and up; then down and up with each listener refusing. */
export function events(_arg: u32): void {
  for (let n: u32 = 0; n < LISTENERS; n++) {
    listeners[n].nb.notifier_call = hear;
    register_cpu_notifier(listeners[n].nb);
  }
  pr_info("event: cpu_down = %d\n", cpu_down(PLUGGED));
  pr_info("event: cpu_up = %d\n", cpu_up(PLUGGED));
  for (let n: u32 = 0; n < LISTENERS; n++) {
    listeners[n].refuse_at = CPU_DOWN_PREPARE;
    pr_info("event: %u refuses: cpu_down = %d\n", n, cpu_down(PLUGGED));
    listeners[n].refuse_at = CPU_UP_PREPARE;
    WARN_ON(cpu_down(PLUGGED) !== 0);
    pr_info("event: %u refuses: cpu_up = %d\n", n, cpu_up(PLUGGED));
    listeners[n].refuse_at = 0;
    WARN_ON(cpu_up(PLUGGED) !== 0);
  }
}

/** At DYING all CPUs stand still and interrupts are off; at DEAD one may sleep. */
function sleep_at(_nb: notifier_block, action: u32, _cpu: u32): u32 {
  const at = strcmp(get_option("sleep_at", "dying"), "dying") === 0 ? CPU_DYING : CPU_DEAD;
  if (action === at) msleep(1);
  return NOTIFY_OK;
}

export function sleeper(_arg: u32): void {
  listeners[0].nb.notifier_call = sleep_at;
  register_cpu_notifier(listeners[0].nb);
  WARN_ON(cpu_down(PLUGGED) !== 0);
}
