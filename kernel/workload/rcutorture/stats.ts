// rcutorture's statistics, in the lines of Linux's test. The fields of boosting, of read-exit and of offloaded callbacks are not there
// because the tests are not.

import { for_each_possible_cpu } from "../../arch/cpumask.ts";
import { atomic_inc, atomic_read } from "../../lib/atomic.ts";
import { WARN_ON_ONCE } from "../../lib/bug.ts";
import { list_empty } from "../../lib/list.ts";
import { pr_cont, pr_info } from "../../lib/printk.ts";
import { HZ } from "../../sched/clock.ts";
import { barriers } from "./barrier.ts";
import { offlines, onlines } from "./onoff.ts";
import {
  n_rcu_torture_alloc, n_rcu_torture_alloc_fail, n_rcu_torture_error, n_rcu_torture_free, n_rcu_torture_mberror, n_rcu_torture_timers,
  RCU_TORTURE_PIPE_LEN, rcu_torture_count, rcu_torture_freelist, rcu_torture_wcount, reader_counts, torture,
} from "./state.ts";

const sums = new reader_counts();

function sum_up(): void {
  for (let i: u32 = 0; i <= RCU_TORTURE_PIPE_LEN; i++) {
    sums.pipe[i] = 0;
    sums.batch[i] = 0;
    for (const cpu of for_each_possible_cpu()) {
      sums.pipe[i] += READ_ONCE(rcu_torture_count.of(cpu).pipe[i]);
      sums.batch[i] += READ_ONCE(rcu_torture_count.of(cpu).batch[i]);
    }
  }
}

/** Reads in a place that no reader may see: beyond the second. */
function beyond(histogram: FixedArray<u32>): u32 {
  let count: u32 = 0;
  for (let i: u32 = 2; i <= RCU_TORTURE_PIPE_LEN; i++) count += histogram[i];
  return count;
}

/** Reads that saw an element in its place, published or just replaced. */
export function good_reads(): u32 {
  sum_up();
  return sums.pipe[0] + sums.pipe[1];
}

function line(name: string, histogram: FixedArray<u32>): void {
  pr_info("rcu-torture: %s ", name);
  for (let i: u32 = 0; i <= RCU_TORTURE_PIPE_LEN; i++) pr_cont(" %u", histogram[i]);
  pr_cont("\n");
}

function first_line(): void {
  pr_info("rcu-torture: rtc: %p %s: %u ", addr(torture.rcu_torture_current), torture.rcu_torture_current === null ? "VER" : "ver", torture.rcu_torture_current_version);
  pr_cont("tfle: %d rta: %d rtaf: %d rtf: %d ", u32(list_empty(rcu_torture_freelist)), atomic_read(n_rcu_torture_alloc), atomic_read(n_rcu_torture_alloc_fail), atomic_read(n_rcu_torture_free));
  pr_cont("rtmbe: %d rtbe: %u nt: %d ", atomic_read(n_rcu_torture_mberror), barriers.errors, atomic_read(n_rcu_torture_timers));
  pr_cont("onoff: %u/%u:%u/%u ", onlines.successes, onlines.attempts, offlines.successes, offlines.attempts);
  pr_cont("%d,%u:%d,%u %u:%u (HZ=%u) ", i32(onlines.min), onlines.max, i32(offlines.min), offlines.max, onlines.sum, offlines.sum, HZ);
  pr_cont("barrier: %u/%u:%u\n", barriers.successes, barriers.attempts, barriers.errors);
}

/** Prints all counters, and counts an error when one of them says so. */
export function rcu_torture_stats_print(): void {
  sum_up();
  first_line();
  const late = beyond(sums.pipe) + beyond(sums.batch);
  if (late !== 0 || atomic_read(n_rcu_torture_mberror) !== 0 || barriers.errors !== 0) {
    pr_info("rcu-torture: !!! \n");
    atomic_inc(n_rcu_torture_error);
    WARN_ON_ONCE(true);
  }
  line("Reader Pipe:", sums.pipe);
  line("Reader Batch:", sums.batch);
  pr_info("rcu-torture: Free-Block Circulation: ");
  for (let i: u32 = 0; i <= RCU_TORTURE_PIPE_LEN; i++) pr_cont(" %d", atomic_read(rcu_torture_wcount[i]));
  pr_cont("\n");
}
