// The platform-level interrupt controller: sources go to the supervisor context of one CPU at a time.
//
// Register map (sifive,plic-1.0.0): 0x0 priority of source n at 4n; 0x2000 + 0x80 c enable bits of context c;
// 0x20_0000 + 0x1000 c threshold, +4 claim and complete. A source with priority 0 never interrupts: that masks it
// without touching the enable bits, which a completion would need.

import { nr_cpu_ids } from "./cpumask.ts";
import { NR_CPUS } from "./percpu.ts";

const ENABLE = 0x2000;
const ENABLE_STRIDE = 0x80;
const CONTEXT = 0x20_0000;
const CONTEXT_STRIDE = 0x1000;
const CLAIM = 4;

/** Registers, or 0 while there is no controller. */
let plic_base: usize = 0;
/** The context that raises supervisor external interrupts on each CPU, plus 1; 0: none. */
const plic_contexts = new FixedArray<u32>(NR_CPUS);

export function plic_setup(base: usize): void {
  plic_base = base;
}

export function plic_set_context(cpu: u32, context: u32): void {
  plic_contexts[cpu] = context + 1;
}

function reg(offset: u32): Ptr<u32> {
  "inline";
  return cast<Ptr<u32>>(plic_base + offset);
}

/** Lets every source of sufficient priority reach the calling CPU. */
export function plic_starting_cpu(cpu: u32): void {
  const context = plic_contexts[cpu];
  if (context !== 0) WRITE_ONCE(reg(CONTEXT + (context - 1) * CONTEXT_STRIDE)[0], 0);
}

/** Sends a source to one CPU only. */
export function plic_route(irq: u32, cpu: u32): void {
  for (let other: u32 = 0; other < nr_cpu_ids; other++) {
    const context = plic_contexts[other];
    if (context === 0) continue;
    const word = reg(ENABLE + (context - 1) * ENABLE_STRIDE + (irq >> 5) * 4);
    const bit: u32 = 1 << (irq & 31);
    const now: u32 = READ_ONCE(word[0]);
    WRITE_ONCE(word[0], other === cpu ? now | bit : now & ~bit);
  }
}

export function plic_mask(irq: u32): void {
  if (plic_base !== 0) WRITE_ONCE(reg(0)[irq], 0);
}

export function plic_unmask(irq: u32): void {
  if (plic_base !== 0) WRITE_ONCE(reg(0)[irq], 1);
}

/** The most urgent source that waits for the calling CPU, or 0. */
export function plic_claim(cpu: u32): u32 {
  const context = plic_contexts[cpu];
  return context === 0 ? 0 : READ_ONCE(reg(CONTEXT + (context - 1) * CONTEXT_STRIDE + CLAIM)[0]);
}

export function plic_complete(cpu: u32, irq: u32): void {
  const context = plic_contexts[cpu];
  if (context !== 0) WRITE_ONCE(reg(CONTEXT + (context - 1) * CONTEXT_STRIDE + CLAIM)[0], irq);
}
