// Reset of a measured program: one hart, machine mode; runs `kernel_main` twice (the second time with warm caches) and prints
// checksum, instructions and cycles of the second.

import { finisher_poweroff } from "../../../firmware/board.ts";
import { put_hex, put_string } from "../../../firmware/uart.ts";
import { kernel_main } from "./main.ts";

const INSTRET = 0xc02;
const CYCLE = 0xc00;

export function _start(): void {
  "naked";
  asm`
    csrr a0, mhartid
    bnez a0, 1f
    li sp, 0x80f00000
    li s0, 0
    call ${measure}
1:  wfi
    j 1b`;
}

function print(name: string, value: u32): void {
  put_string(name);
  put_string(" ");
  put_hex(value);
  put_string("\n");
}

function measure(): void {
  kernel_main();
  const instructions = csrRead(INSTRET);
  const cycles = csrRead(CYCLE);
  const checksum = kernel_main();
  const cycles_end = csrRead(CYCLE);
  const instructions_end = csrRead(INSTRET);
  print("checksum", checksum);
  print("instructions", instructions_end - instructions);
  print("cycles", cycles_end - cycles);
  finisher_poweroff();
}
