// The workload of torture/locks: two tasks a CPU take locks of every kind at random, and check that nobody else is inside.
//
// Each kind has one lock and one record of who is inside. A writer that finds a reader or a writer there, and a reader that finds a
// writer, is an error: a panic. Softirqs (a timer of each CPU) take what is locked with _bh or _irqsave elsewhere, interrupts
// (calls from other CPUs) what is raw and locked with _irqsave. Kinds nest as they may: mutex, then spinlock, then raw.
// At the end the numbers that writers counted under the locks must be the numbers that they counted for themselves. The lines
// have the form of Linux's locktorture: Max/Min are of the tasks, ??? says that one had less than half of another.

import { num_online_cpus } from "kernel/arch/cpumask.ts";
import { on_each_cpu } from "kernel/irq/smp.ts";
import { atomic_dec, atomic_dec_and_test, atomic_inc, atomic_inc_return, atomic_read, atomic_t } from "kernel/lib/atomic.ts";
import { panic } from "kernel/lib/bug.ts";
import { get_option_u32 } from "kernel/lib/cmdline.ts";
import { pr_info } from "kernel/lib/printk.ts";
import { prandom_seed, prandom_state, prandom_u32 } from "kernel/lib/random.ts";
import { mutex, mutex_lock, mutex_trylock, mutex_unlock } from "kernel/locking/mutex.ts";
import {
  percpu_down_read, percpu_down_write, percpu_free_rwsem, percpu_init_rwsem, percpu_rw_semaphore, percpu_up_read, percpu_up_write,
} from "kernel/locking/percpu-rwsem.ts";
import {
  read_lock, read_lock_bh, read_lock_irqsave, read_trylock, read_unlock, read_unlock_bh, read_unlock_irqrestore, rwlock_t, write_lock,
  write_lock_bh, write_lock_irqsave, write_trylock, write_unlock, write_unlock_bh, write_unlock_irqrestore,
} from "kernel/locking/rwlock.ts";
import { read_seqbegin, read_seqretry, seqlock_t, write_seqlock_irqsave, write_sequnlock_irqrestore } from "kernel/locking/seqlock.ts";
import {
  raw_spin_lock, raw_spin_lock_irqsave, raw_spin_trylock, raw_spin_unlock, raw_spin_unlock_irqrestore, raw_spinlock_t, spin_lock, spin_lock_bh,
  spin_lock_irqsave, spin_trylock, spin_unlock, spin_unlock_bh, spin_unlock_irqrestore, spinlock_t,
} from "kernel/locking/spinlock.ts";
import { jiffies } from "kernel/sched/clock.ts";
import { cond_resched, yield_cpu } from "kernel/sched/core.ts";
import { add_timer, del_timer_sync, msleep, timer_list, timer_setup } from "kernel/sched/timer.ts";

const OPERATIONS = 500;
const TASKS_MAX = 128;

const enum KIND { SPIN, SPIN_IRQ, SPIN_BH, RAW, RAW_IRQ, RW, RW_IRQ, RW_BH, MUTEX, RWSEM, SEQ, COUNT }

class torture {
  name: string;
  readonly writer = new atomic_t();
  readonly readers = new atomic_t();
  /** Counted by writers, inside: not atomic. */
  inside: u32;
  /** The same, by each for itself. */
  readonly writes = new atomic_t();
  readonly reads = new atomic_t();
}
const kinds = new StructArray<torture>(torture, KIND.COUNT);
const writes_of = new FixedArray<u32>(TASKS_MAX);

const spin = new spinlock_t();
const spin_irq = new spinlock_t();
const spin_bh = new spinlock_t();
const raw = new raw_spinlock_t();
const raw_irq = new raw_spinlock_t();
const rw = new rwlock_t();
const rw_irq = new rwlock_t();
const rw_bh = new rwlock_t();
const sleeping = new mutex();
const sem = new percpu_rw_semaphore();
const seq = new seqlock_t();
let seq_first: u32 = 0;
let seq_second: u32 = 0;

