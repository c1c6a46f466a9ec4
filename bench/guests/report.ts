// How a guest ends: one line with a checksum of all it computed, then power off.

import { finisher_poweroff } from "../../firmware/board.ts";
import { put_hex, put_string } from "../../firmware/uart.ts";

/** The same on every machine that computes correctly. */
export function finish_with(checksum: u32): void {
  put_string("checksum ");
  put_hex(checksum);
  put_string("\n");
  finisher_poweroff();
}
