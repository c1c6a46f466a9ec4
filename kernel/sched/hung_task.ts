// Tasks that sleep uninterruptibly for too long: khungtaskd reports each once while it sleeps on.
//
//   INFO: task name:pid blocked for more than 120 seconds.      and its state and stack
//
// Boot parameters: hung_task_timeout=DURATION (a bare number is seconds) switches it on, hung_task_panic=1. A thread that waits for
// work for any length of time sleeps in TASK_INTERRUPTIBLE or TASK_IDLE; a new one that nobody has woken yet does not count.
// Lock: tasklist_lock (read, interrupts off) while the tasks are looked at; so a report keeps this CPU busy for its length.
// The time is that of the task's last switch off a CPU, in ticks, so a task is found up to a quarter of the timeout late.
// Limit: WARNINGS_MAX reports, as Linux has it by default.

import { panic } from "../lib/bug.ts";
import { get_option_secs, get_option_u32 } from "../lib/cmdline.ts";
import { printk } from "../lib/printk.ts";
import { read_lock_irqsave, read_unlock_irqrestore } from "../locking/rwlock.ts";
import { jiffies, msecs_to_jiffies } from "./clock.ts";
import { kthread_run } from "./kthread.ts";
import { sched_show_task } from "./show.ts";
import { for_each_process, TASK_UNINTERRUPTIBLE, type task_struct, tasklist_lock } from "./task.ts";
import { schedule_timeout_interruptible } from "./timer.ts";

const WARNINGS_MAX = 10;
/** Looks within one timeout. */
const CHECKS = 4;

/** In ticks. */
let timeout: u32 = 0;
let panics: boolean = false;
let warnings: u32 = WARNINGS_MAX;
/** The tick of the look before this one, which has reported what was due then. */
let looked: u32 = 0;

/** Reported when the timeout passed between the last look and this one. */
function check_task(task: task_struct, now: u32): void {
  if (READ_ONCE(task.state) !== TASK_UNINTERRUPTIBLE || READ_ONCE(task.on_rq) !== 0) return;
  const since = READ_ONCE(task.slept_at);
  // slept_at is odd, and so may be a tick ahead of now.
  if (since === 0 || i32(now - since) < i32(timeout) || i32(looked - since) >= i32(timeout)) return;
  if (warnings === 0) return;
  warnings -= 1;
  const whole = timeout >= 1000;
  const unit: string = whole ? "seconds" : "milliseconds";
  printk("INFO: task %s:%u blocked for more than %u %s.\n", addr(task.comm), task.pid, whole ? timeout / 1000 : timeout, unit);
  sched_show_task(task);
  if (panics) panic("hung_task: blocked tasks");
}

function khungtaskd(_arg: u32): void {
  looked = jiffies();
  for (;;) {
    schedule_timeout_interruptible(timeout / CHECKS + 1);
    const flags = read_lock_irqsave(tasklist_lock);
    const now = jiffies();
    for (const task of for_each_process()) check_task(task, now);
    looked = now;
    read_unlock_irqrestore(tasklist_lock, flags);
  }
}

/** Nothing happens without hung_task_timeout. */
export function hung_task_init(): void {
  const ms = get_option_secs("hung_task_timeout", 0);
  if (ms === 0) return;
  timeout = msecs_to_jiffies(ms);
  panics = get_option_u32("hung_task_panic", 0) !== 0;
  if (kthread_run(khungtaskd, 0, "khungtaskd") === null) panic("no memory for khungtaskd");
}
