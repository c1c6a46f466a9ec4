// When the kernel finds itself wrong: BUG and panic end the machine, WARN reports and goes on.
//
// All of them work in any context. A backtrace is one line a frame, `[<address>] function+0xoffset/0xsize`; addresses are
// return addresses, named by the call before them. Sixteen frames at most.

import { stack_trace_save } from "../arch/stacktrace.ts";
import { pr_cont, printk, vprintk_cont } from "./printk.ts";

const FRAMES_MAX = 16;
const SBI_EXT_SRST = 0x5352_5354;
const SBI_SRST_SHUTDOWN = 0;
const SBI_SRST_SYSTEM_FAILURE = 1;

/** Prints the line `CPU: 0 PID: 1 Comm: init`; registered by the scheduler, which alone knows. */
let print_task: (() => void) | null = null;
/** A panic inside panic must not print for ever. */
let panics: u32 = 0;

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

/** The kernel cannot go on: says why and ends the machine with a failure. */
export function panic(format: string, ...args: vararg[]): never {
  "noinline";
  panics += 1;
  if (panics > 2) halt();
  printk("Kernel panic - not syncing: ");
  vprintk_cont(format, vaWords(args), args.length);
  pr_cont("\n");
  if (panics === 1) dump_stack();
  halt();
}

/** An invariant is broken, as the sentence (without a newline) says. */
export function BUG(sentence: string, ...args: vararg[]): never {
  "noinline";
  printk("------------[ cut here ]------------\n");
  printk("kernel BUG: ");
  vprintk_cont(sentence, vaWords(args), args.length);
  pr_cont("\n");
  dump_stack();
  panics += 1;
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
