// The workload of zswap/stress: every hart swaps pages of one process out and in, writes to them, drops them from the swap cache, unmaps them,
// and makes zbud give pages back. Each page has a mutex, as its page table entry's lock: what races is the writeback with everything else.
//
// Boot parameters: zswap.rounds (150), rounds of each hart; zswap.unmap (1), whether pages are unmapped: a slot that becomes free;
// zswap.shortages (0): so often somebody takes all memory for a millisecond, and writebacks sleep where they allocate.

import { atomic_dec_and_test, atomic_t } from "kernel/lib/atomic.ts";
import { nr_cpu_ids } from "kernel/arch/cpumask.ts";
import { get_option_u32 } from "kernel/lib/cmdline.ts";
import { pr_err } from "kernel/lib/printk.ts";
import { prandom_seed, prandom_state, prandom_u32_max } from "kernel/lib/random.ts";
import { mutex, mutex_init, mutex_lock, mutex_unlock } from "kernel/locking/mutex.ts";
import { complete_all, completion, wait_for_completion } from "kernel/sched/completion.ts";
import { __GFP_NOWARN, GFP_NOWAIT } from "kernel/mm/gfp.ts";
import { __get_free_pages, free_pages } from "kernel/mm/page_alloc.ts";
import { msleep } from "kernel/sched/timer.ts";
import { zswap_check } from "kernel/mm/zswap/check.ts";
import { CAS, zswap_trees } from "kernel/mm/zswap/entry.ts";
import { zswap_pos_show } from "kernel/mm/zswap/pos.ts";
import { zswap_stats_show } from "kernel/mm/zswap/stats.ts";
import { zbud_reclaim_page } from "kernel/mm/zswap/zbud.ts";
import { check_stranded, device_off, device_on, page_drop, page_free, page_in, page_out, page_out_new, user_page } from "./slots.ts";

const PAGES = 24;
const DEVICE_SLOTS = 64;

class mapped {
  readonly lock = new mutex();
  readonly page = new user_page();
}
const table = new StructArray(mapped, PAGES);
const ready = new completion();
const left = new atomic_t();
let type: u32 = 0;

/** One page: out when it is not there; else read, written to, or unmapped. */
function touch(random: prandom_state, unmap: boolean): void {
  const which = prandom_u32_max(random, PAGES);
  const m = table[which];
  const dice = prandom_u32_max(random, 8);
  mutex_lock(m.lock);
  if (m.page.entry === 0) {
    if (!page_out_new(m.page, which, m.page.version + 1)) pr_err("BUG: no memory or no slot\n");
  } else if (dice === 0 && unmap) {
    page_free(m.page);
  } else if (dice < 5) {
    const p = page_in(m.page);
    page_out(m.page, m.page.version + 1, p);
  } else {
    page_drop(page_in(m.page));
  }
  mutex_unlock(m.lock);
}

/** The first one makes the device, the last one looks at what is left. */
export function worker(index: u32): void {
  const random = new prandom_state();
  prandom_seed(random, get_option_u32("seed", 1) * 1000 + index);
  wait_for_completion(ready);
  const rounds = get_option_u32("zswap.rounds", 150);
  const unmap = get_option_u32("zswap.unmap", 1) !== 0;
  for (let round: u32 = 0; round < rounds; round++) {
    if (prandom_u32_max(random, 4) === 0) zbud_reclaim_page(zswap_trees[type]!.pool, 1);
    else touch(random, unmap);
  }
  if (!atomic_dec_and_test(left)) return;
  for (let n: u32 = 0; n < PAGES; n++) if (table[n].page.entry !== 0) page_free(table[n].page);
  device_off(type);
  zswap_stats_show();
  if (CAS) zswap_pos_show();
  zswap_check();
  check_stranded();
}

/** Memory that is taken and given back, again and again. */
export function shortage(_arg: u32): void {
  for (let n = get_option_u32("zswap.shortages", 0); n !== 0; n--) {
    let eaten: usize = 0;
    for (;;) {
      const at = __get_free_pages(GFP_NOWAIT | __GFP_NOWARN, 0);
      if (at === 0) break;
      cast<Ptr<usize>>(at)[0] = eaten;
      eaten = at;
    }
    msleep(1);
    while (eaten !== 0) {
      const next = cast<Ptr<usize>>(eaten)[0];
      free_pages(eaten, 0);
      eaten = next;
    }
    msleep(1);
  }
}

export function begin(_arg: u32): void {
  for (let n: u32 = 0; n < PAGES; n++) mutex_init(table[n].lock, "mapped.lock");
  left.counter = i32(nr_cpu_ids);
  type = device_on(DEVICE_SLOTS);
  complete_all(ready);
}
