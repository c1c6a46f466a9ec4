// When the kernel finds itself wrong: BUG and panic end the machine, WARN reports and goes on.
//
// All of them work in any context. A backtrace is one line a frame, `[<address>] function+0xoffset/0xsize`; addresses are
// return addresses, named by the call before them. Sixteen frames at most.
// The first CPU that panics reports; others that panic meanwhile stop silently (panic_enter), as in Linux. Nothing is locked.

import { local_irq_disable } from "../arch/irqflags.ts";
import { stack_trace_save } from "../arch/stacktrace.ts";
import { printk } from "./printk.ts";
import { vsnprintf } from "./vsprintf.ts";

const FRAMES_MAX = 16;
const SBI_EXT_SRST = 0x5352_5354;
const SBI_SRST_SHUTDOWN = 0;
const SBI_SRST_SYSTEM_FAILURE = 1;

/** Prints the line `CPU: 0 PID: 1 Comm: init`; registered by the scheduler, which alone knows. */
let print_task: (() => void) | null = null;
class panic_state {
  /** BUG and panic that this CPU is inside of: a panic inside panic must not print for ever. */
  depth: u32;
}
const panic_cpu = new PerCpu(panic_state);
/** A CPU reports. */
let panicking: u32 = 0;
const MESSAGE_MAX = 384;
/** What the reporting CPU says: in one piece, others print too. */
const message = new FixedArray<u8>(MESSAGE_MAX);

export function set_dump_stack_task(print: () => void): void {
  print_task = print;
}

function print_stack(skip: u32): void {
  const frames = new FixedArray<usize>(FRAMES_MAX);
  const count = stack_trace_save(frames, FRAMES_MAX, skip);
  printk("Call Trace:\n");
  for (let n: u32 = 0; n < count; n++) printk(" [<%p>] %pB\n", frames[n], frames[n]);
}

/** Who runs here and how it got here. */
export function dump_stack(): void {
  "noinline";
  const print = print_task;
  if (print !== null) print();
  print_stack(0);
}

function halt(): never {
  ecall(SBI_EXT_SRST, 0, SBI_SRST_SHUTDOWN, SBI_SRST_SYSTEM_FAILURE);
  for (;;) wfi();
}

/** Comes back on the first CPU, on which it may be called once more; how often it has been. */
function panic_enter(): u32 {
  local_irq_disable();
  const mine = panic_cpu.current();
  mine.depth += 1;
  if (mine.depth === 1 && CMPXCHG(panicking, 0, 1) !== 0) for (;;) wfi();
  if (mine.depth > 2) halt();
  return mine.depth;
}

/** The kernel cannot go on: says why and ends the machine with a failure. */
export function panic(format: string, ...args: vararg[]): never {
  "noinline";
  const depth = panic_enter();
  vsnprintf(message, MESSAGE_MAX, format, vaWords(args), args.length);
  printk("Kernel panic - not syncing: %s\n", message);
  if (depth === 1) dump_stack();
  halt();
}

/** An invariant is broken, as the sentence (without a newline) says. */
export function BUG(sentence: string, ...args: vararg[]): never {
  "noinline";
  panic_enter();
  vsnprintf(message, MESSAGE_MAX, sentence, vaWords(args), args.length);
  printk("------------[ cut here ]------------\n");
  printk("kernel BUG: %s\n", message);
  dump_stack();
  panic("Fatal exception");
}

export function BUG_ON(condition: boolean): void {
  "inline";
  if (unlikely(condition)) BUG("an assertion failed");
}

function warn_here(): void {
  "noinline";
  printk("------------[ cut here ]------------\n");
  printk("WARNING: an assertion failed\n");
  dump_stack();
  printk("---[ end trace ]---\n");
}

const WARNING_MAX = 192;

/** As WARN_ON, in the words of `format`, which has no newline. */
export function WARN(condition: boolean, format: string, ...args: vararg[]): boolean {
  "noinline";
  if (likely(!condition)) return false;
  const text = new FixedArray<u8>(WARNING_MAX);
  vsnprintf(text, WARNING_MAX, format, vaWords(args), args.length);
  printk("------------[ cut here ]------------\n");
  printk("WARNING: %s\n", text);
  dump_stack();
  printk("---[ end trace ]---\n");
  return true;
}

/** The condition. */
export function WARN_ON(condition: boolean): boolean {
  "inline";
  if (unlikely(condition)) warn_here();
  return condition;
}

const SITES_MAX = 64;
/** Return addresses of the warn_once_here calls that have reported; when the table is full the rest stays silent. */
const warned_sites = new FixedArray<usize>(SITES_MAX);

function warn_once_here(): void {
  "noinline";
  const site = cast<Ptr<usize>>(framePointer() - 4)[0];
  for (let n: u32 = 0; n < SITES_MAX; n++) {
    const seen = CMPXCHG(warned_sites[n], 0, site);
    if (seen === site) return;
    if (seen !== 0) continue;
    warn_here();
    return;
  }
}

/** As WARN_ON, but a place in the code reports once. */
export function WARN_ON_ONCE(condition: boolean): boolean {
  "inline";
  if (unlikely(condition)) warn_once_here();
  return condition;
}
