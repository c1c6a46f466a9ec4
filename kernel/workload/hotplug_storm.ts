// hotplug_storm: CPUs chosen at random by the seed go offline and come online until the scenario stops; then all come back.
//
// Boot parameters:
//   hotplug_storm.period=5ms    from one change to the next; 0: as fast as it goes
//   hotplug_storm.rounds=N      so many changes, 0 (default): until the scenario stops
//   hotplug_storm.boot_cpu=off  CPU 0 stays
// Any number of storms may blow at once. One line at the end, in the manner of Linux's torture tests: changes that succeeded/tried.
// A CPU that does not come back is a WARNING.

import { cpu_online, nr_cpu_ids } from "../arch/cpumask.ts";
import { cpu_down, cpu_up } from "../cpu/hotplug.ts";
import { scenario_stopping } from "../init/scenario.ts";
import { WARN_ON } from "../lib/bug.ts";
import { get_option_ms, get_option_u32, option_is_off } from "../lib/cmdline.ts";
import { pr_info } from "../lib/printk.ts";
import { prandom_seed, prandom_state, prandom_u32 } from "../lib/random.ts";
import { cond_resched } from "../sched/core.ts";
import { msleep } from "../sched/timer.ts";

class storm_stats {
  onlines: u32;
  online_tries: u32;
  offlines: u32;
  offline_tries: u32;
}

/** One change; false when it was refused. */
function change_one(stats: storm_stats, cpu: u32): boolean {
  if (cpu_online(cpu)) {
    stats.offline_tries += 1;
    if (cpu_down(cpu) !== 0) return false;
    stats.offlines += 1;
  } else {
    stats.online_tries += 1;
    if (cpu_up(cpu) !== 0) return false;
    stats.onlines += 1;
  }
  return true;
}

/** Another storm may be faster, or take it away again. */
function all_back(stats: storm_stats): void {
  for (let cpu: u32 = 0; cpu < nr_cpu_ids; cpu++) {
    while (!cpu_online(cpu)) {
      if (!WARN_ON(!change_one(stats, cpu) && !cpu_online(cpu))) continue;
      break;
    }
  }
}

export function hotplug_storm(arg: u32): void {
  const random = new prandom_state();
  const stats = new storm_stats();
  const period = get_option_ms("hotplug_storm.period", 5);
  const rounds = get_option_u32("hotplug_storm.rounds", 0);
  const first: u32 = option_is_off("hotplug_storm.boot_cpu") ? 1 : 0;
  stats.onlines = 0;
  stats.online_tries = 0;
  stats.offlines = 0;
  stats.offline_tries = 0;
  prandom_seed(random, get_option_u32("seed", 1) * 0x9e37_79b1 + arg);
  for (let round: u32 = 0; !scenario_stopping() && (rounds === 0 || round < rounds); round++) {
    let done = false;
    if (first < nr_cpu_ids) done = change_one(stats, first + prandom_u32(random) % (nr_cpu_ids - first));
    if (period !== 0) msleep(period);
    else if (!done) msleep(1);
    else cond_resched();
  }
  all_back(stats);
  pr_info("hotplug_storm: onoff: %u/%u:%u/%u\n", stats.onlines, stats.online_tries, stats.offlines, stats.offline_tries);
}
