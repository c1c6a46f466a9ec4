/**
 * A predecoded entry (opcodes.ts) as the region compiler sees it: what it does, which registers it reads and writes, what
 * it costs. Places in a page are counted in halfwords, as entries are.
 */
import type { Instruction } from "../../../isa/index.ts";
import type { Timing } from "../../types.ts";
import type { Costs } from "../../timing/constants.ts";
import { OP, OPCODE_NAMES, partsOf, rowOf } from "../opcodes.ts";
import { REGION } from "../tables.ts";

export const ENTRY_BYTES = 8;
/** Entries of a page; the next one is its PAGE_END. */
export const PAGE_ENTRIES = 2048;

/** `slow`: only tier 1 can do it. `unknown`: not decoded yet. */
export type OpKind =
  | "alu" | "constant" | "auipc" | "load" | "store" | "amo" | "fence" | "nop" | "pause"
  | "jump" | "jumpRegister" | "branch" | "slow" | "unknown";

export interface Op {
  readonly at: number;
  /** Length in halfwords. */
  readonly length: 1 | 2;
  readonly kind: OpKind;
  readonly row: Instruction | null;
  /** 0: the result is dropped. */
  readonly rd: number;
  readonly rs1: number;
  readonly rs2: number;
  /** Jumps and branches: distance in halfwords. */
  readonly imm: number;
  /** The target is in another page. */
  readonly far: boolean;
}

const SPECIAL: Readonly<Record<string, OpKind>> = {
  UNDECODED: "unknown", NOP: "nop", CONSTANT: "constant", AUIPC: "auipc", FENCE: "fence", PAUSE: "pause",
  JAL: "jump", JAL_FAR: "jump", JALR: "jumpRegister",
};

interface Opcode {
  readonly kind: OpKind;
  readonly row: Instruction | null;
  readonly far: boolean;
  readonly length: 1 | 2;
}

const OPCODES: readonly Opcode[] = OPCODE_NAMES.map((name) => {
  const { plain, branch, short } = partsOf(name);
  const row = rowOf(name);
  const kind = row ? (row.semantics.kind as OpKind) : (SPECIAL[plain] ?? "slow");
  return { kind, row, far: branch === "far" || plain === "JAL_FAR", length: short ? 1 : 2 };
});

const X_BYTES = 128;
const register = (offset: number): number => (offset < X_BYTES ? offset >> 2 : 0);

/** The entry number `at` of the predecoded page at byte address `page`; under a region, what it was before. */
export function readOp(words: Int32Array, page: number, at: number): Op {
  let index = (page + at * ENTRY_BYTES) >>> 2;
  if ((words[index]! & 0xff) === OP.REGION) index = (words[index + 1]! + REGION.ORIGINAL) >>> 2;
  const head = words[index]!;
  const imm = words[index + 1]!;
  const { kind, row, far, length } = OPCODES[head & 0xff]!;
  const isJump = kind === "jump" || kind === "branch";
  return {
    at, length, kind, row, far,
    rd: register((head >>> 8) & 0xff),
    rs1: register((head >>> 16) & 0xff),
    rs2: register(head >>> 24),
    // Near distances are in bytes of entries, far ones in bytes of code.
    imm: isJump ? imm / (far ? 2 : ENTRY_BYTES) : imm,
  };
}

const bit = (x: number): number => (x === 0 ? 0 : 1 << x);

/** Registers that an operation reads, as a mask. */
export function readsOf(op: Op): number {
  switch (op.kind) {
    case "alu":
      return bit(op.rs1) | (op.row!.format === "r" ? bit(op.rs2) : 0);
    case "store":
    case "amo":
    case "branch":
      return bit(op.rs1) | bit(op.rs2);
    case "load":
    case "jumpRegister":
      return bit(op.rs1);
    default:
      return 0;
  }
}

/** Registers that it writes. */
export function writesOf(op: Op): number {
  switch (op.kind) {
    case "store":
    case "branch":
    case "fence":
    case "nop":
    case "pause":
    case "slow":
    case "unknown":
      return 0;
    default:
      return bit(op.rd);
  }
}

export interface Cost {
  readonly retired: number;
  readonly cycles: number;
}

/** What time costs in a machine. */
export interface CostModel {
  readonly timing: Timing;
  readonly costs: Costs;
}

/** Without penalties; `interpret` charges the same. */
export function costOf(op: Op, { timing, costs }: CostModel): Cost {
  if (timing === "functional") return { retired: 1, cycles: 1 };
  if (op.kind === "pause") return { retired: 1, cycles: costs.pause };
  if (op.row) return { retired: 1, cycles: costs[op.row.cost] };
  const cycles = op.kind === "jump" || op.kind === "jumpRegister" || op.kind === "fence" ? costs[op.kind] : costs.alu;
  return { retired: 1, cycles };
}

/** Cycles on top when a branch goes this way: backward ones are predicted taken, forward ones not. */
export function missOf(op: Op, taken: boolean, { timing, costs }: CostModel): number {
  return timing === "cycle" && taken !== op.imm < 0 ? costs.branchMiss : 0;
}
