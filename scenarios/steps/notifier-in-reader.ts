// The workload of steps/notifier-in-reader: one task registers a CPU notifier while it keeps CPUs from coming and going, another one
// brings a CPU up. With the boot parameter `registration=bracket` the first one takes the lock of the chain outside, as
// kernel/cpu/notifier.ts wants it.

import { cpu_down, cpu_up } from "kernel/cpu/hotplug.ts";
import { get_online_cpus, put_online_cpus } from "kernel/cpu/lock.ts";
import {
  __register_cpu_notifier, cpu_notifier_register_begin, cpu_notifier_register_done, NOTIFY_DONE, notifier_block, register_cpu_notifier,
} from "kernel/cpu/notifier.ts";
import { WARN_ON } from "kernel/lib/bug.ts";
import { get_option } from "kernel/lib/cmdline.ts";
import { point } from "kernel/lib/point.ts";
import { strcmp } from "kernel/lib/string.ts";

const PLUGGED = 2;

function nothing(_nb: notifier_block, _action: u32, _cpu: u32): u32 {
  return NOTIFY_DONE;
}
const listener = new notifier_block();

/** As zswap's init did it in a draft of 2012. */
function register_inside(): void {
  get_online_cpus();
  point("reader");
  WARN_ON(register_cpu_notifier(listener) !== 0);
  put_online_cpus();
}

function register_bracketed(): void {
  cpu_notifier_register_begin();
  get_online_cpus();
  point("reader");
  WARN_ON(__register_cpu_notifier(listener) !== 0);
  put_online_cpus();
  cpu_notifier_register_done();
}

export function registrar(_arg: u32): void {
  listener.notifier_call = nothing;
  if (strcmp(get_option("registration", "inside"), "bracket") === 0) register_bracketed();
  else register_inside();
}

export function plugger(_arg: u32): void {
  WARN_ON(cpu_down(PLUGGED) !== 0);
  point("plug");
  WARN_ON(cpu_up(PLUGGED) !== 0);
}
