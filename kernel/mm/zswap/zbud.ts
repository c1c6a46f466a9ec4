// zbud: at most two compressed pages, buddies, in one page, so that giving back a page means evicting two of them at most.
//
//     0       64                                                              4096
//     +--------+------------------+----------------------+--------------------+
//     | header |  first buddy  -> |      free chunks     |   <- last buddy    |
//     +--------+------------------+----------------------+--------------------+
//   in chunks of 64 bytes, 63 of them behind the header. A handle is the address of a buddy's bytes: FIRST begins at the first chunk, LAST
//   ends with the page, so that the handle tells which of the two it is.
//
// Lists: unbuddied[n], pages with one buddy and n free chunks; buddied, pages with two; lru, all of them, last filled first. A page that is
// reclaimed is on none of them, and under_reclaim says so to zbud_free, which then leaves the page to the reclaimer.
// Locks: pool.lock, inside of whatever the caller holds (zswap: a tree's lock) and outside of the page allocator's. It is not held while
//   evict runs, nor while a page is allocated. Atomic: zbud_alloc sleeps when `gfp` says so.
// Lifetime: a header lives in its page, which goes when both buddies are free.
// Limits: no highmem, so zbud_map is the handle. Source: Linux 3.11, mm/zbud.c; NCHUNKS as in 6.1.

import { CONFIG, ZBUD_BUG } from "config";
import { PAGE_SIZE } from "../../arch/page.ts";
import { EAGAIN, EINVAL, ENOMEM, ENOSPC } from "../../lib/errno.ts";
import { INIT_LIST_HEAD, list_add, list_del, list_empty, list_head } from "../../lib/list.ts";
import { spin_lock, spin_lock_init, spin_unlock, spinlock_t } from "../../locking/spinlock.ts";
import { __get_free_pages, free_pages } from "../page_alloc.ts";
import { kfree, kmalloc } from "../slab.ts";

const CHUNK_SHIFT = 6;
const CHUNK_SIZE = 1 << CHUNK_SHIFT;
/** The header's own chunk. */
const ZHDR_SIZE_ALIGNED = CHUNK_SIZE;
export const NCHUNKS = (PAGE_SIZE - ZHDR_SIZE_ALIGNED) >>> CHUNK_SHIFT;
/** What zbud_alloc gives at most: a page that held more could hold no second buddy. */
export const ZBUD_MAX_SIZE = PAGE_SIZE - ZHDR_SIZE_ALIGNED - CHUNK_SIZE;

const UNDER_RECLAIM: boolean = CONFIG.zbud.bug !== ZBUD_BUG.no_under_reclaim;

/** At the start of each page of a pool. */
class zbud_header {
  readonly buddy = new list_head();
  readonly lru = new list_head();
  /** 0: there is none. */
  first_chunks: u32;
  last_chunks: u32;
  under_reclaim: boolean;
}

/** 0, when the bytes of the handle were freed; an errno, when they stay. Called with no lock of zbud's; may sleep. */
export type zbud_evict = (pool: zbud_pool, handle: usize) => i32;

export class zbud_pool {
  readonly lock = new spinlock_t();
  readonly unbuddied = new StructArray(list_head, NCHUNKS);
  readonly buddied = new list_head();
  readonly lru = new list_head();
  /** Pages, those that are being reclaimed included. */
  pages_nr: u32;
  evict: zbud_evict | null;
}

/** Null: no memory. `evict` null: a pool that cannot be reclaimed. @may_sleep_if gfp __GFP_WAIT */
export function zbud_create_pool(gfp: u32, evict: zbud_evict | null): zbud_pool | null {
  const memory = kmalloc(sizeof<zbud_pool>(), gfp);
  if (memory === 0) return null;
  const pool = cast<zbud_pool>(memory);
  spin_lock_init(pool.lock, "zbud_pool.lock");
  for (let n: u32 = 0; n < NCHUNKS; n++) INIT_LIST_HEAD(pool.unbuddied[n]);
  INIT_LIST_HEAD(pool.buddied);
  INIT_LIST_HEAD(pool.lru);
  pool.pages_nr = 0;
  pool.evict = evict;
  return pool;
}

