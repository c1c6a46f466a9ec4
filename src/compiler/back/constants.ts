/**
 * Puts constants and symbol addresses into registers: at the first use in a block, or before a loop.
 *
 *   before: loop: v3 = store [sym], v2        after: preheader: r1 = lui %hi(sym)
 *                                                    loop:      sw r2, %lo(sym)(r1)
 *
 * What a loop uses is made before the outermost loop; but what one instruction makes stays inside loops that call, where
 * it would need a saved register. A constant used in a cold block is made there. Elsewhere a register goes on serving
 * until a call, in later blocks too if all ways there agree.
 */
import type { Block, LocationId, Value } from "../ir.ts";
import type { Loop } from "../opt/cfg.ts";
import type { MachineBlock, MachineFunction, MachineInsn, Reg } from "./machine.ts";
import { fitsImmediate, machineInsn } from "./machine.ts";

/** What is made: its key among the makings of one block, and the instruction without its target. */
export interface Making {
  readonly key: string;
  readonly insn: Omit<Partial<MachineInsn>, "rd">;
  readonly kind: "li" | "la" | "slot-address" | "op";
  /** One instruction makes it. */
  readonly cheap: boolean;
}

export class ConstantPool {
  readonly #fn: MachineFunction;
  readonly #machineBlocks: ReadonlyMap<Block, MachineBlock>;
  readonly #homes = new Map<Block, Block>();
  readonly #cheapHomes = new Map<Block, Block>();
  /** What loops use, by the block before the loop. */
  readonly #hoisted = new Map<Block, Map<string, Reg>>();
  /** What holds in the block being selected, and at the ends of those before it. */
  #current = new Map<string, Reg>();
  readonly #atEnd = new Map<Block, Map<string, Reg>>();

  /** `loops` inner before outer; with `hoist` false every constant is made where it is used. */
  constructor(
    fn: MachineFunction, machineBlocks: ReadonlyMap<Block, MachineBlock>, loops: readonly Loop[],
    cold: ReadonlySet<Block>, hoist: boolean,
  ) {
    this.#fn = fn;
    this.#machineBlocks = machineBlocks;
    if (!hoist) return;
    for (const { blocks, preheader } of loops) {
      if (preheader === null) continue;
      let calls = false;
      for (const block of blocks) calls ||= !cold.has(block) && block.values.some((value) => value.op === "call");
      for (const block of blocks) {
        if (cold.has(block) && !cold.has(preheader)) continue;
        this.#homes.set(block, preheader);
        if (!calls) this.#cheapHomes.set(block, preheader);
      }
    }
  }

  /** Where constants used in `block` are made. */
  home(block: Block, cheap = false): Block {
    return (cheap ? this.#cheapHomes : this.#homes).get(block) ?? block;
  }

  /** Blocks come in reverse postorder. */
  beginBlock(block: Block): void {
    const [first, ...others] = block.preds.map((pred) => this.#atEnd.get(pred));
    this.#current = new Map();
    if (first === undefined || others.includes(undefined)) return;
    for (const [key, register] of first) {
      if (others.every((other) => other?.get(key) === register)) this.#current.set(key, register);
    }
  }

  endBlock(block: Block): void {
    this.#atEnd.set(block, this.#current);
  }

  /** A register that is needed across a call costs more than making the constant again. */
  forgetAtCall(): void {
    this.#current.clear();
  }

  /** The register that holds it in `block` (the current one, or at its end) already, or null. */
  existing(block: Block, making: Making): Reg | null {
    return this.#known(block, this.home(block, making.cheap)).get(making.key) ?? null;
  }

  /** A register that holds it in the current block; makes it there or in the block's home, which ended before. */
  get(block: Block, making: Making, loc: LocationId): Reg {
    const home = this.home(block, making.cheap);
    const known = this.#known(block, home);
    const register = known.get(making.key);
    if (register !== undefined) return register;
    const rd = this.#fn.registerCount++;
    const machineBlock = this.#machineBlocks.get(home) as MachineBlock;
    machineBlock.insns.push(machineInsn(making.kind, home === block ? loc : home.end.loc, { ...making.insn, rd }));
    known.set(making.key, rd);
    return rd;
  }

  #known(block: Block, home: Block): Map<string, Reg> {
    if (home === block) return this.#atEnd.get(block) ?? this.#current;
    let hoisted = this.#hoisted.get(home);
    if (!hoisted) this.#hoisted.set(home, hoisted = new Map());
    return hoisted;
  }
}

export function makeConstant(value: number): Making {
  return { key: `c${value}`, kind: "li", insn: { imm: value }, cheap: fitsImmediate(value) || (value & 0xfff) === 0 };
}

export function makeSymbol(symbol: string, addend: number): Making {
  return { key: `s${symbol}+${addend}`, kind: "la", insn: { symbol, imm: addend }, cheap: false };
}

export function makeSymbolHigh(symbol: string, addend: number): Making {
  return {
    key: `h${symbol}+${addend}`, kind: "op", cheap: true,
    insn: { mnemonic: "lui", imm: { part: "hi", symbol, addend } },
  };
}

export function makeSlotAddress(slot: number, offset: number): Making {
  return { key: `f${slot}+${offset}`, kind: "slot-address", insn: { imm: { slot, offset } }, cheap: true };
}

/** How a constant-like value is made. */
export function makingOf(value: Value): Making {
  switch (value.op) {
    case "const": return makeConstant(value.x.value);
    case "symbol": return makeSymbol(value.x.name, value.x.offset);
    case "frame": return makeSlotAddress(value.x.slot, value.x.offset);
    default: throw new Error(`constants: ${value.op} is not a constant`);
  }
}
