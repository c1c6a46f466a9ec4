// What is measured, in order. Hart 0 alone first, then pairs, then all harts on one thing; each figure is one line of output.

import { finisher_poweroff } from "../../firmware/board.ts";
import { fdt_harts } from "../../firmware/fdt.ts";
import { contended } from "./contended.ts";
import { devices } from "./device.ts";
import { instructions } from "./instructions.ts";
import { interrupts } from "./interrupt.ts";
import { lines } from "./line.ts";
import { loads_and_stores } from "./memory.ts";
import { barrier, harts_present } from "./together.ts";
import { translation } from "./tlb.ts";
import { traps } from "./trap.ts";

export function main(hart: u32, fdt: usize): void {
  if (hart === 0) {
    let count: u32 = 0;
    for (const _id of fdt_harts(fdt)) count++;
    harts_present(count);
    if (count === 1) {
      instructions();
      loads_and_stores();
      translation();
      traps();
      devices();
    }
  }
  barrier(hart);
  lines(hart);
  interrupts(hart);
  contended(hart);
  barrier(hart);
  if (hart === 0) finisher_poweroff();
}
