/**
 * What things cost in cycle mode. One preset: an in-order single-issue core in the manner of SiFive's U54 (FU540), rounded.
 *
 * Source of the figures: "SiFive U54 Core Complex Manual" chapters on the integer pipeline (load-to-use 2, taken-branch
 * misprediction 3, multiply 5 at one a cycle, divide up to 33) and published lmbench runs of the FU540 (L2 about 20
 * cycles, memory about 120). Line-transfer costs are estimates in proportion to those. Nothing here was measured by us.
 *
 * Both line-transfer costs are paid before the line moves; the smaller one is how far harts may be simulated ahead of each
 * other (engine/index.ts), so a small one is slow.
 *
 * A cost is the whole time an instruction takes when its lines hit the L1; penalties come on top. In functional mode
 * every instruction takes one cycle and there are no penalties.
 */
import type { CostClass } from "../../isa/index.ts";

export interface TimingPreset {
  readonly name: string;
  /** Cycles of an instruction by its class, all hits. */
  readonly instruction: Readonly<Record<CostClass, number>>;
  /** pause: the core yields its issue slots for so long. */
  readonly pause: number;
  /** Conditional branch predicted wrongly; predicted are backward taken, forward not taken. */
  readonly branchMiss: number;
  /** Entering a trap or an interrupt (pipeline flush and fetch of the handler). */
  readonly trapEntry: number;
  /** A page-table walk on a TLB miss, both levels. */
  readonly tlbWalk: number;
  /** L1 miss that the shared L2 has. */
  readonly l2Hit: number;
  /** L1 miss that goes to memory. */
  readonly memory: number;
  /** L1 miss whose line another hart holds exclusively: transfer between cores. */
  readonly transfer: number;
  /** Invalidating the copies of other harts before a write: to the directory, to them, and their answers. */
  readonly invalidate: number;
  /** A load or store to a device. */
  readonly device: number;
}

/** 1 cycle = 1 ns. */
export const U54_LIKE: TimingPreset = {
  name: "u54-like",
  instruction: {
    alu: 1,
    mul: 3,
    div: 20,
    load: 2,
    store: 1,
    branch: 1,
    jump: 1,
    jumpRegister: 2,
    atomic: 6,
    fence: 4,
    csr: 3,
    system: 6,
  },
  pause: 16,
  branchMiss: 3,
  trapEntry: 8,
  tlbWalk: 30,
  l2Hit: 20,
  memory: 120,
  transfer: 45,
  invalidate: 45,
  device: 40,
};

/** Geometry of the memory system in cycle mode. Powers of two. */
export const CACHE = {
  lineShift: 6,
  /** Private L1D: 32 KiB, four ways, replaced in order of filling (hits leave no trace, so they may be skipped). */
  l1Sets: 128,
  l1Ways: 4,
  /** Shared L2: 2 MiB, eight ways, likewise; it neither includes nor excludes what is in the L1s. */
  l2Sets: 4096,
  l2Ways: 8,
  /** Translations a hart keeps, for data and for instructions each; direct-mapped, 4 KiB each (also out of superpages). */
  tlbEntries: 64,
} as const;
