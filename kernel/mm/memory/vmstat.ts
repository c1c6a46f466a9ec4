// What virtual memory has done so far: Linux's /proc/vmstat, as far as there is something to count. Any context; no lock.

import { pr_info } from "../../lib/printk.ts";
import { swap_io_stats } from "../swap/page_io.ts";

class vm_event_state {
  /** Faults that were served; of these with a read from swap. */
  pgfault: u32;
  pgmajfault: u32;
  /** By kswapd and by who needed memory: pages looked at, pages that came free. */
  pgscan_kswapd: u32;
  pgscan_direct: u32;
  pgsteal_kswapd: u32;
  pgsteal_direct: u32;
  pgactivate: u32;
  pgdeactivate: u32;
  /** Allocations that had to reclaim themselves; times kswapd woke up. */
  allocstall: u32;
  kswapd_wakeups: u32;
}
export const vm_event_states = new vm_event_state();

export function count_vm_events(counter: Ptr<u32>, n: u32): void {
  "inline";
  amoAddRelaxed(counter, n);
}

export function vmstat_show(): void {
  const s = vm_event_states;
  pr_info(`vmstat: pgfault ${READ_ONCE(s.pgfault)} pgmajfault ${READ_ONCE(s.pgmajfault)} pswpin ${READ_ONCE(swap_io_stats.pswpin)} pswpout ${READ_ONCE(swap_io_stats.pswpout)}\n`);
  pr_info(`vmstat: pgscan_kswapd ${READ_ONCE(s.pgscan_kswapd)} pgscan_direct ${READ_ONCE(s.pgscan_direct)} pgsteal_kswapd ${READ_ONCE(s.pgsteal_kswapd)} pgsteal_direct ${READ_ONCE(s.pgsteal_direct)}\n`);
  pr_info(`vmstat: pgactivate ${READ_ONCE(s.pgactivate)} pgdeactivate ${READ_ONCE(s.pgdeactivate)} allocstall ${READ_ONCE(s.allocstall)} kswapd_wakeups ${READ_ONCE(s.kswapd_wakeups)}\n`);
}
