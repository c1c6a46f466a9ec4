/**
 * In which interrupt contexts a lock class was used, as bits.
 *
 * For each of hardirq and softirq, four bits: taken inside such an interrupt for writing, for reading; taken (or held) while such
 * interrupts could come, for writing, for reading. A class that is both is one interrupt away from a deadlock, unless both
 * uses are readers. Names and characters are Linux's (Documentation/locking/lockdep-design.rst).
 */
export const USED_IN = 1;
export const USED_IN_READ = 2;
export const ENABLED = 4;
export const ENABLED_READ = 8;
/** Softirq bits follow the hardirq bits. */
export const SOFTIRQ_SHIFT = 4;
export const USAGE_BITS = 8;
/** Any bit of one direction, in either context. */
export const ANY_USED_IN = 0x33;
export const ANY_ENABLED = 0xcc;

export type IrqName = "HARDIRQ" | "SOFTIRQ";

export function irqName(bit: number): IrqName {
  return bit < 1 << SOFTIRQ_SHIFT ? "HARDIRQ" : "SOFTIRQ";
}

/** `IN-HARDIRQ-W`, `SOFTIRQ-ON-R` … of one bit. */
export function usageName(bit: number): string {
  const irq = irqName(bit);
  const form = irq === "SOFTIRQ" ? bit >> SOFTIRQ_SHIFT : bit;
  const access = (form & (USED_IN_READ | ENABLED_READ)) !== 0 ? "R" : "W";
  return (form & (USED_IN | USED_IN_READ)) !== 0 ? `IN-${irq}-${access}` : `${irq}-ON-${access}`;
}

/** The bits that must not meet this one, in the same class or along a chain of dependencies. */
export function conflicting(bit: number): number {
  const shift = irqName(bit) === "SOFTIRQ" ? SOFTIRQ_SHIFT : 0;
  switch (bit >> shift) {
    case USED_IN:
      return (ENABLED | ENABLED_READ) << shift;
    case USED_IN_READ:
      return ENABLED << shift;
    case ENABLED:
      return (USED_IN | USED_IN_READ) << shift;
    default:
      return USED_IN << shift;
  }
}

/** Four characters: hardirq for writing and reading, softirq for writing and reading. */
export function usageCharacters(usage: number): string {
  let text = "";
  for (const shift of [0, SOFTIRQ_SHIFT]) {
    for (const read of [0, 1]) {
      const inside = ((usage >> shift) & (USED_IN << read)) !== 0;
      const enabled = ((usage >> shift) & (ENABLED << read)) !== 0;
      text += inside ? (enabled ? "?" : "-") : enabled ? "+" : ".";
    }
  }
  return text;
}
