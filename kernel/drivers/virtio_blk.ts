// virtio_blk: the first virtio block device of the device tree, driven by its interrupt. Without one, -ENODEV.
// Source: virtio 1.2, section 5.2. Linux: drivers/block/virtio_blk.c.
//
// Lock: vblk.lock, taken with interrupts off, protects the queue, the requests and `pending`; a leaf, but for the locks
// that bi_end_io takes after it was dropped. init_mutex, around it: one task looks for the disk. Bios: block/bio.ts.
// Unlike Linux: there is one queue and one device.

import { bio, bio_endio, block_device, REQ_OP_FLUSH, REQ_OP_READ, REQ_OP_WRITE } from "../block/bio.ts";
import { EIO, ENODEV } from "../lib/errno.ts";
import { INIT_LIST_HEAD, list_add_tail, list_del_init, list_empty, list_head } from "../lib/list.ts";
import { pr_err, pr_info } from "../lib/printk.ts";
import { request_irq } from "../irq/irq.ts";
import { mutex, mutex_lock, mutex_unlock } from "../locking/mutex.ts";
import {
  spin_lock_init,
  spin_lock_irqsave,
  spin_unlock_irqrestore,
  spinlock_t,
} from "../locking/spinlock.ts";
import {
  VIRTIO_ID_BLOCK,
  virtio_cread32,
  virtio_device,
  virtio_device_ready,
  virtio_features,
  virtio_is_broken,
  virtio_mmio_find,
  vm_interrupt,
  vm_notify,
  vm_setup_vq,
} from "./virtio_mmio.ts";
import { VRING_NUM, virtqueue_add, virtqueue_get_buf, vring, vring_init, vring_piece } from "./virtio_ring.ts";

const VIRTIO_BLK_T_IN = 0;
const VIRTIO_BLK_T_OUT = 1;
const VIRTIO_BLK_T_FLUSH = 4;
const VIRTIO_BLK_F_RO = 1 << 5;
const VIRTIO_BLK_F_FLUSH = 1 << 9;
/** Header, data, status. */
const PIECES_MAX = 3;

class virtio_blk_outhdr {
  type: u32;
  ioprio: u32;
  sector: u32;
  sector_high: u32;
}

/** What the device reads and writes beside the data; at the index of its chain's head. */
class virtblk_req {
  readonly out_hdr = new virtio_blk_outhdr();
  bio: bio | null;
  status: u8;
}

class virtio_blk {
  readonly lock = new spinlock_t();
  readonly vdev = new virtio_device();
  readonly vq = new vring();
  /** Bios that found no room, oldest first. */
  readonly pending = new list_head();
  readonly bdev = new block_device();
  features: u32;
  /** The device has given up: every bio ends with -EIO. */
  broken: boolean;
}
const vblk = new virtio_blk();
const init_mutex = new mutex();
const vbr = new StructArray(virtblk_req, VRING_NUM);

/** The disk; of capacity 0 before virtio_blk_init has found one. */
export function virtio_blk_bdev(): block_device {
  return vblk.bdev;
}

function request_type(op: u32): u32 {
  return op === REQ_OP_READ ? VIRTIO_BLK_T_IN : op === REQ_OP_WRITE ? VIRTIO_BLK_T_OUT : VIRTIO_BLK_T_FLUSH;
}

/** Puts a bio into the queue; false when that is full. Called with vblk.lock held. */
function virtio_queue_rq(b: bio): boolean {
  if (vblk.vq.num_free < PIECES_MAX) return false;
  const req = vbr[vblk.vq.free_head];
  const hdr = req.out_hdr;
  hdr.type = request_type(b.bi_opf);
  hdr.ioprio = 0;
  hdr.sector = b.bi_sector;
  hdr.sector_high = 0;
  req.bio = b;
  const pieces = new StructArray(vring_piece, PIECES_MAX);
  pieces[0].va = addr(hdr);
  pieces[0].len = sizeof<virtio_blk_outhdr>();
  pieces[0].in = false;
  let count: u32 = 1;
  if (b.bi_opf !== REQ_OP_FLUSH) {
    pieces[1].va = b.bi_buffer;
    pieces[1].len = b.bi_size;
    pieces[1].in = b.bi_opf === REQ_OP_READ;
    count = 2;
  }
  pieces[count].va = addr(addressOf(req.status));
  pieces[count].len = 1;
  pieces[count].in = true;
  virtqueue_add(vblk.vq, pieces, count + 1);
  return true;
}

