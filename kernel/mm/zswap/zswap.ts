// zswap: a cache of compressed pages in front of the swap devices, as a backend of frontswap (docs/kernel/zswap.md).
//
//   store            compresses the page into this CPU's buffer, finds room in zbud, links an entry; a page that was there goes
//   load             decompresses; the entry stays, unless zswap.exclusive is set
//   invalidate_page  the slot is free: the entry goes. Called with the device's lock held
//   invalidate_area  the device goes: all of its entries do
//   (writeback.ts)   the pool is full: a store has zbud give a page back, which writes two entries to the device
// Boot parameters: zswap.enabled (1), zswap.max_pool_percent (20: of the memory, the pool's limit), zswap.compressor (lz; no other is there).
// Order of locks and lifetimes: entry.ts. Who frees an entry: refs.ts and, for z3, pos.ts. Linux 3.11, mm/zswap.c; unlike it zswap is on
// once a design is chosen.

import { CONFIG, ZSWAP, ZSWAP_BUG } from "config";
import { get_option, get_option_u32 } from "../../lib/cmdline.ts";
import { EEXIST, EINVAL, ENODEV, ENOMEM, ENOSPC } from "../../lib/errno.ts";
import { BUG_ON } from "../../lib/bug.ts";
import { point } from "../../lib/point.ts";
import { pr_err, pr_info } from "../../lib/printk.ts";
import { rb_first } from "../../lib/rbtree.ts";
import { memcpy, strcmp } from "../../lib/string.ts";
import { spin_lock, spin_lock_init, spin_unlock } from "../../locking/spinlock.ts";
import { atomic_inc } from "../../lib/atomic.ts";
import { __GFP_NORETRY, __GFP_NOWARN, GFP_ATOMIC, GFP_KERNEL } from "../gfp.ts";
import { page, page_address, totalram_pages } from "../page_alloc.ts";
import { kfree, kmalloc } from "../slab.ts";
import { swp_entry } from "../swap/entry.ts";
import { frontswap_ops, frontswap_register_ops, frontswap_tmem_exclusive_gets } from "../swap/frontswap.ts";
import { zswap_compress, zswap_cpu, zswap_cpu_get, zswap_cpu_init, zswap_cpu_put, zswap_decompress } from "./cpu.ts";
import {
  CAS, zswap_entry, zswap_entry_cache_alloc, zswap_entry_cache_create, zswap_entry_cache_free, zswap_free_entry, zswap_header, zswap_rb_erase,
  zswap_rb_insert, zswap_rb_search, zswap_tree, zswap_trees,
} from "./entry.ts";
import { WAITER, zswap_pos_change, zswap_pos_restore, ZSWAP_FLUSH, ZSWAP_LOAD, ZSWAP_POOL, zswap_waited } from "./pos.ts";
import { zswap_entry_find_get, zswap_entry_put_or_free, zswap_entry_unlink_put } from "./refs.ts";
import { zswap_stats } from "./stats.ts";
import { zswap_writeback_entry } from "./writeback.ts";
import { zbud_alloc, zbud_create_pool, zbud_get_pool_size, zbud_map, zbud_pool, zbud_reclaim_page, zbud_unmap } from "./zbud.ts";

/** Pages that a store to a full pool asks zbud to try. */
export const ZSWAP_RECLAIM_RETRIES = 8;

let max_pool_percent: u32 = 20;

/** The pool's limit, in percent of the memory; may be changed at any time. */
export function zswap_set_max_pool_percent(percent: u32): void {
  WRITE_ONCE(max_pool_percent, percent);
}

function zswap_is_full(): boolean {
  return (totalram_pages * READ_ONCE(max_pool_percent)) / 100 < data_race(zswap_stats.pool_pages);
}

// ---- z3: an entry that is to go ----

/** True: the entry was in POOL, and is gone. Called with tree.lock held. */
function zswap_invalidate_entry(tree: zswap_tree, entry: zswap_entry): boolean {
  if (!zswap_pos_change(addressOf(entry.pos), ZSWAP_POOL, ZSWAP_FLUSH)) return false;
  zswap_rb_erase(tree.rbroot, entry);
  zswap_free_entry(tree, entry);
  return true;
}

/** The patch's loop: until the entry that is in the way lets itself be freed, with tree.lock held. */
function insert_by_state(tree: zswap_tree, entry: zswap_entry): void {
  const dup = new found_entry();
  let looks: u32 = 0;
  while (zswap_rb_insert(tree.rbroot, entry, addressOf(dup.entry)) === -EEXIST) {
    if (zswap_invalidate_entry(tree, dup.entry!)) {
      data_race((zswap_stats.duplicate_entry += 1));
    } else {
      looks += 1;
      pause();
    }
  }
  zswap_waited(WAITER.STORE, looks);
}

class found_entry {
  entry: zswap_entry | null = null;
}

// ---- store ----

