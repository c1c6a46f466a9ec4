// Which address space a CPU is in.
//
// task.mm: the one the task has, or null. task.active_mm: the one its CPU is in while it runs; for a task without its own that of whoever
// ran before it, so that switching to it and back costs no TLB (Linux's lazy TLB). null: swapper_pg_dir, as at boot.
// Who borrows has a reference of the structure for it (mm_count, by task.mm_ref), which goes from task to task on its CPU; so does who
// uses one (kthread_use_mm), by an identity of its own. rq.prev_mm is dropped behind the switch, without the run queue's lock.
// The last mmput makes CPUs leave that have stayed (shoot_lazy_tlb, Linux's MMU_LAZY_TLB_SHOOTDOWN): nothing lingers.
// Locks: task.alloc_lock (task_lock) keeps task.mm as it is for others. A switch happens with interrupts off.
// All of this is compiled with the key swap.enabled only.

import { CONFIG } from "config";
import { cpumask_clear_cpu, cpumask_set_cpu } from "../arch/cpumask.ts";
import { local_irq_disable, local_irq_enable } from "../arch/irqflags.ts";
import { WARN_ON, WARN_ON_ONCE } from "../lib/bug.ts";
import { spin_lock, spin_unlock } from "../locking/spinlock.ts";
import { mmdrop_lazy_tlb, mmgrab, mmgrab_lazy_tlb } from "../mm/mm_struct.ts";
import { lazy_move_mm_ref, move_mm_ref_to_lazy } from "../mm/mm_ref/mm_ref.ts";
import type { mm_ref } from "../mm/mm_ref/types.ts";
import type { mm_struct } from "../mm/mm_types.ts";
import { cpu_rq, type rq } from "./rq.ts";
import { get_current, smp_processor_id, type task_struct } from "./task.ts";

/** Writes satp, and forgets what must be forgotten: of virtual memory. null is swapper_pg_dir. Interrupts are off. */
let arch_switch_mm: ((prev: mm_struct | null, next: mm_struct | null) => void) | null = null;

export function set_switch_mm(fn: (prev: mm_struct | null, next: mm_struct | null) => void): void {
  arch_switch_mm = fn;
}

export function task_lock(task: task_struct): void {
  "inline";
  spin_lock(task.alloc_lock);
}

export function task_unlock(task: task_struct): void {
  "inline";
  spin_unlock(task.alloc_lock);
}

/** This CPU goes from one address space to another. Who flushes one finds the CPU in its cpu_bitmap from before to after. */
function switch_mm(prev: mm_struct | null, next: mm_struct | null): void {
  "noinline";
  if (prev === next) return;
  const cpu = smp_processor_id();
  if (next !== null) {
    cpumask_set_cpu(cpu, next.cpu_bitmap);
    fence("rw", "rw");
  }
  const change = arch_switch_mm;
  if (change !== null) change(prev, next);
  if (prev !== null) cpumask_clear_cpu(cpu, prev.cpu_bitmap);
}

/** The part of a context switch before the stacks: one of next.mm and prev.active_mm is not null. The run queue is locked. */
function context_switch_slow(queue: rq, prev: task_struct, next: task_struct): void {
  "noinline";
  const active = prev.active_mm;
  const mm = next.mm;
  if (mm === null) {
    next.active_mm = active;
    if (active === null) return;
    if (prev.mm !== null) mmgrab_lazy_tlb(active, next.mm_ref);
    else {
      lazy_move_mm_ref(active, prev.mm_ref, next.mm_ref);
      prev.active_mm = null;
    }
    return;
  }
  switch_mm(active, mm);
  next.active_mm = mm;
  if (prev.mm === null && active !== null) {
    lazy_move_mm_ref(active, prev.mm_ref, queue.prev_mm_ref);
    queue.prev_mm = active;
    prev.active_mm = null;
  }
}

export function context_switch_mm(queue: rq, prev: task_struct, next: task_struct): void {
  "inline";
  if (!CONFIG.swap.enabled) return;
  if (unlikely((addr(next.mm) | addr(prev.active_mm)) !== 0)) context_switch_slow(queue, prev, next);
}

/** What the switch left to drop. The run queue is not locked any more. */
export function finish_mm_switch(queue: rq): mm_struct | null {
  "inline";
  if (!CONFIG.swap.enabled) return null;
  const mm = queue.prev_mm;
  if (unlikely(mm !== null)) queue.prev_mm = null;
  return mm;
}

/**
 * The running thread, which has no address space, is in `mm` from now on. The caller has a user's reference, and keeps it as long; `ref`
 * is what the thread has mm_count by.
 */
export function kthread_use_mm(mm: mm_struct, ref: mm_ref): void {
  const task = get_current();
  if (WARN_ON(task.mm !== null)) return;
  mmgrab(mm, ref);
  task_lock(task);
  local_irq_disable();
  const active = task.active_mm;
  task.active_mm = mm;
  WRITE_ONCE(task.mm, mm);
  switch_mm(active, mm);
  local_irq_enable();
  task_unlock(task);
  if (active !== null) mmdrop_lazy_tlb(active, task.mm_ref);
}

/** It has no address space any more, and stays where it is as a borrower. */
export function kthread_unuse_mm(mm: mm_struct, ref: mm_ref): void {
  const task = get_current();
  if (WARN_ON(task.mm !== mm)) return;
  task_lock(task);
  local_irq_disable();
  WRITE_ONCE(task.mm, null);
  move_mm_ref_to_lazy(mm, ref, task.mm_ref);
  local_irq_enable();
  task_unlock(task);
}

/** If this CPU runs in `mm` without need, it leaves it. Interrupts are off. @atomic */
export function leave_lazy_mm(mm: mm_struct): void {
  const task = get_current();
  if (task.mm !== null || task.active_mm !== mm) return;
  switch_mm(mm, null);
  task.active_mm = null;
  mmdrop_lazy_tlb(mm, task.mm_ref);
}

/** The last that the idle task of a dying CPU does here: it executes in nobody's address space. finish_cpu drops the reference. */
export function idle_task_exit(): void {
  const task = get_current();
  WARN_ON_ONCE(task.mm !== null);
  switch_mm(task.active_mm, null);
}

/** The CPU is dead, and it is another one that says so. */
export function finish_cpu(cpu: u32): void {
  const idle = cpu_rq(cpu).idle;
  const mm = idle.active_mm;
  idle.active_mm = null;
  if (mm !== null) mmdrop_lazy_tlb(mm, idle.mm_ref);
}
