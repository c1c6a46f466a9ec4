// Virtual memory at boot: who makes, fills and ends address spaces is told to those who only keep them (mm_struct.ts, sched/mm.ts), and
// reclaim to the page allocator.

import { set_switch_mm } from "../../sched/mm.ts";
import { mm_register } from "../mm_struct.ts";
import { register_unuse_process } from "../swap/swapoff.ts";
import { reclaim_init } from "../vmscan/vmscan.ts";
import { page_wait_init } from "./page-wait.ts";
import { switch_pgd, user_pgd_alloc, user_pgd_free } from "./pgtable.ts";
import { rmap_init } from "./rmap.ts";
import { unuse_process } from "./unuse.ts";
import { exit_mmap, vma_init } from "./vma.ts";

/** Once slab caches can be made. */
export function memory_init(): void {
  page_wait_init();
  rmap_init();
  vma_init();
  mm_register(user_pgd_alloc, user_pgd_free, exit_mmap);
  set_switch_mm(switch_pgd);
  register_unuse_process(unuse_process);
  reclaim_init();
}
