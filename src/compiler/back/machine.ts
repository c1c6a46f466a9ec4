/**
 * The form inside `back/`: machine instructions over virtual registers, no longer SSA.
 *
 * Registers 0..31 are the machine's; from 32 on they are virtual. Only zero, sp, tp and s0 appear as machine registers
 * in operands; argument registers appear in moves only, which happen in parallel: all sources are read before any
 * target is written. Moves (and so calls, parameters and returns) accept registers that were spilled; operands of all
 * other kinds must be in registers.
 */
import type { AccessKind, Condition, IrFunction, LocationId } from "../ir.ts";

export type Reg = number;
export const NONE: Reg = -1;
export const FIRST_VIRTUAL: Reg = 32;

export type MachineImmediate =
  | number
  | { readonly part: "hi" | "lo" | "percpu"; readonly symbol: string; readonly addend: number }
  /** Offset of a stack slot from sp. */
  | { readonly slot: number; readonly offset: number };

export type MoveSource =
  | Reg
  | { readonly kind: "constant"; readonly value: number }
  | { readonly kind: "symbol"; readonly symbol: string; readonly addend: number }
  | { readonly kind: "slot-address"; readonly slot: number; readonly offset: number }
  /** A word of the caller's outgoing arguments. */
  | { readonly kind: "incoming"; readonly word: number };

/** A register, or a word of the outgoing arguments at sp. */
export type MoveTarget = Reg | { readonly kind: "outgoing"; readonly word: number };

export interface Move {
  to: MoveTarget;
  from: MoveSource;
}

/**
 * op: `mnemonic rd, rs1, rs2, imm, csr` as the manual writes it
 * li: rd = imm        la: rd = symbol + imm      slot-address: rd = address of a slot (imm)
 * moves: parallel     params: moves that start the function
 * call: moves, then a call of `symbol` or of what a move left in CALL_TARGET_REGISTER, then a0, a1 to `results`
 * ecall: likewise, clobbers a0, a1 and the registers its moves write
 * cmpxchg: rd = old of [rs1], expected rs2, new rs3, rs4 = scratch (rd and rs4 are written early)
 * mark: c rs1, a rs2, b rs3, event imm
 * reload: rd = spill slot `imm`     spill: spill slot `imm` = rs1 (rs4 names the register that lives there)
 * text: literal assembly in `symbol`, reads rs1, rs2, rs3, writes rd and rs4 early, changes the registers of the mask imm
 */
export type MachineKind =
  | "op" | "li" | "la" | "slot-address" | "moves" | "params" | "call" | "ecall" | "cmpxchg" | "mark"
  | "reload" | "spill" | "text" | "framepointer";

export interface MachineInsn {
  readonly kind: MachineKind;
  readonly mnemonic: string;
  rd: Reg;
  rs1: Reg;
  rs2: Reg;
  rs3: Reg;
  rs4: Reg;
  imm: MachineImmediate | null;
  readonly csr: number;
  readonly symbol: string | null;
  readonly moves: Move[];
  readonly results: Reg[];
  /** Of loads and stores. */
  readonly access: AccessKind;
  readonly loc: LocationId;
}

export type MachineEnd =
  | { readonly kind: "return"; readonly moves: Move[]; readonly loc: LocationId }
  | { readonly kind: "jump"; target: MachineBlock; readonly loc: LocationId }
  | {
      readonly kind: "branch";
      readonly condition: Condition;
      rs1: Reg;
      rs2: Reg;
      then: MachineBlock;
      else: MachineBlock;
      readonly loc: LocationId;
    }
  /** A jump into a table of jumps; rs1 is four times an index below its length. */
  | {
      readonly kind: "switch";
      rs1: Reg;
      readonly table: readonly number[];
      targets: MachineBlock[];
      readonly loc: LocationId;
    }
  | { readonly kind: "unreachable"; readonly loc: LocationId };

export interface MachineBlock {
  readonly label: number;
  insns: MachineInsn[];
  end: MachineEnd;
  /** Estimated runs per call of the function. */
  readonly weight: number;
}

