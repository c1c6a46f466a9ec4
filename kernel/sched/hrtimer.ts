// Timers of less than a tick, for devices that are made of software (drivers/ramdisk.ts). Only with swap.enabled: other kernels take timer
// interrupts for the tick alone.
//
// Each CPU has a list sorted by expiry, in cycles of the time CSR, and programs its timer for the first of it or its tick, whichever comes
// first. The functions run in hardirq context on the CPU that started the timer, or on the one that took over when that went offline.
// Lock: hrtimer_base.lock (raw, interrupts off), not held while a function runs; inside it nothing. Limits: no cancelling, one shot.

import { local_irq_restore, local_irq_save } from "../arch/irqflags.ts";
import { sbi_set_timer } from "../arch/sbi.ts";
import { get_cycles64, timebase_hz } from "../arch/time.ts";
import { nr_cpu_ids } from "../arch/cpumask.ts";
import { INIT_LIST_HEAD, list_add_tail, list_del_init, list_empty, list_head } from "../lib/list.ts";
import {
  raw_spin_lock, raw_spin_lock_init, raw_spin_lock_nested, raw_spin_unlock, raw_spinlock_t, SINGLE_DEPTH_NESTING,
} from "../locking/spinlock.ts";

export class hrtimer {
  /** Alone when the timer is not started. */
  readonly entry = new list_head();
  /** In cycles. */
  expires: u64;
  fn: (timer: hrtimer) => void;
}

class hrtimer_base {
  readonly lock = new raw_spinlock_t();
  readonly timers = new list_head();
  /** When this CPU's next tick is due. */
  tick: u64;
}
const hrtimer_bases = new PerCpu(hrtimer_base);

/** @calls_atomic fn */
export function hrtimer_init(timer: hrtimer, fn: (timer: hrtimer) => void): void {
  INIT_LIST_HEAD(timer.entry);
  timer.fn = fn;
}

/** Nanoseconds as cycles, rounded up. */
export function ns_to_cycles(ns: u32): u64 {
  return (u64(ns) * u64(timebase_hz) + 999_999_999n) / 1_000_000_000n;
}

function first(base: hrtimer_base): hrtimer | null {
  return list_empty(base.timers) ? null : containerOf(hrtimer, "entry", base.timers.next);
}

/** The calling CPU's timer goes off for what comes next. base.lock is held. */
function program(base: hrtimer_base): void {
  const timer = first(base);
  sbi_set_timer(timer !== null && timer.expires < base.tick ? timer.expires : base.tick);
}

function insert(base: hrtimer_base, timer: hrtimer): void {
  let before = base.timers.prev;
  while (before !== base.timers && containerOf(hrtimer, "entry", before).expires > timer.expires) before = before.prev;
  list_add_tail(timer.entry, before.next);
}

/** Starts a timer that is not started, on the calling CPU, for the time `expires`. Any context. */
export function hrtimer_start(timer: hrtimer, expires: u64): void {
  const flags = local_irq_save();
  const base = hrtimer_bases.current();
  raw_spin_lock(base.lock);
  timer.expires = expires;
  insert(base, timer);
  if (first(base) === timer) program(base);
  raw_spin_unlock(base.lock);
  local_irq_restore(flags);
}

/** From the tick: when the next one is due. Interrupts are off. */
export function hrtimer_set_tick(next: u64): void {
  const base = hrtimer_bases.current();
  raw_spin_lock(base.lock);
  base.tick = next;
  program(base);
  raw_spin_unlock(base.lock);
}

/** From the timer interrupt: runs what is due. True when that was the interrupt's reason, and the tick is not due. */
export function hrtimer_interrupt(): boolean {
  const base = hrtimer_bases.current();
  let ran = false;
  raw_spin_lock(base.lock);
  for (;;) {
    const timer = first(base);
    if (timer === null || timer.expires > get_cycles64()) break;
    list_del_init(timer.entry);
    raw_spin_unlock(base.lock);
    const fn = timer.fn;
    fn(timer);
    ran = true;
    raw_spin_lock(base.lock);
  }
  if (ran) program(base);
  const tick_due = base.tick <= get_cycles64();
  raw_spin_unlock(base.lock);
  return ran && !tick_due;
}

/** At boot. */
export function hrtimers_init(): void {
  for (let cpu: u32 = 0; cpu < nr_cpu_ids; cpu++) {
    raw_spin_lock_init(hrtimer_bases.of(cpu).lock, "hrtimer_base.lock");
    INIT_LIST_HEAD(hrtimer_bases.of(cpu).timers);
    hrtimer_bases.of(cpu).tick = ~0n;
  }
}

/** As timers_dying_cpu: the timers of the calling CPU, which dies, go on at CPU `to`, at its next tick at the latest. */
export function hrtimers_dying_cpu(cpu: u32, to: u32): void {
  const old = hrtimer_bases.of(cpu);
  const base = hrtimer_bases.of(to);
  raw_spin_lock(old.lock);
  raw_spin_lock_nested(base.lock, SINGLE_DEPTH_NESTING);
  for (let timer = first(old); timer !== null; timer = first(old)) {
    list_del_init(timer.entry);
    insert(base, timer);
  }
  old.tick = ~0n;
  raw_spin_unlock(base.lock);
  raw_spin_unlock(old.lock);
}
