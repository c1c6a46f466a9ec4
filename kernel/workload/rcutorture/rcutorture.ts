// rcutorture: readers, writers, callbacks, barriers and hotplug at once, for a while; then a verdict.
//
// Boot parameters, as Linux's module parameters where it has them:
//   rcutorture.nreaders (CPUs - 1, at least 1)   .nfakewriters (2)   .n_barrier_cbs (4; 0: none)
//   rcutorture.onoff_interval (8ms on average; 0: no hotplug)   .stat_interval (0: only at the end)   .shutdown (150ms: how long)
// Rule: no reader saw an element more than one stage down the pipe, nor more than one grace period end in its section; no element too
// early or too late; rcu_barrier waited for all; no hotplug operation failed. And something must have happened.

import { num_possible_cpus } from "../../arch/cpumask.ts";
import { atomic_read } from "../../lib/atomic.ts";
import { WARN_ON } from "../../lib/bug.ts";
import { get_option_ms, get_option_u32 } from "../../lib/cmdline.ts";
import { pr_info } from "../../lib/printk.ts";
import { rcu_barrier, rcu_batches_completed, rcu_callbacks_pending } from "../../rcu/rcu.ts";
import { jiffies, msecs_to_jiffies, time_before } from "../../sched/clock.ts";
import { msleep } from "../../sched/timer.ts";
import { BARRIER_CBS_MAX, barrier_test_init, barriers, rcu_torture_barrier, rcu_torture_barrier_cbs } from "./barrier.ts";
import { offlines, onlines, onoff, rcu_torture_onoff } from "./onoff.ts";
import { interrupt_readers_init, rcu_torture_reader } from "./reader.ts";
import { n_rcu_torture_error, n_rcu_torture_timers, pool_init, torture } from "./state.ts";
import { good_reads, rcu_torture_stats_print } from "./stats.ts";
import { start_thread, stop_threads } from "./threads.ts";
import { rcu_torture_fakewriter, rcu_torture_writer } from "./writer.ts";

/** A test of less than so many replacements has tested nothing. */
const VERSIONS_MIN = 8;

class parameters {
  nreaders: u32;
  nfakewriters: u32;
  n_barrier_cbs: u32;
  stat_interval: u32;
  shutdown: u32;
}
const param = new parameters();

function read_parameters(): void {
  const cpus = num_possible_cpus();
  param.nreaders = get_option_u32("rcutorture.nreaders", cpus > 1 ? cpus - 1 : 1);
  param.nfakewriters = get_option_u32("rcutorture.nfakewriters", 2);
  const cbs = get_option_u32("rcutorture.n_barrier_cbs", 4);
  param.n_barrier_cbs = cbs > BARRIER_CBS_MAX ? BARRIER_CBS_MAX : cbs;
  onoff.interval = cpus > 1 ? get_option_ms("rcutorture.onoff_interval", 8) : 0;
  param.stat_interval = get_option_ms("rcutorture.stat_interval", 0);
  param.shutdown = get_option_ms("rcutorture.shutdown", 150);
}

function print_parms(tag: string): void {
  pr_info(
    "rcu-torture:--- %s: nreaders=%u nfakewriters=%u stat_interval=%u n_barrier_cbs=%u onoff_interval=%u shutdown=%u\n",
    tag, param.nreaders, param.nfakewriters, param.stat_interval, param.n_barrier_cbs, onoff.interval, param.shutdown,
  );
}

function start_all(): void {
  for (let n: u32 = 0; n < param.n_barrier_cbs; n++) start_thread(rcu_torture_barrier_cbs, n, "rcu_torture_bar");
  start_thread(rcu_torture_writer, 0, "rcu_torture_wri");
  for (let n: u32 = 0; n < param.nfakewriters; n++) start_thread(rcu_torture_fakewriter, 64 + n, "rcu_torture_fak");
  for (let n: u32 = 0; n < param.nreaders; n++) start_thread(rcu_torture_reader, 128 + n, "rcu_torture_rea");
  if (param.n_barrier_cbs !== 0) start_thread(rcu_torture_barrier, 0, "rcu_torture_bar");
  if (onoff.interval !== 0) start_thread(rcu_torture_onoff, 1, "torture_onoff");
}

function torture_a_while(): void {
  const until = jiffies() + msecs_to_jiffies(param.shutdown);
  while (time_before(jiffies(), until)) {
    if (param.stat_interval === 0) {
      msleep(5);
      continue;
    }
    msleep(param.stat_interval);
    rcu_torture_stats_print();
  }
}

/** Everything was tried. */
function something_happened(): boolean {
  const replaced = torture.rcu_torture_current_version >= VERSIONS_MIN && rcu_batches_completed() >= VERSIONS_MIN;
  const waited = param.n_barrier_cbs === 0 || barriers.attempts !== 0;
  return replaced && waited && good_reads() !== 0 && atomic_read(n_rcu_torture_timers) !== 0;
}

/** The task of a scenario. */
export function rcutorture(_arg: u32): void {
  read_parameters();
  pool_init();
  for (let cpu: u32 = 0; cpu < num_possible_cpus(); cpu++) interrupt_readers_init(cpu);
  barrier_test_init(param.n_barrier_cbs);
  print_parms("Start of test");
  start_all();
  torture_a_while();
  stop_threads(0);
  // Callbacks that go round see that the test ends, and after the barrier none is left.
  WRITE_ONCE(torture.ending, 1);
  rcu_barrier();
  rcu_torture_stats_print();
  const left = rcu_callbacks_pending();
  pr_info("rcu-torture: grace periods: %u, callbacks pending: %u\n", rcu_batches_completed(), left);
  const hotplug = onlines.successes === onlines.attempts && offlines.successes === offlines.attempts;
  if (atomic_read(n_rcu_torture_error) !== 0 || !something_happened()) {
    print_parms("End of test: FAILURE");
    WARN_ON(true);
  } else if (!hotplug) {
    print_parms("End of test: RCU_HOTPLUG");
    WARN_ON(true);
  } else {
    print_parms("End of test: SUCCESS");
  }
}
