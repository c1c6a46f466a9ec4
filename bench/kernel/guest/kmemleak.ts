// What kmemleak costs: an allocation and its end, and scans of many live blocks with nothing, with no pointers, or with pointers in them.
//
//   kmemleak pair SIZE INSTRUCTIONS                       kmalloc and kfree, the least of many
//   kmemleak scan COUNT SIZE CONTENTS INSTRUCTIONS        the third scan of that setting; what the blocks were made of stays out

import { CSR_INSTRET } from "kernel/arch/csr.ts";
import { panic } from "kernel/lib/bug.ts";
import { pr_info } from "kernel/lib/printk.ts";
import { memset } from "kernel/lib/string.ts";
import { GFP_KERNEL } from "kernel/mm/gfp.ts";
import { kmemleak_write } from "kernel/mm/kmemleak/control.ts";
import { kfree, kmalloc } from "kernel/mm/slab.ts";
import { vfree, vzalloc } from "kernel/mm/vmalloc.ts";

const PAIRS = 200;

/** What the blocks contain. */
const ZERO = 0;
const MISSES = 1;
const POINTERS = 2;

function pair(size: u32): void {
  let least: u32 = 0xffff_ffff;
  for (let i: u32 = 0; i < PAIRS; i++) {
    const before = csrRead(CSR_INSTRET);
    kfree(kmalloc(size, GFP_KERNEL));
    const cost = csrRead(CSR_INSTRET) - before;
    if (cost < least) least = cost;
  }
  pr_info("kmemleak pair %u %u\n", size, least);
}

/** Nothing, addresses of no block, or interior addresses of others. */
function fill(table: Ptr<usize>, count: u32, size: u32, contents: u32): void {
  for (let i: u32 = 0; i < count; i++) {
    const words = cast<Ptr<usize>>(table[i]);
    for (let w: u32 = 0; w < size / 4; w++) {
      if (contents === POINTERS) words[w] = table[(i * 7 + w * 13) % count] + 8;
      else if (contents === MISSES) words[w] = holes[w % HOLES] + 64;
      else words[w] = 0;
    }
  }
}
/** Blocks that were freed, in pages that are free: in range, nobody's. Spread over the tree, whose branches are not of one length. */
const HOLES = 64;
const HOLE_BYTES = 32768;
const holes = new FixedArray<usize>(HOLES);

function scans(count: u32, size: u32, contents: u32): void {
  const memory = vzalloc(count * 4);
  if (memory === 0) panic("no memory for the table");
  const table = cast<Ptr<usize>>(memory);
  const large = kmalloc(HOLE_BYTES, GFP_KERNEL);
  let dug: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    table[i] = kmalloc(size, GFP_KERNEL);
    if (table[i] === 0) panic("no memory for block %u", i);
    memset(table[i], 0, size);
    if (dug < HOLES && i >= (count * (2 * dug + 1)) / (2 * HOLES)) holes[dug++] = kmalloc(HOLE_BYTES, GFP_KERNEL);
  }
  for (let i: u32 = 0; i < dug; i++) kfree(holes[i]);
  fill(table, count, size, contents);
  kmemleak_write("scan");
  kmemleak_write("scan");
  const before = csrRead(CSR_INSTRET);
  kmemleak_write("scan");
  const cost = csrRead(CSR_INSTRET) - before;
  pr_info("kmemleak scan %u %u %u %u\n", count, size, contents, cost);
  for (let i: u32 = 0; i < count; i++) kfree(table[i]);
  kfree(large);
  vfree(memory);
}

export function kmemleak_costs(_arg: u32): void {
  "noinline";
  pair(64);
  pair(512);
  scans(1, 64, ZERO);
  scans(5000, 64, ZERO);
  scans(20000, 64, ZERO);
  scans(5000, 512, ZERO);
  scans(20000, 512, ZERO);
  scans(20000, 512, MISSES);
  scans(20000, 512, POINTERS);
  scans(50000, 512, ZERO);
}
