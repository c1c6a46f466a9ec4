// The workload of hotplug2012/zswap-init: zswap gets its per-CPU memory and registers its notifier while a CPU comes up.

import { cpu_down, cpu_up } from "kernel/cpu/hotplug.ts";
import { WARN_ON } from "kernel/lib/bug.ts";
import { point } from "kernel/lib/point.ts";
import { zswap_cpu_init } from "kernel/mm/zswap/cpu.ts";

const PLUGGED = 2;

/** As when zswap is loaded as a module. */
export function loader(_arg: u32): void {
  WARN_ON(zswap_cpu_init() !== 0);
  point("loaded");
}

export function plugger(_arg: u32): void {
  WARN_ON(cpu_down(PLUGGED) !== 0);
  point("plug");
  WARN_ON(cpu_up(PLUGGED) !== 0);
}
