// Tasks for the test of virtio_blk: everything that can be refused, then many transfers at once against a model.

import { nr_cpu_ids } from "kernel/arch/cpumask.ts";
import { bio, REQ_OP_FLUSH, REQ_OP_READ, REQ_OP_WRITE, SECTOR_SIZE, submit_bio, submit_bio_wait } from "kernel/block/bio.ts";
import { virtio_blk_bdev, virtio_blk_init } from "kernel/drivers/virtio_blk.ts";
import { pr_info } from "kernel/lib/printk.ts";
import { prandom_seed, prandom_state, prandom_u32 } from "kernel/lib/random.ts";
import { GFP_KERNEL } from "kernel/mm/gfp.ts";
import { free_pages, get_zeroed_page } from "kernel/mm/page_alloc.ts";
import { complete, completion, init_completion, wait_for_completion } from "kernel/sched/completion.ts";
import { smp_processor_id } from "kernel/sched/task.ts";

const SECTORS_A_PAGE = 8;
/** Sectors of a task's part of the disk, and how often it goes over them. */
const PART = 16;
const ROUNDS = 20;
/** More than the queue holds at a time. */
const BURST = 40;

function transfer(op: u32, sector: u32, buffer: usize, size: u32): i32 {
  const b = new bio();
  b.bi_bdev = virtio_blk_bdev();
  b.bi_opf = op;
  b.bi_sector = sector;
  b.bi_buffer = buffer;
  b.bi_size = size;
  return submit_bio_wait(b);
}

/** On a machine without a disk everything is refused; with one, nonsense is. */
export function refusals(_arg: u32): void {
  const page = get_zeroed_page(GFP_KERNEL);
  pr_info("init %d", virtio_blk_init());
  pr_info("again %d, capacity %u", virtio_blk_init(), virtio_blk_bdev().capacity);
  const end = virtio_blk_bdev().capacity;
  pr_info("read %d flush %d", transfer(REQ_OP_READ, 0, page, 512), transfer(REQ_OP_FLUSH, 0, 0, 0));
  pr_info("behind the end %d over the end %d", transfer(REQ_OP_READ, end, page, 512), transfer(REQ_OP_READ, end - 1, page, 1024));
  pr_info("no size %d half a sector %d", transfer(REQ_OP_READ, 0, page, 0), transfer(REQ_OP_READ, 0, page, 256));
  pr_info("no such request %d nowhere %d", transfer(7, 0, page, 512), transfer(REQ_OP_READ, 0, 0x1000, 512));
  if (virtio_blk_bdev().read_only) pr_info("write %d", transfer(REQ_OP_WRITE, 0, page, 512));
  free_pages(page, 0);
}

function fill(buffer: usize, value: u32): void {
  const words = cast<Ptr<u32>>(buffer);
  for (let i: u32 = 0; i < SECTOR_SIZE / 4; i++) words[i] = value + i;
}

function matches(buffer: usize, value: u32): boolean {
  const words = cast<Ptr<u32>>(buffer);
  for (let i: u32 = 0; i < SECTOR_SIZE / 4; i++) if (words[i] !== value + i) return false;
  return true;
}

class burst {
  /** Bios that have not ended. */
  left: u32;
  failed: u32;
  readonly done = new completion();
}

function burst_end(b: bio): void {
  const all = cast<burst>(b.bi_private);
  if (b.bi_status !== 0) amoAdd(addressOf(all.failed), 1);
  if (amoAdd(addressOf(all.left), -1) === 1) complete(all.done);
}

/** Reads the same sector very often at once; how many failed. */
function read_burst(sector: u32, page: usize): u32 {
  const all = new burst();
  const bios = new StructArray(bio, BURST);
  init_completion(all.done);
  all.left = BURST;
  all.failed = 0;
  for (let i: u32 = 0; i < BURST; i++) {
    const b = bios[i];
    b.bi_bdev = virtio_blk_bdev();
    b.bi_opf = REQ_OP_READ;
    b.bi_sector = sector;
    b.bi_buffer = page + (i % SECTORS_A_PAGE) * SECTOR_SIZE;
    b.bi_size = SECTOR_SIZE;
    b.bi_end_io = burst_end;
    b.bi_private = addr(all);
    submit_bio(b);
  }
  wait_for_completion(all.done);
  return all.failed;
}

class model {
  readonly value = new FixedArray<u32>(PART);
}

/** Random sectors of the task's own part, written and read back; then a burst. */
export function disk_user(_arg: u32): void {
  virtio_blk_init();
  const first = smp_processor_id() * PART;
  const page = get_zeroed_page(GFP_KERNEL);
  const expected = new model();
  const random = new prandom_state();
  let wrong: u32 = 0;
  prandom_seed(random, first + 1);
  for (let i: u32 = 0; i < PART; i++) expected.value[i] = 0;
  for (let round: u32 = 0; round < ROUNDS; round++) {
    const at = prandom_u32(random) % PART;
    if ((prandom_u32(random) & 1) === 0 || expected.value[at] === 0) {
      expected.value[at] = prandom_u32(random) | 1;
      fill(page, expected.value[at]);
      if (transfer(REQ_OP_WRITE, first + at, page, SECTOR_SIZE) !== 0) wrong++;
    } else {
      fill(page, 0);
      if (transfer(REQ_OP_READ, first + at, page, SECTOR_SIZE) !== 0) wrong++;
      if (!matches(page, expected.value[at])) wrong++;
    }
  }
  fill(page, first + 77);
  if (transfer(REQ_OP_WRITE, first, page, SECTOR_SIZE) !== 0) wrong++;
  wrong += read_burst(first, page);
  for (let i: u32 = 0; i < SECTORS_A_PAGE; i++) if (!matches(page + i * SECTOR_SIZE, first + 77)) wrong++;
  if (transfer(REQ_OP_FLUSH, 0, 0, 0) !== 0) wrong++;
  free_pages(page, 0);
  pr_info("disk_user: part %u of %u, %u wrong\n", first / PART, nr_cpu_ids, wrong);
}
