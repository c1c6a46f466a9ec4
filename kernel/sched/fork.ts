// Making tasks and unmaking them.
//
// A new task gets a cleared stack: stale words on a reused one would look like references to the leak detector. It starts
// with preempt_count 2, as every task has in the middle of a context switch.
// A dead task's stack is freed by the next task on its CPU, since nobody can free the stack it stands on.

import { CONFIG, PREEMPT } from "config";
import { BOUNDARY, MARK } from "../abi/marks.ts";
import { thread_setup } from "../arch/switch.ts";
import { STACK_ORDER, STACK_SIZE } from "../arch/thread.ts";
import { atomic_dec_and_test, atomic_inc, atomic_set } from "../lib/atomic.ts";
import { BUG } from "../lib/bug.ts";
import { INIT_LIST_HEAD, list_add_tail, list_del_init } from "../lib/list.ts";
import { memset } from "../lib/string.ts";
import { spin_lock_init } from "../locking/spinlock.ts";
import { write_lock_irqsave, write_unlock_irqrestore } from "../locking/rwlock.ts";
import { __GFP_ZERO, GFP_KERNEL } from "../mm/gfp.ts";
import { INIT_MM_REF } from "../mm/mm_ref/mm_ref.ts";
import { __get_free_pages, free_pages, virt_to_page } from "../mm/page_alloc.ts";
import { type kmem_cache, kmem_cache_alloc, kmem_cache_create, kmem_cache_free } from "../mm/slab.ts";
import { set_mask_all } from "./affinity.ts";
import { call_rcu, exit_rcu, type rcu_head } from "../rcu/rcu.ts";
import { complete_all, init_completion } from "./completion.ts";
import { do_task_dead, schedule_tail } from "./core.ts";
import { mark_unbalanced, PREEMPT_OFFSET, preempt_disable } from "./preempt.ts";
import { RR_TIMESLICE } from "./rq.ts";
import {
  get_current,
  PF_EXITING,
  DEFAULT_PRIO,
  SCHED_NORMAL,
  STACK_END_MAGIC,
  TASK_UNINTERRUPTIBLE,
  task_list,
  task_struct,
  tasklist_lock,
} from "./task.ts";

let task_struct_cachep: kmem_cache | null = null;
/** The last pid given; pids are not reused. */
let last_pid: u32 = 0;

export function fork_init(): void {
  task_struct_cachep = kmem_cache_create("task_struct", sizeof<task_struct>(), 16, 0, null);
  if (task_struct_cachep === null) BUG("no memory for the task_struct cache");
}

/** A task with its stack, in no list; null when memory is short. */
export function alloc_task(): task_struct | null {
  const memory = kmem_cache_alloc(task_struct_cachep!, GFP_KERNEL);
  if (memory === 0) return null;
  const stack = __get_free_pages(GFP_KERNEL | __GFP_ZERO, STACK_ORDER);
  if (stack === 0) {
    kmem_cache_free(task_struct_cachep!, memory);
    return null;
  }
  memset(memory, 0, sizeof<task_struct>());
  const task = cast<task_struct>(memory);
  task.stack = stack;
  cast<Ptr<u32>>(stack)[0] = STACK_END_MAGIC;
  // A reference that never moves: neighbours in task_list come and go while the leak detector follows the list.
  virt_to_page(stack).index = memory;
  task.state = TASK_UNINTERRUPTIBLE;
  task.preempt_count = 2 * PREEMPT_OFFSET;
  task.prio = DEFAULT_PRIO;
  task.normal_prio = DEFAULT_PRIO;
  task.policy = SCHED_NORMAL;
  set_mask_all(task);
  task.time_slice = RR_TIMESLICE;
  if (CONFIG.swap.enabled) {
    spin_lock_init(task.alloc_lock, "task.alloc_lock");
    INIT_MM_REF(task.mm_ref);
  }
  INIT_LIST_HEAD(task.run_list);
  INIT_LIST_HEAD(task.tasks);
  INIT_LIST_HEAD(task.rcu_node);
  INIT_LIST_HEAD(task.rt_waiters);
  init_completion(task.exited);
  init_completion(task.parked);
  atomic_set(task.usage, 1);
  return task;
}

/** When the task runs for the first time it calls run(arg), which does not return. */
export function task_begins_at(task: task_struct, run: (arg: u32) => void, arg: u32): void {
  thread_setup(task.thread, task.stack + STACK_SIZE, schedule_tail, run, arg);
}

/** Gives the task a pid and makes it visible. */
export function publish_task(task: task_struct): void {
  const flags = write_lock_irqsave(tasklist_lock);
  last_pid += 1;
  task.pid = last_pid;
  list_add_tail(task.tasks, task_list);
  write_unlock_irqrestore(tasklist_lock, flags);
  traceMark(MARK.TASK_NEW, task, task.pid, task.comm);
}

export function get_task_struct(task: task_struct): void {
  atomic_inc(task.usage);
}

/** Nobody has the task any more. */
function free_task(task: task_struct): void {
  virt_to_page(task.stack).index = 0;
  // Its words must not reach the next owner of the pages: a block that is scanned between its allocation and its first use
  // would give them a say.
  memset(task.stack, 0, STACK_SIZE);
  free_pages(task.stack, STACK_ORDER);
  kmem_cache_free(task_struct_cachep!, addr(task));
}

/** @atomic */
function delayed_free_task(head: rcu_head): void {
  free_task(containerOf(task_struct, "rcu", head));
}

/** On rt a task outlives its last reference by a grace period: this is called with preemption off, and waiters look at owners. */
export function put_task_struct(task: task_struct): void {
  if (!atomic_dec_and_test(task.usage)) return;
  if (CONFIG.preempt === PREEMPT.rt) call_rcu(task.rcu, delayed_free_task);
  else free_task(task);
}

/** The running task ends here. */
export function do_exit(): void {
  const task = get_current();
  mark_unbalanced(BOUNDARY.exit);
  if (task.preempt_count !== 0)
    BUG("task %s/%u exits with preempt_count 0x%x", addr(task.comm), task.pid, task.preempt_count);
  exit_rcu();
  task.flags |= PF_EXITING;
  complete_all(task.exited);
  const flags = write_lock_irqsave(tasklist_lock);
  list_del_init(task.tasks);
  write_unlock_irqrestore(tasklist_lock, flags);
  traceMark(MARK.TASK_EXIT, task, task.pid);
  // Never preempted from here on: whoever runs after a dead task frees it, and a preempted one would still be queued.
  preempt_disable();
  do_task_dead();
  BUG("a dead task runs");
}
