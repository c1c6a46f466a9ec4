/**
 * Instruction selection: IR blocks to machine blocks, one after the other in reverse postorder.
 *
 *   before: v3 = binary and v1, 255          after: r3 = andi r1, 255
 *           v4 = binary slt v3, v2                  r4 = slt r3, r2
 *           v5 = call f v4, 1                       call f (a0 = r4, a1 = 1), r5 = a0
 *   before: phi in the successor             after: parallel moves at the end of the block
 *
 * Wants critical edges split.
 */
import type { Block, IrFunction, LocationId, Terminator, Value, ValueOf } from "../ir.ts";
import { findDominators, findLoops } from "../opt/cfg.ts";
import { constantOf, endArgs, isConstantLike } from "../opt/values.ts";
import { findPercpuUses, findSharedSymbols, memoryOperand } from "./addresses.ts";
import type { AddressContext, PercpuUses } from "./addresses.ts";
import { ConstantPool, makingOf } from "./constants.ts";
import { blockWeights } from "./frequency.ts";
import type {
  MachineBlock, MachineEnd, MachineFunction, MachineInsn, MachineKind, Move, MoveSource, Reg,
} from "./machine.ts";
import { FIRST_VIRTUAL, NONE, fitsImmediate, machineInsn } from "./machine.ts";
import { ARGUMENT_REGISTERS, CALL_TARGET_REGISTER, TP, ZERO } from "./allocate/registers.ts";
import { AMO_MNEMONICS, FENCE_BITS, IMMEDIATE_FORMS, LOAD_MNEMONICS, ORDER_SUFFIXES, STORE_MNEMONICS } from "./mnemonics.ts";

export interface SelectOptions {
  /** Constants of a loop are made before it. */
  readonly hoistConstants: boolean;
  /** Whether a per-CPU address is in reach of one instruction from tp. */
  readonly percpuFits: (symbol: string, addend: number) => boolean;
}

export function selectInstructions(fn: IrFunction, options: SelectOptions): MachineFunction {
  return new Selector(fn, options).run();
}

class Selector implements AddressContext {
  readonly pool: ConstantPool;
  readonly shared: ReadonlySet<string>;
  readonly percpu: PercpuUses;
  readonly #fn: IrFunction;
  readonly #machine: MachineFunction;
  readonly #order: readonly Block[];
  readonly #blocks = new Map<Block, MachineBlock>();
  /** Virtual register of each value by its id; 0 where none is made yet. */
  readonly #registers: Int32Array;
  readonly #useCounts: Int32Array;
  readonly #secondResults = new Map<Value, Value>();
  #block: Block;
  #out: MachineInsn[] = [];