/** Takes a bio from submit_bio. @atomic */
function virtblk_submit(b: bio): void {
  // A disk without a cache of its own has nothing to flush.
  if (b.bi_opf === REQ_OP_FLUSH && (vblk.features & VIRTIO_BLK_F_FLUSH) === 0) {
    bio_endio(b, 0);
    return;
  }
  INIT_LIST_HEAD(b.bi_list);
  const flags = spin_lock_irqsave(vblk.lock);
  const broken = vblk.broken;
  if (!broken) {
    if (!list_empty(vblk.pending) || !virtio_queue_rq(b)) list_add_tail(b.bi_list, vblk.pending);
    else vm_notify(vblk.vdev);
  }
  spin_unlock_irqrestore(vblk.lock, flags);
  if (broken) bio_endio(b, -EIO);
}

/** Moves waiting bios into the queue. Called with vblk.lock held. */
function start_pending(): void {
  let started = false;
  while (!list_empty(vblk.pending)) {
    const b = containerOf(bio, "bi_list", vblk.pending.next);
    if (!virtio_queue_rq(b)) break;
    list_del_init(b.bi_list);
    started = true;
  }
  if (started) vm_notify(vblk.vdev);
}

/** Takes one finished bio out of the queue, its status set; null: there is none. Called with vblk.lock held. */
function next_done(): bio | null {
  const head = virtqueue_get_buf(vblk.vq);
  if (head < 0) return null;
  const req = vbr[u32(head)];
  const b = req.bio!;
  req.bio = null;
  b.bi_status = READ_ONCE(req.status) === 0 ? 0 : -EIO;
  return b;
}

/** After the device has given up, what it had ends with -EIO, the bios that waited as well. */
function fail_one(): bio | null {
  for (let i: u32 = 0; i < VRING_NUM; i++) {
    const b = vbr[i].bio;
    if (b === null) continue;
    vbr[i].bio = null;
    return b;
  }
  if (list_empty(vblk.pending)) return null;
  const waiting = containerOf(bio, "bi_list", vblk.pending.next);
  list_del_init(waiting.bi_list);
  return waiting;
}

/** The interrupt. @atomic */
function virtblk_done(_irq: u32): void {
  vm_interrupt(vblk.vdev);
  for (;;) {
    const flags = spin_lock_irqsave(vblk.lock);
    let b = next_done();
    if (b === null) {
      if (!vblk.broken && virtio_is_broken(vblk.vdev)) {
        vblk.broken = true;
        pr_err("virtio_blk: the device needs a reset, gave up\n");
      }
      if (vblk.broken) b = fail_one();
      else start_pending();
      if (b !== null) b.bi_status = -EIO;
    }
    spin_unlock_irqrestore(vblk.lock, flags);
    if (b === null) return;
    bio_endio(b, b.bi_status);
  }
}

function virtblk_probe(): i32 {
  if (virtio_mmio_find(VIRTIO_ID_BLOCK, vblk.vdev) !== 0) return -ENODEV;
  spin_lock_init(vblk.lock, "vblk.lock");
  INIT_LIST_HEAD(vblk.pending);
  const features = virtio_features(vblk.vdev, VIRTIO_BLK_F_RO | VIRTIO_BLK_F_FLUSH);
  if (features < 0) return features;
  vblk.features = u32(features);
  let error = vring_init(vblk.vq);
  if (error === 0) error = vm_setup_vq(vblk.vdev, vblk.vq);
  if (error === 0) error = request_irq(vblk.vdev.irq, virtblk_done, 0);
  if (error !== 0) {
    pr_err("virtio_blk: error %d\n", error);
    return error;
  }
  virtio_device_ready(vblk.vdev);
  const bdev = vblk.bdev;
  bdev.name = "vda";
  bdev.read_only = (vblk.features & VIRTIO_BLK_F_RO) !== 0;
  bdev.submit = virtblk_submit;
  // Disks of 2 TiB and more are cut.
  const sectors = virtio_cread32(vblk.vdev, 4) !== 0 ? 0xffff_ffff : virtio_cread32(vblk.vdev, 0);
  WRITE_ONCE(bdev.capacity, sectors);
  pr_info("virtio_blk: %u sectors, interrupt %u%s\n", sectors, vblk.vdev.irq, bdev.read_only ? ", read-only" : "");
  return 0;
}

/** 0 when there is a disk, found now or before; else a negative errno. @may_sleep */
export function virtio_blk_init(): i32 {
  mutex_lock(init_mutex);
  const error = vblk.bdev.capacity !== 0 ? 0 : virtblk_probe();
  mutex_unlock(init_mutex);
  return error;
}
