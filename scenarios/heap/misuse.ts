// The workload of heap/misuse: each task uses memory that it does not own, or that nobody has written, in a way that does no harm
// here. With the boot parameter `heap=right` each keeps to its own.

import { get_option } from "kernel/lib/cmdline.ts";
import { memcpy, strcmp } from "kernel/lib/string.ts";
import { __get_free_pages, free_pages } from "kernel/mm/page_alloc.ts";
import { GFP_KERNEL } from "kernel/mm/gfp.ts";
import { kmem_cache_alloc, kmem_cache_create, kmem_cache_destroy, kmem_cache_free } from "kernel/mm/slab.ts";
import { kfree, kmalloc, kzalloc } from "kernel/mm/slab/kmalloc.ts";
import { vfree, vmalloc, vzalloc } from "kernel/mm/vmalloc.ts";
import { call_rcu, rcu_head, synchronize_rcu } from "kernel/rcu/rcu.ts";

class session {
  readonly rcu = new rcu_head();
  id: u32;
  state: u32;
}
/** What the tasks read, so that the reads are not in vain. */
let seen: u32 = 0;

function right(): boolean {
  return strcmp(get_option("heap", "wrong"), "right") === 0;
}

function look(at: usize): void {
  "noinline";
  seen += READ_ONCE(cast<Ptr<u32>>(at)[0]);
}

/** Reads a block that is free. */
export function use_after_free(_arg: u32): void {
  const block = kzalloc(100, GFP_KERNEL);
  if (right()) look(block + 52);
  kfree(block);
  if (!right()) look(block + 52);
}

/** Writes the word behind a block, which its size class has room for. */
export function overrun(_arg: u32): void {
  const block = kzalloc(100, GFP_KERNEL);
  cast<Ptr<u32>>(block)[right() ? 24 : 25] = 1;
  kfree(block);
}

/** Decides by a field that nobody has written; copying it alone is no crime. */
export function never_written(_arg: u32): void {
  const cache = kmem_cache_create("session", sizeof<session>(), 0, 0, null);
  if (cache === null) return;
  const made = cast<session>(kmem_cache_alloc(cache, GFP_KERNEL));
  const copy = kzalloc(sizeof<session>(), GFP_KERNEL);
  memcpy(copy, addr(made), sizeof<session>());
  made.id = 7;
  if (right()) made.state = 1;
  look(addr(addressOf(made.state)));
  kmem_cache_free(cache, addr(made));
  kfree(copy);
  kmem_cache_destroy(cache);
}

/** Reads pages that went back to the page allocator. */
export function page_after_free(_arg: u32): void {
  const pages = __get_free_pages(GFP_KERNEL, 1);
  cast<Ptr<u32>>(pages + 4096)[0] = 1;
  if (right()) look(pages + 4096);
  free_pages(pages, 1);
  if (!right()) look(pages + 4096);
}

/** Writes behind what was asked of vmalloc, into the rest of its last page. */
export function vmalloc_overrun(_arg: u32): void {
  const block = vmalloc(5000);
  cast<Ptr<u32>>(block)[right() ? 1249 : 1250] = 1;
  vfree(block);
}

function bury(head: rcu_head): void {
  kfree(addr(containerOf(session, "rcu", head)));
}

/** Looks at an object once more after the grace period that ended its life. */
export function after_the_grace_period(_arg: u32): void {
  const old = cast<session>(kzalloc(sizeof<session>(), GFP_KERNEL));
  old.id = 3;
  call_rcu(old.rcu, bury);
  if (right()) return;
  synchronize_rcu();
  synchronize_rcu();
  look(addr(addressOf(old.id)));
}

/** Frees a block twice: the allocator notices, too, and stops the kernel. */
export function double_free(_arg: u32): void {
  const block = kmalloc(64, GFP_KERNEL);
  kfree(block);
  if (!right()) kfree(block);
}

/** What vzalloc has cleared is written. */
export function cleared(_arg: u32): void {
  const block = vzalloc(9000);
  look(block + 8000);
  vfree(block);
}

/** Gives a page back twice. */
export function page_twice(_arg: u32): void {
  const page = __get_free_pages(GFP_KERNEL, 0);
  free_pages(page, 0);
  if (!right()) free_pages(page, 0);
}

/** Writes to an area that is no longer mapped: the kernel says that it cannot, and stops. */
export function use_after_vfree(_arg: u32): void {
  const block = vzalloc(5000);
  if (right()) cast<Ptr<u32>>(block)[7] = 1;
  vfree(block);
  if (!right()) cast<Ptr<u32>>(block)[7] = 1;
}

/** Frees an area twice: the kernel stops. */
export function vfree_twice(_arg: u32): void {
  const block = vmalloc(5000);
  vfree(block);
  if (!right()) vfree(block);
}
