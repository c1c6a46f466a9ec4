// What the page allocator says when it fails or finds itself abused, in Linux's form.
//
// warn_alloc: at most WARN_BURST reports in WARN_INTERVAL ticks; the number of those left out stands in the next one.
// bad_page: a frame whose struct page contradicts what is done to it. The frame is taken out of service (nobody gets it any
// more) and the kernel goes on; the finding is in the log.

import { for_each_possible_cpu } from "../../arch/cpumask.ts";
import { atomic_read } from "../../lib/atomic.ts";
import { dump_stack } from "../../lib/bug.ts";
import { pr_cont, pr_err, pr_info, pr_warn } from "../../lib/printk.ts";
import { jiffies, time_before } from "../../sched/clock.ts";
import { get_current } from "../../sched/task.ts";
import { gfp_name } from "../gfp.ts";
import { MAX_ORDER, zone } from "./buddy.ts";
import { page, page_to_pfn } from "./page.ts";
import { free_pcp_pages, pcp_batch, pcp_count, pcp_high } from "./pcp.ts";

const WARN_BURST = 10;
/** In jiffies of 1 ms. */
const WARN_INTERVAL = 5000;

let interval_began: u32 = 0;
let warned: u32 = 0;
let suppressed: u32 = 0;

/** Whether one more report may come out; harts that race may print one more. */
function warn_ratelimit(): boolean {
  const now = jiffies();
  if (!time_before(now, interval_began + WARN_INTERVAL)) {
    if (suppressed !== 0) pr_warn("warn_alloc: %u callbacks suppressed\n", suppressed);
    interval_began = now;
    warned = 0;
    suppressed = 0;
  }
  if (warned < WARN_BURST) {
    warned += 1;
    return true;
  }
  suppressed += 1;
  return false;
}

/** Who has the memory, as far as the page allocator knows. */
export function show_mem(): void {
  pr_info("Mem-Info:\n");
  for (const cpu of for_each_possible_cpu()) {
    if (pcp_count(cpu) !== 0) pr_info("CPU%5u: hi:%5u, btch:%4u usd:%4u\n", cpu, pcp_high(), pcp_batch(), pcp_count(cpu));
  }
  pr_info("free:%u free_pcp:%u\n", zone.free_pages, free_pcp_pages());
  pr_info("Normal free:%ukB min:%ukB low:%ukB high:%ukB managed:%ukB\n", zone.free_pages * 4, zone.watermark_min * 4,
    zone.watermark_low * 4, zone.watermark_high * 4, zone.managed_pages * 4);
  pr_info("Normal:");
  for (let order: u32 = 0; order < MAX_ORDER; order++) pr_cont(" %u*%ukB", zone.free_area[order].nr_free, 4 << order);
  pr_cont(" = %ukB\n", zone.free_pages * 4);
}

/** An allocation has failed, and nobody asked for silence. */
export function warn_alloc(gfp: u32, order: u32): void {
  "noinline";
  if (!warn_ratelimit()) return;
  pr_warn("%s: page allocation failure: order:%u, mode:0x%x(%s)\n", addr(get_current().comm), order, gfp, gfp_name(gfp));
  dump_stack();
  show_mem();
}

/** The frame contradicts the operation, for the reason given; its owner must not use it any more. */
export function bad_page(p: page, reason: string): void {
  "noinline";
  const pfn = page_to_pfn(p);
  pr_err("BUG: Bad page state in process %s  pfn:%05x\n", addr(get_current().comm), pfn);
  pr_err("page:%p refcount:%d private:0x%x index:0x%x pfn:0x%x\n", addr(p), atomic_read(p._count), p.private, p.index, pfn);
  pr_err("flags: 0x%x\n", p.flags);
  pr_err("page dumped because: %s\n", reason);
  dump_stack();
}