/** The pool is empty. */
export function zbud_destroy_pool(pool: zbud_pool): void {
  kfree(addr(pool));
}

function size_to_chunks(size: usize): u32 {
  "inline";
  return (size + CHUNK_SIZE - 1) >>> CHUNK_SHIFT;
}

function num_free_chunks(zhdr: zbud_header): u32 {
  "inline";
  return NCHUNKS - zhdr.first_chunks - zhdr.last_chunks;
}

function handle_to_zbud_header(handle: usize): zbud_header {
  "inline";
  return cast<zbud_header>(handle & ~(PAGE_SIZE - 1));
}

function first_handle_of(zhdr: zbud_header): usize {
  "inline";
  return zhdr.first_chunks === 0 ? 0 : addr(zhdr) + ZHDR_SIZE_ALIGNED;
}

function last_handle_of(zhdr: zbud_header): usize {
  "inline";
  return zhdr.last_chunks === 0 ? 0 : addr(zhdr) + PAGE_SIZE - (zhdr.last_chunks << CHUNK_SHIFT);
}

/** On the list that its free chunks name. pool.lock is held; at least one buddy is there. */
function enlist(pool: zbud_pool, zhdr: zbud_header): void {
  if (zhdr.first_chunks === 0 || zhdr.last_chunks === 0) list_add(zhdr.buddy, pool.unbuddied[num_free_chunks(zhdr)]);
  else list_add(zhdr.buddy, pool.buddied);
}

/** A page on no list, with both buddies free. */
function free_zbud_page(pool: zbud_pool, zhdr: zbud_header): void {
  free_pages(addr(zhdr), 0);
  pool.pages_nr -= 1;
}

/** A page with one buddy and room for `chunks`, taken off its list of buddies; null: none. pool.lock is held. */
function find_room(pool: zbud_pool, chunks: u32): zbud_header | null {
  for (let n = chunks; n < NCHUNKS; n++) {
    const head = pool.unbuddied[n];
    if (list_empty(head)) continue;
    const zhdr = containerOf(zbud_header, "buddy", head.next);
    list_del(zhdr.buddy);
    return zhdr;
  }
  return null;
}

/**
 * Room for `size` bytes: 0, and handle[0] names it; -EINVAL: no size; -ENOSPC: too large for any page; -ENOMEM.
 * @may_sleep_if gfp __GFP_WAIT
 */
export function zbud_alloc(pool: zbud_pool, size: usize, gfp: u32, handle: Ptr<usize>): i32 {
  if (size === 0) return -EINVAL;
  if (size > ZBUD_MAX_SIZE) return -ENOSPC;
  const chunks = size_to_chunks(size);
  spin_lock(pool.lock);
  let zhdr = find_room(pool, chunks);
  if (zhdr === null) {
    spin_unlock(pool.lock);
    const memory = __get_free_pages(gfp, 0);
    if (memory === 0) return -ENOMEM;
    spin_lock(pool.lock);
    zhdr = cast<zbud_header>(memory);
    INIT_LIST_HEAD(zhdr.lru);
    zhdr.first_chunks = 0;
    zhdr.last_chunks = 0;
    zhdr.under_reclaim = false;
    pool.pages_nr += 1;
  }
  const first = zhdr.first_chunks === 0;
  if (first) zhdr.first_chunks = chunks;
  else zhdr.last_chunks = chunks;
  enlist(pool, zhdr);
  if (!list_empty(zhdr.lru)) list_del(zhdr.lru);
  list_add(zhdr.lru, pool.lru);
  handle[0] = first ? first_handle_of(zhdr) : last_handle_of(zhdr);
  spin_unlock(pool.lock);
  return 0;
}