const start_mutex = new mutex();
const started = new atomic_t();
const running = new atomic_t();
let ready: boolean = false;

function name_kinds(): void {
  kinds[KIND.SPIN].name = "spin_lock";
  kinds[KIND.SPIN_IRQ].name = "spin_lock_irq";
  kinds[KIND.SPIN_BH].name = "spin_lock_bh";
  kinds[KIND.RAW].name = "raw_spin_lock";
  kinds[KIND.RAW_IRQ].name = "raw_spin_lock_irq";
  kinds[KIND.RW].name = "rw_lock";
  kinds[KIND.RW_IRQ].name = "rw_lock_irq";
  kinds[KIND.RW_BH].name = "rw_lock_bh";
  kinds[KIND.MUTEX].name = "mutex_lock";
  kinds[KIND.RWSEM].name = "percpu_rwsem";
  kinds[KIND.SEQ].name = "seqlock";
}

// ---- inside ----

function write_inside(kind: u32, length: u32): void {
  "noinline";
  const t = kinds[kind];
  if (atomic_inc_return(t.writer) !== 1 || atomic_read(t.readers) !== 0) {
    panic("%s-torture: a writer is not alone: %d writers, %d readers", t.name, atomic_read(t.writer), atomic_read(t.readers));
  }
  const count = READ_ONCE(t.inside);
  for (let n: u32 = 0; n < length; n++) pause();
  WRITE_ONCE(t.inside, count + 1);
  if (atomic_read(t.writer) !== 1 || atomic_read(t.readers) !== 0) panic("%s-torture: somebody has come in beside a writer", t.name);
  atomic_dec(t.writer);
  atomic_inc(t.writes);
}

function read_inside(kind: u32, length: u32): void {
  "noinline";
  const t = kinds[kind];
  atomic_inc(t.readers);
  if (atomic_read(t.writer) !== 0) panic("%s-torture: a reader beside a writer", t.name);
  for (let n: u32 = 0; n < length; n++) pause();
  if (atomic_read(t.writer) !== 0) panic("%s-torture: a writer has come in beside a reader", t.name);
  atomic_dec(t.readers);
  atomic_inc(t.reads);
}

// ---- one operation; false: it did not get the lock ----

function torture_spin(form: u32, length: u32): boolean {
  if (form === 0) {
    if (!spin_trylock(spin)) return false;
  } else {
    spin_lock(spin);
  }
  write_inside(KIND.SPIN, length);
  if (form === 1) {
    raw_spin_lock(raw);
    write_inside(KIND.RAW, length / 2);
    raw_spin_unlock(raw);
  }
  spin_unlock(spin);
  return true;
}

function torture_irq(length: u32): void {
  const flags = spin_lock_irqsave(spin_irq);
  write_inside(KIND.SPIN_IRQ, length);
  spin_unlock_irqrestore(spin_irq, flags);
}

function torture_bh(length: u32): void {
  spin_lock_bh(spin_bh);
  write_inside(KIND.SPIN_BH, length);
  spin_unlock_bh(spin_bh);
}

function torture_raw(form: u32, length: u32): boolean {
  if (form === 0) {
    if (!raw_spin_trylock(raw)) return false;
  } else {
    raw_spin_lock(raw);
  }
  write_inside(KIND.RAW, length);
  raw_spin_unlock(raw);
  return true;
}

function torture_raw_irq(length: u32): void {
  const flags = raw_spin_lock_irqsave(raw_irq);
  write_inside(KIND.RAW_IRQ, length);
  raw_spin_unlock_irqrestore(raw_irq, flags);
}

