// The workload of lockdep/free-in-stop-machine (B6): a block is freed where nobody may sleep, with all other CPUs standing still.

import { stop_machine } from "kernel/cpu/stop_machine.ts";
import { pr_info } from "kernel/lib/printk.ts";
import { GFP_KERNEL } from "kernel/mm/gfp.ts";
import { kfree, kmalloc } from "kernel/mm/slab.ts";

let block: usize = 0;

function free_it(_arg: u32): i32 {
  kfree(block);
  return 0;
}

export function free_while_stopped(_arg: u32): void {
  block = kmalloc(64, GFP_KERNEL);
  stop_machine(free_it, 0, null);
  pr_info("freed while all stood still\n");
}
