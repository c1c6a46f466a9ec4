// vmalloc, vmap and ioremap: blocks that do not overlap, keep their contents, end in a guard page, are found by any of their
// addresses; addresses that run out and come back; pages seen through two addresses.

import { CONFIG, VMALLOC_FLUSH } from "config";
import { NR_CPUS } from "../arch/percpu.ts";
import { lookup_pte, PAGE_KERNEL, VMALLOC_END, VMALLOC_START } from "../arch/pgtable.ts";
import { get_option_u32 } from "../lib/cmdline.ts";
import { prandom_seed, prandom_state, prandom_u32 } from "../lib/random.ts";
import { GFP_KERNEL } from "../mm/gfp.ts";
import { __free_pages, alloc_pages, nr_free_pages, type page, page_address } from "../mm/page_alloc.ts";
import { kfree, kmalloc } from "../mm/slab.ts";
import { copy_area_from } from "../mm/vmap/area.ts";
import {
  find_vm_area, ioremap, iounmap, is_vmalloc_addr, vfree, vm_struct, vm_unmap_aliases, vmalloc, vmalloc_to_page, vmap, vunmap, vzalloc,
} from "../mm/vmalloc.ts";
import { expect_equal, expect_true, test_run_prepared } from "./tap.ts";
import { run_threads } from "./threads.ts";

const SLOTS = 8;
const ROUNDS = 48;
/** Pages of each of the mappings that fill the area. */
const LARGE_PAGES = 4096;
const LARGE_MAX = 16;
/** The UART of the machine, and its line status register: the transmitter is empty sooner or later. */
const UART = 0x1000_0000;
const UART_LSR = 5;
const LSR_EMPTY = 0x60;

const blocks = new FixedArray<usize>(NR_CPUS * SLOTS);
const sizes = new FixedArray<u32>(NR_CPUS * SLOTS);

/** Pages from the start of the block up to the guard page. */
function pages_of(size: u32): u32 {
  return (size + 4095) >>> 12;
}

function fill(block: usize, size: u32): void {
  for (let at: u32 = 0; at < size; at += 512) cast<Ptr<u32>>(block + at)[0] = (block ^ size) + at;
}

function is_filled(block: usize, size: u32): boolean {
  for (let at: u32 = 0; at < size; at += 512) if (cast<Ptr<u32>>(block + at)[0] !== (block ^ size) + at) return false;
  return true;
}

function allocate(slot: u32, dice: u32): void {
  const size = 4 + ((dice >>> 4) % 30_000 & ~3);
  const zeroed = (dice & 1) !== 0;
  const block = zeroed ? vzalloc(size) : vmalloc(size);
  if (!expect_true(block !== 0, "vmalloc has memory")) return;
  expect_true((block & 4095) === 0 && is_vmalloc_addr(block), "a block begins on a page of the area");
  if (zeroed) expect_equal(cast<Ptr<u32>>(block + (size - 4 & ~3))[0], 0, "vzalloc clears");
  fill(block, size);
  const pages = pages_of(size);
  const last = block + (pages - 1) * 4096;
  expect_true(lookup_pte(last) !== 0, "the last page is mapped");
  expect_equal(lookup_pte(block + pages * 4096), 0, "the guard page's entry");
  const area = find_vm_area(last + 7);
  expect_true(area !== null && area.addr === block && area.nr_pages === pages, "an address inside finds the block");
  const p = vmalloc_to_page(last);
  const word = cast<Ptr<u32>>(last)[0];
  expect_true(p !== null && cast<Ptr<u32>>(page_address(p))[0] === word, "its page holds the same words");
  blocks[slot] = block;
  sizes[slot] = size;
}

function churn_blocks(index: u32): void {
  const random = new prandom_state();
  prandom_seed(random, get_option_u32("seed", 1) * 256 + index);
  for (let n: u32 = 0; n < SLOTS; n++) blocks[index * SLOTS + n] = 0;
  for (let round: u32 = 0; round < ROUNDS; round++) {
    const dice = prandom_u32(random);
    const slot = index * SLOTS + (dice >>> 28) % SLOTS;
    if (blocks[slot] === 0) {
      allocate(slot, dice);
      continue;
    }
    expect_true(is_filled(blocks[slot], sizes[slot]), "a block keeps what was written to it");
    vfree(blocks[slot]);
    blocks[slot] = 0;
  }
  for (let n: u32 = 0; n < SLOTS; n++) vfree(blocks[index * SLOTS + n]);
}

/** The areas in the order of the tree: none overlaps the one before. How many there are. */
function check_areas(): u32 {
  const area = new vm_struct();
  let from: u32 = 0;
  let count: u32 = 0;
  while (copy_area_from(from, area)) {
    const right = area.first >= from && area.end === area.first + area.nr_pages + 1;
    expect_true(right, "an area ends behind its guard page, before the next one");
    from = area.end;
    count += 1;
  }
  return count;
}