function torture_rw(form: u32, length: u32): boolean {
  if (form === 0) {
    if (!write_trylock(rw)) return false;
  } else if (form < 3) {
    write_lock(rw);
  } else {
    if (form === 3) {
      if (!read_trylock(rw)) return false;
    } else {
      read_lock(rw);
    }
    read_inside(KIND.RW, length);
    read_unlock(rw);
    return false;
  }
  write_inside(KIND.RW, length);
  write_unlock(rw);
  return true;
}

function torture_rw_irq(form: u32, length: u32): boolean {
  if (form < 3) {
    const flags = write_lock_irqsave(rw_irq);
    write_inside(KIND.RW_IRQ, length);
    write_unlock_irqrestore(rw_irq, flags);
    return true;
  }
  const flags = read_lock_irqsave(rw_irq);
  read_inside(KIND.RW_IRQ, length);
  read_unlock_irqrestore(rw_irq, flags);
  return false;
}

function torture_rw_bh(form: u32, length: u32): boolean {
  if (form < 3) {
    write_lock_bh(rw_bh);
    write_inside(KIND.RW_BH, length);
    write_unlock_bh(rw_bh);
    return true;
  }
  read_lock_bh(rw_bh);
  read_inside(KIND.RW_BH, length);
  read_unlock_bh(rw_bh);
  return false;
}

function torture_mutex(form: u32, length: u32): boolean {
  if (form === 0) {
    if (!mutex_trylock(sleeping)) return false;
  } else {
    mutex_lock(sleeping);
  }
  write_inside(KIND.MUTEX, length);
  if (form === 1) torture_spin(2, length);
  if (form === 2) yield_cpu();
  mutex_unlock(sleeping);
  return true;
}

function torture_rwsem(form: u32, length: u32): boolean {
  if (form < 2) {
    percpu_down_write(sem);
    write_inside(KIND.RWSEM, length);
    percpu_up_write(sem);
    return true;
  }
  percpu_down_read(sem);
  read_inside(KIND.RWSEM, length);
  if (form === 2) yield_cpu();
  percpu_up_read(sem);
  return false;
}

function torture_seq(form: u32, length: u32): boolean {
  if (form < 3) {
    const flags = write_seqlock_irqsave(seq);
    write_inside(KIND.SEQ, 0);
    WRITE_ONCE(seq_first, seq_first + 1);
    for (let n: u32 = 0; n < length; n++) pause();
    WRITE_ONCE(seq_second, seq_second + 1);
    write_sequnlock_irqrestore(seq, flags);
    return true;
  }
  let start: u32 = 0;
  let first: u32 = 0;
  let second: u32 = 0;
  do {
    start = read_seqbegin(seq);
    first = READ_ONCE(seq_first);
    second = READ_ONCE(seq_second);
  } while (read_seqretry(seq, start));
  if (first !== second) panic("seqlock-torture: a reader accepted %u beside %u", first, second);
  atomic_inc(kinds[KIND.SEQ].reads);
  return false;
}

function operate(kind: u32, form: u32, length: u32): boolean {
  switch (kind) {
    case KIND.SPIN:
      return torture_spin(form, length);
    case KIND.SPIN_IRQ:
      torture_irq(length);
      return true;
    case KIND.SPIN_BH:
      torture_bh(length);
      return true;
    case KIND.RAW:
      return torture_raw(form, length);
    case KIND.RAW_IRQ:
      torture_raw_irq(length);
      return true;
    case KIND.RW:
      return torture_rw(form, length);
    case KIND.RW_IRQ:
      return torture_rw_irq(form, length);
    case KIND.RW_BH:
      return torture_rw_bh(form, length);
    case KIND.MUTEX:
      return torture_mutex(form, length);
    case KIND.RWSEM:
      return torture_rwsem(form, length);
    default:
      return torture_seq(form, length);
  }
}

// ---- from below ----

class ticker {
  readonly timer = new timer_list();
  readonly random = new prandom_state();
  stop: u32;
}
const tickers = new StructArray<ticker>(ticker, TASKS_MAX);

