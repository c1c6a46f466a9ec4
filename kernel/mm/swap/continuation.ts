// What a byte of swap_map cannot count: more than SWAP_MAP_MAX users of one slot.
//
// A slot with more has COUNT_CONTINUED and a record here; users = low six bits (1 to 0x3e) + 0x3e * record.full.
//   up    0x3e, full = n       ->  0x80 | 1,    full = n + 1
//   down  0x80 | 1, full = n   ->  0x80 | 0x3e, full = n - 1    (0x80 goes with the last full; the record with the slot)
// A record is made by add_swap_count_continuation, before it is needed: swap_duplicate says -ENOMEM, its caller lets go of its locks,
// adds one and tries again. Lock: p->lock. Linux has pages of such counts behind the map (mm/swapfile.c); slots with so many users are
// few, so a list serves.

import { ENOMEM } from "../../lib/errno.ts";
import { list_add, list_del, list_for_each_entry, list_head } from "../../lib/list.ts";
import { spin_lock, spin_unlock } from "../../locking/spinlock.ts";
import { kfree, kmalloc } from "../slab.ts";
import { COUNT_CONTINUED, SWAP_MAP_MAX, swp_entry_t, swp_offset } from "./entry.ts";
import { swap_info_of, type swap_info_struct } from "./info.ts";

/** On the device's list `continuations`. */
class swap_continuation {
  readonly list = new list_head();
  offset: u32;
  /** SWAP_MAP_MAX users each. */
  full: u32;
}

function find(p: swap_info_struct, offset: u32): swap_continuation | null {
  for (const record of list_for_each_entry(p.continuations, swap_continuation, "list")) if (record.offset === offset) return record;
  return null;
}

/** After a swap_duplicate that said -ENOMEM: 0, or -ENOMEM. Harmless when somebody was faster. @may_sleep_if gfp __GFP_WAIT */
export function add_swap_count_continuation(entry: swp_entry_t, gfp: u32): i32 {
  const memory = kmalloc(sizeof<swap_continuation>(), gfp);
  if (memory === 0) return -ENOMEM;
  const record = cast<swap_continuation>(memory);
  record.offset = swp_offset(entry);
  record.full = 0;
  const p = swap_info_of(entry);
  let kept = false;
  if (p !== null) {
    spin_lock(p.lock);
    kept = record.offset < p.max && p.swap_map[record.offset] !== 0 && find(p, record.offset) === null;
    if (kept) list_add(record.list, p.continuations);
    spin_unlock(p.lock);
  }
  if (!kept) kfree(memory);
  return p === null ? -ENOMEM : 0;
}

/** One user more than SWAP_MAP_MAX: the users' part of the byte, or 0 without a record. Called with p->lock held. */
export function swap_count_carry(p: swap_info_struct, offset: u32): u32 {
  const record = find(p, offset);
  if (record === null) return 0;
  record.full += 1;
  return COUNT_CONTINUED | 1;
}

/** One user less than COUNT_CONTINUED | 1: the users' part of the byte. Called with p->lock held. */
export function swap_count_borrow(p: swap_info_struct, offset: u32): u32 {
  const record = find(p, offset)!;
  record.full -= 1;
  return record.full === 0 ? SWAP_MAP_MAX : COUNT_CONTINUED | SWAP_MAP_MAX;
}

/** The slot is free. Called with p->lock held. */
export function free_swap_count_continuation(p: swap_info_struct, offset: u32): void {
  const record = find(p, offset);
  if (record === null) return;
  list_del(record.list);
  kfree(addr(record));
}