/** Links the entry; one that is there already goes. */
function zswap_link(tree: zswap_tree, entry: zswap_entry): void {
  "noinline";
  const dup = new found_entry();
  spin_lock(tree.lock);
  if (CAS) {
    insert_by_state(tree, entry);
  } else {
    while (zswap_rb_insert(tree.rbroot, entry, addressOf(dup.entry)) === -EEXIST) {
      data_race((zswap_stats.duplicate_entry += 1));
      zswap_entry_unlink_put(tree, dup.entry!);
    }
  }
  spin_unlock(tree.lock);
}

/** Compressed bytes behind a header into zbud: 0, and the entry knows where. */
function zswap_fill_entry(tree: zswap_tree, entry: zswap_entry, swpentry: u32, c: zswap_cpu, p: page): i32 {
  if (zswap_compress(c, page_address(p)) !== 0) return -EINVAL;
  const error = zbud_alloc(tree.pool, c.dlen + sizeof<zswap_header>(), GFP_ATOMIC | __GFP_NORETRY | __GFP_NOWARN, addressOf(entry.handle));
  if (error === -ENOSPC) data_race((zswap_stats.reject_compress_poor += 1));
  else if (error !== 0) data_race((zswap_stats.reject_alloc_fail += 1));
  if (error !== 0) return error;
  const at = zbud_map(tree.pool, entry.handle);
  point("zswap-header");
  WRITE_ONCE(cast<zswap_header>(at).swpentry, swpentry);
  memcpy(at + sizeof<zswap_header>(), c.dst, c.dlen);
  zbud_unmap(tree.pool, entry.handle);
  entry.length = c.dlen;
  return 0;
}

/** 0: there is room, or a page was freed. @may_sleep */
function zswap_make_room(tree: zswap_tree): i32 {
  if (!zswap_is_full()) return 0;
  data_race((zswap_stats.pool_limit_hit += 1));
  if (zbud_reclaim_page(tree.pool, ZSWAP_RECLAIM_RETRIES) === 0) return 0;
  data_race((zswap_stats.reject_reclaim_fail += 1));
  return -ENOMEM;
}

/** The page, locked and in the swap cache, for a slot: 0, or a negative errno and it goes to the device. @may_sleep */
export function zswap_frontswap_store(type: u32, offset: u32, p: page): i32 {
  "noinline";
  const tree = zswap_trees[type];
  if (tree === null) return -ENODEV;
  if (zswap_make_room(tree) !== 0) return -ENOMEM;
  const entry = zswap_entry_cache_alloc(GFP_KERNEL);
  if (entry === null) {
    data_race((zswap_stats.reject_kmemcache_fail += 1));
    return -ENOMEM;
  }
  entry.offset = offset;
  const c = zswap_cpu_get();
  const error = zswap_fill_entry(tree, entry, swp_entry(type, offset), c, p);
  zswap_cpu_put(c);
  if (error !== 0) {
    zswap_entry_cache_free(entry);
    return error;
  }
  zswap_link(tree, entry);
  atomic_inc(zswap_stats.stored_pages);
  data_race((zswap_stats.pool_pages = zbud_get_pool_size(tree.pool)));
  return 0;
}

// ---- load ----

/** The entry, kept until zswap_load_end; null: there is none. */
function zswap_load_begin(tree: zswap_tree, offset: u32): zswap_entry | null {
  let entry: zswap_entry | null = null;
  let looks: u32 = 0;
  for (;;) {
    spin_lock(tree.lock);
    if (!CAS) entry = zswap_entry_find_get(tree, offset);
    else entry = zswap_rb_search(tree.rbroot, offset);
    const mine = !CAS || entry === null || zswap_pos_change(addressOf(entry.pos), ZSWAP_POOL, ZSWAP_LOAD);
    spin_unlock(tree.lock);
    if (mine) break;
    looks += 1;
    pause();
  }
  if (CAS) zswap_waited(WAITER.LOAD, looks);
  return entry;
}

/** Exclusive: and the page's only copy is in memory from now on. */
function zswap_load_end(tree: zswap_tree, entry: zswap_entry): void {
  if (CAS && !CONFIG.zswap.exclusive) {
    zswap_pos_restore(addressOf(entry.pos), ZSWAP_LOAD);
    return;
  }
  spin_lock(tree.lock);
  if (CAS) {
    zswap_rb_erase(tree.rbroot, entry);
    zswap_free_entry(tree, entry);
  } else {
    if (CONFIG.zswap.exclusive && zswap_rb_search(tree.rbroot, entry.offset) === entry) zswap_entry_unlink_put(tree, entry);
    zswap_entry_put_or_free(tree, entry);
  }
  spin_unlock(tree.lock);
}