/** Gives back what zbud_alloc gave; the page with it when it is the last, unless somebody reclaims it and will do that. */
export function zbud_free(pool: zbud_pool, handle: usize): void {
  const zhdr = handle_to_zbud_header(handle);
  spin_lock(pool.lock);
  if (((handle - ZHDR_SIZE_ALIGNED) & (PAGE_SIZE - 1)) !== 0) zhdr.last_chunks = 0;
  else zhdr.first_chunks = 0;
  if (zhdr.under_reclaim) {
    spin_unlock(pool.lock);
    return;
  }
  list_del(zhdr.buddy);
  if (zhdr.first_chunks === 0 && zhdr.last_chunks === 0) {
    list_del(zhdr.lru);
    free_zbud_page(pool, zhdr);
  } else {
    enlist(pool, zhdr);
  }
  spin_unlock(pool.lock);
}

/**
 * Tries to make a page free, the one filled longest ago first, and the next one when somebody keeps it, `retries` times. 0: a page is free;
 * -EINVAL: nothing to reclaim, or no way to; -EAGAIN: none became free. @may_sleep
 */
export function zbud_reclaim_page(pool: zbud_pool, retries: u32): i32 {
  const evict = pool.evict;
  spin_lock(pool.lock);
  if (evict === null || list_empty(pool.lru) || retries === 0) {
    spin_unlock(pool.lock);
    return -EINVAL;
  }
  for (let n: u32 = 0; n < retries; n++) {
    // Not empty: the lock has been held since a page was put there.
    const zhdr = containerOf(zbud_header, "lru", pool.lru.prev);
    list_del(zhdr.lru);
    list_del(zhdr.buddy);
    if (UNDER_RECLAIM) zhdr.under_reclaim = true;
    const first = first_handle_of(zhdr);
    const last = last_handle_of(zhdr);
    spin_unlock(pool.lock);
    let error: i32 = 0;
    if (first !== 0) error = evict(pool, first);
    if (error === 0 && last !== 0) error = evict(pool, last);
    spin_lock(pool.lock);
    zhdr.under_reclaim = false;
    if (zhdr.first_chunks === 0 && zhdr.last_chunks === 0) {
      free_zbud_page(pool, zhdr);
      spin_unlock(pool.lock);
      return 0;
    }
    enlist(pool, zhdr);
    list_add(zhdr.lru, pool.lru);
  }
  spin_unlock(pool.lock);
  return -EAGAIN;
}

/** Where the bytes of a handle are, until zbud_unmap. */
export function zbud_map(_pool: zbud_pool, handle: usize): usize {
  "inline";
  return handle;
}

export function zbud_unmap(_pool: zbud_pool, _handle: usize): void {
  "inline";
}

/** Pages of the pool; another CPU may change it at once. */
export function zbud_get_pool_size(pool: zbud_pool): u32 {
  "inline";
  return data_race(pool.pages_nr);
}

/**
 * Whether lists and counts of a pool at rest are right: every page is on the lru once and on the list that its buddies say; for tests, and for
 * what a scenario checks at its end.
 */
export function zbud_pool_is_sound(pool: zbud_pool): boolean {
  spin_lock(pool.lock);
  let pages: u32 = 0;
  let sound = true;
  for (let at = pool.lru.next; at !== pool.lru && pages <= pool.pages_nr; at = at.next) {
    const zhdr = containerOf(zbud_header, "lru", at);
    pages += 1;
    if (at.next.prev !== at || zhdr.under_reclaim || (zhdr.first_chunks === 0 && zhdr.last_chunks === 0)) sound = false;
  }
  let listed: u32 = 0;
  for (let n: u32 = 0; n <= NCHUNKS; n++) {
    const head = n === NCHUNKS ? pool.buddied : pool.unbuddied[n];
    for (let at = head.next; at !== head && listed <= pool.pages_nr; at = at.next) {
      const zhdr = containerOf(zbud_header, "buddy", at);
      listed += 1;
      const two = zhdr.first_chunks !== 0 && zhdr.last_chunks !== 0;
      if (two !== (n === NCHUNKS) || (!two && num_free_chunks(zhdr) !== n)) sound = false;
    }
  }
  if (pages !== pool.pages_nr || listed !== pages) sound = false;
  spin_unlock(pool.lock);
  return sound;
}
