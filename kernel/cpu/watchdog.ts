// Lockups: a CPU that runs no other task for too long, and one that takes no timer interrupt.
//
//   watchdog: BUG: soft lockup - CPU#1 stuck for 22s! [name:pid]              by the CPU itself, from its tick, with its stack
//   watchdog: CPU0: Watchdog detected hard LOCKUP on cpu 1                    by the CPU before it, whose buddy it is
//
// Every sample period (2/5 of the threshold) a CPU's tick asks its stopper thread, which runs before all other tasks, to note the time.
// When that note is older than twice the threshold, nothing but the running task has run since: a soft lockup, said again after
// as long again. Each CPU counts its samples; the CPU before it (the boot CPU after the last) looks at the count with each of its own, and
// says so once when it has stood still for the threshold. A CPU that itself was away (offline, stopped with all others) begins anew.
//
// Boot parameters: watchdog_thresh=DURATION (a bare number is seconds; default 10, at most 60, 0 switches off), softlockup_panic=1,
// hardlockup_panic=1. Time is the time CSR: jiffies stand still when the CPU that counts them is locked up.
// Limits: one CPU alone has no buddy; without NMIs the stack of a hard-locked CPU is read from memory, as what may be on it.
// Locks: none. Each CPU writes its own record; its buddy reads `samples` alone. `touched` is written by the stopper.

import { cpu_online, nr_cpu_ids } from "../arch/cpumask.ts";
import { STACK_SIZE } from "../arch/thread.ts";
import { timebase_hz } from "../arch/time.ts";
import { CSR_TIME } from "../arch/csr.ts";
import { dump_stack, panic } from "../lib/bug.ts";
import { get_option_secs, get_option_u32 } from "../lib/cmdline.ts";
import { kallsyms_lookup, symbol_info } from "../lib/kallsyms.ts";
import { printk } from "../lib/printk.ts";
import { cpu_rq } from "../sched/rq.ts";
import { get_current, smp_processor_id, type task_struct } from "../sched/task.ts";
import { set_tick_watch } from "../sched/tick.ts";
import { cpu_stop_work, stop_one_cpu_nowait } from "./stopper.ts";

const THRESH_DEFAULT_MS = 10_000;
const THRESH_MAX_MS = 60_000;
/** Entries of a stack that is read from memory. */
const GUESSES_MAX = 16;

class watchdog_cpu {
  readonly work = new cpu_stop_work();
  /** The stopper has been asked and has not answered. */
  asked: boolean;
  /** When it last ran, and since when a report is due again. */
  touched: u32;
  reported: u32;
  /** Samples taken, ever; and when the last one was. */
  samples: u32;
  sampled: u32;
  /** The CPU that this one looks after, its count when that last changed, and when that was. */
  buddy: u32;
  buddy_samples: u32;
  buddy_moved: u32;
  buddy_reported: boolean;
}
const watchdog = new PerCpu(watchdog_cpu);

/** In counts of the time CSR. */
let thresh: u32 = 0;
let sample_period: u32 = 0;
let softlockup_panic: boolean = false;
let hardlockup_panic: boolean = false;

function now(): u32 {
  "inline";
  return csrRead(CSR_TIME);
}

/** In the stopper of the CPU, preemption off. */
function touch(cpu: u32): i32 {
  const own = watchdog.of(cpu);
  own.touched = now();
  own.reported = own.touched;
  WRITE_ONCE(own.asked, false);
  return 0;
}

function report_soft(cpu: u32, stuck: u32): void {
  const task = get_current();
  const ms = stuck / (timebase_hz / 1000);
  const unit: string = ms < 1000 ? "ms" : "s";
  const comm = addr(task.comm);
  printk("watchdog: BUG: soft lockup - CPU#%u stuck for %u%s! [%s:%u]\n", cpu, ms < 1000 ? ms : ms / 1000, unit, comm, task.pid);
  dump_stack();
  if (softlockup_panic) panic("softlockup: hung tasks");
}

function check_soft(cpu: u32, own: watchdog_cpu, time: u32): void {
  if (time - own.reported > 2 * thresh) {
    own.reported = time;
    report_soft(cpu, time - own.touched);
  }
  if (READ_ONCE(own.asked)) return;
  WRITE_ONCE(own.asked, true);
  if (!stop_one_cpu_nowait(cpu, touch, cpu, own.work)) own.asked = false;
}

/** Return addresses that stand on the stack of a task that may run elsewhere, the outermost first; some may be old. */
function guess_stack(task: task_struct): void {
  const info = new symbol_info();
  let left: u32 = GUESSES_MAX;
  printk("Call Trace (what its stack holds, the outermost first):\n");
  for (let at = task.stack + STACK_SIZE - 4; at > task.stack && left !== 0; at -= 4) {
    const word = READ_ONCE(cast<Ptr<usize>>(at)[0]);
    // Where a function begins nobody returns to: that is a pointer to it.
    if (!kallsyms_lookup(word, info) || info.offset === 0) continue;
    printk(" [<%p>] ? %pB\n", word, word);
    left -= 1;
  }
}

function report_hard(self: u32, cpu: u32): void {
  const task = cpu_rq(cpu).curr;
  printk("watchdog: CPU%u: Watchdog detected hard LOCKUP on cpu %u\n", self, cpu);
  printk("CPU: %u PID: %u Comm: %s\n", cpu, task.pid, addr(task.comm));
  guess_stack(task);
  if (hardlockup_panic) panic("Hard LOCKUP");
}

function next_online(cpu: u32): u32 {
  for (let n: u32 = 1; n < nr_cpu_ids; n++) {
    const other = (cpu + n) % nr_cpu_ids;
    if (cpu_online(other)) return other;
  }
  return cpu;
}

function check_buddy(cpu: u32, own: watchdog_cpu, time: u32, afresh: boolean): void {
  const buddy = next_online(cpu);
  if (buddy === cpu) return;
  const count = READ_ONCE(watchdog.of(buddy).samples);
  if (afresh || buddy !== own.buddy || count !== own.buddy_samples) {
    own.buddy = buddy;
    own.buddy_samples = count;
    own.buddy_moved = time;
    own.buddy_reported = false;
  } else if (!own.buddy_reported && time - own.buddy_moved > thresh) {
    own.buddy_reported = true;
    report_hard(cpu, buddy);
  }
}

/** From each CPU's tick, with interrupts off. */
function watchdog_tick(): void {
  const cpu = smp_processor_id();
  const own = watchdog.of(cpu);
  const time = now();
  const since = time - own.sampled;
  if (since < sample_period) return;
  // This CPU was away: what it knows is old.
  const afresh = own.samples === 0 || since > 2 * sample_period;
  own.sampled = time;
  WRITE_ONCE(own.samples, own.samples + 1);
  if (afresh) {
    own.touched = time;
    own.reported = time;
  }
  check_soft(cpu, own, time);
  check_buddy(cpu, own, time, afresh);
}

/** Once the CPUs have their stoppers. */
export function lockup_detector_init(): void {
  let ms = get_option_secs("watchdog_thresh", THRESH_DEFAULT_MS);
  if (ms === 0) return;
  if (ms > THRESH_MAX_MS) ms = THRESH_MAX_MS;
  thresh = ms * (timebase_hz / 1000);
  sample_period = (thresh / 5) * 2;
  softlockup_panic = get_option_u32("softlockup_panic", 0) !== 0;
  hardlockup_panic = get_option_u32("hardlockup_panic", 0) !== 0;
  set_tick_watch(watchdog_tick);
}
