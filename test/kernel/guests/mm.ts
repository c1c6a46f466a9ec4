// What the memory allocators say: reports, listings, and how accesses to nowhere end.

import { pr_info } from "kernel/lib/printk.ts";
import { GFP_ATOMIC, GFP_KERNEL, __GFP_NORETRY } from "kernel/mm/gfp.ts";
import { __free_pages, __get_free_pages, alloc_pages, drain_all_pages, free_pages, page_address } from "kernel/mm/page_alloc.ts";
import { kfree, kmalloc } from "kernel/mm/slab.ts";
import { ioremap, iounmap, vfree, vmalloc, vmallocinfo_show } from "kernel/mm/vmalloc.ts";

/** Writes one word past the end of a block. */
export function overrun(_arg: u32): void {
  "noinline";
  const block = vmalloc(8192);
  cast<Ptr<u32>>(block + 8196)[0] = 1;
}

export function use_after_vfree(_arg: u32): void {
  "noinline";
  const block = vmalloc(8192);
  const last = vmalloc(4096);
  vfree(last);
  pr_info("%u\n", cast<Ptr<u32>>(last + 64)[0]);
  vfree(block);
}

/** Each kind of wrong free, and the allocator still works. */
export function wrong_frees(_arg: u32): void {
  "noinline";
  const block = __get_free_pages(GFP_KERNEL, 1);
  free_pages(block, 0);
  free_pages(block, 1);
  free_pages(block, 1);
  const object = kmalloc(64, GFP_KERNEL);
  free_pages(object & ~4095, 0);
  kfree(object);
  free_pages(0xc000_1000, 0);
  const again = __get_free_pages(GFP_KERNEL, 1);
  pr_info("again: %s\n", again !== 0 ? "memory" : "nothing");
  free_pages(again, 1);
}

/** Allocates until nothing is left; the last attempts are reported. */
export function run_out(_arg: u32): void {
  "noinline";
  let chain: usize = 0;
  for (;;) {
    const block = __get_free_pages(GFP_ATOMIC, 3);
    if (block === 0) break;
    cast<Ptr<usize>>(block)[0] = chain;
    chain = block;
  }
  if (__get_free_pages(GFP_KERNEL | __GFP_NORETRY, 3) !== 0) pr_info("there was more\n");
  while (chain !== 0) {
    const next = cast<Ptr<usize>>(chain)[0];
    free_pages(chain, 3);
    chain = next;
  }
}

/** A word of a free page changes; whoever gets the page is told. */
export function write_after_free(_arg: u32): void {
  "noinline";
  const p = alloc_pages(GFP_KERNEL, 0);
  if (p === null) return;
  const va = page_address(p);
  __free_pages(p, 0);
  cast<Ptr<u32>>(va)[16] = 0x1234_5678;
  drain_all_pages();
  for (let n: u32 = 0; n < 64; n++) {
    const other = alloc_pages(GFP_KERNEL, 0);
    if (other === p) return;
  }
}

export function list_areas(_arg: u32): void {
  "noinline";
  const block = vmalloc(10_000);
  const registers = ioremap(0x1000_0000, 256);
  vmallocinfo_show();
  iounmap(registers);
  vfree(block);
}

function careful(size: u32): usize {
  "noinline";
  return kmalloc(size, GFP_ATOMIC);
}

function careless(size: u32): usize {
  "noinline";
  return kmalloc(size, GFP_ATOMIC);
}

/** With failslab.require-start=careless only one of the two fails. */
export function at_a_site(_arg: u32): void {
  "noinline";
  let failed_careful: u32 = 0;
  let failed_careless: u32 = 0;
  for (let n: u32 = 0; n < 20; n++) {
    const one = careful(40);
    const other = careless(40);
    if (one === 0) failed_careful += 1;
    if (other === 0) failed_careless += 1;
    kfree(one);
    kfree(other);
  }
  pr_info("failed: careful %u, careless %u\n", failed_careful, failed_careless);
}
