// What zswap counts. stored_pages is exact but for a moment in a store, where the entry can be found, and freed by others, before it is
// counted: it may be -1. All others are hints that lose counts when CPUs meet, as in Linux; writes that race are meant.
//
// Linux shows them in debugfs; zswap_stats_show prints them. Names and meaning: Linux 3.11, mm/zswap.c.

import { atomic_read, atomic_t } from "../../lib/atomic.ts";
import { pr_info } from "../../lib/printk.ts";

export class zswap_statistics {
  /** Pages that zbud has for the device stored to or freed from last. */
  pool_pages: u32;
  readonly stored_pages = new atomic_t();
  /** Stores that found the pool full. */
  pool_limit_hit: u32;
  /** Entries whose page is on its way to the device. */
  written_back_pages: u32;
  /** Stores refused: the pool is full and nothing could be written back; */
  reject_reclaim_fail: u32;
  /** the page does not become small enough for zbud; */
  reject_compress_poor: u32;
  /** zbud got no page; */
  reject_alloc_fail: u32;
  /** no memory for an entry. */
  reject_kmemcache_fail: u32;
  /** Stores to an offset that had an entry. */
  duplicate_entry: u32;
}
export const zswap_stats = new zswap_statistics();

export function zswap_stats_show(): void {
  const s = zswap_stats;
  pr_info(
    "zswap: pool_pages %u stored_pages %d pool_limit_hit %u written_back_pages %u duplicate_entry %u\n",
    data_race(s.pool_pages), atomic_read(s.stored_pages), data_race(s.pool_limit_hit), data_race(s.written_back_pages), data_race(s.duplicate_entry),
  );
  pr_info(
    "zswap: reject_reclaim_fail %u reject_compress_poor %u reject_alloc_fail %u reject_kmemcache_fail %u\n",
    data_race(s.reject_reclaim_fail), data_race(s.reject_compress_poor), data_race(s.reject_alloc_fail), data_race(s.reject_kmemcache_fail),
  );
}
