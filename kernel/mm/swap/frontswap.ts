// frontswap: a place in front of the swap devices that may take a page, or refuse. One backend (zswap), asked for every device.
//
//   store            the backend took the page: the slot's bit is set. It refused: if the bit was set, the old copy is stale, so the
//                    bit is cleared and the backend told to forget it
//   load             only when the bit is set; with exclusive gets the backend gave its copy away: the page is dirty, the bit clear
//   invalidate_page  the slot is free: with p->lock held. Only when the bit is set
//   invalidate_area  the device goes
// The bit stays when the backend writes an entry back to the device: load then fails, and the device is read.
// Context: store and load with the page locked, and may sleep as far as the backend does; init, invalidate_page and invalidate_area
// are atomic. Locks: none here. A bit is changed with the page locked and in the swap cache, or, slot free, with p->lock held; neighbours
// in its word change at the same time, so changes are atomic.
// swap.bug=frontswap-stale: a store that is refused leaves bit and old copy. frontswap-no-invalidate: it clears the bit and leaves the
// old copy, as Linux did until 3.18: harmless until the backend writes the old copy to the device.
// Linux: mm/frontswap.c of 3.11. Unlike it: no writethrough, no shrinking.

import { CONFIG, SWAP_BUG } from "config";
import { atomic_dec, atomic_inc, atomic_read, atomic_set, atomic_t } from "../../lib/atomic.ts";
import { BUG_ON } from "../../lib/bug.ts";
import { memset } from "../../lib/string.ts";
import { PageLocked, SetPageDirty } from "../memory/page-flags.ts";
import type { page } from "../page/page.ts";
import { MAX_SWAPFILES, swp_offset, swp_type } from "./entry.ts";
import { SWP_WRITEOK, swap_info, type swap_info_struct } from "./info.ts";

export class frontswap_ops {
  init: (type: u32) => void;
  /** 0, or a negative errno: the page goes to the device. */
  store: (type: u32, offset: u32, p: page) => i32;
  /** 0, or a negative errno: the page comes from the device. */
  load: (type: u32, offset: u32, p: page) => i32;
  invalidate_page: (type: u32, offset: u32) => void;
  invalidate_area: (type: u32) => void;
}

export class frontswap_statistics {
  readonly loads = new atomic_t();
  readonly succ_stores = new atomic_t();
  readonly failed_stores = new atomic_t();
  readonly invalidates = new atomic_t();
}
export const frontswap_stats = new frontswap_statistics();

let backend: frontswap_ops | null = null;
let exclusive_gets: boolean = false;

/** A successful load takes the copy away: the page is dirty, since nothing else has its contents. */
export function frontswap_tmem_exclusive_gets(enable: boolean): void {
  WRITE_ONCE(exclusive_gets, enable);
}

/**
 * The backend from now on; the one before, or null. Devices that are in use already are announced to it. Nobody takes what the one before
 * still has: change it while no device is in use.
 */
export function frontswap_register_ops(ops: frontswap_ops | null): frontswap_ops | null {
  const before = backend;
  if (ops !== null) {
    const init = ops.init;
    for (let type: u32 = 0; type < MAX_SWAPFILES; type++) {
      if ((READ_ONCE(swap_info[type].flags) & SWP_WRITEOK) !== 0) init(type);
    }
  }
  fence("rw", "w");
  WRITE_ONCE(backend, ops);
  return before;
}

export function frontswap_enabled(): boolean {
  return READ_ONCE(backend) !== null;
}

/** A device comes into use. @atomic */
export function frontswap_init(type: u32): void {
  const ops = READ_ONCE(backend);
  if (ops === null) return;
  const init = ops.init;
  init(type);
}

export function frontswap_test(sis: swap_info_struct, offset: u32): boolean {
  return (READ_ONCE(sis.frontswap_map[offset >>> 5]) & (1 << (offset & 31))) !== 0;
}

