/**
 * What things cost in cycle mode: every constant of the model, what it means, its value in each preset and where that value
 * comes from. docs/timing.md explains the model; `hartlab doctor --timing` measures it from inside a guest.
 *
 * A cost is the whole time an instruction takes when its lines hit the L1; penalties come on top. Per-instruction costs depend
 * on the class of the instruction (isa/), on the direction of a branch and on hit or miss, and on nothing else: the interpreter and
 * the JIT charge the same. In functional mode every instruction takes one cycle and there are no penalties. 1 cycle = 1 ns.
 *
 * Preset `u54-like`: SiFive's U54, an in-order single-issue core, as in the FU540-C000. Sources:
 * - [M] SiFive FU540-C000 Manual (edition of 2018), chapter 4, U54. The core is 64-bit; where the width matters (divide), the
 *   32-bit core with the same pipeline counts: [E31] SiFive FE310-G000 Manual, section 3.3.
 * - [L] SiFive, freedom-e-sdk, software/mem-latency/README.md: load-to-use 2 cycles in the L1 and 17-18 in the L2, 48 beyond
 *   on an FPGA whose memory is fast beside its core.
 * - [F] SiFive forum, thread 5530 "Ld, sd alignment?": 2^28 misaligned lw in 111.7 s, lh in 90.1 s, through OpenSBI;
 *   the board's clock is not given and taken for 1 GHz.
 * - "estimate": ours, in proportion to the others, because no published figure was found.
 */
import type { CostClass } from "../../isa/index.ts";

export type CostName =
  | CostClass
  | "pause" | "branchMiss" | "trapEntry" | "trapReturn" | "fenceI" | "sfence"
  | "walkHit" | "l2Hit" | "memory" | "transfer" | "invalidate" | "misaligned"
  | "mmioClint" | "mmioPlic" | "mmioOther" | "interrupt"
  | "doorbell" | "blockRequest" | "blockSector" | "consoleBuffer" | "consoleByte";

/** Cycles by name. */
export type Costs = Readonly<Record<CostName, number>>;

export interface Constant {
  readonly cycles: number;
  readonly meaning: string;
  readonly source: string;
  readonly estimate: boolean;
}

const cited = (cycles: number, meaning: string, source: string): Constant =>
  ({ cycles, meaning, source, estimate: false });
const estimated = (cycles: number, meaning: string, why: string): Constant =>
  ({ cycles, meaning, source: `estimate: ${why}`, estimate: true });

