// Sequence counters: what a reader accepts is never torn, readers do look again, and a latch's reader never waits.

import { atomic_add, atomic_read, atomic_set, atomic_t } from "../lib/atomic.ts";
import {
  raw_read_seqcount, raw_read_seqcount_latch, raw_write_seqcount_latch, read_seqbegin, read_seqcount_begin,
  read_seqcount_latch_retry, read_seqcount_retry, read_seqlock_excl, read_seqretry, read_sequnlock_excl,
  seqcount_latch_t, seqcount_t, seqlock_init, seqlock_t, write_seqcount_begin, write_seqcount_end,
  write_seqcount_invalidate, write_seqlock, write_seqlock_irqsave, write_sequnlock, write_sequnlock_irqrestore,
} from "../locking/seqlock.ts";
import { yield_cpu } from "../sched/core.ts";
import { expect_equal, expect_true, test_run } from "./tap.ts";
import { run_threads } from "./threads.ts";

const ROUNDS = 200;
/** Rounds of a reader in one of which it gives up the CPU inside the section, so that one CPU alone retries too. */
const YIELD_EVERY = 8;

/** Three words that belong together: see is_whole. */
class triple {
  a: u32 = 0;
  b: u32 = 0;
  c: u32 = 0;
}

function set_triple(t: triple, value: u32): void {
  "noinline";
  WRITE_ONCE(t.a, value);
  for (let n: u32 = 0; n < (value & 7); n++) pause();
  WRITE_ONCE(t.b, value * 3);
  WRITE_ONCE(t.c, value ^ 0x5a5a);
}

function is_whole(a: u32, b: u32, c: u32): boolean {
  return b === a * 3 && c === (a ^ 0x5a5a);
}

const lock = new seqlock_t();
const shared = new triple();
const retries = new atomic_t();
const torn = new atomic_t();
const writes = new atomic_t();

function seqlock_writer(): void {
  for (let round: u32 = 0; round < ROUNDS; round++) {
    if ((round & 1) === 0) {
      write_seqlock(lock);
      set_triple(shared, shared.a + 1);
      write_sequnlock(lock);
    } else {
      const flags = write_seqlock_irqsave(lock);
      set_triple(shared, shared.a + 1);
      write_sequnlock_irqrestore(lock, flags);
    }
    if (round % YIELD_EVERY === 0) yield_cpu();
  }
  atomic_add(ROUNDS, writes);
}

function seqlock_reader(): void {
  for (let round: u32 = 0; round < ROUNDS; round++) {
    let a: u32 = 0;
    let b: u32 = 0;
    let c: u32 = 0;
    let tries: i32 = 0;
    for (;;) {
      const seq = read_seqbegin(lock);
      a = READ_ONCE(shared.a);
      if (round % YIELD_EVERY === 0 && tries === 0) yield_cpu();
      b = READ_ONCE(shared.b);
      c = READ_ONCE(shared.c);
      if (!read_seqretry(lock, seq)) break;
      tries += 1;
    }
    atomic_add(tries, retries);
    if (!is_whole(a, b, c)) atomic_add(1, torn);
  }
}

function seqlock_thread(index: u32): void {
  if ((index & 1) === 0) seqlock_writer();
  else seqlock_reader();
}

function seqlock_cases(): void {
  seqlock_init(lock, "test seqlock");
  set_triple(shared, 0);
  atomic_set(retries, 0);
  atomic_set(torn, 0);
  atomic_set(writes, 0);
  const threads = run_threads(seqlock_thread, 2);
  expect_true(threads >= 2, "there are threads");
  expect_equal(u32(atomic_read(torn)), 0, "torn triples that a reader accepted");
  expect_true(atomic_read(retries) > 0, "readers had to look again");
  expect_equal(shared.a, u32(atomic_read(writes)), "writes that were not lost");
  const before = lock.seqcount.sequence;
  read_seqlock_excl(lock);
  expect_true(is_whole(shared.a, shared.b, shared.c), "an exclusive reader sees a whole triple");
  read_sequnlock_excl(lock);
  expect_equal(lock.seqcount.sequence, before, "an exclusive reader makes nobody look again");
}

function seqcount_cases(): void {
  const s = new seqcount_t();
  s.sequence = 0xffff_fffe;
  let seq = read_seqcount_begin(s);
  expect_true(!read_seqcount_retry(s, seq), "nobody wrote");
  write_seqcount_begin(s);
  expect_true((raw_read_seqcount(s) & 1) === 1, "odd while a writer writes");
  expect_true(read_seqcount_retry(s, seq), "a writer has begun");
  write_seqcount_end(s);
  expect_true(read_seqcount_retry(s, seq), "a writer was there");
  seq = read_seqcount_begin(s);
  expect_equal(seq, 0, "the number wraps");
  write_seqcount_invalidate(s);
  expect_true(read_seqcount_retry(s, seq), "invalidated");
  expect_equal(read_seqcount_begin(s) & 1, 0, "and at rest");
}

class latched {
  readonly seq = new seqcount_latch_t();
  readonly copies = new StructArray(triple, 2);
}
const latch = new latched();

/** What one reader finds, and how often it had to look again: more than once means that it waited for the writer. */
function latch_read(): u32 {
  let tries: u32 = 0;
  for (;;) {
    const seq = raw_read_seqcount_latch(latch.seq);
    const copy = latch.copies[seq & 1];
    const a = READ_ONCE(copy.a);
    const b = READ_ONCE(copy.b);
    const c = READ_ONCE(copy.c);
    if (!read_seqcount_latch_retry(latch.seq, seq)) {
      if (!is_whole(a, b, c)) atomic_add(1, torn);
      return tries;
    }
    tries += 1;
  }
}

/** The writer; between any two of its steps an interrupt could read, so it reads there itself. */
function latch_writer(): void {
  for (let value: u32 = 1; value <= ROUNDS; value++) {
    for (let half: u32 = 0; half < 2; half++) {
      raw_write_seqcount_latch(latch.seq);
      const copy = latch.copies[half];
      WRITE_ONCE(copy.a, value);
      if (latch_read() !== 0) atomic_add(1, retries);
      WRITE_ONCE(copy.b, value * 3);
      if (latch_read() !== 0) atomic_add(1, retries);
      WRITE_ONCE(copy.c, value ^ 0x5a5a);
      if (latch_read() !== 0) atomic_add(1, retries);
    }
  }
}

function latch_thread(index: u32): void {
  if (index === 0) latch_writer();
  else for (let round: u32 = 0; round < ROUNDS; round++) latch_read();
}

function latch_cases(): void {
  atomic_set(retries, 0);
  atomic_set(torn, 0);
  set_triple(latch.copies[0], 0);
  set_triple(latch.copies[1], 0);
  run_threads(latch_thread, 2);
  expect_equal(u32(atomic_read(torn)), 0, "torn triples that a latch's reader accepted");
  expect_equal(u32(atomic_read(retries)), 0, "times the writer's own interrupt had to look again");
  expect_equal(latch.copies[0].a, ROUNDS, "copy 0 is the last one written");
  expect_equal(latch.copies[1].a, ROUNDS, "copy 1 too");
}

export function test_seqlock(_arg: u32): void {
  test_run("seqlock", seqlock_cases);
}

export function test_seqcount(_arg: u32): void {
  test_run("seqcount", seqcount_cases);
}

export function test_seqcount_latch(_arg: u32): void {
  test_run("seqcount_latch", latch_cases);
}
