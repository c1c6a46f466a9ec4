/**
 * Emission: placed machine instructions to assembly items, with prologue, epilogues and stack access.
 *
 * The prologue and the moves of parameters carry the function's own location; the first body location follows them, so a
 * debugger that stops behind the prologue sees the parameters in place.
 */
import { unreachable } from "../../base/assert.ts";
import type { AsmFunction, AsmItem, Immediate, Register } from "../assembly.ts";
import { REGISTER_NAMES } from "../../isa/index.ts";
import { ASM_OPERAND, type LocationId } from "../ir.ts";
import { upperPart } from "./addresses.ts";
import type { Allocation } from "./allocate/allocate.ts";
import type { Frame } from "./frame.ts";
import { layoutFrame } from "./frame.ts";
import { orderBlocks, threadJumps } from "./layout.ts";
import type { MachineBlock, MachineEnd, MachineFunction, MachineInsn, Move } from "./machine.ts";
import { NONE, fitsImmediate } from "./machine.ts";
import { BRANCHES, INVERSE, LR_SUFFIXES, SC_SUFFIXES } from "./mnemonics.ts";
import type { Place, PlacedMove } from "./moves.ts";
import { orderMoves } from "./moves.ts";
import { VariableRecorder } from "./debug/variables.ts";
import { ADDRESS_SCRATCH, CALL_TARGET_REGISTER, FP, RA, SP, VALUE_SCRATCH, ZERO } from "./allocate/registers.ts";
import type { AccessKind, MemoryOrder } from "../ir.ts";

export function emitFunction(fn: MachineFunction, allocation: Allocation): AsmFunction {
  const emitter = new Emitter(fn, allocation);
  const { symbol, name, section, exported, loc, returns, interrupt } = fn.source;
  const { items, indices } = emitter.run();
  const known = emitter.recorder?.finish(indices) ?? { variables: [], scopes: { parents: [], of: [] } };
  const head = { symbol, name, section, exported, loc, ...(returns && { returns }), ...(interrupt && { interrupt }) };
  return { ...head, items, frameBytes: emitter.frame.bytes, ...known };
}

const ASM_OPERANDS = new RegExp(`${ASM_OPERAND}([oi])(\\d)`, "g");

interface Fields {
  rd?: Register;
  rs1?: Register;
  rs2?: Register;
  imm?: Immediate;
  csr?: number;
  access?: AccessKind;
}

class Emitter {
  readonly frame: Frame;
  readonly recorder: VariableRecorder | null;
  readonly #fn: MachineFunction;
  readonly #allocation: Allocation;
  readonly #items: AsmItem[] = [];
  #loc: LocationId = 0;
  /** Index of the item that calls. */
  #lastCall = -1;

  constructor(fn: MachineFunction, allocation: Allocation) {
    this.#fn = fn;
    this.#allocation = allocation;
    this.frame = layoutFrame(fn, allocation);
    const { variables } = fn.source;
    this.recorder = variables ? new VariableRecorder(variables, fn, allocation, this.frame) : null;
  }

  /** The items, and for each that was made how many of them come before it. */
  run(): { items: AsmItem[]; indices: Int32Array } {
    threadJumps(this.#fn, (insn) => insn.kind === "moves" && this.#ordered(insn.moves).length === 0);
    const order = orderBlocks(this.#fn);
    this.#loc = this.#fn.source.loc;
    const items = this.#items;
    this.#prologue();
    this.recorder?.prologue(items.length);
    order.forEach((block, i) => {
      items.push({ kind: "label", label: block.label });
      this.recorder?.label();
      this.recorder?.beginBlock(block);
      for (const insn of block.insns) {
        this.#loc = insn.loc;
        const first = items.length;
        this.#insn(insn);
        const call = insn.kind === "call" ? this.#lastCall - first : -1;
        this.recorder?.insn(insn, items.length - first, call);
      }
      this.#loc = block.end.loc;
      const first = items.length;
      this.#end(block.end, order[i + 1] ?? null);
      this.recorder?.end(block.end, items.length - first);
    });
    return withoutUnusedLabels(items);
  }

  #op(mnemonic: string, fields: Fields): void {
    this.#items.push({ kind: "insn", mnemonic, ...fields, loc: this.#loc });
  }

  #li(rd: Register, value: number): void {
    this.#items.push({ kind: "li", rd, value, loc: this.#loc });
  }

