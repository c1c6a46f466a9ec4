// The per-CPU allocator: pieces that do not overlap, one copy for each CPU, aligned and cleared, in as many chunks as it takes.

import { for_each_possible_cpu } from "../arch/cpumask.ts";
import { NR_CPUS } from "../arch/percpu.ts";
import { get_option_u32 } from "../lib/cmdline.ts";
import { prandom_seed, prandom_state, prandom_u32 } from "../lib/random.ts";
import { __alloc_percpu, alloc_percpu, free_percpu, per_cpu_ptr, this_cpu_ptr } from "../mm/percpu.ts";
import { vfree, vmalloc } from "../mm/vmalloc.ts";
import { preempt_disable, preempt_enable } from "../sched/preempt.ts";
import { smp_processor_id } from "../sched/task.ts";
import { expect_equal, expect_true, test_run_prepared } from "./tap.ts";
import { run_threads } from "./threads.ts";

const SLOTS = 12;
const ROUNDS = 80;

const pieces = new FixedArray<usize>(NR_CPUS * SLOTS);
const sizes = new FixedArray<u32>(NR_CPUS * SLOTS);

class counters {
  events: u64;
  errors: u32;
}

/** Writes every CPU's copy, or compares it with what was written. */
function contents(p: usize, size: u32, write: boolean): boolean {
  let same = true;
  for (const cpu of for_each_possible_cpu()) {
    for (let at: u32 = 0; at < size; at += 4) {
      const word = cast<Ptr<u32>>(per_cpu_ptr(p, cpu) + at);
      if (write) word[0] = p + at * 64 + cpu;
      else if (word[0] !== p + at * 64 + cpu) same = false;
    }
  }
  return same;
}

function is_clear(p: usize, size: u32): boolean {
  let sum: u32 = 0;
  for (const cpu of for_each_possible_cpu()) for (let at: u32 = 0; at < size; at += 4) sum |= cast<Ptr<u32>>(per_cpu_ptr(p, cpu) + at)[0];
  return sum === 0;
}

function churn_pieces(index: u32): void {
  const random = new prandom_state();
  prandom_seed(random, get_option_u32("seed", 1) * 512 + index);
  for (let n: u32 = 0; n < SLOTS; n++) pieces[index * SLOTS + n] = 0;
  for (let round: u32 = 0; round < ROUNDS; round++) {
    const dice = prandom_u32(random);
    const slot = index * SLOTS + (dice >>> 24) % SLOTS;
    if (pieces[slot] !== 0) {
      expect_true(contents(pieces[slot], sizes[slot], false), "a piece keeps what was written to it");
      free_percpu(pieces[slot]);
      pieces[slot] = 0;
      continue;
    }
    const size = 4 + ((dice >>> 4) % ((dice & 0x700) === 0 ? 1500 : 120) & ~3);
    const align = 4 << ((dice >>> 16) & 5);
    const p = __alloc_percpu(size, align);
    if (!expect_true(p !== 0, "there is per-CPU memory")) return;
    expect_equal(per_cpu_ptr(p, 0) & (align - 1), 0, "a piece is aligned");
    expect_true(is_clear(p, size), "a piece is cleared on every CPU");
    contents(p, size, true);
    pieces[slot] = p;
    sizes[slot] = size;
  }
  for (let n: u32 = 0; n < SLOTS; n++) free_percpu(pieces[index * SLOTS + n]);
}

/** Pieces of which one fills most of a unit need a chunk each. */
function chunk_cases(): void {
  const large = new FixedArray<usize>(3);
  for (let n: u32 = 0; n < 3; n++) {
    large[n] = __alloc_percpu(3000, 64);
    expect_true(large[n] !== 0 && (per_cpu_ptr(large[n], 0) & 63) === 0, "a large piece has a chunk of its own");
    contents(large[n], 3000, true);
  }
  for (let n: u32 = 0; n < 3; n++) expect_true(contents(large[n], 3000, false), "chunks do not overlap");
  // Not in the order of the list.
  free_percpu(large[1]);
  free_percpu(large[0]);
  free_percpu(large[2]);
}

function counter_cases(): void {
  const p = alloc_percpu(counters);
  expect_true(p !== 0 && (per_cpu_ptr(p, 0) & 7) === 0, "a structure has per-CPU memory");
  preempt_disable();
  cast<counters>(this_cpu_ptr(p)).errors = 7;
  expect_equal(cast<counters>(per_cpu_ptr(p, smp_processor_id())).errors, 7, "this CPU's copy");
  preempt_enable();
  free_percpu(p);
  expect_equal(__alloc_percpu(0, 4), 0, "nothing");
  expect_equal(__alloc_percpu(1 << 20, 4), 0, "more than a unit");
  expect_equal(__alloc_percpu(4, 8192), 0, "an alignment of more than a page");
}

function percpu_cases(): void {
  counter_cases();
  chunk_cases();
  run_threads(churn_pieces, 1);
}

/** The tables of the addresses that chunks will have stay. */
function make_tables(): void {
  vfree(vmalloc(8 << 20));
}

export function test_percpu(_arg: u32): void {
  test_run_prepared("percpu", make_tables, percpu_cases);
}
