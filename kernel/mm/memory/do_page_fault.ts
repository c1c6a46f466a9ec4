// Page faults of the running task, between the trap (irq/fault.ts) and the address space.
//
//   user memory    by a function of arch/uaccess.ts, in a task that has an address space: served (fault.ts), and the access made again.
//                  When it cannot be, or nobody may sleep here, that function fails. By anybody else: an Oops
//   kernel memory  that swapper_pg_dir has got since this address space was made: copied
// Everything else is left to irq/fault.ts. Interrupts are off at the beginning and at the end, and as they were before the fault
// meanwhile.

import { EXC_LOAD_PAGE_FAULT, EXC_STORE_PAGE_FAULT, SSTATUS_SPIE } from "../../arch/csr.ts";
import { local_irq_disable, local_irq_enable } from "../../arch/irqflags.ts";
import type { pt_regs } from "../../arch/traps.ts";
import { fixup_user_access, is_user_access } from "../../arch/uaccess.ts";
import { mutex_lock, mutex_unlock } from "../../locking/mutex.ts";
import { preempt_count } from "../../sched/preempt.ts";
import { get_current } from "../../sched/task.ts";
import type { mm_struct } from "../mm_types.ts";
import { handle_mm_fault, VM_FAULT_ERROR } from "./fault.ts";
import { sync_kernel_pgd, TASK_SIZE, TASK_UNMAPPED_BASE } from "./pgtable.ts";

function serve(mm: mm_struct, va: usize, write: boolean): boolean {
  local_irq_enable();
  mutex_lock(mm.mmap_lock);
  const result = handle_mm_fault(mm, va, write);
  mutex_unlock(mm.mmap_lock);
  local_irq_disable();
  return (result & VM_FAULT_ERROR) === 0;
}

/** True: the interrupted code goes on. */
export function do_page_fault(regs: pt_regs): boolean {
  const write = regs.cause === EXC_STORE_PAGE_FAULT;
  if (!write && regs.cause !== EXC_LOAD_PAGE_FAULT) return false;
  const va = regs.badaddr;
  if (va < TASK_UNMAPPED_BASE || va >= TASK_SIZE) return sync_kernel_pgd(va);
  if (!is_user_access(regs.epc)) return false;
  const task = get_current();
  const mm = task.mm;
  const may_sleep = preempt_count() === 0 && task.rcu_read_lock_nesting === 0 && (regs.status & SSTATUS_SPIE) !== 0;
  if (mm === null || !may_sleep || !serve(mm, va, write)) fixup_user_access(regs);
  return true;
}
