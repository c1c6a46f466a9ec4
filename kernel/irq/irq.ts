// Interrupts: the entry from traps.ts, and who handles which source of the interrupt controller.
//
// Handlers run with interrupts off, in hardirq context; on rt in a thread each, but for those with IRQF_NO_THREAD. A source is sent to one CPU, CPU 0 until that goes offline.

import { MARK } from "../abi/marks.ts";
import { CSR_SIE, IRQ_S_EXTERNAL, IRQ_S_SOFT, IRQ_S_TIMER, SSTATUS_SPIE } from "../arch/csr.ts";
import {
  plic_claim,
  plic_complete,
  plic_mask,
  plic_route,
  plic_starting_cpu,
  plic_unmask,
} from "../arch/plic.ts";
import { type pt_regs, set_trap_handlers } from "../arch/traps.ts";
import { EBUSY, EINVAL, ENOMEM } from "../lib/errno.ts";
import { RT } from "../locking/spinlock.ts";
import { preempt_schedule_irq } from "../sched/core.ts";
import {
  HARDIRQ_OFFSET,
  need_resched,
  context_word,
  preempt_count,
  preempt_count_add,
  preempt_count_sub,
  PREEMPTION,
} from "../sched/preempt.ts";
import { smp_processor_id } from "../sched/task.ts";
import { tick_handle } from "../sched/tick.ts";
import { handle_exception } from "./fault.ts";
import { irq_thread, irq_thread_start, irq_thread_stop, irq_thread_wake } from "./irq_thread.ts";
import { handle_ipi } from "./smp.ts";
import { irq_exit_softirq } from "./softirq.ts";

export const NR_IRQS = 128;
export type irq_handler = (irq: u32) => void;

class irq_desc {
  /** 0: nobody asked for it. */
  handler: irq_handler | null;
  /** Times it came. */
  count: u32;
  readonly thread = new irq_thread();
}

/** The handler runs in hardirq context on rt too: it takes no lock that sleeps there. */
export const IRQF_NO_THREAD = 1;
const irq_descs = new StructArray(irq_desc, NR_IRQS);
/** The CPU that all sources go to. */
let irq_cpu: u32 = 0;

function handle_external(): void {
  const cpu = smp_processor_id();
  for (;;) {
    const irq = plic_claim(cpu);
    if (irq === 0) return;
    if (irq < NR_IRQS) {
      const desc = irq_descs[irq];
      desc.count += 1;
      const handler = desc.handler;
      if (handler === null) {
        plic_mask(irq);
      } else if (RT && desc.thread.task !== null) {
        plic_mask(irq);
        irq_thread_wake(desc.thread);
      } else {
        handler(irq);
      }
    }
    plic_complete(cpu, irq);
  }
}

function do_irq(regs: pt_regs): void {
  preempt_count_add(HARDIRQ_OFFSET);
  traceMark(MARK.IRQ_ENTER, regs.cause, regs.epc, context_word());
  const irq = regs.cause & 0x7fff_ffff;
  if (irq === IRQ_S_TIMER) tick_handle();
  else if (irq === IRQ_S_SOFT) handle_ipi();
  else if (irq === IRQ_S_EXTERNAL) handle_external();
  traceMark(MARK.IRQ_EXIT, regs.cause, 0, context_word());
  preempt_count_sub(HARDIRQ_OFFSET);
  irq_exit_softirq();
  if (PREEMPTION && preempt_count() === 0 && need_resched() && (regs.status & SSTATUS_SPIE) !== 0)
    preempt_schedule_irq();
}

export function irq_init(): void {
  set_trap_handlers(do_irq, handle_exception);
}

/** The calling CPU takes IPIs and what the interrupt controller sends it. */
export function irq_cpu_starting(cpu: u32): void {
  plic_starting_cpu(cpu);
  csrReadSet(CSR_SIE, (1 << IRQ_S_SOFT) | (1 << IRQ_S_EXTERNAL));
}

/** On the dying CPU, interrupts off: nothing reaches it any more; `to` takes its sources. */
export function irq_cpu_dying(cpu: u32, to: u32): void {
  csrWrite(CSR_SIE, 0);
  if (irq_cpu !== cpu) return;
  irq_cpu = to;
  for (let irq: u32 = 1; irq < NR_IRQS; irq++)
    if (irq_descs[irq].handler !== null) plic_route(irq, to);
}

/** 0, -EINVAL, -EBUSY, or -ENOMEM for the thread. On rt it may sleep. @calls_atomic handler */
export function request_irq(irq: u32, handler: irq_handler, flags: u32): i32 {
  if (irq === 0 || irq >= NR_IRQS) return -EINVAL;
  const desc = irq_descs[irq];
  if (desc.handler !== null) return -EBUSY;
  if (RT && (flags & IRQF_NO_THREAD) === 0 && !irq_thread_start(desc.thread, irq, handler)) return -ENOMEM;
  desc.handler = handler;
  plic_route(irq, irq_cpu);
  plic_unmask(irq);
  return 0;
}

export function free_irq(irq: u32): void {
  plic_mask(irq);
  irq_descs[irq].handler = null;
  if (RT) irq_thread_stop(irq_descs[irq].thread);
}

/** The source stays silent until enable_irq. */
export function disable_irq_nosync(irq: u32): void {
  if (RT) WRITE_ONCE(irq_descs[irq].thread.disabled, 1);
  plic_mask(irq);
}

export function enable_irq(irq: u32): void {
  if (RT) WRITE_ONCE(irq_descs[irq].thread.disabled, 0);
  plic_unmask(irq);
}
