/**
 * Moves registers to the stack frame: every instruction that needs one gets a register of its own for a moment.
 *
 *   before: r9 = add r7, r8 (r7, r9 spilled)      after: t1 = reload 0; t2 = add t1, r8; spill 1, t2
 *   before: r7 = li 5 ... add r9, r7, r8          after: t1 = li 5; r9 = add t1, r8 (made again, never stored)
 *
 * Moves, calls, parameters and returns read and write spill slots themselves.
 */
import type { MachineFunction, MachineInsn, MoveSource, Reg } from "../machine.ts";
import { FIRST_VIRTUAL, NONE, forEachDef, isVirtual, machineInsn } from "../machine.ts";

export class SpillState {
  /** Spill slot by register. */
  readonly slots = new Map<Reg, number>();
  /** How to make a spilled register again, where no slot is needed. */
  readonly remakes = new Map<Reg, MachineInsn>();
  /** Registers that live for one instruction. */
  readonly temporaries = new Set<Reg>();
  slotCount = 0;

  isSpilled = (register: Reg): boolean => this.slots.has(register) || this.remakes.has(register);
}

/** The defining instruction of every register that has exactly one and can be made again anywhere. */
export function findRemakes(fn: MachineFunction): Map<Reg, MachineInsn> {
  const remakes = new Map<Reg, MachineInsn>();
  const defined = new Set<Reg>();
  for (const block of fn.blocks) {
    for (const insn of block.insns) {
      forEachDef(insn, (register) => {
        if (defined.has(register)) remakes.delete(register);
        else if (canRemake(insn)) remakes.set(register, insn);
        defined.add(register);
      });
    }
  }
  return remakes;
}

function canRemake(insn: MachineInsn): boolean {
  return insn.kind === "li" || insn.kind === "la" || insn.kind === "slot-address" ||
    (insn.kind === "op" && insn.mnemonic === "lui");
}

/** What a move reads instead of a register that is made again. */
function remadeSource(insn: MachineInsn): MoveSource | null {
  if (insn.kind === "li") return { kind: "constant", value: insn.imm as number };
  if (insn.kind === "la") return { kind: "symbol", symbol: insn.symbol as string, addend: insn.imm as number };
  if (insn.kind !== "slot-address") return null;
  const { slot, offset } = insn.imm as { slot: number; offset: number };
  return { kind: "slot-address", slot, offset };
}

/** Rewrites the function for the registers just added to `state` (`fresh`). */
export function rewriteSpills(fn: MachineFunction, state: SpillState, fresh: ReadonlySet<Reg>): void {
  for (const block of fn.blocks) {
    const out: MachineInsn[] = [];
    for (const insn of block.insns) rewrite(fn, state, fresh, insn, out);
    const { end } = block;
    if (end.kind === "branch") {
      const load = loader(fn, state, fresh, out, end.loc);
      end.rs1 = load(end.rs1);
      end.rs2 = load(end.rs2);
    } else if (end.kind === "switch") {
      end.rs1 = loader(fn, state, fresh, out, end.loc)(end.rs1);
    } else if (end.kind === "return") {
      for (const move of end.moves) move.from = remade(state, fresh, move.from);
    }
    block.insns = out;
  }
}

function remade(state: SpillState, fresh: ReadonlySet<Reg>, from: MoveSource): MoveSource {
  if (!isVirtual(from) || !fresh.has(from)) return from;
  const insn = state.remakes.get(from);
  return insn ? remadeSource(insn) ?? from : from;
}

function rewrite(
  fn: MachineFunction, state: SpillState, fresh: ReadonlySet<Reg>, insn: MachineInsn, out: MachineInsn[],
): void {
  if (insn.rd >= FIRST_VIRTUAL && fresh.has(insn.rd) && state.remakes.has(insn.rd)) return;
  for (const move of insn.moves) move.from = remade(state, fresh, move.from);
  if (insn.kind === "moves" || insn.kind === "params" || insn.kind === "call" || insn.kind === "ecall") {
    out.push(insn);
    return;
  }
  const load = loader(fn, state, fresh, out, insn.loc);
  insn.rs1 = load(insn.rs1);
  insn.rs2 = load(insn.rs2);
  insn.rs3 = load(insn.rs3);
  const second = insn.rs4;
  if (second >= FIRST_VIRTUAL && fresh.has(second)) insn.rs4 = temporary(fn, state);
  out.push(insn);
  if (insn.kind === "text" && insn.rs4 !== second) {
    out.push(machineInsn("spill", insn.loc, { rs1: insn.rs4, rs4: second, imm: state.slots.get(second) as number }));
  }
  if (insn.rd >= FIRST_VIRTUAL && fresh.has(insn.rd)) {
    const rs1 = temporary(fn, state);
    out.push(machineInsn("spill", insn.loc, { rs1, rs4: insn.rd, imm: state.slots.get(insn.rd) as number }));
    insn.rd = rs1;
  }
}

/** Replaces spilled operands by new registers, one for each, loaded in front of the instruction. */
function loader(
  fn: MachineFunction, state: SpillState, fresh: ReadonlySet<Reg>, out: MachineInsn[], loc: number,
): (register: Reg) => Reg {
  const loaded = new Map<Reg, Reg>();
  return (register) => {
    if (register === NONE || register < FIRST_VIRTUAL || !fresh.has(register)) return register;
    const known = loaded.get(register);
    if (known !== undefined) return known;
    const rd = temporary(fn, state);
    loaded.set(register, rd);
    const remake = state.remakes.get(register);
    if (remake) out.push({ ...remake, rd });
    else out.push(machineInsn("reload", loc, { rd, imm: state.slots.get(register) as number }));
    return rd;
  };
}

function temporary(fn: MachineFunction, state: SpillState): Reg {
  const register = fn.registerCount++;
  state.temporaries.add(register);
  return register;
}

