// Pages of the swap cache on their way to their slots and back: first to frontswap, else to the block device.
//
//   swap_writepage   locked page in      nobody uses the slot: it leaves the cache, no I/O
//                                        frontswap takes it:   writeback begins and ends at once, no I/O
//                                        else                  writeback, unlocked, end_swap_bio_write ends it
//   swap_readpage    locked page in      frontswap has it, or the device: uptodate, unlocked; PG_error instead of uptodate when it failed
// The page is in the swap cache all the time, which keeps the reference and, while PG_writeback is set, the slot.
// Context: both may sleep (a backend may, and there are only so many bios); the ends of I/O run wherever the driver ends a bio.
// Linux: mm/page_io.c of 3.11. Unlike it: getting a bio cannot fail.

import { PAGE_SHIFT, PAGE_SIZE } from "../../arch/page.ts";
import { bio, REQ_OP_READ, REQ_OP_WRITE, SECTOR_SHIFT, submit_bio } from "../../block/bio.ts";
import { bio_alloc, bio_put } from "../../block/bioset.ts";
import { BUG_ON } from "../../lib/bug.ts";
import { pr_err } from "../../lib/printk.ts";
import {
  ClearPageReclaim, ClearPageUptodate, end_page_writeback, page_private, PageLocked, PageSwapCache, PageUptodate, set_page_writeback,
  SetPageDirty, SetPageError, SetPageUptodate, unlock_page,
} from "../memory/page-flags.ts";
import { page, page_address } from "../page/page.ts";
import { swp_offset, swp_type } from "./entry.ts";
import { frontswap_load, frontswap_store } from "./frontswap.ts";
import { swap_info } from "./info.ts";
import { try_to_free_swap } from "./reuse.ts";

export type bio_end_io_t = (b: bio) => void;

/** What a writer is told about why; nothing here depends on it. */
export class writeback_control {
  for_reclaim: boolean;
}

/** Pages written to and read from swap devices since boot. */
export class swap_io_statistics {
  pswpout: u32;
  pswpin: u32;
}
export const swap_io_stats = new swap_io_statistics();

/** A bio for the page's slot. @may_sleep */
function get_swap_bio(p: page, op: u32, end_io: bio_end_io_t): bio {
  const entry = page_private(p);
  const b = bio_alloc();
  b.bi_bdev = swap_info[swp_type(entry)].bdev;
  b.bi_opf = op;
  b.bi_sector = swp_offset(entry) << (PAGE_SHIFT - SECTOR_SHIFT);
  b.bi_buffer = page_address(p);
  b.bi_size = PAGE_SIZE;
  b.bi_end_io = end_io;
  b.bi_private = addr(p);
  return b;
}

function io_error(what: string, p: page): void {
  "noinline";
  pr_err("%s-error on swap-device (%s:%u)\n", what, swap_info[swp_type(page_private(p))].bdev.name, swp_offset(page_private(p)));
}

/** @atomic */
export function end_swap_bio_write(b: bio): void {
  const p = cast<page>(b.bi_private);
  if (b.bi_status !== 0) {
    // The only copy is in memory: it is dirty again, so that reclaim does not drop it.
    SetPageError(p);
    SetPageDirty(p);
    ClearPageReclaim(p);
    io_error("Write", p);
  }
  end_page_writeback(p);
  bio_put(b);
}

/** @atomic */
export function end_swap_bio_read(b: bio): void {
  const p = cast<page>(b.bi_private);
  if (b.bi_status !== 0) {
    SetPageError(p);
    ClearPageUptodate(p);
    io_error("Read", p);
  } else {
    SetPageUptodate(p);
  }
  unlock_page(p);
  bio_put(b);
}

/** The page, locked and in the swap cache, goes to its block: 0. Unlocked afterwards. @may_sleep */
export function __swap_writepage(p: page, _wbc: writeback_control | null, end_write_func: bio_end_io_t): i32 {
  const b = get_swap_bio(p, REQ_OP_WRITE, end_write_func);
  amoAddRelaxed(addressOf(swap_io_stats.pswpout), 1);
  set_page_writeback(p);
  unlock_page(p);
  submit_bio(b);
  return 0;
}

/** The page is locked, in the swap cache, and its dirty bit has been cleared: 0. Unlocked afterwards. @may_sleep */
export function swap_writepage(p: page, wbc: writeback_control | null): i32 {
  if (try_to_free_swap(p)) {
    unlock_page(p);
    return 0;
  }
  if (frontswap_store(p) === 0) {
    set_page_writeback(p);
    unlock_page(p);
    end_page_writeback(p);
    return 0;
  }
  return __swap_writepage(p, wbc, end_swap_bio_write);
}

/** The page is locked, in the swap cache and not up to date: 0, and it is filled, now or later. @may_sleep */
export function swap_readpage(p: page): i32 {
  BUG_ON(!PageLocked(p) || !PageSwapCache(p) || PageUptodate(p));
  if (frontswap_load(p) === 0) {
    SetPageUptodate(p);
    unlock_page(p);
    return 0;
  }
  const b = get_swap_bio(p, REQ_OP_READ, end_swap_bio_read);
  amoAddRelaxed(addressOf(swap_io_stats.pswpin), 1);
  submit_bio(b);
  return 0;
}
