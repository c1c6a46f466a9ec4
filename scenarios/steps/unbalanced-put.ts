// The workload of steps/unbalanced-put: a reader of the hotplug lock has given back once too often, so the next one is not counted, and a
// CPU comes up beside it. What the listener and the destroyer share, a mutex for a list of caches, then closes the circle.

import { cpu_down, cpu_up } from "kernel/cpu/hotplug.ts";
import { get_online_cpus, put_online_cpus } from "kernel/cpu/lock.ts";
import { CPU_UP_PREPARE, NOTIFY_OK, notifier_block, register_cpu_notifier } from "kernel/cpu/notifier.ts";
import { WARN_ON } from "kernel/lib/bug.ts";
import { point } from "kernel/lib/point.ts";
import { mutex, mutex_init, mutex_lock, mutex_unlock } from "kernel/locking/mutex.ts";

const PLUGGED = 2;
const cache_mutex = new mutex();
const listener = new notifier_block();

/** As slab's: arrays of all caches for the new CPU. */
function caches_of_cpu(_nb: notifier_block, action: u32, _cpu: u32): u32 {
  if (action !== CPU_UP_PREPARE) return NOTIFY_OK;
  point("prepare");
  mutex_lock(cache_mutex);
  mutex_unlock(cache_mutex);
  return NOTIFY_OK;
}

export function plugger(_arg: u32): void {
  mutex_init(cache_mutex, "cache_mutex");
  listener.notifier_call = caches_of_cpu;
  WARN_ON(register_cpu_notifier(listener) !== 0);
  WARN_ON(cpu_down(PLUGGED) !== 0);
  point("plug");
  WARN_ON(cpu_up(PLUGGED) !== 0);
}

/** Gives back what it never had. */
export function culprit(_arg: u32): void {
  put_online_cpus();
}

/** As kmem_cache_destroy of 3.6: waits for callbacks, and so asks for the CPUs again, under the caches' mutex. */
export function destroyer(_arg: u32): void {
  get_online_cpus();
  mutex_lock(cache_mutex);
  point("destroy");
  get_online_cpus();
  put_online_cpus();
  mutex_unlock(cache_mutex);
  put_online_cpus();
}
