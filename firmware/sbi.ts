// The supervisor's calls: a7 = extension, a6 = function, a0.. = arguments; a0 = error, a1 = value on return.

import { clint_set_timecmp, finisher_fail, finisher_poweroff, finisher_reboot } from "./board.ts";
import { IRQ_M_TIMER, IRQ_S_TIMER, MARCHID, MIE, MIMPID, MIP, MVENDORID } from "./csr.ts";
import { harts, this_hart } from "./hart.ts";
import { hart_exists, hsm_start, hsm_stop, hsm_suspend } from "./hsm.ts";
import { hart_mask_valid, send_ipi } from "./ipi.ts";
import { FENCE, remote_fence } from "./rfence.ts";
import { EXT, SBI_ERR, SBI_VERSION_MAJOR, SBI_VERSION_MINOR } from "./sbi-numbers.ts";
import type { trap_frame } from "./trap.ts";
import { uart_getc, uart_putc } from "./uart.ts";

/** No number is registered for this firmware. */
const IMPLEMENTATION_ID = 0x484c;
const IMPLEMENTATION_VERSION = 1;
const RESET_REASON_FAILURE = 1;

export function sbi_call(frame: trap_frame): void {
  const extension = frame.a7;
  frame.mepc += 4;
  if (extension < EXT.BASE) {
    frame.a0 = u32(legacy_call(extension, frame));
    return;
  }
  // The value first: a call that has none returns 0, and the argument in a1 is read before.
  let error: i32 = SBI_ERR.NOT_SUPPORTED;
  if (extension === EXT.TIME) error = time_call(frame);
  else if (extension === EXT.IPI) error = ipi_call(frame);
  else if (extension === EXT.RFENCE) error = rfence_call(frame);
  else if (extension === EXT.HSM) error = hsm_call(frame);
  else if (extension === EXT.DBCN) error = console_call(frame);
  else if (extension === EXT.BASE) error = base_call(frame);
  else if (extension === EXT.SRST) error = reset_call(frame);
  if (error !== 0) frame.a1 = 0;
  frame.a0 = u32(error);
}

function legacy_call(extension: u32, frame: trap_frame): i32 {
  if (extension === EXT.LEGACY_PUTCHAR) {
    uart_putc(frame.a0);
    return 0;
  }
  if (extension === EXT.LEGACY_GETCHAR) return uart_getc();
  if (extension === EXT.LEGACY_SET_TIMER) {
    set_timer(frame.a0, frame.a1);
    return 0;
  }
  if (extension === EXT.LEGACY_SHUTDOWN) finisher_poweroff();
  return SBI_ERR.NOT_SUPPORTED;
}

function base_call(frame: trap_frame): i32 {
  switch (frame.a6) {
    case 0:
      frame.a1 = (SBI_VERSION_MAJOR << 24) | SBI_VERSION_MINOR;
      return 0;
    case 1:
      frame.a1 = IMPLEMENTATION_ID;
      return 0;
    case 2:
      frame.a1 = IMPLEMENTATION_VERSION;
      return 0;
    case 3:
      frame.a1 = has_extension(frame.a0) ? 1 : 0;
      return 0;
    case 4:
      frame.a1 = csrRead(MVENDORID);
      return 0;
    case 5:
      frame.a1 = csrRead(MARCHID);
      return 0;
    case 6:
      frame.a1 = csrRead(MIMPID);
      return 0;
    default:
      return SBI_ERR.NOT_SUPPORTED;
  }
}

function has_extension(extension: u32): boolean {
  return (
    extension === EXT.BASE ||
    extension === EXT.TIME ||
    extension === EXT.IPI ||
    extension === EXT.RFENCE ||
    extension === EXT.HSM ||
    extension === EXT.SRST ||
    extension === EXT.DBCN ||
    extension <= EXT.LEGACY_GETCHAR ||
    extension === EXT.LEGACY_SHUTDOWN
  );
}

function set_timer(low: u32, high: u32): void {
  clint_set_timecmp(this_hart(), low, high);
  csrReadClear(MIP, 1 << IRQ_S_TIMER);
  csrReadSet(MIE, 1 << IRQ_M_TIMER);
}

function time_call(frame: trap_frame): i32 {
  if (frame.a6 !== 0) return SBI_ERR.NOT_SUPPORTED;
  set_timer(frame.a0, frame.a1);
  frame.a1 = 0;
  return 0;
}

function ipi_call(frame: trap_frame): i32 {
  if (frame.a6 !== 0) return SBI_ERR.NOT_SUPPORTED;
  if (!hart_mask_valid(frame.a0, frame.a1)) return SBI_ERR.INVALID_PARAM;
  send_ipi(frame.a0, frame.a1);
  frame.a1 = 0;
  return 0;
}

function rfence_call(frame: trap_frame): i32 {
  if (frame.a6 > FENCE.VMA_ASID) return SBI_ERR.NOT_SUPPORTED;
  if (!hart_mask_valid(frame.a0, frame.a1)) return SBI_ERR.INVALID_PARAM;
  // An ASID only narrows a fence; the range alone is enough.
  remote_fence(frame.a0, frame.a1, frame.a6, frame.a2, frame.a3);
  frame.a1 = 0;
  return 0;
}

function hsm_call(frame: trap_frame): i32 {
  switch (frame.a6) {
    case 0: {
      const error = hsm_start(frame.a0, frame.a1, frame.a2);
      frame.a1 = 0;
      return error;
    }
    case 1:
      hsm_stop();
      return SBI_ERR.FAILED;
    case 2:
      if (!hart_exists(frame.a0)) return SBI_ERR.INVALID_PARAM;
      frame.a1 = READ_ONCE(harts[frame.a0].state);
      return 0;
    case 3: {
      const error = hsm_suspend(frame.a0);
      frame.a1 = 0;
      return error;
    }
    default:
      return SBI_ERR.NOT_SUPPORTED;
  }
}

function reset_call(frame: trap_frame): i32 {
  if (frame.a6 !== 0) return SBI_ERR.NOT_SUPPORTED;
  if (frame.a0 === 1 || frame.a0 === 2) finisher_reboot();
  if (frame.a0 !== 0) return SBI_ERR.INVALID_PARAM;
  if (frame.a1 === RESET_REASON_FAILURE) finisher_fail();
  finisher_poweroff();
  return SBI_ERR.FAILED;
}

/** Debug console: a0 bytes at the physical address a1 (low), a2 (high). */
function console_call(frame: trap_frame): i32 {
  const size = frame.a0;
  switch (frame.a6) {
    case 0: {
      if (frame.a2 !== 0) return SBI_ERR.INVALID_PARAM;
      const bytes = cast<Ptr<u8>>(frame.a1);
      for (let i: u32 = 0; i < size; i++) uart_putc(bytes[i]);
      frame.a1 = size;
      return 0;
    }
    case 1: {
      if (frame.a2 !== 0) return SBI_ERR.INVALID_PARAM;
      const bytes = cast<Ptr<u8>>(frame.a1);
      let n: u32 = 0;
      for (; n < size; n++) {
        const c = uart_getc();
        if (c < 0) break;
        bytes[n] = u8(c);
      }
      frame.a1 = n;
      return 0;
    }
    case 2:
      uart_putc(frame.a0 & 0xff);
      frame.a1 = 0;
      return 0;
    default:
      return SBI_ERR.NOT_SUPPORTED;
  }
}
