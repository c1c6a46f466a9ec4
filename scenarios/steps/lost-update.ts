// The workload of steps/lost-update: two tasks add one to a counter, each with a load, a sum and a store. With the boot parameter
// `lock=spin` they do it under a spinlock. The later one to finish looks whether both have counted.

import { WARN_ON } from "kernel/lib/bug.ts";
import { get_option } from "kernel/lib/cmdline.ts";
import { point } from "kernel/lib/point.ts";
import { pr_info } from "kernel/lib/printk.ts";
import { strcmp } from "kernel/lib/string.ts";
import { spin_lock, spin_unlock, spinlock_t } from "kernel/locking/spinlock.ts";

const counter_lock = new spinlock_t();
let counter: u32 = 0;
let finished: u32 = 0;

function add_one(): void {
  const before = READ_ONCE(counter);
  point("loaded");
  WRITE_ONCE(counter, before + 1);
}

function count_once(): void {
  const locked = strcmp(get_option("lock", "none"), "spin") === 0;
  if (locked) spin_lock(counter_lock);
  add_one();
  if (locked) spin_unlock(counter_lock);
  point("added");
  spin_lock(counter_lock);
  finished += 1;
  const last = finished === 2;
  spin_unlock(counter_lock);
  if (!last) return;
  pr_info("counter: %u\n", READ_ONCE(counter));
  WARN_ON(READ_ONCE(counter) !== 2);
}

export function first(_arg: u32): void {
  count_once();
}

export function second(_arg: u32): void {
  count_once();
}
