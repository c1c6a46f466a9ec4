// The beginning of a block in a report, as print_hex_dump prints it: rows of 16 bytes in groups of one, and what they are in ASCII.

import { seq_printf } from "../../lib/printk.ts";
import { kmemleak_object } from "./object.ts";

const HEX_ROW_SIZE = 16;
const HEX_MAX_LINES = 2;

/** The beginning of the block, copied. */
export class hex_bytes {
  length: u32;
  readonly byte = new FixedArray<u8>(HEX_ROW_SIZE * HEX_MAX_LINES);
}

/** Called with object.lock held, which keeps the block. */
export function copy_bytes(object: kmemleak_object, to: hex_bytes): void {
  const from = cast<Ptr<u8>>(object.pointer);
  to.length = object.size < HEX_ROW_SIZE * HEX_MAX_LINES ? object.size : HEX_ROW_SIZE * HEX_MAX_LINES;
  for (let i: u32 = 0; i < to.length; i++) to.byte[i] = data_race(from[i]);
}

/** `    6b 6b 6b …  kkk…`, as print_hex_dump with rows of 16 bytes in groups of one. */
function hex_row(bytes: hex_bytes, from: u32): void {
  seq_printf("    ");
  for (let i = from; i < from + HEX_ROW_SIZE; i++) {
    if (i < bytes.length) seq_printf("%02x ", bytes.byte[i]);
    else seq_printf("   ");
  }
  seq_printf(" ");
  for (let i = from; i < from + HEX_ROW_SIZE && i < bytes.length; i++) {
    const c = bytes.byte[i];
    seq_printf("%c", c >= 0x20 && c < 0x7f ? u32(c) : 0x2e);
  }
  seq_printf("\n");
}

export function print_hex(bytes: hex_bytes): void {
  seq_printf("  hex dump (first %u bytes):\n", bytes.length);
  for (let from: u32 = 0; from < bytes.length; from += HEX_ROW_SIZE) hex_row(bytes, from);
}
