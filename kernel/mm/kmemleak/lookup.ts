// From an address to the object that tracks it.

import { rcu_read_lock, rcu_read_unlock } from "../../rcu/rcu.ts";
import { pr_warn } from "../../lib/printk.ts";
import { dump_stack } from "../../lib/bug.ts";
import { RCU_READERS } from "./design.ts";
import { kmemleak_enabled } from "./state.ts";
import { index_lookup, index_lookup_rcu } from "./index/index.ts";
import { index_read_lock, index_read_unlock } from "./lock.ts";
import { get_object, kmemleak_object } from "./object.ts";

/** As find_and_get_object, of a design whose readers take no lock. Called in an RCU read section. */
export function get_object_rcu(ptr: usize, alias: boolean): kmemleak_object | null {
  "inline";
  const object = index_lookup_rcu(ptr, alias);
  // It may have left the tree since: then its block is being freed.
  return object !== null && get_object(object) ? object : null;
}

/** The object whose block holds `ptr` (alias) or begins there, with a reference; or null. */
export function find_and_get_object(ptr: usize, alias: boolean): kmemleak_object | null {
  rcu_read_lock();
  if (RCU_READERS) {
    const object = get_object_rcu(ptr, alias);
    rcu_read_unlock();
    return object;
  }
  const flags = index_read_lock();
  let object = index_lookup(ptr, alias);
  // In the index means use_count >= 1: deletion takes it out under the lock first.
  if (object !== null && !get_object(object)) object = null;
  index_read_unlock(flags);
  rcu_read_unlock();
  return object;
}

/** As find_and_get_object for the start of a block; complains when there is none. `what` was to be done to it. */
export function find_for(ptr: usize, what: string): kmemleak_object | null {
  const object = find_and_get_object(ptr, false);
  if (object === null && kmemleak_enabled()) {
    pr_warn("kmemleak: %s unknown object at 0x%08x\n", what, ptr);
    dump_stack();
  }
  return object;
}
