// The board below the firmware: where the devices of QEMU's `virt` machine are, and what the firmware writes to them.

export const HARTS_MAX = 64;
/** Machine-mode stack of each hart, laid out one after the other from the end of the firmware image on. */
export const STACK_SHIFT = 12;
export const KERNEL_ENTRY = 0x8040_0000;

const FINISHER = 0x0010_0000;
const CLINT = 0x0200_0000;
const CLINT_MTIMECMP = CLINT + 0x4000;

const FINISHER_PASS = 0x5555;
const FINISHER_FAIL = 0x3333;
const FINISHER_RESET = 0x7777;

/** Raises (1) or clears (0) the machine software interrupt of a hart. */
export function clint_set_msip(hart: u32, value: u32): void {
  "inline";
  WRITE_ONCE(cast<Ptr<u32>>(CLINT)[hart], value);
}

/** Arms the timer of a hart for one moment of mtime; it stays quiet while the two halves are written. */
export function clint_set_timecmp(hart: u32, low: u32, high: u32): void {
  const compare = cast<Ptr<u32>>(CLINT_MTIMECMP + hart * 8);
  WRITE_ONCE(compare[1], 0xffff_ffff);
  WRITE_ONCE(compare[0], low);
  WRITE_ONCE(compare[1], high);
}

export function finisher_poweroff(): void {
  finish(FINISHER_PASS);
}

/** Ends the machine with a failure code of 1. */
export function finisher_fail(): void {
  finish(FINISHER_FAIL | (1 << 16));
}

export function finisher_reboot(): void {
  finish(FINISHER_RESET);
}

function finish(value: u32): void {
  WRITE_ONCE(cast<Ptr<u32>>(FINISHER)[0], value);
  for (;;) wfi();
}
