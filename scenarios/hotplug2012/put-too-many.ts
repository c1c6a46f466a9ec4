// The workload of hotplug2012/put-too-many: one task gives back a reader of the hotplug lock that it never had, another one reads as it
// should, and a CPU shall come up. With the boot parameter `culprit=right` it gives back what it had.

import { cpu_down, cpu_up } from "kernel/cpu/hotplug.ts";
import { get_online_cpus, put_online_cpus } from "kernel/cpu/lock.ts";
import { WARN_ON } from "kernel/lib/bug.ts";
import { get_option } from "kernel/lib/cmdline.ts";
import { point } from "kernel/lib/point.ts";
import { strcmp } from "kernel/lib/string.ts";

const PLUGGED = 2;

export function plugger(_arg: u32): void {
  WARN_ON(cpu_down(PLUGGED) !== 0);
  point("plug");
  WARN_ON(cpu_up(PLUGGED) !== 0);
  point("plugged");
}

export function culprit(_arg: u32): void {
  get_online_cpus();
  put_online_cpus();
  if (strcmp(get_option("culprit", "wrong"), "right") !== 0) put_online_cpus();
  point("put");
}

/** A reader that does nothing wrong; twice. */
export function victim(_arg: u32): void {
  get_online_cpus();
  point("read");
  put_online_cpus();
  point("left");
}
