/**
 * Memory operands: folds what it can of an address into base register and 12-bit offset.
 *
 *   before: v1 = symbol x; v2 = load [v1 + 4]     after: r1 = lui %hi(x+4); r2 = lw %lo(x+4)(r1)
 *   before: v1 = frame #2; store [v1 + 8], v3     after: sw r3, (slot 2 + 8)(sp)
 *   before: v1 = percpu y; v2 = load [v1 + 4]     after: lw r2, %percpu(y+4)(tp)
 *
 * Several offsets into one symbol share its whole address instead; one offset uses lui alone.
 */
import type { Block, IrFunction, LocationId, Value, ValueOf } from "../ir.ts";
import { endArgs, isClobber } from "../opt/values.ts";
import type { ConstantPool } from "./constants.ts";
import { makeConstant, makeSymbol, makeSymbolHigh } from "./constants.ts";
import type { MachineImmediate, Reg } from "./machine.ts";
import { fitsImmediate } from "./machine.ts";
import { SP, TP, ZERO } from "./allocate/registers.ts";

export interface MemoryOperand {
  readonly base: Reg;
  readonly imm: MachineImmediate;
}

/** The part of a 32-bit number that lui makes when addi adds the rest. */
export function upperPart(value: number): number {
  return (value + 0x800) & ~0xfff;
}

/** Symbols of which more than one address is wanted in one home: their whole address goes into a register. */
export function findSharedSymbols(fn: IrFunction, pool: ConstantPool): Set<string> {
  const wanted = new Map<string, number>();
  const shared = new Set<string>();
  for (const block of fn.blocks) {
    const home = pool.home(block).id;
    const want = (name: string, offset: number): void => {
      const key = `${home}:${name}`;
      const before = wanted.get(key);
      if (before === undefined) wanted.set(key, offset);
      else if (before !== offset) shared.add(key);
    };
    for (const value of block.values) {
      if (value.op === "phi" || value.op === "call") continue;
      value.args.forEach((arg, i) => {
        if (arg.op !== "symbol") return;
        const memory = i === 0 && (value.op === "load" || value.op === "store");
        if (!memory) shared.add(`${home}:${arg.x.name}`);
        else want(arg.x.name, arg.x.offset + value.x.offset);
      });
    }
  }
  return shared;
}

export interface PercpuUses {
  /** Loads and stores that reach their per-CPU variable from tp. */
  readonly folded: ReadonlySet<Value>;
  /** percpu values whose address is needed in a register. */
  readonly addresses: ReadonlySet<Value>;
}

/**
 * Accesses to which a single way without a clobber leads from the per-CPU address they use: they take it from tp at
 * once, so that a preemption cannot come between. `order` is reverse postorder.
 */
export function findPercpuUses(order: readonly Block[], fits: (symbol: string, addend: number) => boolean): PercpuUses {
  const folded = new Set<Value>();
  const addresses = new Set<Value>();
  const openAtEnd = new Map<Block, Set<Value>>();
  const need = (arg: Value): void => {
    if (arg.op === "percpu") addresses.add(arg);
  };
  for (const block of order) {
    const before = block.preds.length === 1 ? openAtEnd.get(block.preds[0]) : undefined;
    const open = new Set(before);
    for (const value of block.values) {
      const isAccess = value.op === "load" || value.op === "store";
      value.args.forEach((arg, i) => {
        if (arg.op !== "percpu") return;
        const fold = isAccess && i === 0 && open.has(arg) && fits(arg.x.name, arg.x.offset + value.x.offset);
        if (fold) folded.add(value);
        else addresses.add(arg);
      });
      if (isClobber(value)) open.clear();
      if (value.op === "percpu") open.add(value);
    }
    endArgs(block.end).forEach(need);
    openAtEnd.set(block, open);
  }
  return { folded, addresses };
}

export interface AddressContext {
  readonly pool: ConstantPool;
  readonly shared: ReadonlySet<string>;
  readonly percpu: PercpuUses;
  register(value: Value, block: Block, loc: LocationId): Reg;
  /** A new register that holds a + b. */
  sum(a: Reg, b: Reg, loc: LocationId): Reg;
}

export function memoryOperand(
  context: AddressContext, access: ValueOf<"load"> | ValueOf<"store">, block: Block,
): MemoryOperand {
  const [base] = access.args;
  const { offset } = access.x;
  const { pool } = context;
  switch (base.op) {
    case "symbol": {
      const { name } = base.x;
      const addend = base.x.offset + offset;
      if (context.shared.has(`${pool.home(block).id}:${name}`) && fitsImmediate(addend)) {
        return { base: pool.get(block, makeSymbol(name, 0), access.loc), imm: addend };
      }
      const high = pool.get(block, makeSymbolHigh(name, addend), access.loc);
      return { base: high, imm: { part: "lo", symbol: name, addend } };
    }
    case "frame":
      return { base: SP, imm: { slot: base.x.slot, offset: base.x.offset + offset } };
    case "const": {
      const address = (base.x.value + offset) | 0;
      const upper = upperPart(address) | 0;
      const register = upper === 0 ? ZERO : pool.get(block, makeConstant(upper), access.loc);
      return { base: register, imm: (address - upper) | 0 };
    }
    case "percpu":
      if (context.percpu.folded.has(access)) {
        return { base: TP, imm: { part: "percpu", symbol: base.x.name, addend: base.x.offset + offset } };
      }
      break;
  }
  const register = context.register(base, block, access.loc);
  if (fitsImmediate(offset)) return { base: register, imm: offset };
  const upper = upperPart(offset) | 0;
  const high = pool.get(block, makeConstant(upper), access.loc);
  return { base: context.sum(register, high, access.loc), imm: (offset - upper) | 0 };
}
