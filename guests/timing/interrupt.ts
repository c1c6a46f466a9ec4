// Hart 0 interrupts hart 1 through the CLINT: from the cycle before the store to the first cycle that the handler can read.
//
// The handler's own memory: line 0 private to hart 1 (saved t5, address of its msip), line 1 the arrival, read by hart 0.

import { barrier, cycle, harts } from "./together.ts";
import { report } from "./report.ts";

const MSIP = 0x0200_0000;
const MTVEC = 0x305;
const MIE = 0x304;
const MSTATUS = 0x300;
const MSCRATCH = 0x340;
const SOFTWARE = 8;
const SAMPLES = 16;
const ARRIVAL = 16;
const READY = 32;

const area = new FixedArray<u32>(1024);

export function interrupts(hart: u32): void {
  if (harts() > 1) {
    series(hart, "ipi-running", false);
    series(hart, "ipi-waiting", true);
  }
}

function series(hart: u32, name: string, waiting: boolean): void {
  barrier(hart);
  if (hart === 0) report(name, 0, send_all(), SAMPLES);
  if (hart === 1) receive_all(waiting);
  barrier(hart);
}

/** Hart 0: the sum of all latencies. */
function send_all(): u32 {
  let sum: u32 = 0;
  for (let i: u32 = 0; i < SAMPLES; i++) {
    while (READ_ONCE(area[READY]) !== i + 1) pause();
    // Long enough for the other hart to be in its loop, or asleep, with all it needs at hand.
    for (let k: u32 = 0; k < 50 + i; k++) pause();
    const start = cycle();
    WRITE_ONCE(cast<Ptr<u32>>(MSIP)[1], 1);
    while (READ_ONCE(area[ARRIVAL]) === 0) pause();
    sum += READ_ONCE(area[ARRIVAL]) - start;
    WRITE_ONCE(area[ARRIVAL], 0);
  }
  WRITE_ONCE(area[READY], 0);
  return sum;
}

function receive_all(waiting: boolean): void {
  area[1] = MSIP + 4;
  csrWrite(MSCRATCH, addr(area));
  csrWrite(MTVEC, addr(handler));
  csrWrite(MIE, SOFTWARE);
  csrReadSet(MSTATUS, SOFTWARE);
  for (let i: u32 = 0; i < SAMPLES; i++) {
    area[2] = 0;
    WRITE_ONCE(area[READY], i + 1);
    while (READ_ONCE(area[2]) === 0) {
      if (waiting) wfi();
    }
    // Until hart 0 has read it.
    while (READ_ONCE(area[ARRIVAL]) !== 0) pause();
  }
  csrReadClear(MSTATUS, SOFTWARE);
}

function handler(): void {
  "naked";
  asm`
    csrrw t6, mscratch, t6
    sw t5, 0(t6)
    csrr t5, cycle
    sw t5, 64(t6)
    sw t5, 8(t6)
    lw t5, 4(t6)
    sw zero, 0(t5)
    lw t5, 0(t6)
    csrrw t6, mscratch, t6
    mret`;
}