/** In the TIMER softirq. */
function tick(timer: timer_list): void {
  const self = containerOf(ticker, "timer", timer);
  const dice = prandom_u32(self.random);
  const length = (dice >>> 8) & 63;
  if ((dice & 3) === 0) torture_bh(length);
  else if ((dice & 3) === 1) torture_irq(length);
  else if ((dice & 3) === 2) torture_rw_bh((dice >>> 4) & 7, length);
  else torture_rw_irq((dice >>> 4) & 7, length);
  if (READ_ONCE(self.stop) !== 0) return;
  timer.expires = jiffies() + 1;
  add_timer(timer);
}

/** In hardirq context on all CPUs. */
function interrupt(_arg: u32): void {
  torture_raw_irq(20);
}

// ---- the tasks ----

function begin(index: u32): void {
  mutex_lock(start_mutex);
  if (!ready) {
    name_kinds();
    if (percpu_init_rwsem(sem, "torture_rwsem") !== 0) panic("lock-torture: no memory");
    ready = true;
  }
  mutex_unlock(start_mutex);
  atomic_inc(started);
  atomic_inc(running);
  const mine = tickers[index];
  prandom_seed(mine.random, get_option_u32("seed", 1) * 0x9e37_79b1 + index + 1000);
  mine.stop = 0;
  timer_setup(mine.timer, tick);
  mine.timer.expires = jiffies() + 1;
  add_timer(mine.timer);
}

function show(kind: u32): u32 {
  const t = kinds[kind];
  const writes = u32(atomic_read(t.writes));
  if (t.inside !== writes) panic("%s-torture: %u writes, %u of them counted", t.name, writes, t.inside);
  pr_info("%s-torture: Writes:  Total: %u  Reads: Total: %u  Fail: 0\n", t.name, writes, atomic_read(t.reads));
  return writes;
}

/** The last task says what was done. */
function finish(): void {
  let least: u32 = ~0;
  let most: u32 = 0;
  let writes: u32 = 0;
  let reads: u32 = 0;
  for (let n: u32 = 0; n < u32(atomic_read(started)); n++) {
    if (writes_of[n] < least) least = writes_of[n];
    if (writes_of[n] > most) most = writes_of[n];
  }
  for (let kind: u32 = 0; kind < KIND.COUNT; kind++) {
    writes += show(kind);
    reads += u32(atomic_read(kinds[kind].reads));
  }
  if (seq_first !== seq_second) panic("seqlock-torture: %u beside %u", seq_first, seq_second);
  percpu_free_rwsem(sem);
  const doubt = most / 2 > least ? "???" : "";
  pr_info("lock-torture: Writes:  Total: %u  Max/Min: %u/%u %s  Reads: Total: %u  Fail: 0\n", writes, most, least, doubt, reads);
  pr_info("lock-torture:--- End of test: SUCCESS: nwriters_stress=%d kinds=%u cpus=%u\n", atomic_read(started), KIND.COUNT, num_online_cpus());
}

export function lock_torture_writer(index: u32): void {
  const random = new prandom_state();
  prandom_seed(random, get_option_u32("seed", 1) * 0x9e37_79b1 + index);
  begin(index);
  for (let n: u32 = 0; n < OPERATIONS; n++) {
    const dice = prandom_u32(random);
    // Mostly short, now and then long, as locktorture holds them.
    const length = ((dice >>> 24) & 31) === 0 ? 800 : (dice >>> 20) & 63;
    if (operate((dice & 0xffff) % KIND.COUNT, (dice >>> 16) & 7, length)) writes_of[index] += 1;
    if ((dice >>> 29) === 0) on_each_cpu(interrupt, 0, true);
    if ((n & 63) === 63) msleep(1);
    cond_resched();
  }
  WRITE_ONCE(tickers[index].stop, 1);
  del_timer_sync(tickers[index].timer);
  if (atomic_dec_and_test(running)) finish();
}