function churn_cases(): void {
  vm_unmap_aliases();
  const before = check_areas();
  run_threads(churn_blocks, 1);
  if (CONFIG.vmalloc.flush === VMALLOC_FLUSH.lazy) expect_true(check_areas() > before, "freed addresses wait");
  vm_unmap_aliases();
  expect_equal(check_areas(), before, "areas after all blocks were freed");
}

/**
 * Maps the same page LARGE_PAGES times side by side until no addresses are left, twice: as often the second time. Makes every
 * page table of the area on the way, which stay.
 */
function fill_area(): u32 {
  const pages = cast<Ptr<page>>(kmalloc(LARGE_PAGES * 4, GFP_KERNEL));
  const p = alloc_pages(GFP_KERNEL, 0);
  if (addr(pages) === 0 || p === null) return 0;
  for (let n: u32 = 0; n < LARGE_PAGES; n++) pages[n] = p;
  const maps = new FixedArray<usize>(LARGE_MAX);
  let counts: u32 = 0;
  for (let turn: u32 = 0; turn < 2; turn++) {
    let count: u32 = 0;
    for (; count < LARGE_MAX; count++) {
      maps[count] = vmap(pages, LARGE_PAGES, 0, PAGE_KERNEL);
      if (maps[count] === 0) break;
    }
    // Not in order: the gap in the middle is found again.
    for (let n: u32 = 0; n < count; n++) vunmap(maps[(n + 5) % count]);
    counts = counts * 100 + count;
  }
  kfree(addr(pages));
  __free_pages(p, 0);
  return counts;
}

/** A small gap that a large block passed over is still the first that fits a small one. */
function first_fit_cases(): void {
  const gap = vmalloc(4096);
  const behind = vmalloc(4096);
  vfree(gap);
  vm_unmap_aliases();
  const large = vmalloc(64 * 4096);
  expect_true(large > behind, "a large block lies behind a small gap");
  const small = vmalloc(4096);
  expect_equal(small, gap, "a small block in the first gap that fits");
  vfree(small);
  vfree(large);
  vfree(behind);
}

function space_cases(): void {
  first_fit_cases();
  const most = (VMALLOC_END - VMALLOC_START) / 4096 / (LARGE_PAGES + 1);
  expect_equal(fill_area(), most * 100 + most, "mappings that fill the area, the first and the second time");
  expect_equal(vmalloc(0), 0, "vmalloc(0)");
  expect_equal(vmalloc(VMALLOC_END - VMALLOC_START), 0, "vmalloc of the whole area: there is no room for a guard page");
}

function alias_cases(): void {
  const pages = new FixedArray<page>(3);
  for (let n: u32 = 0; n < 3; n++) {
    const p = alloc_pages(GFP_KERNEL, 0);
    if (p === null) return;
    pages[n] = p;
  }
  const free = nr_free_pages();
  const block = vmap(pages, 3, 0, PAGE_KERNEL);
  expect_true(block !== 0, "pages can be mapped");
  for (let n: u32 = 0; n < 3; n++) {
    cast<Ptr<u32>>(page_address(pages[n]))[n] = 0xa11a_5000 + n;
    expect_equal(cast<Ptr<u32>>(block + n * 4096)[n], 0xa11a_5000 + n, "what is written through the direct map");
    expect_true(vmalloc_to_page(block + n * 4096) === pages[n], "the page of an address");
  }
  vunmap(block);
  expect_true(nr_free_pages() <= free, "vunmap frees no page");
  expect_equal(lookup_pte(block), 0, "the entry of an unmapped page");
  for (let n: u32 = 0; n < 3; n++) __free_pages(pages[n], 0);
  expect_true(vmalloc_to_page(page_address(pages[0])) === null, "an address of the direct map is not vmalloc's");
}

function ioremap_cases(): void {
  const registers = ioremap(UART + 2, 16);
  expect_true(registers !== 0 && (registers & 4095) === 2, "registers can be mapped, at their place in the page");
  let status: u32 = 0;
  for (let n: u32 = 0; n < 100_000 && status !== LSR_EMPTY; n++) {
    status = u32(READ_ONCE(cast<Ptr<u8>>(registers - 2 + UART_LSR)[0])) & LSR_EMPTY;
  }
  expect_equal(status, LSR_EMPTY, "line status through ioremap");
  iounmap(registers);
  expect_equal(lookup_pte(registers), 0, "the entry of unmapped registers");
  expect_equal(ioremap(UART, 0), 0, "ioremap of nothing");
}

export function test_vmalloc(_arg: u32): void {
  test_run_prepared("vmalloc", fill_area, churn_cases);
}

export function test_vmalloc_space(_arg: u32): void {
  test_run_prepared("vmalloc space", fill_area, space_cases);
}

export function test_vmap(_arg: u32): void {
  test_run_prepared("vmap", fill_area, alias_cases);
}

export function test_ioremap(_arg: u32): void {
  test_run_prepared("ioremap", fill_area, ioremap_cases);
}
