// A figure as a line of output: name, parameter, cycles in all, operations measured.

import { put_decimal, put_string } from "../../firmware/uart.ts";

export function report(name: string, parameter: u32, cycles: u32, count: u32): void {
  put_string(name);
  put_string(" ");
  put_decimal(parameter);
  put_string(" ");
  put_decimal(cycles);
  put_string(" ");
  put_decimal(count);
  put_string("\n");
}

/** Runs `n` rounds of four operations on `p` and leaves the cycles in `out`. */
export type timed = (n: u32, p: usize, out: Ptr<u32>) => void;

const elapsed = new FixedArray<u32>(1);

/** Cycles of one call; a first short one has code and translations ready. */
export function cycles_of(body: timed, n: u32, p: usize): u32 {
  body(1, p, elapsed.add(0));
  body(n, p, elapsed.add(0));
  return elapsed[0];
}

/** Reports what `body` takes beyond the same loop with nothing in it. */
export function measure(name: string, parameter: u32, body: timed, n: u32, p: usize): void {
  const all = cycles_of(body, n, p);
  report(name, parameter, all - cycles_of(time_nothing, n, p), 4 * n);
}

export function time_nothing(_n: u32, _p: usize, _out: Ptr<u32>): void {
  "naked";
  asm`
    csrr t0, cycle
1:  addi a0, a0, -1
    bnez a0, 1b
    csrr t1, cycle
    sub t1, t1, t0
    sw t1, 0(a2)
    ret`;
}
