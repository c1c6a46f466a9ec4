// Exceptions. Kernel code that faults is wrong, unless it uses user memory (mm/memory/do_page_fault.ts): print what is known, then panic.
// The one harmless kind is a page fault on
// an address that is mapped by now: the CPU had remembered that it was not.

import { CONFIG } from "config";
import { MARK } from "../abi/marks.ts";
import {
  EXC_BREAKPOINT,
  EXC_ILLEGAL,
  EXC_INST_PAGE_FAULT,
  EXC_LOAD_PAGE_FAULT,
  EXC_STORE_PAGE_FAULT,
} from "../arch/csr.ts";
import { smp_send_stop } from "../arch/ipi.ts";
import { _PAGE_EXEC, _PAGE_READ, _PAGE_WRITE, lookup_pte } from "../arch/pgtable.ts";
import { sbi_fail } from "../arch/sbi.ts";
import { walk_stackframe } from "../arch/stacktrace.ts";
import type { pt_regs } from "../arch/traps.ts";
import { panic } from "../lib/bug.ts";
import { kallsyms_lookup, symbol_info } from "../lib/kallsyms.ts";
import { printk } from "../lib/printk.ts";
import { do_page_fault } from "../mm/memory/do_page_fault.ts";
import { vmalloc_explain_fault } from "../mm/vmap/show.ts";
import { get_current, smp_processor_id } from "../sched/task.ts";
import { stop_this_cpu } from "./smp.ts";

const FRAMES_MAX = 24;
/** The CPU that reports its fault, plus 1; 0 while nobody does. */
let dying_cpu: u32 = 0;

function cause_name(cause: u32): string {
  switch (cause) {
    case EXC_ILLEGAL:
      return "illegal instruction";
    case EXC_BREAKPOINT:
      return "breakpoint";
    case EXC_INST_PAGE_FAULT:
      return "instruction page fault";
    case EXC_LOAD_PAGE_FAULT:
      return "load page fault";
    case EXC_STORE_PAGE_FAULT:
      return "store page fault";
    default:
      return "exception";
  }
}

function show_regs(r: pt_regs): void {
  printk("epc : %pS ra : %pB\n", r.epc, r.ra);
  printk(" epc: %08x ra : %08x sp : %08x gp : %08x tp : %08x\n", r.epc, r.ra, r.sp, r.gp, r.tp);
  printk(" t0 : %08x t1 : %08x t2 : %08x s0 : %08x s1 : %08x\n", r.t0, r.t1, r.t2, r.s0, r.s1);
  printk(" a0 : %08x a1 : %08x a2 : %08x a3 : %08x a4 : %08x\n", r.a0, r.a1, r.a2, r.a3, r.a4);
  printk(" a5 : %08x a6 : %08x a7 : %08x s2 : %08x s3 : %08x\n", r.a5, r.a6, r.a7, r.s2, r.s3);
  printk(" s4 : %08x s5 : %08x s6 : %08x s7 : %08x s8 : %08x\n", r.s4, r.s5, r.s6, r.s7, r.s8);
  printk(" s9 : %08x s10: %08x s11: %08x t3 : %08x t4 : %08x\n", r.s9, r.s10, r.s11, r.t3, r.t4);
  printk(" t5 : %08x t6 : %08x\n", r.t5, r.t6);
  printk("status: %08x badaddr: %08x cause: %08x\n", r.status, r.badaddr, r.cause);
}

/**
 * ra is the way back from a function that has made no frame: the chain begins behind its caller. A function with a frame
 * has its ra in the frame, or ra is left from a call it made itself.
 */
function caller_without_frame(regs: pt_regs, first: usize): boolean {
  const here = new symbol_info();
  const back = new symbol_info();
  if (regs.ra === first || !kallsyms_lookup(regs.ra - 1, back)) return false;
  if (!kallsyms_lookup(regs.epc, here)) return true;
  return regs.epc - here.offset !== regs.ra - 1 - back.offset;
}

function show_trace(regs: pt_regs): void {
  const frames = new FixedArray<usize>(FRAMES_MAX);
  const count = walk_stackframe(regs.s0, frames, FRAMES_MAX, 0);
  printk("Call Trace:\n");
  printk(" [<%p>] %pS\n", regs.epc, regs.epc);
  if (caller_without_frame(regs, count === 0 ? 0 : frames[0]))
    printk(" [<%p>] %pB\n", regs.ra, regs.ra);
  for (let n: u32 = 0; n < count; n++) printk(" [<%p>] %pB\n", frames[n], frames[n]);
}

/** Tells the observers of an access that never happened. */
function mark_fault(regs: pt_regs): void {
  const write = regs.cause === EXC_STORE_PAGE_FAULT;
  if (!write && regs.cause !== EXC_LOAD_PAGE_FAULT) return;
  const instruction = cast<Ptr<u32>>(regs.epc)[0];
  traceMark(MARK.FAULT, regs.badaddr, 1 << (instruction >>> 12 & 3), write ? 1 : 0);
}

function die(regs: pt_regs): void {
  const self = smp_processor_id();
  const first = CMPXCHG(dying_cpu, 0, self + 1);
  // A fault while this CPU reports one: give up without a word. While another does: let it finish.
  if (first === self + 1) sbi_fail();
  if (first !== 0) stop_this_cpu();
  mark_fault(regs);
  smp_send_stop(self);
  const task = get_current();
  printk("Oops: %s at %pS, address %08x [#1]\n", cause_name(regs.cause), regs.epc, regs.badaddr);
  vmalloc_explain_fault(regs.badaddr);
  printk("CPU: %u PID: %u Comm: %s\n", self, task.pid, addr(task.comm));
  show_regs(regs);
  show_trace(regs);
  panic("Fatal exception");
}

/** The access that faulted is allowed by the page tables. */
function spurious_fault(regs: pt_regs): boolean {
  const pte = lookup_pte(regs.badaddr);
  switch (regs.cause) {
    case EXC_INST_PAGE_FAULT:
      return (pte & _PAGE_EXEC) !== 0;
    case EXC_LOAD_PAGE_FAULT:
      return (pte & _PAGE_READ) !== 0;
    case EXC_STORE_PAGE_FAULT:
      return (pte & _PAGE_WRITE) !== 0;
    default:
      return false;
  }
}

export function handle_exception(regs: pt_regs): void {
  if (CONFIG.swap.enabled && do_page_fault(regs)) return;
  if (spurious_fault(regs)) {
    sfenceVma(regs.badaddr);
    return;
  }
  die(regs);
}
