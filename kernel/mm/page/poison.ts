// Page poisoning (configuration page_poisoning): a free page is filled with PAGE_POISON and must still be when it is taken
// again. A difference is a write after free: the report shows the first and the last byte that changed, and bad_page names the frame.
//
// page.index of every free page that has been filled is POISONED; memory that was never allocated is not filled.

import { PAGE_SIZE } from "../../arch/page.ts";
import { dump_stack } from "../../lib/bug.ts";
import { pr_err } from "../../lib/printk.ts";
import { fill_pattern } from "./pattern.ts";
import { nth_page, page, page_address } from "./page.ts";

export const PAGE_POISON = 0xaa;
const POISON_WORD = 0xaaaa_aaaa;
/** In page.index. */
const POISONED = 0x7067_aaaa;

/** The block is about to be free. */
export function kernel_poison_pages(p: page, order: u32): void {
  fill_pattern(page_address(p), PAGE_POISON, PAGE_SIZE << order);
  for (let n: u32 = 0; n < 1 << order; n++) nth_page(p, n).index = POISONED;
}

function check_poison(va: usize): void {
  let first: u32 = PAGE_SIZE;
  let last: u32 = 0;
  for (let at: u32 = 0; at < PAGE_SIZE; at += 4) {
    if (cast<Ptr<u32>>(va + at)[0] === POISON_WORD) continue;
    if (first === PAGE_SIZE) first = at;
    last = at;
  }
  if (first === PAGE_SIZE) return;
  pr_err("BUG: pagealloc: memory corruption in a free page: words %08x-%08x, the first holds %08x instead of %08x\n", va + first, va + last,
    cast<Ptr<u32>>(va + first)[0], POISON_WORD);
  dump_stack();
}

/** The block has just been taken. */
export function kernel_unpoison_pages(p: page, order: u32): void {
  for (let n: u32 = 0; n < 1 << order; n++) {
    const one = nth_page(p, n);
    if (one.index !== POISONED) continue;
    one.index = 0;
    check_poison(page_address(one));
  }
}
