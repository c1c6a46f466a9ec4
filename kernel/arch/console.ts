// Console output: the UART once the device tree has named it, the firmware's console before. The caller serialises.

import { sbi_console_putc } from "./sbi.ts";

const THR = 0;
const LSR = 5;
const LSR_THR_EMPTY = 1 << 5;

/** Registers of an ns16550a, or 0. */
let uart_base: usize = 0;

export function console_setup(base: usize): void {
  uart_base = base;
}

export function console_write(s: Ptr<u8>, n: u32): void {
  if (uart_base === 0) {
    for (let i: u32 = 0; i < n; i++) sbi_console_putc(s[i]);
    return;
  }
  const uart = cast<Ptr<u8>>(uart_base);
  for (let i: u32 = 0; i < n; i++) {
    // QEMU drops bytes that are written faster.
    while ((READ_ONCE(uart[LSR]) & LSR_THR_EMPTY) === 0) pause();
    WRITE_ONCE(uart[THR], s[i]);
  }
}
