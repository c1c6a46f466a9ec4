// What is printed about a block.
//
// Nothing is printed with a lock held but where a design did so: what is needed is copied first. The reference of the caller keeps the
// metadata; what is not copied does not change.

import { pr_warn, pr_info, seq_printf } from "../../lib/printk.ts";
import { HZ, jiffies } from "../../sched/clock.ts";
import { KM19 } from "./design.ts";
import { lock_object, unlock_object } from "./lock.ts";
import { copy_bytes, hex_bytes, print_hex } from "./hexdump.ts";
import { kmemleak_object, OBJECT } from "./object.ts";

/** The entry of a suspected leak in the file. The caller has a reference. */
export function print_unreferenced(object: kmemleak_object): void {
  const age = (jiffies() - object.jiffies) * (1000 / HZ);
  seq_printf("unreferenced object 0x%08x (size %u):\n", object.pointer, object.size);
  seq_printf("  comm \"%s\", pid %u, jiffies %u (age %u.%03us)\n", addr(object.comm), object.pid, object.jiffies, age / 1000, age % 1000);
  if (KM19) {
    const bytes = new hex_bytes();
    bytes.length = 0;
    const flags = lock_object(object);
    if ((object.flags & OBJECT.ALLOCATED) !== 0) copy_bytes(object, bytes);
    unlock_object(object, flags);
    print_hex(bytes);
  }
  seq_printf("  backtrace:\n");
  for (let i: u32 = 0; i < object.trace_len; i++) {
    seq_printf("    [<%08x>] %pS\n", object.trace[i], object.trace[i]);
  }
}

/** Everything about an object, in the log: what `dump=` asks for, and what stands in the way of a new object. */
export function dump_object_info(object: kmemleak_object): void {
  pr_warn("kmemleak: Object 0x%08x (size %u):\n", object.pointer, object.size);
  pr_info("kmemleak:   comm \"%s\", pid %u, jiffies %u\n", addr(object.comm), object.pid, object.jiffies);
  pr_info("kmemleak:   min_count = %d, count = %d, flags = 0x%x, checksum = %u\n", object.min_count, object.count, object.flags, object.checksum);
  pr_info("kmemleak:   backtrace:\n");
  for (let i: u32 = 0; i < object.trace_len; i++) pr_info("     [<%08x>] %pS\n", object.trace[i], object.trace[i]);
}