function set_bit(sis: swap_info_struct, offset: u32): void {
  const bit: u32 = 1 << (offset & 31);
  if ((amoOr(addressOf(sis.frontswap_map[offset >>> 5]), bit) & bit) === 0) atomic_inc(sis.frontswap_pages);
}

function clear_bit(sis: swap_info_struct, offset: u32): void {
  const bit: u32 = 1 << (offset & 31);
  if ((amoAnd(addressOf(sis.frontswap_map[offset >>> 5]), ~bit) & bit) !== 0) atomic_dec(sis.frontswap_pages);
}

/** The backend's copy is older than what the page holds now. */
function drop_stale(ops: frontswap_ops, sis: swap_info_struct, type: u32, offset: u32): void {
  if (CONFIG.swap.bug === SWAP_BUG.frontswap_stale) return;
  clear_bit(sis, offset);
  if (CONFIG.swap.bug === SWAP_BUG.frontswap_no_invalidate) return;
  const invalidate_page = ops.invalidate_page;
  invalidate_page(type, offset);
}

/** Offers the page, which is locked and in the swap cache, to the backend: 0 when it took it. */
export function frontswap_store(p: page): i32 {
  const ops = READ_ONCE(backend);
  if (ops === null) return -1;
  BUG_ON(!PageLocked(p));
  const type = swp_type(p.private);
  const offset = swp_offset(p.private);
  const sis = swap_info[type];
  const store = ops.store;
  if (store(type, offset, p) === 0) {
    set_bit(sis, offset);
    atomic_inc(frontswap_stats.succ_stores);
    return 0;
  }
  atomic_inc(frontswap_stats.failed_stores);
  if (frontswap_test(sis, offset)) drop_stale(ops, sis, type, offset);
  return -1;
}

/** Fills the page, which is locked and in the swap cache, from the backend: 0 when it had it. */
export function frontswap_load(p: page): i32 {
  const ops = READ_ONCE(backend);
  if (ops === null) return -1;
  BUG_ON(!PageLocked(p));
  const type = swp_type(p.private);
  const offset = swp_offset(p.private);
  const sis = swap_info[type];
  if (!frontswap_test(sis, offset)) return -1;
  const load = ops.load;
  const error = load(type, offset, p);
  if (error !== 0) return error;
  atomic_inc(frontswap_stats.loads);
  if (READ_ONCE(exclusive_gets)) {
    SetPageDirty(p);
    clear_bit(sis, offset);
  }
  return 0;
}

/** The slot has become free. Called with p->lock held. @atomic */
export function frontswap_invalidate_page(type: u32, offset: u32): void {
  const ops = READ_ONCE(backend);
  if (ops === null) return;
  const sis = swap_info[type];
  if (!frontswap_test(sis, offset)) return;
  const invalidate_page = ops.invalidate_page;
  invalidate_page(type, offset);
  clear_bit(sis, offset);
  atomic_inc(frontswap_stats.invalidates);
}

/** The device is empty and goes; with its locks held or not, as swap.area_call says. @atomic */
export function frontswap_invalidate_area(type: u32): void {
  const ops = READ_ONCE(backend);
  if (ops === null) return;
  const sis = swap_info[type];
  const invalidate_area = ops.invalidate_area;
  invalidate_area(type);
  atomic_set(sis.frontswap_pages, 0);
  memset(addr(sis.frontswap_map), 0, frontswap_map_bytes(sis.pages + 1));
}

/** Whole words of one bit a slot. */
export function frontswap_map_bytes(slots: u32): u32 {
  return ((slots + 31) >>> 5) << 2;
}

/** Pages of all devices that the backend has. */
export function frontswap_curr_pages(): u32 {
  let pages: u32 = 0;
  for (let type: u32 = 0; type < MAX_SWAPFILES; type++) pages += u32(atomic_read(swap_info[type].frontswap_pages));
  return pages;
}