  constructor(fn: IrFunction, options: SelectOptions) {
    this.#fn = fn;
    const dominators = findDominators(fn);
    this.#order = dominators.order;
    this.#block = fn.blocks[0];
    const loops = findLoops(dominators);
    const { weights, cold } = blockWeights(this.#order, loops);
    this.#registers = new Int32Array(fn.nextId);
    this.#machine = {
      source: fn, blocks: [], registerCount: FIRST_VIRTUAL, labelCount: 0, registers: this.#registers,
    };
    for (const block of this.#order) {
      const machineBlock: MachineBlock = {
        label: this.#machine.labelCount++, insns: [], end: { kind: "unreachable", loc: block.end.loc },
        weight: weights.get(block) ?? 1,
      };
      this.#blocks.set(block, machineBlock);
      this.#machine.blocks.push(machineBlock);
    }
    this.pool = new ConstantPool(this.#machine, this.#blocks, loops, cold, options.hoistConstants);
    this.shared = findSharedSymbols(fn, this.pool);
    this.percpu = findPercpuUses(this.#order, options.percpuFits);
    this.#useCounts = new Int32Array(fn.nextId);
    for (const block of this.#order) {
      for (const value of block.values) {
        if (value.op === "result1") this.#secondResults.set(value.args[0], value);
        else for (const arg of value.args) this.#useCounts[arg.id]++;
      }
      for (const arg of endArgs(block.end)) this.#useCounts[arg.id]++;
    }
  }

  run(): MachineFunction {
    for (const block of this.#order) {
      const machineBlock = this.#blocks.get(block) as MachineBlock;
      this.#block = block;
      this.#out = machineBlock.insns;
      this.pool.beginBlock(block);
      if (block === this.#fn.blocks[0]) this.#parameters(block);
      for (const value of block.values) if (!isConstantLike(value)) this.#value(value);
      machineBlock.end = this.#end(block.end);
      this.pool.endBlock(block);
    }
    this.#phiMoves();
    return this.#machine;
  }

  register(value: Value, block: Block, loc: LocationId): Reg {
    if (!isConstantLike(value)) return this.#registerOf(value);
    return constantOf(value) === 0 ? ZERO : this.pool.get(block, makingOf(value), loc);
  }

  sum(a: Reg, b: Reg, loc: LocationId): Reg {
    const rd = this.#machine.registerCount++;
    this.#emit("op", loc, { mnemonic: "add", rd, rs1: a, rs2: b });
    return rd;
  }

  #registerOf(value: Value): Reg {
    return this.#registers[value.id] ||= this.#machine.registerCount++;
  }

  #operand(value: Value, loc: LocationId): Reg {
    return this.register(value, this.#block, loc);
  }

  /** The register for a result, or `otherwise` when nobody reads it. */
  #result(value: Value, otherwise: Reg): Reg {
    return this.#useCounts[value.id] > 0 ? this.#registerOf(value) : otherwise;
  }

  #emit(kind: MachineKind, loc: LocationId, fields: Partial<MachineInsn>): void {
    this.#out.push(machineInsn(kind, loc, fields));
  }