  #prologue(): void {
    const { bytes, saved } = this.frame;
    if (bytes === 0) return;
    const first = fitsImmediate(-bytes) && fitsImmediate(bytes) ? bytes : this.#savedBytes();
    this.#op("addi", { rd: SP, rs1: SP, imm: -first });
    saved.forEach((register, k) => this.#op("sw", { rs1: SP, rs2: register, imm: first - 4 - 4 * k }));
    this.#op("addi", { rd: FP, rs1: SP, imm: first });
    if (first !== bytes) this.#addToSp(first - bytes);
  }

  /** The upper part of a large frame, which a 12-bit offset reaches. */
  #savedBytes(): number {
    return (4 * this.frame.saved.length + 15) & -16;
  }

  #addToSp(amount: number): void {
    this.#li(ADDRESS_SCRATCH, amount);
    this.#op("add", { rd: SP, rs1: SP, rs2: ADDRESS_SCRATCH });
  }

  #epilogue(): void {
    const { bytes, saved } = this.frame;
    if (bytes > 0) {
      const last = fitsImmediate(bytes) ? bytes : this.#savedBytes();
      if (last !== bytes) this.#op("addi", { rd: SP, rs1: FP, imm: -last });
      saved.forEach((register, k) => this.#op("lw", { rd: register, rs1: SP, imm: last - 4 - 4 * k }));
      this.#op("addi", { rd: SP, rs1: SP, imm: last });
    }
    const { interrupt } = this.#fn.source;
    if (interrupt) this.#op(interrupt, {});
    else this.#op("jalr", { rd: ZERO, rs1: RA, imm: 0 });
  }

  /** An access to a stack word at any distance. */
  #stack(mnemonic: string, register: Register, offset: number, access: AccessKind = "plain"): void {
    const store = mnemonic.startsWith("s");
    const fields: Fields = store ? { rs2: register } : { rd: register };
    if (access !== "plain") fields.access = access;
    if (fitsImmediate(offset)) return this.#op(mnemonic, { ...fields, rs1: SP, imm: offset });
    const upper = upperPart(offset);
    this.#li(ADDRESS_SCRATCH, upper);
    this.#op("add", { rd: ADDRESS_SCRATCH, rs1: ADDRESS_SCRATCH, rs2: SP });
    this.#op(mnemonic, { ...fields, rs1: ADDRESS_SCRATCH, imm: offset - upper });
  }

  #stackAddress(rd: Register, offset: number): void {
    if (fitsImmediate(offset)) return this.#op("addi", { rd, rs1: SP, imm: offset });
    this.#li(rd, offset);
    this.#op("add", { rd, rs1: rd, rs2: SP });
  }

  #register(register: number): Register {
    return this.#allocation.place(register);
  }

  #slotOffset(slot: { readonly slot: number; readonly offset: number }): number {
    return this.frame.slots[slot.slot] + slot.offset;
  }

  #insn(insn: MachineInsn): void {
    switch (insn.kind) {
      case "op": return this.#plain(insn);
      case "li": return this.#li(this.#register(insn.rd), insn.imm as number);
      case "la": return this.#la(this.#register(insn.rd), insn.symbol as string, insn.imm as number);
      case "slot-address": return this.#stackAddress(this.#register(insn.rd), this.#slotOffset(insn.imm as never));
      case "moves": case "params": return this.#moves(insn.moves);
      case "call": return this.#call(insn);
      case "ecall":
        this.#moves(insn.moves);
        this.#op("ecall", {});
        return this.#results(insn);
      case "cmpxchg": return this.#compareExchange(insn);
      case "mark":
        this.#op("sltu", { rd: ZERO, rs1: this.#register(insn.rs2), rs2: this.#register(insn.rs3) });
        return this.#op("slti", { rd: ZERO, rs1: this.#register(insn.rs1), imm: insn.imm as number });
      case "reload": return this.#stack("lw", this.#register(insn.rd), this.frame.spills[insn.imm as number]);
      case "spill": return this.#stack("sw", this.#register(insn.rs1), this.frame.spills[insn.imm as number]);
      case "text":
        return this.#text(insn);
      case "framepointer": return this.#op("addi", { rd: this.#register(insn.rd), rs1: FP, imm: 0 });
      default: unreachable("emit", insn.kind);
    }
  }

  #text(insn: MachineInsn): void {
    const written = [insn.rd, insn.rs4];
    const read = [insn.rs1, insn.rs2, insn.rs3];
    const text = (insn.symbol as string).replace(ASM_OPERANDS, (_, kind: string, index: string) =>
      REGISTER_NAMES[this.#register((kind === "o" ? written : read)[Number(index)])]);
    this.#items.push({ kind: "text", text, loc: this.#loc });
  }

  #la(rd: Register, symbol: string, addend: number): void {
    this.#items.push({ kind: "la", rd, symbol, addend, loc: this.#loc });
  }

  #plain(insn: MachineInsn): void {
    const { mnemonic, imm } = insn;
    if (imm !== null && typeof imm === "object" && "slot" in imm) {
      const register = this.#register(insn.rd !== NONE ? insn.rd : insn.rs2);
      return this.#stack(mnemonic, register, this.#slotOffset(imm), insn.access);
    }
    const fields: Fields = {};
    if (insn.rd !== NONE) fields.rd = this.#register(insn.rd);
    if (insn.rs1 !== NONE) fields.rs1 = this.#register(insn.rs1);
    if (insn.rs2 !== NONE) fields.rs2 = this.#register(insn.rs2);
    if (imm !== null) fields.imm = imm;
    if (insn.csr >= 0) fields.csr = insn.csr;
    if (insn.access !== "plain") fields.access = insn.access;
    this.#op(mnemonic, fields);
  }

  #call(insn: MachineInsn): void {
    this.#moves(insn.moves);
    this.#lastCall = this.#items.length;
    if (insn.symbol === null) this.#op("jalr", { rd: RA, rs1: CALL_TARGET_REGISTER, imm: 0 });
    else this.#items.push({ kind: "call", symbol: insn.symbol, loc: this.#loc });
    this.#results(insn);
  }

  #results(insn: MachineInsn): void {
    const moves: PlacedMove[] = [];
    insn.results.forEach((result, i) => {
      if (result !== NONE) moves.push({ to: this.#allocation.place(result), from: 10 + i });
    });
    this.#emitMoves(moves);
  }

  /** 1: lr old, [p]; bne old, expected, 2; sc t, new, [p]; bne t, zero, 1; 2: */
  #compareExchange(insn: MachineInsn): void {
    const again = this.#fn.labelCount++;
    const done = this.#fn.labelCount++;
    const order = insn.mnemonic as MemoryOrder;
    const [old, address, scratch] = [insn.rd, insn.rs1, insn.rs4].map((r) => this.#register(r));
    this.#items.push({ kind: "label", label: again });
    this.#op(`lr.w${LR_SUFFIXES[order]}`, { rd: old, rs1: address });
    this.#branch("bne", old, this.#register(insn.rs2), done);
    this.#op(`sc.w${SC_SUFFIXES[order]}`, { rd: scratch, rs1: address, rs2: this.#register(insn.rs3) });
    this.#branch("bne", scratch, ZERO, again);
    this.#items.push({ kind: "label", label: done });
  }

  #branch(mnemonic: "beq" | "bne" | "blt" | "bge" | "bltu" | "bgeu", rs1: Register, rs2: Register, label: number): void {
    this.#items.push({ kind: "branch", mnemonic, rs1, rs2, label, loc: this.#loc });
  }

  #ordered(moves: readonly Move[]): PlacedMove[] {
    const placed = moves.map(({ to, from }): PlacedMove => ({
      to: typeof to === "number" ? this.#allocation.place(to) : to,
      from: typeof from === "number" ? this.#allocation.place(from) : from,
    }));
    return orderMoves(placed, ADDRESS_SCRATCH, -1 - (this.frame.spills.length - 1));
  }

  #moves(moves: readonly Move[]): void {
    for (const move of this.#ordered(moves)) this.#move(move);
  }

  #emitMoves(moves: readonly PlacedMove[]): void {
    for (const move of orderMoves(moves, ADDRESS_SCRATCH, -1 - (this.frame.spills.length - 1))) this.#move(move);
  }

  #move({ to, from }: PlacedMove): void {
    if (typeof to === "number" && to >= 0) return this.#moveToRegister(to, from);
    const offset = typeof to === "number" ? this.frame.spills[-1 - to] : 4 * to.word;
    const direct = typeof from === "number" && from >= 0;
    if (!direct) this.#moveToRegister(VALUE_SCRATCH, from);
    this.#stack("sw", direct ? from : VALUE_SCRATCH, offset);
  }

  #moveToRegister(rd: Register, from: PlacedMove["from"]): void {
    if (typeof from === "number") {
      if (from >= 0) this.#op("addi", { rd, rs1: from as Place, imm: 0 });
      else this.#stack("lw", rd, this.frame.spills[-1 - from]);
      return;
    }
    switch (from.kind) {
      case "constant": return this.#li(rd, from.value);
      case "symbol": return this.#la(rd, from.symbol, from.addend);
      case "slot-address": return this.#stackAddress(rd, this.#slotOffset(from));
      case "incoming": return this.#op("lw", { rd, rs1: FP, imm: 4 * from.word });
    }
  }

  #end(end: MachineEnd, next: MachineBlock | null): void {
    switch (end.kind) {
      case "return":
        this.#moves(end.moves);
        return this.#epilogue();
      case "jump": return this.#jump(end.target, next);
      case "branch": {
        if (end.then === end.else) return this.#jump(end.then, next);
        const falls = end.then === next;
        const condition = falls ? INVERSE[end.condition] : end.condition;
        const target = falls ? end.else : end.then;
        this.#branch(BRANCHES[condition], this.#register(end.rs1), this.#register(end.rs2), target.label);
        return falls ? undefined : this.#jump(end.else, next);
      }
      case "switch": return this.#switch(end);
      case "unreachable": return this.#trapUnlessLeft();
    }
  }

  /** auipc t; add t, t, 4 * index; jalr zero, 12(t); then a jump of one instruction each: nothing to relocate. */
  #switch(end: Extract<MachineEnd, { kind: "switch" }>): void {
    this.#op("auipc", { rd: ADDRESS_SCRATCH, imm: 0 });
    this.#op("add", { rd: ADDRESS_SCRATCH, rs1: ADDRESS_SCRATCH, rs2: this.#register(end.rs1) });
    this.#op("jalr", { rd: ZERO, rs1: ADDRESS_SCRATCH, imm: 12 });
    for (const at of end.table) this.#items.push({ kind: "jump", label: end.targets[at].label, loc: this.#loc });
  }

  /** Nothing may run on into the next function; behind what does not return nothing is needed. */
  #trapUnlessLeft(): void {
    const last = this.#items[this.#items.length - 1];
    const left = last !== undefined && (last.kind === "call" || last.kind === "text" || last.kind === "jump" ||
      (last.kind === "insn" && (last.mnemonic === "jalr" || last.mnemonic === "mret" || last.mnemonic === "sret")));
    if (!left) this.#op("ebreak", {});
  }

  #jump(target: MachineBlock, next: MachineBlock | null): void {
    if (target !== next) this.#items.push({ kind: "jump", label: target.label, loc: this.#loc });
  }
}

function withoutUnusedLabels(all: readonly AsmItem[]): { items: AsmItem[]; indices: Int32Array } {
  const used = new Set<number>();
  for (const item of all) if (item.kind === "branch" || item.kind === "jump") used.add(item.label);
  const indices = new Int32Array(all.length + 1);
  const items: AsmItem[] = [];
  all.forEach((item, i) => {
    indices[i] = items.length;
    if (item.kind !== "label" || used.has(item.label)) items.push(item);
  });
  indices[all.length] = items.length;
  return { items, indices };
}
