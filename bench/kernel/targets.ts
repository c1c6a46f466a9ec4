/** What some primitives may cost at most, in instructions, uncontended on one hart. */
import type { Row } from "./measure.ts";

export interface Target {
  readonly primitive: string;
  readonly atMost: number;
  readonly why: string;
}

export const TARGETS: readonly Target[] = [
  { primitive: "spin_lock", atMost: 30, why: "an uncontended pair" },
  { primitive: "raw_spin_lock", atMost: 30, why: "an uncontended pair" },
  { primitive: "kmalloc-64", atMost: 160, why: "Linux: 262" },
  { primitive: "kmalloc-512", atMost: 160, why: "Linux: 274" },
  { primitive: "vmalloc-4096", atMost: 2000, why: "Linux: 2,867" },
];

/** Each target with the dearest row that it judges. */
export function verdicts(rows: readonly Row[]): { target: Target; instructions: number; met: boolean }[] {
  return TARGETS.map((target) => {
    const found = rows.filter((row) => row.primitive === target.primitive && row.harts === 1 && !row.contended);
    const instructions = found.length === 0 ? Number.NaN : Math.max(...found.map((row) => row.instructions));
    return { target, instructions, met: instructions <= target.atMost };
  });
}
