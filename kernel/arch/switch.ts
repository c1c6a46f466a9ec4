// The context switch, and the first instructions of a new task.

import { thread_struct } from "./thread.ts";

/** Saves the caller into `prev`, goes on where `next` stopped; returns when somebody switches back. */
export function __switch_to(_prev: thread_struct, _next: thread_struct): void {
  "naked";
  asm`
    sw ra, ${offsetOf(thread_struct, "ra")}(a0)
    sw sp, ${offsetOf(thread_struct, "sp")}(a0)
    sw s0, ${offsetOf(thread_struct, "s0")}(a0)
    sw s1, ${offsetOf(thread_struct, "s1")}(a0)
    sw s2, ${offsetOf(thread_struct, "s2")}(a0)
    sw s3, ${offsetOf(thread_struct, "s3")}(a0)
    sw s4, ${offsetOf(thread_struct, "s4")}(a0)
    sw s5, ${offsetOf(thread_struct, "s5")}(a0)
    sw s6, ${offsetOf(thread_struct, "s6")}(a0)
    sw s7, ${offsetOf(thread_struct, "s7")}(a0)
    sw s8, ${offsetOf(thread_struct, "s8")}(a0)
    sw s9, ${offsetOf(thread_struct, "s9")}(a0)
    sw s10, ${offsetOf(thread_struct, "s10")}(a0)
    sw s11, ${offsetOf(thread_struct, "s11")}(a0)
    lw ra, ${offsetOf(thread_struct, "ra")}(a1)
    lw sp, ${offsetOf(thread_struct, "sp")}(a1)
    lw s0, ${offsetOf(thread_struct, "s0")}(a1)
    lw s1, ${offsetOf(thread_struct, "s1")}(a1)
    lw s2, ${offsetOf(thread_struct, "s2")}(a1)
    lw s3, ${offsetOf(thread_struct, "s3")}(a1)
    lw s4, ${offsetOf(thread_struct, "s4")}(a1)
    lw s5, ${offsetOf(thread_struct, "s5")}(a1)
    lw s6, ${offsetOf(thread_struct, "s6")}(a1)
    lw s7, ${offsetOf(thread_struct, "s7")}(a1)
    lw s8, ${offsetOf(thread_struct, "s8")}(a1)
    lw s9, ${offsetOf(thread_struct, "s9")}(a1)
    lw s10, ${offsetOf(thread_struct, "s10")}(a1)
    lw s11, ${offsetOf(thread_struct, "s11")}(a1)
    ret`;
}

/** Where a new task begins: s1 = first function, s2 = second (given s3), which does not return. */
export function ret_from_fork(): void {
  "naked";
  asm`
    jalr s1
    mv a0, s3
    jalr s2
    ebreak`;
}

/** Makes `thread` start, on the stack that ends at `stack_top`, with first() and then run(arg). */
export function thread_setup(
  thread: thread_struct,
  stack_top: usize,
  first: () => void,
  run: (arg: u32) => void,
  arg: u32,
): void {
  thread.ra = addr(ret_from_fork);
  thread.sp = stack_top;
  // The end of the frame-pointer chain.
  thread.s0 = 0;
  thread.s1 = addr(first);
  thread.s2 = addr(run);
  thread.s3 = arg;
}
