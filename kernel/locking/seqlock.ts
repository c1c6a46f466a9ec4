// Sequence counters: readers that write nothing, and look again when a writer was there meanwhile.
//
// seqcount_t        an even number at rest, odd while a writer writes. Writers exclude each other by other means, and keep
//                   preemption off (interrupts too when an interrupt handler reads): a reader that interrupts its own
//                   CPU's writer would wait for ever.
// seqlock_t         a seqcount_t with the spinlock that its writers take; readers of the _excl kind take the lock too.
// seqcount_latch_t  for readers that interrupt the writer itself, in NMIs even: the data exists twice. The number's lowest
//                   bit names the copy that may be read; the writer turns readers away from a copy before it changes it.
//
//   do { seq = read_seqbegin(lock); … copy … } while (read_seqretry(lock, seq));
//   raw_write_seqcount_latch(latch); … change copy 0 …; raw_write_seqcount_latch(latch); … change copy 1 …
//   do { seq = raw_read_seqcount_latch(latch); … read copy seq & 1 … } while (read_seqcount_latch_retry(latch, seq));
//
// What a reader copies may be torn until the retry says otherwise: follow no pointer, divide by nothing before. Limit: a
// reader that is pushed aside for exactly 2^31 writes takes old data for new.

import { smp_rmb, smp_wmb } from "../lib/atomic.ts";
import {
  RT, spin_lock, spin_lock_init, spin_lock_irq, spin_lock_irqsave, spin_unlock, spin_unlock_irq, spin_unlock_irqrestore,
  spinlock_t,
} from "./spinlock.ts";

export class seqcount_t {
  sequence: u32 = 0;
}

export class seqlock_t {
  readonly seqcount = new seqcount_t();
  readonly lock = new spinlock_t();
}

export class seqcount_latch_t {
  sequence: u32 = 0;
}

export function seqcount_init(s: seqcount_t): void {
  "inline";
  s.sequence = 0;
}

/** The number, odd or even, without waiting; what the caller reads afterwards is read afterwards. @must_use */
export function raw_read_seqcount(s: seqcount_t): u32 {
  "inline";
  const start = READ_ONCE(s.sequence);
  smp_rmb();
  return start;
}

/** Waits until no writer writes. @must_use */
export function read_seqcount_begin(s: seqcount_t): u32 {
  "inline";
  let start = READ_ONCE(s.sequence);
  while (unlikely((start & 1) !== 0)) {
    pause();
    start = READ_ONCE(s.sequence);
  }
  smp_rmb();
  return start;
}

/** True when a writer has been there since `start`: what was read is worth nothing. @must_use */
export function read_seqcount_retry(s: seqcount_t, start: u32): boolean {
  "inline";
  smp_rmb();
  return unlikely(READ_ONCE(s.sequence) !== start);
}

/** Preemption is off, and no other writer is there. */
export function write_seqcount_begin(s: seqcount_t): void {
  "inline";
  WRITE_ONCE(s.sequence, s.sequence + 1);
  smp_wmb();
}

export function write_seqcount_end(s: seqcount_t): void {
  "inline";
  smp_wmb();
  WRITE_ONCE(s.sequence, s.sequence + 1);
}

/** Readers that are under way must look again; a write section of length nothing. */
export function write_seqcount_invalidate(s: seqcount_t): void {
  "inline";
  smp_wmb();
  WRITE_ONCE(s.sequence, s.sequence + 2);
}

/** `name` is the class of the writers' spinlock. */
export function seqlock_init(sl: seqlock_t, name: string): void {
  "inline";
  seqcount_init(sl.seqcount);
  spin_lock_init(sl.lock, name);
}

/** @must_use */
export function read_seqbegin(sl: seqlock_t): u32 {
  "inline";
  // On rt the writer may have been pushed aside, by this very reader: wait for its lock, which lends it this priority.
  if (RT && unlikely((READ_ONCE(sl.seqcount.sequence) & 1) !== 0)) {
    spin_lock(sl.lock);
    spin_unlock(sl.lock);
  }
  return read_seqcount_begin(sl.seqcount);
}

/** True when the section must be read again. @must_use */
export function read_seqretry(sl: seqlock_t, start: u32): boolean {
  "inline";
  return read_seqcount_retry(sl.seqcount, start);
}

export function write_seqlock(sl: seqlock_t): void {
  "inline";
  spin_lock(sl.lock);
  write_seqcount_begin(sl.seqcount);
}

export function write_sequnlock(sl: seqlock_t): void {
  "inline";
  write_seqcount_end(sl.seqcount);
  spin_unlock(sl.lock);
}

export function write_seqlock_irq(sl: seqlock_t): void {
  "inline";
  spin_lock_irq(sl.lock);
  write_seqcount_begin(sl.seqcount);
}

export function write_sequnlock_irq(sl: seqlock_t): void {
  "inline";
  write_seqcount_end(sl.seqcount);
  spin_unlock_irq(sl.lock);
}

/** @must_use */
export function write_seqlock_irqsave(sl: seqlock_t): u32 {
  "inline";
  const flags = spin_lock_irqsave(sl.lock);
  write_seqcount_begin(sl.seqcount);
  return flags;
}

/** @restores flags */
export function write_sequnlock_irqrestore(sl: seqlock_t, flags: u32): void {
  "inline";
  write_seqcount_end(sl.seqcount);
  spin_unlock_irqrestore(sl.lock, flags);
}

/** Reads while no writer can write, and makes no other reader look again. */
export function read_seqlock_excl(sl: seqlock_t): void {
  "inline";
  spin_lock(sl.lock);
}

export function read_sequnlock_excl(sl: seqlock_t): void {
  "inline";
  spin_unlock(sl.lock);
}

/** The number; its lowest bit names the copy to read. Never waits. @must_use */
export function raw_read_seqcount_latch(s: seqcount_latch_t): u32 {
  "inline";
  const start = READ_ONCE(s.sequence);
  smp_rmb();
  return start;
}

/** @must_use */
export function read_seqcount_latch_retry(s: seqcount_latch_t, start: u32): boolean {
  "inline";
  smp_rmb();
  return unlikely(READ_ONCE(s.sequence) !== start);
}

/** Sends readers to the other copy: first to copy 1, then back. Writers exclude each other. */
export function raw_write_seqcount_latch(s: seqcount_latch_t): void {
  "inline";
  smp_wmb();
  WRITE_ONCE(s.sequence, s.sequence + 1);
  smp_wmb();
}
