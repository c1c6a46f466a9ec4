// The interrupt controller without a trap: interrupts stay off, wfi ends when one is pending, and a claim names it.

const PLIC = 0x0c00_0000;
const PLIC_PENDING = PLIC + 0x1000;
const PLIC_ENABLE = PLIC + 0x2000;
const PLIC_CONTEXT = PLIC + 0x20_0000;
const MIE = 0x304;
const MIP = 0x344;
const MEIP = 1 << 11;

export function load32(address: usize): u32 {
  return READ_ONCE(cast<Ptr<u32>>(address)[0]);
}

export function store32(address: usize, value: u32): void {
  WRITE_ONCE(cast<Ptr<u32>>(address)[0], value);
}

/** Lets a source (below 32) reach hart 0's machine mode. */
export function plic_enable(source: u32): void {
  store32(PLIC + source * 4, 1);
  store32(PLIC_ENABLE, load32(PLIC_ENABLE) | (1 << source));
  csrWrite(MIE, MEIP);
}

export function plic_wait(): u32 {
  while ((csrRead(MIP) & MEIP) === 0) wfi();
  return load32(PLIC_CONTEXT + 4);
}

export function plic_claim(): u32 {
  return load32(PLIC_CONTEXT + 4);
}

export function plic_complete(source: u32): void {
  store32(PLIC_CONTEXT + 4, source);
}

export function plic_pending(): u32 {
  return load32(PLIC_PENDING);
}
