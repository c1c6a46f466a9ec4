// What the architecture needs of a task: its stack and the registers that a context switch keeps.

/** Bytes of a kernel stack; its lowest address is a multiple of this, which bounds a stack walk. */
export const STACK_SIZE = 8192;
export const STACK_ORDER = 1;

/** Callee-saved registers of a task that does not run. tp is not among them: it belongs to the CPU. */
export class thread_struct {
  ra: usize;
  sp: usize;
  s0: usize;
  s1: u32;
  s2: u32;
  s3: u32;
  s4: u32;
  s5: u32;
  s6: u32;
  s7: u32;
  s8: u32;
  s9: u32;
  s10: u32;
  s11: u32;
}
