// The tick: HZ times a second on each online CPU, idle or not.

import { CONFIG } from "config";
import { cpu_online, nr_cpu_ids } from "../arch/cpumask.ts";
import { CSR_SIE, IRQ_S_TIMER } from "../arch/csr.ts";
import { sbi_set_timer } from "../arch/sbi.ts";
import { get_cycles64, timebase_hz } from "../arch/time.ts";
import { rcu_sched_clock_irq } from "../rcu/rcu.ts";
import { advance_jiffies, HZ } from "./clock.ts";
import { scheduler_tick } from "./core.ts";
import { hrtimer_interrupt, hrtimer_set_tick } from "./hrtimer.ts";
import { smp_processor_id } from "./task.ts";
import { run_local_timers } from "./timer.ts";

class tick_device {
  /** When this CPU's next tick is due. */
  next: u64;
}
const tick = new PerCpu(tick_device);

/** Looks at each tick whether something is stuck; null: nobody does. */
let tick_watch: (() => void) | null = null;

export function set_tick_watch(watch: () => void): void {
  tick_watch = watch;
}

/** The CPU that counts jiffies. */
let tick_do_timer_cpu: u32 = 0;
/** When the next jiffy begins. Only that CPU uses it. */
let next_jiffy: u64 = 0n;

function tick_period(): u64 {
  "inline";
  return u64(timebase_hz / HZ);
}

function update_jiffies(now: u64): void {
  let ticks: u32 = 0;
  while (now >= next_jiffy) {
    next_jiffy += tick_period();
    ticks += 1;
  }
  if (ticks !== 0) advance_jiffies(ticks);
}

/** The timer goes off for the tick, or before it for an hrtimer. */
function program_tick(next: u64): void {
  "inline";
  if (CONFIG.swap.enabled) hrtimer_set_tick(next);
  else sbi_set_timer(next);
}

/** The boot CPU's first tick, from which jiffies count. */
export function time_init(): void {
  next_jiffy = get_cycles64() + tick_period();
  tick_start();
}

/**
 * The calling CPU ticks from now on. One that was online before goes on in its old rhythm: CPUs that come and go within less than a
 * period would never tick otherwise, and time would stand still.
 */
export function tick_start(): void {
  const device = tick.current();
  const now = get_cycles64();
  if (device.next === 0n) device.next = now + tick_period();
  while (device.next <= now) device.next += tick_period();
  program_tick(device.next);
  csrReadSet(CSR_SIE, 1 << IRQ_S_TIMER);
}

/** The timer interrupt. */
export function tick_handle(): void {
  if (CONFIG.swap.enabled && hrtimer_interrupt()) return;
  const device = tick.current();
  const now = get_cycles64();
  while (device.next <= now) device.next += tick_period();
  program_tick(device.next);
  if (smp_processor_id() === tick_do_timer_cpu) update_jiffies(now);
  run_local_timers();
  rcu_sched_clock_irq(false);
  scheduler_tick();
  const watch = tick_watch;
  if (watch !== null) watch();
}

/** On the dying CPU, interrupts off: no more ticks, and somebody else counts. */
export function tick_cpu_dying(cpu: u32): void {
  csrReadClear(CSR_SIE, 1 << IRQ_S_TIMER);
  sbi_set_timer(~0n);
  if (cpu !== tick_do_timer_cpu) return;
  for (let other: u32 = 0; other < nr_cpu_ids; other++) {
    if (other === cpu || !cpu_online(other)) continue;
    WRITE_ONCE(tick_do_timer_cpu, other);
    return;
  }
}
