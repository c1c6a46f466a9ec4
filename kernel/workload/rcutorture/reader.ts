// rcutorture's readers: each looks at the current element in a read section made of overlapping pieces, some of them with preemption,
// softirqs or interrupts off, nested or not, waiting in between, pushed aside in between.

import { CONFIG, PREEMPT } from "config";
import { irqs_disabled, local_irq_disable, local_irq_enable } from "../../arch/irqflags.ts";
import { get_cycles64, timebase_hz } from "../../arch/time.ts";
import { local_bh_disable, local_bh_enable } from "../../irq/softirq.ts";
import { atomic_inc } from "../../lib/atomic.ts";
import { get_option_u32 } from "../../lib/cmdline.ts";
import { prandom_seed, prandom_state, prandom_u32, prandom_u32_max } from "../../lib/random.ts";
import { PREEMPT_RCU, rcu_batches_completed, rcu_read_lock, rcu_read_lock_held, rcu_read_unlock } from "../../rcu/rcu.ts";
import { jiffies } from "../../sched/clock.ts";
import { cond_resched, preempt_schedule } from "../../sched/core.ts";
import { kthread_should_stop } from "../../sched/kthread.ts";
import { in_interrupt, preempt_count, preempt_disable, preempt_enable } from "../../sched/preempt.ts";
import { add_timer, del_timer_sync, msleep, timer_list, timer_pending, timer_setup } from "../../sched/timer.ts";
import {
  n_rcu_torture_error, n_rcu_torture_mberror, n_rcu_torture_timers, RCU_TORTURE_PIPE_LEN, rcu_torture_count, torture,
} from "./state.ts";

/** What protects a piece of a read section; RCU in one of two levels is always among it. */
const enum RDR { BH = 1, IRQ = 2, PREEMPT = 4, RCU_1 = 8, RCU_2 = 16 }
const ALL = RDR.BH | RDR.IRQ | RDR.PREEMPT | RDR.RCU_1 | RDR.RCU_2;
const RCU = RDR.RCU_1 | RDR.RCU_2;
/** On rt softirqs are not switched off where the caller cannot sleep. */
const TASK_MASK: u32 = CONFIG.preempt === PREEMPT.rt ? ALL & ~RDR.BH : ALL;
const INTERRUPT_MASK: u32 = RDR.PREEMPT | RCU;
/** Pieces of one section. */
const PIECES_MAX = 4;
/** One delay of so many is long: up to LONG_MS. */
const LONG_DELAYS = 24;
const LONG_MS = 6;

export class torture_random {
  readonly state = new prandom_state();
}

export function torture_seed(random: torture_random, who: u32): void {
  prandom_seed(random.state, get_option_u32("seed", 1) * 4096 + who);
}

/** What is in `next` and not in `now` begins, then what is in `now` and not in `next` ends: there is no gap. */
function one_extend(now: u32, next: u32): u32 {
  const fresh = next & ~now;
  const over = now & ~next;
  if ((fresh & RDR.BH) !== 0) local_bh_disable();
  if ((fresh & RDR.IRQ) !== 0) local_irq_disable();
  if ((fresh & RDR.PREEMPT) !== 0) preempt_disable();
  if ((fresh & RDR.RCU_1) !== 0) rcu_read_lock();
  if ((fresh & RDR.RCU_2) !== 0) rcu_read_lock();
  if ((over & RDR.IRQ) !== 0) local_irq_enable();
  if ((over & RDR.BH) !== 0) local_bh_enable();
  if ((over & RDR.PREEMPT) !== 0) preempt_enable();
  if ((over & RDR.RCU_1) !== 0) rcu_read_unlock();
  if ((over & RDR.RCU_2) !== 0) rcu_read_unlock();
  return next;
}

