// Cache lines that move between hart 1 and hart 0. Alone, hart 0 plays both parts: then nothing moves.

import { report } from "./report.ts";
import { time_steps, time_stores } from "./memory.ts";
import { barrier, harts, SHARED, shared } from "./together.ts";

const LINES = 64;
const LINE_BYTES = 64;
/** Nobody else's memory. */
const REGION = 0x8180_0000;
const ELSEWHERE = 0x8190_0000;
const HANDOFFS = 200;

const elapsed = new FixedArray<u32>(1);

export function lines(hart: u32): void {
  const other: u32 = harts() > 1 ? 1 : 0;
  part(hart, other, "line-read", true, time_loads);
  part(hart, other, "line-write", true, time_stores);
  part(hart, other, "line-upgrade", false, time_stores);
  ping_pong(hart, other);
}

/** `other` writes all lines, or both read them; then hart 0 is timed over them. */
function part(hart: u32, other: u32, name: string, dirty: boolean, body: (n: u32, p: usize, out: Ptr<u32>) => void): void {
  barrier(hart);
  if (hart === other) touch_all(dirty);
  barrier(hart);
  if (hart === 0) {
    if (!dirty) touch_all(false);
    body(1, ELSEWHERE, elapsed.add(0));
    body(LINES / 4, REGION, elapsed.add(0));
    const all = elapsed[0];
    time_steps(LINES / 4, REGION, elapsed.add(0));
    report(name, 0, all - elapsed[0], LINES);
  }
  barrier(hart);
}

function touch_all(dirty: boolean): void {
  for (let i: u32 = 0; i < LINES; i++) {
    const line = cast<Ptr<u32>>(REGION + i * LINE_BYTES);
    if (dirty) WRITE_ONCE(line[0], i);
    else READ_ONCE(line[0]);
  }
}

/** A word says whose turn it is. */
function ping_pong(hart: u32, other: u32): void {
  barrier(hart);
  if (hart <= other) {
    const turn = shared.add(SHARED);
    const start = csrRead(0xc00);
    if (other === 0) {
      for (let i: u32 = 0; i < HANDOFFS; i++) {
        while (READ_ONCE(turn[0]) !== 0);
        WRITE_ONCE(turn[0], 0);
      }
    } else {
      for (let i: u32 = 0; i < HANDOFFS / 2; i++) {
        while (READ_ONCE(turn[0]) !== hart);
        WRITE_ONCE(turn[0], 1 - hart);
      }
    }
    if (hart === 0) report("ping-pong", 0, csrRead(0xc00) - start, HANDOFFS);
  }
  barrier(hart);
}

/** One load a line. */
function time_loads(_n: u32, _p: usize, _out: Ptr<u32>): void {
  "naked";
  asm`
    csrr t0, cycle
1:  lw t2, 0(a1)
    addi a1, a1, 64
    lw t2, 0(a1)
    addi a1, a1, 64
    lw t2, 0(a1)
    addi a1, a1, 64
    lw t2, 0(a1)
    addi a1, a1, 64
    addi a0, a0, -1
    bnez a0, 1b
    csrr t1, cycle
    sub t1, t1, t0
    sw t1, 0(a2)
    ret`;
}
