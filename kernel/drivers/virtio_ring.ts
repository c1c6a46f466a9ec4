// A split virtqueue: table of descriptors, ring of what the device may take, ring of what it has used.
// Source: virtio 1.2, section 2.7. Linux: drivers/virtio/virtio_ring.c.
//
// Locks: none here; the caller holds its own around everything. One page holds all three areas:
//
//   0     desc   16 bytes each: address u64, length u32, flags u16, next u16
//   2048  avail  flags u16, idx u16, ring[num] u16
//   3072  used   flags u16, idx u16, ring[num] of { id u32, len u32 }

import { __pa } from "../arch/page.ts";
import { ENOMEM, ENOSPC } from "../lib/errno.ts";
import { GFP_KERNEL } from "../mm/gfp.ts";
import { get_zeroed_page } from "../mm/page_alloc.ts";

/** Descriptors: what a page holds in this layout, and a power of two. */
export const VRING_NUM = 64;
const AVAIL_OFFSET = 2048;
const USED_OFFSET = 3072;
const VRING_DESC_F_NEXT = 1;
const VRING_DESC_F_WRITE = 2;
/** End of the list of free descriptors. */
const NONE = 0xffff;

class vring_desc {
  addr: u32;
  addr_high: u32;
  len: u32;
  flags: u16;
  next: u16;
}
class vring_avail {
  flags: u16;
  idx: u16;
  readonly ring = new FixedArray<u16>(VRING_NUM);
}
class vring_used_elem {
  id: u32;
  len: u32;
}
class vring_used {
  flags: u16;
  idx: u16;
  readonly ring = new StructArray(vring_used_elem, VRING_NUM);
}

export class vring {
  num: u32;
  desc: usize;
  avail: usize;
  used: usize;
  /** First free descriptor, the others behind it by `next`, and how many. */
  free_head: u32;
  num_free: u32;
  /** Used entries seen, modulo 2^16. */
  last_used_idx: u32;
}

function descriptor(vq: vring, index: u32): vring_desc {
  "inline";
  return cast<vring_desc>(vq.desc + index * sizeof<vring_desc>());
}

export function vring_init(vq: vring): i32 {
  const page = get_zeroed_page(GFP_KERNEL);
  if (page === 0) return -ENOMEM;
  vq.num = VRING_NUM;
  vq.desc = page;
  vq.avail = page + AVAIL_OFFSET;
  vq.used = page + USED_OFFSET;
  vq.free_head = 0;
  vq.num_free = VRING_NUM;
  vq.last_used_idx = 0;
  for (let i: u32 = 0; i < VRING_NUM; i++)
    descriptor(vq, i).next = u16(i + 1 < VRING_NUM ? i + 1 : NONE);
  return 0;
}

/** A piece of a chain: `va` lies in the linear map. */
export class vring_piece {
  va: usize;
  len: u32;
  /** The device writes it. */
  in: boolean;
}

/**
 * Makes a chain of the pieces, those that the device reads first; its head, which virtqueue_get_buf gives back, or
 * -ENOSPC. @atomic
 */
export function virtqueue_add(vq: vring, pieces: StructArray<vring_piece>, count: u32): i32 {
  if (vq.num_free < count) return -ENOSPC;
  const head = vq.free_head;
  let index = head;
  for (let i: u32 = 0; i < count; i++) {
    const d = descriptor(vq, index);
    const piece = pieces[i];
    d.addr = __pa(piece.va);
    d.addr_high = 0;
    d.len = piece.len;
    d.flags = u16((piece.in ? VRING_DESC_F_WRITE : 0) | (i + 1 < count ? VRING_DESC_F_NEXT : 0));
    index = d.next;
  }
  vq.free_head = index;
  vq.num_free -= count;
  const avail = cast<vring_avail>(vq.avail);
  const idx: u32 = avail.idx;
  avail.ring[idx & (VRING_NUM - 1)] = u16(head);
  // The entry is there before the device may look.
  fence("rw", "w");
  WRITE_ONCE(avail.idx, u16(idx + 1));
  // And the index before the doorbell.
  fence("rw", "rw");
  return i32(head);
}

/** The head of a chain that the device has used, its descriptors free again; -1: none. @atomic */
export function virtqueue_get_buf(vq: vring): i32 {
  const used = cast<vring_used>(vq.used);
  if (READ_ONCE(used.idx) === u16(vq.last_used_idx)) return -1;
  fence("r", "rw");
  const head = used.ring[vq.last_used_idx & (VRING_NUM - 1)].id;
  vq.last_used_idx = (vq.last_used_idx + 1) & 0xffff;
  let last = head;
  let count: u32 = 1;
  while ((descriptor(vq, last).flags & VRING_DESC_F_NEXT) !== 0) {
    last = descriptor(vq, last).next;
    count++;
  }
  descriptor(vq, last).next = u16(vq.free_head);
  vq.free_head = head;
  vq.num_free += count;
  return i32(head);
}
