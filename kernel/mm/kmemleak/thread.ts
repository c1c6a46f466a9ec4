// The kernel thread `kmemleak`: scans now and then by itself.
//
// Linux starts it at boot, a minute before its first scan; here it is started when asked for, by the boot parameter kmemleak.scan=SECONDS
// (first scan after kmemleak.first_scan, 60 s) or the command scan=on: guest time is dear.

import { pr_warn } from "../../lib/printk.ts";
import { msecs_to_jiffies } from "../../sched/clock.ts";
import { kthread_run, kthread_should_stop, kthread_stop } from "../../sched/kthread.ts";
import { schedule_timeout_interruptible } from "../../sched/timer.ts";
import { type task_struct } from "../../sched/task.ts";
import { get_option_secs } from "../../lib/cmdline.ts";
import { workqueue_init } from "../../sched/workqueue.ts";
import { FREE_WORK } from "./design.ts";
import { scan_lock, scan_unlock } from "./lock.ts";
import { kmemleak_scan } from "./scan.ts";
import { kmemleak_enabled, set_thread_scans } from "./state.ts";

const SECS_FIRST_SCAN = 60;
const SECS_SCAN_WAIT = 600;

let scan_thread: task_struct | null = null;
/** Between two scans; 0: no automatic scan. */
let jiffies_scan_wait: u32 = 0;
let jiffies_first_scan: u32 = 0;

function sleep_until_stopped(ticks: u32): void {
  let left = ticks;
  while (left !== 0 && !kthread_should_stop()) left = schedule_timeout_interruptible(left);
}

function kmemleak_scan_thread(_arg: u32): void {
  sleep_until_stopped(jiffies_first_scan);
  jiffies_first_scan = 0;
  while (!kthread_should_stop()) {
    scan_lock();
    set_thread_scans(true);
    kmemleak_scan();
    set_thread_scans(false);
    scan_unlock();
    sleep_until_stopped(READ_ONCE(jiffies_scan_wait));
  }
}

/** Called with nobody else starting or stopping it. @may_sleep */
export function start_scan_thread(): void {
  if (scan_thread !== null) return;
  if (jiffies_scan_wait === 0) jiffies_scan_wait = msecs_to_jiffies(SECS_SCAN_WAIT * 1000);
  scan_thread = kthread_run(kmemleak_scan_thread, 0, "kmemleak");
  if (scan_thread === null) pr_warn("kmemleak: Failed to create the scan thread\n");
}

/** @may_sleep */
export function stop_scan_thread(): void {
  const thread = scan_thread;
  if (thread === null) return;
  scan_thread = null;
  kthread_stop(thread);
}

/** scan=SECONDS; 0 stops the thread for good. */
export function set_scan_wait(seconds: u32): void {
  jiffies_scan_wait = msecs_to_jiffies(seconds * 1000);
}

/** When threads can be made, before the system runs: what the boot parameters ask for, and the workers that free metadata. */
export function kmemleak_late_init(): void {
  if (!kmemleak_enabled()) return;
  if (FREE_WORK && workqueue_init() !== 0) pr_warn("kmemleak: no workers, metadata stays\n");
  const wait = get_option_secs("kmemleak.scan", 0);
  if (wait === 0) return;
  jiffies_scan_wait = msecs_to_jiffies(wait);
  jiffies_first_scan = msecs_to_jiffies(get_option_secs("kmemleak.first_scan", SECS_FIRST_SCAN * 1000));
  start_scan_thread();
}
