/**
 * Names for bits and codes of the privileged architecture, version 1.12, as far as this machine has
 * them.
 */

export const PRIV = { U: 0, S: 1, M: 3 } as const;

/** Bits of mstatus; sstatus shows a subset. */
export const MSTATUS = {
  SIE: 1 << 1,
  MIE: 1 << 3,
  SPIE: 1 << 5,
  MPIE: 1 << 7,
  SPP: 1 << 8,
  MPP_SHIFT: 11,
  MPP: 3 << 11,
  MPRV: 1 << 17,
  SUM: 1 << 18,
  MXR: 1 << 19,
  TVM: 1 << 20,
  TW: 1 << 21,
  TSR: 1 << 22,
} as const;

export const SSTATUS_MASK = MSTATUS.SIE | MSTATUS.SPIE | MSTATUS.SPP | MSTATUS.SUM | MSTATUS.MXR;
export const MSTATUS_MASK =
  SSTATUS_MASK |
  MSTATUS.MIE |
  MSTATUS.MPIE |
  MSTATUS.MPP |
  MSTATUS.MPRV |
  MSTATUS.TVM |
  MSTATUS.TW |
  MSTATUS.TSR;

/** Interrupt numbers, which are bit numbers in mip, mie and mideleg. */
export const INTERRUPT = { SSI: 1, MSI: 3, STI: 5, MTI: 7, SEI: 9, MEI: 11 } as const;
export const IP = {
  SSIP: 1 << INTERRUPT.SSI,
  MSIP: 1 << INTERRUPT.MSI,
  STIP: 1 << INTERRUPT.STI,
  MTIP: 1 << INTERRUPT.MTI,
  SEIP: 1 << INTERRUPT.SEI,
  MEIP: 1 << INTERRUPT.MEI,
} as const;
export const SUPERVISOR_INTERRUPTS = IP.SSIP | IP.STIP | IP.SEIP;
export const ALL_INTERRUPTS = SUPERVISOR_INTERRUPTS | IP.MSIP | IP.MTIP | IP.MEIP;

export const CAUSE = {
  FETCH_MISALIGNED: 0,
  FETCH_ACCESS: 1,
  ILLEGAL: 2,
  BREAKPOINT: 3,
  LOAD_MISALIGNED: 4,
  LOAD_ACCESS: 5,
  STORE_MISALIGNED: 6,
  STORE_ACCESS: 7,
  ECALL_U: 8,
  ECALL_S: 9,
  ECALL_M: 11,
  FETCH_PAGE: 12,
  LOAD_PAGE: 13,
  STORE_PAGE: 15,
} as const;

/** Exceptions that medeleg can pass down: all that can arise below M. */
export const DELEGABLE_EXCEPTIONS = 0xb3ff;

/** mcause and scause: bit 31 says interrupt. */
export const CAUSE_INTERRUPT = 0x8000_0000 | 0;

/** MXL = 1 (32 bits), extensions A, C, I, M, S, U. */
export const MISA_VALUE = (1 << 30) | (1 << 0) | (1 << 2) | (1 << 8) | (1 << 12) | (1 << 18) | (1 << 20);

export const PMPCFG = {
  R: 1,
  W: 2,
  X: 4,
  A_SHIFT: 3,
  A: 0x18,
  L: 0x80,
  OFF: 0,
  TOR: 1,
  NA4: 2,
  NAPOT: 3,
} as const;
export const PMP_ENTRIES = 16;