export interface MachineFunction {
  readonly source: IrFunction;
  /** Reverse postorder; the entry is first. */
  blocks: MachineBlock[];
  /** One more than the last register used. */
  registerCount: number;
  /** One more than the last label used. */
  labelCount: number;
  /** Virtual register of each value of `source` by its id; 0 for none. */
  readonly registers: Int32Array;
}

/** Makes an instruction; all have the same shape, which keeps the passes fast. */
export function machineInsn(kind: MachineKind, loc: LocationId, fields: Partial<MachineInsn>): MachineInsn {
  return {
    kind, loc,
    mnemonic: fields.mnemonic ?? "", symbol: fields.symbol ?? null, csr: fields.csr ?? -1,
    rd: fields.rd ?? NONE, rs1: fields.rs1 ?? NONE, rs2: fields.rs2 ?? NONE, rs3: fields.rs3 ?? NONE,
    rs4: fields.rs4 ?? NONE, imm: fields.imm ?? null, moves: fields.moves ?? NO_MOVES, results: fields.results ?? NO_RESULTS,
    access: fields.access ?? "plain",
  };
}
const NO_MOVES: Move[] = [];
const NO_RESULTS: Reg[] = [];

export function isVirtual(register: MoveSource | MoveTarget): register is Reg {
  return typeof register === "number" && register >= FIRST_VIRTUAL;
}

export function machineSuccessors(end: MachineEnd): readonly MachineBlock[] {
  switch (end.kind) {
    case "jump": return [end.target];
    case "branch": return [end.then, end.else];
    case "switch": return end.targets;
    default: return [];
  }
}

/** Writes rd and rs4 before it has read everything. */
export function writesEarly(insn: MachineInsn): boolean {
  return insn.kind === "cmpxchg" || insn.kind === "text";
}

/** Calls `visit` for every virtual register the instruction writes. */
export function forEachDef(insn: MachineInsn, visit: (register: Reg) => void): void {
  if (insn.rd >= FIRST_VIRTUAL) visit(insn.rd);
  if (writesEarly(insn) && insn.rs4 >= FIRST_VIRTUAL) visit(insn.rs4);
  if (insn.kind === "moves" || insn.kind === "params") for (const move of insn.moves) if (isVirtual(move.to)) visit(move.to);
  for (const result of insn.results) if (result >= FIRST_VIRTUAL) visit(result);
}

/** Calls `visit` for every virtual register the instruction reads. */
export function forEachUse(insn: MachineInsn, visit: (register: Reg) => void): void {
  if (insn.rs1 >= FIRST_VIRTUAL) visit(insn.rs1);
  if (insn.rs2 >= FIRST_VIRTUAL) visit(insn.rs2);
  if (insn.rs3 >= FIRST_VIRTUAL) visit(insn.rs3);
  for (const move of insn.moves) if (isVirtual(move.from)) visit(move.from);
}

export function forEachEndUse(end: MachineEnd, visit: (register: Reg) => void): void {
  if (end.kind === "branch") {
    if (end.rs1 >= FIRST_VIRTUAL) visit(end.rs1);
    if (end.rs2 >= FIRST_VIRTUAL) visit(end.rs2);
  } else if (end.kind === "switch") {
    if (end.rs1 >= FIRST_VIRTUAL) visit(end.rs1);
  } else if (end.kind === "return") {
    for (const move of end.moves) if (isVirtual(move.from)) visit(move.from);
  }
}

/** Registers that lose their contents while the instruction runs, as a mask. */
export function clobberMask(insn: MachineInsn, callerSaved: number): number {
  if (insn.kind === "call") return callerSaved;
  if (insn.kind === "text") return (insn.imm as number | null) ?? 0;
  if (insn.kind !== "ecall") return 0;
  let mask = (1 << 10) | (1 << 11);
  for (const move of insn.moves) if (typeof move.to === "number") mask |= 1 << move.to;
  return mask;
}

export function fitsImmediate(value: number): boolean {
  return value >= -2048 && value <= 2047;
}