  #parameters(block: Block): void {
    const moves: Move[] = [];
    for (const value of block.values) {
      if (value.op !== "param" || this.#useCounts[value.id] === 0) continue;
      const { index } = value.x;
      const from: MoveSource = index < ARGUMENT_REGISTERS.length
        ? ARGUMENT_REGISTERS[index]
        : { kind: "incoming", word: index - ARGUMENT_REGISTERS.length };
      moves.push({ to: this.#registerOf(value), from });
    }
    if (moves.length > 0) this.#emit("params", this.#fn.loc, { moves });
  }

  #value(value: Value): void {
    switch (value.op) {
      case "binary": return this.#binary(value);
      case "load": {
        const { base, imm } = memoryOperand(this, value, this.#block);
        const mnemonic = LOAD_MNEMONICS[value.x.width][value.x.signed ? 1 : 0];
        return this.#emit("op", value.loc, { mnemonic, rd: this.#result(value, ZERO), rs1: base, imm, access: value.x.access });
      }
      case "store": {
        const stored = this.#operand(value.args[1], value.loc);
        const { base, imm } = memoryOperand(this, value, this.#block);
        return this.#emit("op", value.loc, { mnemonic: STORE_MNEMONICS[value.x.width], rs1: base, rs2: stored, imm, access: value.x.access });
      }
      case "percpu": return this.#percpu(value);
      case "call": return this.#call(value);
      case "ecall": return this.#ecall(value);
      case "framepointer":
        return this.#emit("framepointer", value.loc, { rd: this.#registerOf(value) });
      case "asm": return this.#assembly(value);
      case "param": case "phi": case "result1": case "barrier": return;
      default: return this.#system(value);
    }
  }

  #binary(value: ValueOf<"binary">): void {
    const { op } = value.x;
    const rd = this.#registerOf(value);
    const c = constantOf(value.args[1]);
    if (c !== null) {
      const form = IMMEDIATE_FORMS[op];
      const shift = op === "sll" || op === "srl" || op === "sra";
      const imm = shift ? c & 31 : op === "sub" ? -c : c;
      if (form !== undefined && fitsImmediate(imm)) {
        return this.#emit("op", value.loc, { mnemonic: form, rd, rs1: this.#operand(value.args[0], value.loc), imm });
      }
      if (op === "and" && c > 0 && (c & (c + 1)) === 0) {
        const up = Math.clz32(c);
        const middle = this.#machine.registerCount++;
        const rs1 = this.#operand(value.args[0], value.loc);
        this.#emit("op", value.loc, { mnemonic: "slli", rd: middle, rs1, imm: up });
        return this.#emit("op", value.loc, { mnemonic: "srli", rd, rs1: middle, imm: up });
      }
    }
    const rs1 = this.#operand(value.args[0], value.loc);
    const rs2 = this.#operand(value.args[1], value.loc);
    this.#emit("op", value.loc, { mnemonic: op, rd, rs1, rs2 });
  }

  #percpu(value: ValueOf<"percpu">): void {
    if (!this.percpu.addresses.has(value)) return;
    const { name: symbol, offset: addend } = value.x;
    // `link/` makes several instructions of one whose immediate does not fit.
    const imm = { part: "percpu", symbol, addend } as const;
    this.#emit("op", value.loc, { mnemonic: "addi", rd: this.#registerOf(value), rs1: TP, imm });
  }

  /** What a move reads: constants are made in the target itself, unless a register here holds them anyway. */
  #source(value: Value): MoveSource {
    if (!isConstantLike(value)) return this.#registerOf(value);
    if (value.op === "const") return { kind: "constant", value: value.x.value };
    const known = this.pool.existing(this.#block, makingOf(value));
    if (known !== null) return known;
    return value.op === "symbol"
      ? { kind: "symbol", symbol: value.x.name, addend: value.x.offset }
      : { kind: "slot-address", slot: (value as ValueOf<"frame">).x.slot, offset: (value as ValueOf<"frame">).x.offset };
  }

  #call(value: ValueOf<"call">): void {
    const { target, results } = value.x;
    const words = target === null ? value.args.slice(0, -1) : value.args;
    const moves: Move[] = words.map((arg, i) => ({
      to: i < ARGUMENT_REGISTERS.length
        ? ARGUMENT_REGISTERS[i]
        : { kind: "outgoing" as const, word: i - ARGUMENT_REGISTERS.length },
      from: this.#source(arg),
    }));
    if (target === null) moves.push({ to: CALL_TARGET_REGISTER, from: this.#source(value.args[value.args.length - 1]) });
    this.#emit("call", value.loc, { symbol: target, moves, results: this.#results(value, results) });
    this.pool.forgetAtCall();
  }

  #ecall(value: ValueOf<"ecall">): void {
    const moves = value.args.map((arg, i) => ({ to: i < 2 ? 17 - i : 10 + i - 2, from: this.#source(arg) }));
    this.#emit("ecall", value.loc, { moves, results: this.#results(value, value.x.results) });
  }

  #assembly(value: ValueOf<"asm">): void {
    const { text, results, clobbers } = value.x;
    const [rs1 = NONE, rs2 = NONE, rs3 = NONE] = value.args.map((arg) => this.#operand(arg, value.loc));
    const second = this.#secondResults.get(value);
    // What nobody reads needs a register all the same.
    const rd = results > 0 ? this.#registerOf(value) : NONE;
    const rs4 = results > 1 ? (second ? this.#registerOf(second) : this.#machine.registerCount++) : NONE;
    this.#emit("text", value.loc, { symbol: text, rd, rs1, rs2, rs3, rs4, imm: clobbers });
  }

  /** Registers for a0 and a1 after a call; NONE for what nobody reads. */
  #results(value: Value, count: number): Reg[] {
    const second = this.#secondResults.get(value);
    const results = count > 0 ? [this.#result(value, NONE)] : [];
    if (second && count > 1) results.push(this.#result(second, NONE));
    return results;
  }

  #system(value: Value): void {
    const { loc } = value;
    switch (value.op) {
      case "amo": {
        const [rs1, rs2] = value.args.map((arg) => this.#operand(arg, loc));
        const mnemonic = AMO_MNEMONICS[value.x.op] + ORDER_SUFFIXES[value.x.order];
        return this.#emit("op", loc, { mnemonic, rd: this.#result(value, ZERO), rs1, rs2 });
      }
      case "cmpxchg": {
        const [rs1, rs2, rs3] = value.args.map((arg) => this.#operand(arg, loc));
        const rs4 = this.#machine.registerCount++;
        const mnemonic = value.x.order;
        return this.#emit("cmpxchg", loc, { mnemonic, rd: this.#registerOf(value), rs1, rs2, rs3, rs4 });
      }
      case "csr": {
        const rd = value.x.wantsOld ? this.#result(value, ZERO) : ZERO;
        const c = constantOf(value.args[0]);
        const mnemonic = `csr${value.x.op}`;
        if (c !== null && c >= 0 && c < 32) {
          return this.#emit("op", loc, { mnemonic: `${mnemonic}i`, rd, imm: c, csr: value.x.csr });
        }
        return this.#emit("op", loc, { mnemonic, rd, rs1: this.#operand(value.args[0], loc), csr: value.x.csr });
      }
      case "fence": {
        const imm = (FENCE_BITS[value.x.pred] << 4) | FENCE_BITS[value.x.succ];
        return this.#emit("op", loc, { mnemonic: "fence", imm });
      }
      case "mark": {
        const [rs1, rs2, rs3] = value.args.map((arg) => this.#operand(arg, loc));
        return this.#emit("mark", loc, { rs1, rs2, rs3, imm: value.x.event });
      }
      case "system": {
        if (value.x.op === "pause") return this.#emit("op", loc, { mnemonic: "fence", imm: FENCE_BITS.w << 4 });
        if (value.x.op !== "sfence.vma") return this.#emit("op", loc, { mnemonic: value.x.op });
        const [rs1 = ZERO, rs2 = ZERO] = value.args.map((arg) => this.#operand(arg, loc));
        return this.#emit("op", loc, { mnemonic: "sfence.vma", rs1, rs2 });
      }
      default: throw new Error(`select: ${value.op} is no system operation`);
    }
  }

  #end(end: Terminator): MachineEnd {
    const { loc } = end;
    switch (end.kind) {
      case "return":
        return { kind: "return", loc, moves: end.args.map((arg, i) => ({ to: 10 + i, from: this.#source(arg) })) };
      case "jump": return { kind: "jump", target: this.#blocks.get(end.target) as MachineBlock, loc };
      case "branch": {
        const rs1 = this.#operand(end.args[0], loc);
        const rs2 = this.#operand(end.args[1], loc);
        return {
          kind: "branch", condition: end.condition, rs1, rs2, loc,
          then: this.#blocks.get(end.then) as MachineBlock, else: this.#blocks.get(end.else) as MachineBlock,
        };
      }
      case "switch": {
        const targets = end.targets.map((target) => this.#blocks.get(target) as MachineBlock);
        const index = this.#operand(end.args[0], loc);
        const rs1 = this.#machine.registerCount++;
        this.#emit("op", loc, { mnemonic: "slli", rd: rs1, rs1: index, imm: 2 });
        return { kind: "switch", rs1, table: end.table, targets, loc };
      }
      case "unreachable": return { kind: "unreachable", loc };
    }
  }

  /** After everything else, because constants may still be appended to a block until the last one is selected. */
  #phiMoves(): void {
    const moves = new Map<Block, Move[]>();
    for (const block of this.#order) {
      for (const phi of block.values) {
        if (phi.op !== "phi" || this.#useCounts[phi.id] === 0) continue;
        phi.args.forEach((arg, i) => {
          const pred = block.preds[i];
          let list = moves.get(pred);
          if (!list) moves.set(pred, list = []);
          this.#block = pred;
          if (arg !== phi) list.push({ to: this.#registerOf(phi), from: this.#source(arg) });
        });
      }
    }
    for (const [block, list] of moves) {
      const machineBlock = this.#blocks.get(block);
      if (machineBlock && list.length > 0) {
        machineBlock.insns.push(machineInsn("moves", block.end.loc, { moves: list }));
      }
    }
  }
}