/** Fills the page, which is locked and in the swap cache: 0, or -1: not here, the device has it. */
export function zswap_frontswap_load(type: u32, offset: u32, p: page): i32 {
  "noinline";
  const tree = zswap_trees[type]!;
  const entry = zswap_load_begin(tree, offset);
  if (entry === null) return -1;
  point("zswap-load");
  const src = zbud_map(tree.pool, entry.handle) + sizeof<zswap_header>();
  const error = zswap_decompress(src, entry.length, page_address(p));
  zbud_unmap(tree.pool, entry.handle);
  BUG_ON(error !== 0);
  zswap_load_end(tree, entry);
  return 0;
}

// ---- invalidation ----

/** The slot has become free. Called with the device's lock held. @atomic */
export function zswap_frontswap_invalidate_page(type: u32, offset: u32): void {
  "noinline";
  const tree = zswap_trees[type]!;
  let looks: u32 = 0;
  for (;;) {
    spin_lock(tree.lock);
    const entry = zswap_rb_search(tree.rbroot, offset);
    let done = true;
    if (entry !== null) {
      if (CAS) done = zswap_invalidate_entry(tree, entry);
      else zswap_entry_unlink_put(tree, entry);
    }
    spin_unlock(tree.lock);
    if (done) break;
    looks += 1;
    pause();
  }
  if (CAS) zswap_waited(WAITER.INVALIDATE, looks);
}

/** The device goes. zswap.bug=area-ignores-refs: what somebody still loads goes, too, as in Linux 3.11. @atomic */
export function zswap_frontswap_invalidate_area(type: u32): void {
  "noinline";
  const tree = zswap_trees[type];
  if (tree === null) return;
  let looks: u32 = 0;
  spin_lock(tree.lock);
  for (let node = rb_first(tree.rbroot); node !== null; node = rb_first(tree.rbroot)) {
    const entry = containerOf(zswap_entry, "rbnode", node);
    if (CAS) {
      if (zswap_invalidate_entry(tree, entry)) continue;
      looks += 1;
      pause();
    } else if (CONFIG.zswap.bug === ZSWAP_BUG.area_ignores_refs) {
      zswap_rb_erase(tree.rbroot, entry);
      zswap_free_entry(tree, entry);
    } else {
      zswap_entry_unlink_put(tree, entry);
    }
  }
  spin_unlock(tree.lock);
  if (CAS) zswap_waited(WAITER.AREA, looks);
}

// ---- beginning ----

/** A device comes; one that was there before has its tree. @atomic */
function zswap_frontswap_init(type: u32): void {
  if (zswap_trees[type] !== null) return;
  const memory = kmalloc(sizeof<zswap_tree>(), GFP_ATOMIC);
  const pool: zbud_pool | null = memory === 0 ? null : zbud_create_pool(GFP_ATOMIC, zswap_writeback_entry);
  if (pool === null) {
    if (memory !== 0) kfree(memory);
    pr_err("zswap: no memory for a tree, swap type %u goes without\n", type);
    return;
  }
  const tree = cast<zswap_tree>(memory);
  tree.rbroot.rb_node = null;
  spin_lock_init(tree.lock, "zswap_tree.lock");
  tree.pool = pool;
  zswap_trees[type] = tree;
}

const zswap_ops = new frontswap_ops();

/** The design by its name in zswap.design. */
export function zswap_design_name(): string {
  switch (CONFIG.zswap.design) {
    case ZSWAP.z0: return "z0";
    case ZSWAP.z1: return "z1";
    case ZSWAP.z2a: return "z2a";
    case ZSWAP.z2b: return "z2b";
    case ZSWAP.z3: return "z3";
    case ZSWAP.z4: return "z4";
    case ZSWAP.z4_bug: return "z4-bug";
    default: return "off";
  }
}

/** Once, before the first device is used, with CPUs free to come and go. @may_sleep */
export function init_zswap(): void {
  if (CONFIG.zswap.design === ZSWAP.off) return;
  if (get_option_u32("zswap.enabled", 1) === 0) return;
  zswap_set_max_pool_percent(get_option_u32("zswap.max_pool_percent", 20));
  const compressor = get_option("zswap.compressor", "lz");
  if (strcmp(compressor, "lz") !== 0) pr_err("zswap: %s compressor not available, lz is used\n", compressor);
  if (!zswap_entry_cache_create() || zswap_cpu_init() !== 0) {
    pr_err("zswap: no memory, swapped pages go to the device\n");
    return;
  }
  zswap_ops.init = zswap_frontswap_init;
  zswap_ops.store = zswap_frontswap_store;
  zswap_ops.load = zswap_frontswap_load;
  zswap_ops.invalidate_page = zswap_frontswap_invalidate_page;
  zswap_ops.invalidate_area = zswap_frontswap_invalidate_area;
  frontswap_tmem_exclusive_gets(CONFIG.zswap.exclusive);
  frontswap_register_ops(zswap_ops);
  pr_info("zswap: loaded, design %s, lz, zbud\n", zswap_design_name());
}
