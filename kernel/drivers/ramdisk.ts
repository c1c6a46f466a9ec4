// A disk in memory, of 4 KiB pages that boot sets aside, with a latency: each transfer ends so many nanoseconds after it was submitted.
//
//   swap=ram:PAGES[,LATENCY_NS]     boot parameter: the memory is taken before the page allocator begins, so it counts for no watermark
//                                   and not for totalram_pages
// Latency 0: the transfer happens and ends inside submit_bio. Else the data is copied at its end, in hardirq context (hrtimer.ts): whoever
// changes a page under writeback is seen to do so. Any number of transfers is under way at once, each with the same latency, so they end
// in order. Limit: one disk, LATENCY_MAX.
// Lock: ramdisk.lock (raw, interrupts off) protects the queue; a leaf outside hrtimer_base.lock. Linux: drivers/block/brd.c has no latency,
// null_blk with memory_backed=1 and completion_nsec has.

import { PAGE_SHIFT, PAGE_SIZE } from "../arch/page.ts";
import { get_cycles64 } from "../arch/time.ts";
import { bio, bio_endio, block_device, REQ_OP_FLUSH, REQ_OP_READ, SECTOR_SHIFT } from "../block/bio.ts";
import { get_option, parse_u32 } from "../lib/cmdline.ts";
import { INIT_LIST_HEAD, list_add_tail, list_del_init, list_empty, list_head } from "../lib/list.ts";
import { pr_info, pr_warn } from "../lib/printk.ts";
import { chars, memcpy, strncmp } from "../lib/string.ts";
import { raw_spin_lock_init, raw_spin_lock_irqsave, raw_spin_unlock_irqrestore, raw_spinlock_t } from "../locking/spinlock.ts";
import { memblock_alloc, memblock_available } from "../mm/memblock.ts";
import { hrtimer, hrtimer_init, hrtimer_start, ns_to_cycles } from "../sched/hrtimer.ts";

const COMMA = 0x2c;
/** A second. */
const LATENCY_MAX = 1_000_000_000;
/** Bytes that the disk leaves. */
const LEFT = 2 << 20;

class ramdisk_device {
  readonly bdev = new block_device();
  readonly lock = new raw_spinlock_t();
  /** bio.bi_list, in order of bi_due. */
  readonly queue = new list_head();
  readonly timer = new hrtimer();
  /** The timer will go off for the first bio of the queue. */
  armed: boolean;
  /** In cycles. */
  latency: u64;
  memory: usize;
}
const ramdisk = new ramdisk_device();

/** The disk; of capacity 0 when there is none. */
export function ramdisk_bdev(): block_device {
  return ramdisk.bdev;
}

function transfer(b: bio): void {
  if (b.bi_opf === REQ_OP_FLUSH) return;
  const at = ramdisk.memory + (b.bi_sector << SECTOR_SHIFT);
  if (b.bi_opf === REQ_OP_READ) memcpy(b.bi_buffer, at, b.bi_size);
  else memcpy(at, b.bi_buffer, b.bi_size);
}

/** The timer goes off when the first bio is due. Called with ramdisk.lock held. */
function arm(): void {
  if (ramdisk.armed || list_empty(ramdisk.queue)) return;
  ramdisk.armed = true;
  hrtimer_start(ramdisk.timer, containerOf(bio, "bi_list", ramdisk.queue.next).bi_due);
}

/** Takes a bio from submit_bio. @atomic */
function ramdisk_submit(b: bio): void {
  if (ramdisk.latency === 0n) {
    transfer(b);
    bio_endio(b, 0);
    return;
  }
  const flags = raw_spin_lock_irqsave(ramdisk.lock);
  b.bi_due = get_cycles64() + ramdisk.latency;
  list_add_tail(b.bi_list, ramdisk.queue);
  arm();
  raw_spin_unlock_irqrestore(ramdisk.lock, flags);
}

/** The first bio, when its time has come; else the timer goes on for it. */
function next_due(): bio | null {
  const flags = raw_spin_lock_irqsave(ramdisk.lock);
  let due: bio | null = null;
  if (!list_empty(ramdisk.queue)) {
    const b = containerOf(bio, "bi_list", ramdisk.queue.next);
    if (b.bi_due <= get_cycles64()) {
      transfer(b);
      list_del_init(b.bi_list);
      due = b;
    }
  }
  if (due === null) arm();
  raw_spin_unlock_irqrestore(ramdisk.lock, flags);
  return due;
}

/** @atomic */
function ramdisk_timer(_timer: hrtimer): void {
  const flags = raw_spin_lock_irqsave(ramdisk.lock);
  ramdisk.armed = false;
  raw_spin_unlock_irqrestore(ramdisk.lock, flags);
  for (let b = next_due(); b !== null; b = next_due()) bio_endio(b, 0);
}

/** At boot, while memblock gives memory: swap=ram:PAGES[,LATENCY_NS]. */
export function ramdisk_reserve(): void {
  const option = get_option("swap", "");
  if (strncmp(option, "ram:", 4) !== 0) return;
  const text = addr(option) + 4;
  const pages = parse_u32(text);
  const available = memblock_available();
  const limit = available < LEFT ? 0 : (available - LEFT) >>> PAGE_SHIFT;
  if (pages === 0 || pages > limit) {
    pr_warn("ramdisk: swap=%s: a disk of 1 to %u pages, please\n", option, limit);
    return;
  }
  let comma: u32 = 0;
  while (chars(option)[comma] !== 0 && chars(option)[comma] !== COMMA) comma++;
  let ns: u32 = chars(option)[comma] === COMMA ? parse_u32(addr(option) + comma + 1) : 0;
  if (ns > LATENCY_MAX) ns = LATENCY_MAX;
  ramdisk.memory = memblock_alloc(pages * PAGE_SIZE, PAGE_SIZE);
  ramdisk.latency = ns_to_cycles(ns);
  raw_spin_lock_init(ramdisk.lock, "ramdisk.lock");
  INIT_LIST_HEAD(ramdisk.queue);
  hrtimer_init(ramdisk.timer, ramdisk_timer);
  ramdisk.bdev.name = "ram0";
  ramdisk.bdev.capacity = pages << (PAGE_SHIFT - SECTOR_SHIFT);
  ramdisk.bdev.submit = ramdisk_submit;
  pr_info("ramdisk: %u pages, latency %u ns\n", pages, ns);
}
