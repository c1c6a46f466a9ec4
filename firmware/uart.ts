// NS16550A, polled. LSR bit 5 is polled before each byte: QEMU drops bytes that are written faster.

const UART = 0x1000_0000;
const RBR_THR = 0;
const LSR = 5;
const LSR_DATA_READY = 1 << 0;
const LSR_THR_EMPTY = 1 << 5;

export function uart_putc(c: u32): void {
  const uart = cast<Ptr<u8>>(UART);
  while ((READ_ONCE(uart[LSR]) & LSR_THR_EMPTY) === 0) pause();
  WRITE_ONCE(uart[RBR_THR], u8(c));
}

/** The next byte, or -1 when none has come. */
export function uart_getc(): i32 {
  const uart = cast<Ptr<u8>>(UART);
  if ((READ_ONCE(uart[LSR]) & LSR_DATA_READY) === 0) return -1;
  return i32(READ_ONCE(uart[RBR_THR]));
}

export function put_string(text: string): void {
  for (let p = cast<Ptr<u8>>(addr(text)); p[0] !== 0; p = p.add(1)) uart_putc(p[0]);
}

export function put_decimal(n: u32): void {
  let divisor: u32 = 1;
  while (n / divisor >= 10) divisor *= 10;
  for (; divisor !== 0; divisor /= 10) uart_putc(48 + ((n / divisor) % 10));
}

export function put_hex(n: u32): void {
  for (let shift: i32 = 28; shift >= 0; shift -= 4) {
    const digit: u32 = (n >> u32(shift)) & 15;
    uart_putc(digit < 10 ? 48 + digit : 87 + digit);
  }
}
