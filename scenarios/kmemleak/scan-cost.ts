// The workload of kmemleak/scan-cost: so many live blocks of one size and content, and three scans of them. What boot.objects,
// boot.bytes and boot.contents (zero, inrange, pointers) say.

import { scenario_stop } from "kernel/init/scenario.ts";
import { panic } from "kernel/lib/bug.ts";
import { get_option, get_option_u32 } from "kernel/lib/cmdline.ts";
import { strcmp } from "kernel/lib/string.ts";
import { GFP_KERNEL } from "kernel/mm/gfp.ts";
import { kmemleak_write } from "kernel/mm/kmemleak/control.ts";
import { kzalloc } from "kernel/mm/slab.ts";
import { vmalloc } from "kernel/mm/vmalloc.ts";

const SCANS = 3;

/** Refers to all blocks; a page that no block of the slab is in. */
export let table: usize = 0;

function fill(block: usize, bytes: u32, value: usize): void {
  const words = cast<Ptr<usize>>(block);
  for (let i: u32 = 0; i < bytes / 4; i++) words[i] = value;
}

export function scan_live_blocks(_arg: u32): void {
  "noinline";
  const objects = get_option_u32("objects", 1000);
  const bytes = get_option_u32("bytes", 64);
  const contents = get_option("contents", "zero");
  table = vmalloc(objects * 4 + 4);
  if (table === 0) panic("scan_live_blocks: no memory for the table");
  const blocks = cast<Ptr<usize>>(table);
  for (let i: u32 = 0; i < objects; i++) {
    const block = kzalloc(bytes, GFP_KERNEL);
    if (block === 0) panic("scan_live_blocks: no memory");
    blocks[i] = block;
  }
  // In range: between the first block and the last one, and in none: a free address of vmalloc.
  const other = table + 4 * (objects + 4096);
  for (let i: u32 = 0; i < objects; i++) {
    if (strcmp(contents, "inrange") === 0) fill(blocks[i], bytes, other);
    else if (strcmp(contents, "pointers") === 0) fill(blocks[i], bytes, blocks[(i + 1) % objects]);
  }
  for (let i: u32 = 0; i < SCANS; i++) kmemleak_write("scan");
  scenario_stop();
}