/** SiFive U54 (FU540-C000). */
const U54: Readonly<Record<CostName, Constant>> = {
  alu: cited(1, "integer operation", "[M] 4.3: one-cycle result latency"),
  mul: cited(5, "multiplication", "[M] 4.3: five-cycle result latency, one at a time"),
  div: estimated(17, "division, remainder", "[E31] 3.3 says 2 to 33 depending on the operands; the middle"),
  load: cited(2, "load that hits the L1", "[M] 4.3, 4.4: LW has a two-cycle result latency (narrower loads three: not modelled)"),
  store: cited(1, "store that hits the L1", "[M] 4.4: pipelined, commits on idle cycles"),
  branch: cited(1, "conditional branch, predicted rightly", "[M] 4.3: no penalty"),
  jump: cited(1, "jal", "[M] 4.2: the BTB gives the target, no penalty"),
  jumpRegister: estimated(2, "jalr", "[M] 4.2: free when BTB or return stack predict it, 3 more when not; one in three"),
  atomic: estimated(6, "AMO, LR or SC that hits the L1", "load, operation and store in turn, with the five-cycle store-to-load penalty of [M] 4.4"),
  fence: estimated(4, "fence", "drains the store pipeline, of about four stages"),
  csr: cited(3, "CSR instruction", "[M] 4.3: CSR reads have a three-cycle result latency (writes flush for five: not modelled)"),
  system: cited(6, "privileged instruction that retires, CSR accesses with side effects among them", "[M] 4.3: pipeline flush, five cycles and one"),
  pause: estimated(16, "pause: the hart yields its issue slots", "Zihintpause leaves it open"),
  branchMiss: cited(3, "wrongly predicted conditional branch (predicted: backward taken, forward not)", "[M] 4.2: three-cycle penalty (prediction there is dynamic)"),
  trapEntry: estimated(8, "entering a trap or an interrupt", "pipeline flush of five as in [M] 4.3 and the fetch of the handler"),
  trapReturn: estimated(2, "mret and sret, beyond `system`", "pipeline flush and fetch at the return address"),
  fenceI: estimated(30, "fence.i, beyond `system`", "flush of a pipeline and of a 32 KiB L1I by line valid bits, then refetch from the L2"),
  sfence: estimated(4, "sfence.vma, beyond `system`", "TLB valid bits are cleared at once; the pipeline refills"),
  walkHit: estimated(3, "page-table entry found in the L1, each level", "the walker is a client of the L1 data cache as in Rocket; load latency and arbitration"),
  l2Hit: cited(16, "L1 miss that the shared L2 has, beyond `load`", "[L] 18 cycles load to use, two of them the load"),
  memory: estimated(120, "L1 miss that goes to memory, beyond `load`", "DDR4 at about 120 ns with a 1 GHz core"),
  transfer: estimated(45, "L1 miss whose line another hart holds exclusively", "L2 lookup, probe of the owner, its answer, grant: two and a half L2 trips"),
  invalidate: estimated(45, "write to a line of which others hold copies", "the same trips as a transfer; answers travel in parallel"),
  misaligned: cited(400, "misaligned load or store, beyond the lines it touches", "[M] 4.4: traps to software; [F] 416 ns for lw, 335 ns for lh, emulated by OpenSBI"),
  mmioClint: estimated(30, "load or store to the CLINT", "uncached, across the control bus, half the core's clock"),
  mmioPlic: estimated(40, "load or store to the PLIC", "as the CLINT, one crossing farther"),
  mmioOther: estimated(60, "load or store to any other device", "peripheral bus behind the control bus"),
  interrupt: estimated(50, "from the start of a store that raises another hart's interrupt line (CLINT, PLIC) until that hart may take it", "posted store and wire; at least the lookahead, which is the smaller of transfer and invalidate"),
  doorbell: estimated(500, "from a store to QueueNotify until a virtio device looks at its queue (at least `interrupt`), in both timing modes", "a posted write and a fetch of the ring over PCIe"),
  blockRequest: estimated(10_000, "request to the virtio block device, from then to its interrupt, in both timing modes", "the 10 us that Intel publishes for its Optane 900P"),
  blockSector: estimated(205, "each 512-byte sector of such a request", "2.5 GB/s, likewise"),
  consoleBuffer: estimated(1_000, "buffer given to the virtio console, in both timing modes", "an order less than a disk"),
  consoleByte: estimated(8, "each byte of such a buffer", "a memory copy by a host"),
};

export const PRESETS = { "u54-like": U54 } as const satisfies Readonly<Record<string, Readonly<Record<CostName, Constant>>>>;
export type PresetName = keyof typeof PRESETS;
export const PRESET_DEFAULT: PresetName = "u54-like";
export const PRESET_NAMES = Object.keys(PRESETS) as readonly PresetName[];
export const COST_NAMES = Object.keys(U54) as readonly CostName[];

/** Geometry of the memory system in cycle mode. Powers of two; fixed, because engine tables are laid out by it. */
export const CACHE = {
  lineShift: 6,
  /** Private L1D: 32 KiB, four ways ([M] table 4: eight), replaced in order of filling (hits leave no trace, so they may be skipped). */
  l1Sets: 128,
  l1Ways: 4,
  /** Shared L2: 2 MiB as the FU540's, eight ways, likewise; it neither includes nor excludes what is in the L1s. */
  l2Sets: 4096,
  l2Ways: 8,
  /** Translations a hart keeps, for data and for instructions each ([M] table 4: 32); direct-mapped: of 4 KiB pages, and of 4 MiB superpages. */
  tlbEntries: 64,
  tlbSuperEntries: 16,
} as const;
