// Block devices, and bios: transfers of whole sectors between a device and the linear map.
//
//   submit_bio(b)     starts it: bi_bdev, bi_opf, bi_sector, bi_buffer, bi_size, bi_end_io set; never sleeps
//   b.bi_end_io(b)    once, with bi_status, in any context: by submit_bio itself (refused), a softirq (ramdisk), a hardirq (virtio)
//   submit_bio_wait   the same, and sleeps until the end
// What is wrong with a bio submit_bio refuses for every device alike, so that a driver sees good ones only.
// Locks: none here. Lifetime: a bio belongs to the device from submit_bio until bi_end_io; a block_device stays for ever.
// Unlike Linux: a bio is one piece of the linear map; nothing is merged, sorted or queued above the driver.

import { PAGE_OFFSET } from "../arch/page.ts";
import { EINVAL, EIO, ENODEV } from "../lib/errno.ts";
import { list_head } from "../lib/list.ts";
import { complete, completion, init_completion, wait_for_completion } from "../sched/completion.ts";

export const SECTOR_SHIFT = 9;
export const SECTOR_SIZE = 1 << SECTOR_SHIFT;

export const REQ_OP_READ = 0;
export const REQ_OP_WRITE = 1;
export const REQ_OP_FLUSH = 2;

export class block_device {
  /** For messages. */
  name: string;
  /** Sectors; 0: the device is not there. */
  capacity: u32;
  read_only: boolean;
  /** The driver's: starts a bio that submit_bio has found good. Never sleeps. */
  submit: (b: bio) => void;
}

export class bio {
  bi_bdev: block_device;
  /** REQ_OP_*. */
  bi_opf: u32;
  bi_sector: u32;
  /** Whole sectors in the linear map: data to write, or room for what is read. */
  bi_buffer: usize;
  bi_size: u32;
  /** 0 or a negative errno, valid in bi_end_io. */
  bi_status: i32;
  bi_end_io: ((b: bio) => void) | null;
  /** The submitter's. */
  bi_private: usize;
  /** The device's; before and after, of whoever keeps unused bios. */
  readonly bi_list = new list_head();
  /** The device's: when it ends, in cycles. */
  bi_due: u64;
}

/** Ends a bio: the driver's last word. @atomic */
export function bio_endio(b: bio, status: i32): void {
  b.bi_status = status;
  b.bi_end_io!(b);
}

/** What is wrong with a bio, or 0. */
function bio_check(b: bio): i32 {
  const bdev = b.bi_bdev;
  const capacity = READ_ONCE(bdev.capacity);
  if (capacity === 0) return -ENODEV;
  if (b.bi_opf === REQ_OP_FLUSH) return 0;
  if (b.bi_opf > REQ_OP_FLUSH || b.bi_size === 0 || (b.bi_size & (SECTOR_SIZE - 1)) !== 0) return -EINVAL;
  if (b.bi_buffer < PAGE_OFFSET) return -EINVAL;
  const sectors = b.bi_size >> SECTOR_SHIFT;
  if (sectors > capacity || b.bi_sector > capacity - sectors) return -EIO;
  return b.bi_opf === REQ_OP_WRITE && bdev.read_only ? -EIO : 0;
}

/** Starts a transfer; bi_end_io hears of its end. @atomic */
export function submit_bio(b: bio): void {
  const error = bio_check(b);
  if (error !== 0) {
    bio_endio(b, error);
    return;
  }
  const submit = b.bi_bdev.submit;
  submit(b);
}

function bio_wake(b: bio): void {
  complete(cast<completion>(b.bi_private));
}

/** The same, waiting for the end: 0 or a negative errno. @may_sleep */
export function submit_bio_wait(b: bio): i32 {
  const done = new completion();
  init_completion(done);
  b.bi_private = addr(done);
  b.bi_end_io = bio_wake;
  submit_bio(b);
  wait_for_completion(done);
  return b.bi_status;
}
