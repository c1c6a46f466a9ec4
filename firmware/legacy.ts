// The legacy extensions 0 to 8 (SBI 0.1): no function number, one result in a0, and hart masks by the virtual address of a
// word; address 0 means every hart.

import { finisher_poweroff } from "./board.ts";
import { IRQ_S_SOFT, MCAUSE, MIP, MTVAL } from "./csr.ts";
import { guarded, load_supervisor_word } from "./guard.ts";
import { BASE_ALL, hart_mask_valid, send_ipi } from "./ipi.ts";
import { redirect_trap } from "./redirect.ts";
import { FENCE, remote_fence } from "./rfence.ts";
import { EXT, SBI_ERR } from "./sbi-numbers.ts";
import { set_timer } from "./timer.ts";
import type { trap_frame } from "./trap.ts";
import { uart_getc, uart_putc } from "./uart.ts";

export function legacy_call(extension: u32, frame: trap_frame): void {
  switch (extension) {
    case EXT.LEGACY_SET_TIMER:
      set_timer(frame.a0, frame.a1);
      frame.a0 = 0;
      return;
    case EXT.LEGACY_PUTCHAR:
      uart_putc(frame.a0 & 0xff);
      frame.a0 = 0;
      return;
    case EXT.LEGACY_GETCHAR:
      frame.a0 = u32(uart_getc());
      return;
    case EXT.LEGACY_CLEAR_IPI:
      frame.a0 = (csrReadClear(MIP, 1 << IRQ_S_SOFT) >> IRQ_S_SOFT) & 1;
      return;
    case EXT.LEGACY_SHUTDOWN:
      finisher_poweroff();
      return;
    case EXT.LEGACY_SEND_IPI:
    case EXT.LEGACY_FENCE_I:
    case EXT.LEGACY_SFENCE_VMA:
    case EXT.LEGACY_SFENCE_VMA_ASID:
      masked_call(extension, frame);
      return;
    default:
      frame.a0 = u32(SBI_ERR.NOT_SUPPORTED);
  }
}

function masked_call(extension: u32, frame: trap_frame): void {
  let mask: u32 = 0;
  let base: u32 = BASE_ALL;
  if (frame.a0 !== 0) {
    const word = new guarded();
    load_supervisor_word(word, frame.a0);
    if (word.trapped !== 0) {
      // The supervisor's own mistake, told to it as a trap of its call.
      redirect_trap(frame, frame.mepc - 4, csrRead(MCAUSE), csrRead(MTVAL));
      return;
    }
    mask = word.value;
    base = 0;
  }
  if (!hart_mask_valid(mask, base)) {
    frame.a0 = u32(SBI_ERR.INVALID_PARAM);
    return;
  }
  if (extension === EXT.LEGACY_SEND_IPI) send_ipi(mask, base);
  else if (extension === EXT.LEGACY_FENCE_I) remote_fence(mask, base, FENCE.I, 0, 0, 0);
  else if (extension === EXT.LEGACY_SFENCE_VMA) remote_fence(mask, base, FENCE.VMA, frame.a1, frame.a2, 0);
  else remote_fence(mask, base, FENCE.VMA_ASID, frame.a1, frame.a2, frame.a3);
  frame.a0 = 0;
}