/** The protection of the next piece. Softirqs are not switched on again while interrupts are off. */
function pick(random: torture_random, now: u32, mask: u32): u32 {
  let next = prandom_u32(random.state) & prandom_u32(random.state) & mask;
  if ((next & RCU) === 0) next |= (prandom_u32(random.state) & 1) !== 0 ? RDR.RCU_1 : RDR.RCU_2;
  if ((next & RDR.IRQ) !== 0) next = (next & ~RDR.BH) | (now & RDR.BH);
  return next;
}

/** Waits without giving the CPU away; asleep until the next interrupt where there will be one. */
function mdelay(ms: u32): void {
  const until = get_cycles64() + u64((timebase_hz / 1000) * ms);
  while (get_cycles64() < until) wfi();
}

function udelay(us: u32): void {
  const until = get_cycles64() + u64((timebase_hz / 1_000_000) * us);
  while (get_cycles64() < until) pause();
}

function rcu_read_delay(random: torture_random): void {
  if (in_interrupt() || irqs_disabled()) {
    udelay(prandom_u32_max(random.state, 20));
  } else if (prandom_u32_max(random.state, LONG_DELAYS) === 0) {
    mdelay(1 + prandom_u32_max(random.state, LONG_MS));
  } else if (PREEMPT_RCU && preempt_count() === 0 && prandom_u32_max(random.state, 4) === 0) {
    preempt_schedule();
  } else {
    udelay(prandom_u32_max(random.state, 50));
  }
}

function clamp(n: u32): u32 {
  return n > RCU_TORTURE_PIPE_LEN ? RCU_TORTURE_PIPE_LEN : n;
}

/** One read; false before the first element is there. */
export function rcu_torture_one_read(random: torture_random): boolean {
  const mask = in_interrupt() || irqs_disabled() ? INTERRUPT_MASK : TASK_MASK;
  let held = one_extend(0, pick(random, 0, mask));
  if (!rcu_read_lock_held()) atomic_inc(n_rcu_torture_error);
  const started = rcu_batches_completed();
  const p = READ_ONCE(torture.rcu_torture_current);
  if (p !== null) {
    if (READ_ONCE(p.rtort_mbtest) === 0) atomic_inc(n_rcu_torture_mberror);
    const pieces = 1 + prandom_u32_max(random.state, PIECES_MAX);
    for (let piece: u32 = 1; piece < pieces; piece++) {
      rcu_read_delay(random);
      held = one_extend(held, pick(random, held, mask));
    }
    rcu_read_delay(random);
    preempt_disable();
    const counts = rcu_torture_count.current();
    // A reader in an interrupt counts here too.
    amoAdd(addressOf(counts.pipe[clamp(READ_ONCE(p.rtort_pipe_count))]), 1);
    amoAdd(addressOf(counts.batch[clamp(rcu_batches_completed() - started)]), 1);
    preempt_enable();
  }
  one_extend(held, 0);
  return p !== null;
}

const interrupt_random = new PerCpu(torture_random);

/** In a timer's softirq, or in a function called from another CPU. @atomic */
function interrupt_read(): void {
  if (rcu_torture_one_read(interrupt_random.current())) atomic_inc(n_rcu_torture_timers);
}

function rcu_torture_timer(_timer: timer_list): void {
  interrupt_read();
}

export function rcu_torture_ipi(_arg: u32): void {
  interrupt_read();
}

export function interrupt_readers_init(cpu: u32): void {
  torture_seed(interrupt_random.of(cpu), 2048 + cpu);
}

/** A reader, and a timer that reads now and then on the CPU where it was armed. */
export function rcu_torture_reader(who: u32): void {
  const random = new torture_random();
  const timer = new timer_list();
  torture_seed(random, who);
  timer_setup(timer, rcu_torture_timer);
  while (!kthread_should_stop()) {
    if (!timer_pending(timer)) {
      timer.expires = jiffies() + 1 + prandom_u32_max(random.state, 3);
      add_timer(timer);
    }
    if (!rcu_torture_one_read(random) || prandom_u32_max(random.state, 3) === 0) msleep(1 + prandom_u32_max(random.state, 2));
    cond_resched();
  }
  del_timer_sync(timer);
}
