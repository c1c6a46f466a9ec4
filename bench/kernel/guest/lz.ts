// What compression costs and gains: pages of each kind (kernel/test/lz_pages.ts), sums over PAGES of them.
//
//   lz KIND PAGES BYTES IN BYTES OUT COMPRESSION DECOMPRESSION       the costs in instructions and cycles: INSTRUCTIONS/CYCLES

import { CSR_CYCLE, CSR_INSTRET } from "kernel/arch/csr.ts";
import { PAGE_SIZE } from "kernel/arch/page.ts";
import { panic } from "kernel/lib/bug.ts";
import { LZ_WORKSPACE_BYTES, lz_compress } from "kernel/lib/lz/compress.ts";
import { lz_decompress } from "kernel/lib/lz/decompress.ts";
import { pr_info } from "kernel/lib/printk.ts";
import { prandom_seed, prandom_state } from "kernel/lib/random.ts";
import { memcmp } from "kernel/lib/string.ts";
import { GFP_KERNEL } from "kernel/mm/gfp.ts";
import { kfree, kmalloc } from "kernel/mm/slab.ts";
import { fill_page_of, kind_name, KINDS } from "kernel/test/lz_pages.ts";

const PAGES = 32;

const random = new prandom_state();
let room: usize = 0;

function costs(kind: u32, source: usize, packed: usize, unpacked: usize, workspace: usize): void {
  let bytes: u32 = 0;
  let in_instructions: u32 = 0;
  let in_cycles: u32 = 0;
  let out_instructions: u32 = 0;
  let out_cycles: u32 = 0;
  for (let n: u32 = 0; n < PAGES; n++) {
    fill_page_of(random, kind, source, PAGE_SIZE);
    room = 2 * PAGE_SIZE;
    let cycles = csrRead(CSR_CYCLE);
    let instructions = csrRead(CSR_INSTRET);
    if (lz_compress(source, PAGE_SIZE, packed, addressOf(room), workspace) !== 0) panic("a page did not fit");
    in_instructions += csrRead(CSR_INSTRET) - instructions;
    in_cycles += csrRead(CSR_CYCLE) - cycles;
    const length = room;
    bytes += length;
    room = PAGE_SIZE;
    cycles = csrRead(CSR_CYCLE);
    instructions = csrRead(CSR_INSTRET);
    if (lz_decompress(packed, length, unpacked, addressOf(room)) !== 0) panic("a page did not come back");
    out_instructions += csrRead(CSR_INSTRET) - instructions;
    out_cycles += csrRead(CSR_CYCLE) - cycles;
    if (memcmp(source, unpacked, PAGE_SIZE) !== 0) panic("a page came back as another");
  }
  pr_info(
    "lz %s %u %u %u %u/%u %u/%u\n", kind_name(kind), PAGES, PAGES * PAGE_SIZE, bytes, in_instructions, in_cycles, out_instructions, out_cycles,
  );
}

export function lz_costs(_arg: u32): void {
  const memory = kmalloc(4 * PAGE_SIZE, GFP_KERNEL);
  const workspace = kmalloc(LZ_WORKSPACE_BYTES, GFP_KERNEL);
  if (memory === 0 || workspace === 0) panic("no memory");
  prandom_seed(random, 1);
  for (let kind: u32 = 0; kind < KINDS; kind++) costs(kind, memory, memory + PAGE_SIZE, memory + 3 * PAGE_SIZE, workspace);
  kfree(workspace);
  kfree(memory);
}
