// Calls into the firmware (RISC-V SBI 2.0). An error is a negative number, as the specification has it.

const EXT_TIME = 0x5449_4d45;
const EXT_IPI = 0x73_5049;
const EXT_RFENCE = 0x5246_4e43;
const EXT_HSM = 0x48_534d;
const EXT_SRST = 0x5352_5354;
const EXT_DBCN = 0x4442_434e;

const SRST_SHUTDOWN = 0;
const SRST_COLD_REBOOT = 1;
const SRST_REASON_NONE = 0;
const SRST_REASON_FAILURE = 1;

/** Answers of sbi_hart_status. */
export const SBI_HSM_STARTED = 0;
export const SBI_HSM_STOPPED = 1;

/** The timer interrupt comes once the time CSR reaches this; all ones: never. */
export function sbi_set_timer(time: u64): void {
  ecall(EXT_TIME, 0, u32(time), u32(time >> 32n));
}

/** A software interrupt on each hart `base` + bit. */
export function sbi_send_ipi(mask: u32, base: u32): i32 {
  return i32(u32(ecall(EXT_IPI, 0, mask, base)));
}

export function sbi_remote_sfence_vma(mask: u32, base: u32, start: usize, size: u32): i32 {
  return i32(u32(ecall(EXT_RFENCE, 1, mask, base, start, size)));
}

/** The hart begins at the physical address `pc` with a0 = hart id, a1 = `arg`, translation off. */
export function sbi_hart_start(hart: u32, pc: usize, arg: u32): i32 {
  return i32(u32(ecall(EXT_HSM, 0, hart, pc, arg)));
}

/** Returns only when it fails. */
export function sbi_hart_stop(): void {
  ecall(EXT_HSM, 1);
}

/** SBI_HSM_… or, for a hart that does not exist, a negative error. */
export function sbi_hart_status(hart: u32): i32 {
  const answer = ecall(EXT_HSM, 2, hart);
  return u32(answer) !== 0 ? i32(u32(answer)) : i32(u32(answer >> 32n));
}

export function sbi_shutdown(): void {
  ecall(EXT_SRST, 0, SRST_SHUTDOWN, SRST_REASON_NONE);
}

/** Ends the machine with a failure. */
export function sbi_fail(): void {
  ecall(EXT_SRST, 0, SRST_SHUTDOWN, SRST_REASON_FAILURE);
}

export function sbi_reboot(): void {
  ecall(EXT_SRST, 0, SRST_COLD_REBOOT, SRST_REASON_NONE);
}

export function sbi_console_putc(c: u8): void {
  ecall(EXT_DBCN, 2, c);
}
