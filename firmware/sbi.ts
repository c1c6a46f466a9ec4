// The supervisor's calls: a7 = extension, a6 = function, a0.. = arguments; a0 = error, a1 = value on return.

import { finisher_fail, finisher_poweroff, finisher_reboot, KERNEL_ENTRY } from "./board.ts";
import { MARCHID, MIMPID, MVENDORID } from "./csr.ts";
import { guarded, load_byte, store_byte } from "./guard.ts";
import { harts } from "./hart.ts";
import { hart_exists, hsm_start, hsm_stop, hsm_suspend } from "./hsm.ts";
import { hart_mask_valid, send_ipi } from "./ipi.ts";
import { legacy_call } from "./legacy.ts";
import { FENCE, remote_fence } from "./rfence.ts";
import { EXT, SBI_ERR, SBI_VERSION_MAJOR, SBI_VERSION_MINOR } from "./sbi-numbers.ts";
import { set_timer } from "./timer.ts";
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
    legacy_call(extension, frame);
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
    extension <= EXT.LEGACY_SHUTDOWN
  );
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
  // The others are for hypervisors.
  if (frame.a6 > FENCE.VMA_ASID) return SBI_ERR.NOT_SUPPORTED;
  if (!hart_mask_valid(frame.a0, frame.a1)) return SBI_ERR.INVALID_PARAM;
  remote_fence(frame.a0, frame.a1, frame.a6, frame.a2, frame.a3, frame.a4);
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
      const error = hsm_suspend(frame.a0, frame.a1, frame.a2);
      frame.a1 = 0;
      return error;
    }
    default:
      return SBI_ERR.NOT_SUPPORTED;
  }
}

const RESET_TYPE_WARM = 2;
const RESET_TYPES_PLATFORM = 0xf000_0000;
const RESET_REASONS_OWN = 0xe000_0000;

function reset_call(frame: trap_frame): i32 {
  if (frame.a6 !== 0 || frame.a0 >= RESET_TYPES_PLATFORM) return SBI_ERR.NOT_SUPPORTED;
  const reason = frame.a1;
  if (frame.a0 > RESET_TYPE_WARM || (reason > RESET_REASON_FAILURE && reason < RESET_REASONS_OWN)) {
    return SBI_ERR.INVALID_PARAM;
  }
  if (frame.a0 !== 0) finisher_reboot();
  if (reason === RESET_REASON_FAILURE) finisher_fail();
  finisher_poweroff();
  return SBI_ERR.FAILED;
}

/** Whether a buffer keeps clear of the firmware; what else may be wrong with it is found out byte by byte. */
function buffer_valid(size: u32, low: usize, high: u32): boolean {
  if (high !== 0 || low + size < low) return false;
  return low + size <= linkerSymbol("__fw_start") || low >= KERNEL_ENTRY;
}

/** Debug console: a0 bytes at the physical address a1 (low), a2 (high). */
function console_call(frame: trap_frame): i32 {
  switch (frame.a6) {
    case 0:
      return console_write(frame);
    case 1:
      return console_read(frame);
    case 2:
      uart_putc(frame.a0 & 0xff);
      frame.a1 = 0;
      return 0;
    default:
      return SBI_ERR.NOT_SUPPORTED;
  }
}

function console_write(frame: trap_frame): i32 {
  const size = frame.a0;
  if (!buffer_valid(size, frame.a1, frame.a2)) return SBI_ERR.INVALID_PARAM;
  const byte = new guarded();
  for (let i: u32 = 0; i < size; i++) {
    load_byte(byte, frame.a1 + i);
    if (byte.trapped !== 0) return SBI_ERR.INVALID_PARAM;
    uart_putc(byte.value);
  }
  frame.a1 = size;
  return 0;
}

/** Never waits: gives what is there. */
function console_read(frame: trap_frame): i32 {
  const size = frame.a0;
  if (!buffer_valid(size, frame.a1, frame.a2)) return SBI_ERR.INVALID_PARAM;
  const byte = new guarded();
  let count: u32 = 0;
  for (; count < size; count++) {
    const c = uart_getc();
    if (c < 0) break;
    byte.value = u32(c);
    store_byte(byte, frame.a1 + count);
    if (byte.trapped !== 0) return SBI_ERR.INVALID_PARAM;
  }
  frame.a1 = count;
  return 0;
}
