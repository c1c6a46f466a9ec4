// CPUs that get stuck for a while, one task a case, each let go by `rescuer` some 100 ms after the start.
//
//   spinner      polls with preemption off: nobody else gets on there (soft lockup)
//   deaf         polls with interrupts off (hard lockup)
//   dozer        waits for interrupts with its timer's interrupt switched off (WFI for ever)
//   late_reader  polls inside an RCU read section, while `updater` waits for a grace period (RCU stall)

import { CSR_SIE, IRQ_S_TIMER } from "kernel/arch/csr.ts";
import { local_irq_disable, local_irq_enable } from "kernel/arch/irqflags.ts";
import { smp_call_function_single } from "kernel/irq/smp.ts";
import { rcu_read_lock, rcu_read_unlock, synchronize_rcu } from "kernel/rcu/rcu.ts";
import { preempt_disable, preempt_enable } from "kernel/sched/preempt.ts";
import { msleep } from "kernel/sched/timer.ts";
import { right } from "./right.ts";

const STUCK_MS = 100;

let released: u32 = 0;

function poll(): void {
  "noinline";
  const sleeps = right();
  while (READ_ONCE(released) === 0) {
    if (sleeps) msleep(2);
    else pause();
  }
}

function poked(_arg: u32): void {}

/** On another CPU than those that get stuck. */
export function rescuer(_arg: u32): void {
  msleep(STUCK_MS);
  WRITE_ONCE(released, 1);
  smp_call_function_single(1, poked, 0, true);
}

export function spinner(_arg: u32): void {
  msleep(2);
  if (!right()) preempt_disable();
  poll();
  if (!right()) preempt_enable();
}

/** Has its turn where the spinner does not let it. */
export function bystander(_arg: u32): void {
  while (READ_ONCE(released) === 0) msleep(1);
}

export function deaf(_arg: u32): void {
  msleep(2);
  if (!right()) local_irq_disable();
  poll();
  if (!right()) local_irq_enable();
}

export function dozer(_arg: u32): void {
  msleep(2);
  if (right()) return;
  preempt_disable();
  csrReadClear(CSR_SIE, 1 << IRQ_S_TIMER);
  while (READ_ONCE(released) === 0) wfi();
  csrReadSet(CSR_SIE, 1 << IRQ_S_TIMER);
  preempt_enable();
}

export function late_reader(_arg: u32): void {
  msleep(2);
  if (!right()) rcu_read_lock();
  poll();
  if (!right()) rcu_read_unlock();
}

export function updater(_arg: u32): void {
  msleep(6);
  synchronize_rcu();
}
