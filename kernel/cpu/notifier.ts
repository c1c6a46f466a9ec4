// Who listens when a CPU comes or goes: the chain of 2012.
//
//   up    UP_PREPARE  before the CPU starts; may fail: then UP_CANCELED to those asked before the one that refused, and to all
//                     of them when the CPU itself does not start
//         STARTING    on the new CPU, interrupts off, not online yet
//         ONLINE      the CPU runs tasks
//   down  DOWN_PREPARE  the CPU still runs; may fail: then DOWN_FAILED to those asked before the one that refused, and to all
//                     of them when the CPU does not stop
//         DYING       on the CPU, interrupts off, all others standing still: may neither sleep nor fail
//         DEAD        the CPU has stopped; cannot fail
//         POST_DEAD   as DEAD, but CPUs may be held again (get_online_cpus): for what must wait for those who do
// All but STARTING and DYING run in the task that asked for the change, under cpu_add_remove_lock and, POST_DEAD aside,
// inside cpu_hotplug_begin. The order is the chain's on the way up and on the way down alike: who must be first on one
// and last on the other registers twice (CPU_PRI_SCHED_ACTIVE and _INACTIVE).
//
// Locks: cpu_add_remove_lock keeps the chain as it is. So registering inside get_online_cpus is a deadlock: the writer holds this lock
// and waits for the reader. Who must do both takes cpu_notifier_register_begin outside and __register_cpu_notifier.
// Lifetime: a block is registered until unregister_cpu_notifier has returned. Values and order: Linux 3.6, kernel/cpu.c.

import { BUG } from "../lib/bug.ts";
import {
  NOTIFY_ALL, notifier_block, notifier_to_errno, raw_notifier_call_chain, raw_notifier_chain_register, raw_notifier_chain_unregister,
  raw_notifier_head,
} from "../lib/notifier.ts";
import { mutex, mutex_lock, mutex_unlock } from "../locking/mutex.ts";

export { NOTIFY_BAD, NOTIFY_DONE, NOTIFY_OK, notifier_block, notifier_from_errno } from "../lib/notifier.ts";

export const CPU_ONLINE = 2;
export const CPU_UP_PREPARE = 3;
export const CPU_UP_CANCELED = 4;
export const CPU_DOWN_PREPARE = 5;
export const CPU_DOWN_FAILED = 6;
export const CPU_DEAD = 7;
export const CPU_DYING = 8;
export const CPU_POST_DEAD = 9;
export const CPU_STARTING = 10;

/** Before anybody else: the scheduler may use the CPU. */
export const CPU_PRI_SCHED_ACTIVE = 0x7fff_ffff;
export const CPU_PRI_MIGRATION = 10;
export const CPU_PRI_WORKQUEUE_UP = 5;
export const CPU_PRI_WORKQUEUE_DOWN = -5;
/** After everybody else: the scheduler may not use the CPU any more. */
export const CPU_PRI_SCHED_INACTIVE = -0x7fff_ffff;

/** One change at a time: of the CPUs, and of who is told. */
const cpu_add_remove_lock = new mutex();
const cpu_chain = new raw_notifier_head();

/** @may_sleep */
export function cpu_maps_update_begin(): void {
  mutex_lock(cpu_add_remove_lock);
}

export function cpu_maps_update_done(): void {
  mutex_unlock(cpu_add_remove_lock);
}

/** Outside of get_online_cpus: no CPU begins to come or go until cpu_notifier_register_done. @may_sleep */
export function cpu_notifier_register_begin(): void {
  cpu_maps_update_begin();
}

export function cpu_notifier_register_done(): void {
  cpu_maps_update_done();
}

/** Between cpu_notifier_register_begin and _done. */
export function __register_cpu_notifier(nb: notifier_block): i32 {
  return raw_notifier_chain_register(cpu_chain, nb);
}

export function __unregister_cpu_notifier(nb: notifier_block): i32 {
  return raw_notifier_chain_unregister(cpu_chain, nb);
}

/** 0 or -EEXIST. The caller does not hold get_online_cpus. @may_sleep */
export function register_cpu_notifier(nb: notifier_block): i32 {
  cpu_maps_update_begin();
  const error = __register_cpu_notifier(nb);
  cpu_maps_update_done();
  return error;
}

/** 0 or -ENOENT. The caller does not hold get_online_cpus. @may_sleep */
export function unregister_cpu_notifier(nb: notifier_block): i32 {
  cpu_maps_update_begin();
  const error = __unregister_cpu_notifier(nb);
  cpu_maps_update_done();
  return error;
}

/** Tells the first `nr_to_call` in the chain; 0, or the errno of the one that refused. `nr_calls` is how many were told. */
export function __cpu_notify(action: u32, cpu: u32, nr_to_call: u32, nr_calls: Ptr<u32>): i32 {
  return notifier_to_errno(raw_notifier_call_chain(cpu_chain, action, cpu, nr_to_call, nr_calls));
}

/** Tells everybody of what nobody can forbid. */
export function cpu_notify_nofail(action: u32, cpu: u32): void {
  let calls: u32 = 0;
  const error = __cpu_notify(action, cpu, NOTIFY_ALL, addressOf(calls));
  if (error !== 0) BUG("cpu: a notifier refuses event %u of CPU%u: error %d", action, cpu, error);
}

/** Tells everybody; when one refuses, those before it are told `undo`, and its errno is the result. */
export function cpu_notify_or_undo(action: u32, undo: u32, cpu: u32): i32 {
  let calls: u32 = 0;
  let undone: u32 = 0;
  const error = __cpu_notify(action, cpu, NOTIFY_ALL, addressOf(calls));
  if (error !== 0) __cpu_notify(undo, cpu, calls - 1, addressOf(undone));
  return error;
}
