// Hart State Management (SBI HSM): start, stop, status and suspend.

import { clint_set_msip, HARTS_MAX } from "./board.ts";
import { MIE, MIP } from "./csr.ts";
import { HSM, hart_park, hart_resume, harts, this_hart } from "./hart.ts";
import { SBI_ERR } from "./sbi-numbers.ts";

export function hart_exists(hart: u32): boolean {
  return hart < HARTS_MAX && harts[hart].present !== 0;
}

export function hsm_start(hart: u32, pc: usize, arg: u32): i32 {
  if (!hart_exists(hart)) return SBI_ERR.INVALID_PARAM;
  const target = harts[hart];
  const old: u32 = CMPXCHG(target.state, HSM.STOPPED, HSM.START_PENDING);
  if (old === HSM.STARTED || old >= HSM.SUSPENDED) return SBI_ERR.ALREADY_AVAILABLE;
  if (old !== HSM.STOPPED) return SBI_ERR.FAILED;
  target.start_pc = pc;
  target.start_arg = arg;
  fence("rw", "w");
  WRITE_ONCE(target.go, 1);
  fence("rw", "rw");
  clint_set_msip(hart, 1);
  return 0;
}

/** Does not return: the hart comes back at the address of the next start. */
export function hsm_stop(): void {
  const hart = this_hart();
  csrReadClear(MIP, 0x222);
  fence("rw", "rw");
  WRITE_ONCE(harts[hart].state, HSM.STOPPED);
  hart_park(hart);
}

const SUSPEND_RETENTIVE = 0;
const SUSPEND_NON_RETENTIVE = 0x8000_0000;

/**
 * Waits until an interrupt is pending. Retentive: returns with all state kept. Non-retentive: does not return; the hart
 * goes on at `pc` as a started one does, with `arg` in a1 and its interrupts still pending.
 */
export function hsm_suspend(kind: u32, pc: usize, arg: u32): i32 {
  if (kind !== SUSPEND_RETENTIVE && kind !== SUSPEND_NON_RETENTIVE) {
    // Platform-specific kinds there are none; the rest is reserved.
    return (kind & 0x7fff_ffff) >= 0x1000_0000 ? SBI_ERR.NOT_SUPPORTED : SBI_ERR.INVALID_PARAM;
  }
  const hart = this_hart();
  const self = harts[hart];
  WRITE_ONCE(self.state, HSM.SUSPENDED);
  while ((csrRead(MIP) & csrRead(MIE)) === 0) wfi();
  WRITE_ONCE(self.state, HSM.STARTED);
  if (kind === SUSPEND_NON_RETENTIVE) hart_resume(hart, pc, arg);
  return 0;
}
