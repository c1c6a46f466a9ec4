// Messages on the console.
//
// A line begins with `[seconds.microseconds]`; a message that does not end in a newline leaves its line open, pr_cont
// goes on with it and any other printk closes it. Usable in any context, from the first instruction that has a stack.
// Lock: console_lock_word, taken with interrupts off, innermost of all; it protects line_open and the device. A CPU that
// faults while it holds the lock (printk_cpu.holds) prints without taking it again. It is not a spinlock_t: lib is below
// locking, and a lock that is taken to report on locks must not report itself.
// Limits: 512 bytes a message, cut with "...".

import { console_write } from "../arch/console.ts";
import { local_irq_restore, local_irq_save } from "../arch/irqflags.ts";
import { get_cycles64, timebase_hz } from "../arch/time.ts";
import { div_u64_rem } from "./math64.ts";
import { chars } from "./string.ts";
import { snprintf, vsnprintf } from "./vsprintf.ts";

const LINE_MAX = 512;

class printk_state {
  /** This CPU is inside the console lock. */
  holds: u32;
}
const printk_cpu = new PerCpu(printk_state);

let console_lock_word: u32 = 0;
/** The last byte written was not a newline. */
let line_open: boolean = false;

/** False when this CPU already holds it. Interrupts are off. */
function console_lock(): boolean {
  if (printk_cpu.current().holds !== 0) return false;
  while (amoSwapAcquire(addressOf(console_lock_word), 1) !== 0) {
    while (READ_ONCE(console_lock_word) !== 0) pause();
  }
  printk_cpu.current().holds = 1;
  return true;
}

function console_unlock(): void {
  printk_cpu.current().holds = 0;
  fence("rw", "w");
  WRITE_ONCE(console_lock_word, 0);
}

/** Writes `[    0.001234] `; its length. */
function print_time(to: Ptr<u8>, size: u32): u32 {
  let rest: u32 = 0;
  const seconds = u32(div_u64_rem(get_cycles64(), timebase_hz, addressOf(rest)));
  return snprintf(to, size, "[%5u.%06u] ", seconds, rest / (timebase_hz / 1_000_000));
}

/** Send a formatted message that would have `wanted` bytes; a cut one ends in "...". */
function send(text: Ptr<u8>, wanted: u32): void {
  if (wanted === 0) return;
  let length = wanted;
  if (wanted >= LINE_MAX) {
    length = LINE_MAX - 1;
    const tail = cast<Ptr<u8>>(addr(text) + length - 4);
    tail[0] = 0x2e;
    tail[1] = 0x2e;
    tail[2] = 0x2e;
    tail[3] = 0x0a;
  }
  console_write(text, length);
  line_open = text[length - 1] !== 0x0a;
}

const enum STYLE {
  /** Starts a line of its own, with the time. */
  line,
  /** Goes on with an open line. */
  continued,
  /** As it is. */
  raw,
}

function emit(style: u32, format: string, words: Ptr<u32>, count: u32): void {
  const text = new FixedArray<u8>(LINE_MAX);
  const time = new FixedArray<u8>(32);
  const wanted = vsnprintf(text, LINE_MAX, format, words, count);
  const flags = local_irq_save();
  const locked = console_lock();
  if (style === STYLE.line && line_open) console_write(chars("\n"), 1);
  if (style === STYLE.line || (style === STYLE.continued && !line_open)) {
    console_write(time, print_time(time, 32));
  }
  send(text, wanted);
  if (locked) console_unlock();
  local_irq_restore(flags);
}

export function vprintk(format: string, words: Ptr<u32>, count: u32): void {
  emit(STYLE.line, format, words, count);
}

export function printk(format: string, ...args: vararg[]): void {
  emit(STYLE.line, format, vaWords(args), args.length);
}

export function pr_info(format: string, ...args: vararg[]): void {
  emit(STYLE.line, format, vaWords(args), args.length);
}

export function pr_warn(format: string, ...args: vararg[]): void {
  emit(STYLE.line, format, vaWords(args), args.length);
}

export function pr_err(format: string, ...args: vararg[]): void {
  emit(STYLE.line, format, vaWords(args), args.length);
}

/** Goes on with the line of the message before. */
export function pr_cont(format: string, ...args: vararg[]): void {
  emit(STYLE.continued, format, vaWords(args), args.length);
}

/** The text of a file that is shown on the console: no time, nothing added. */
export function seq_printf(format: string, ...args: vararg[]): void {
  emit(STYLE.raw, format, vaWords(args), args.length);
}
