/**
 * Runs the items of one AsmFunction in a World and checks the calling convention: saved registers come back, sp is
 * aligned at calls, nothing survives a call in a register it may clobber.
 */
import type { AsmFunction, AsmItem, Immediate } from "../../assembly.ts";
import type { BinaryOp, Condition } from "../../ir.ts";
import { foldBinary, foldCondition } from "../../front/fold.ts";
import type { World } from "../../opt/testing/world.ts";
import { PER_CPU_START, STACK_TOP } from "../../opt/testing/world.ts";

const STEPS_MAX = 2_000_000;
const RETURN_ADDRESS = 0x5e1f0000;
const SAVED = [2, 3, 8, 9, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27];
const GARBAGE = 0x5a5a0000;

type Insn = Extract<AsmItem, { kind: "insn" }>;

/** `arities`: argument words of the calls in the order in which they happen. */
export function runAssembly(
  fn: AsmFunction, args: readonly number[], world: World, arities: readonly number[], results: number,
): number[] {
  const machine = new Machine(fn, world, arities);
  return machine.run(args, results);
}

class Machine {
  readonly #x = new Int32Array(32);
  readonly #items: readonly AsmItem[];
  readonly #labels = new Map<number, number>();
  readonly #world: World;
  readonly #arities: readonly number[];
  #calls = 0;

  constructor(fn: AsmFunction, world: World, arities: readonly number[]) {
    this.#items = fn.items;
    this.#world = world;
    this.#arities = arities;
    fn.items.forEach((item, i) => {
      if (item.kind === "label") this.#labels.set(item.label, i);
    });
  }

  run(args: readonly number[], results: number): number[] {
    const x = this.#x;
    for (let r = 1; r < 32; r++) x[r] = GARBAGE + r;
    x[1] = RETURN_ADDRESS;
    x[2] = STACK_TOP;
    x[4] = this.#world.tp;
    args.forEach((arg, i) => {
      if (i < 8) x[10 + i] = arg;
      else this.#world.store(STACK_TOP + 4 * (i - 8), 4, arg);
    });
    const before = SAVED.map((r) => x[r]);
    let pc = 0;
    for (let steps = 0; pc >= 0; steps++) {
      if (steps > STEPS_MAX) throw new Error("assembly: runs too long");
      if (pc >= this.#items.length) throw new Error("assembly: runs off the end");
      pc = this.#step(this.#items[pc], pc);
      x[0] = 0;
    }
    SAVED.forEach((r, i) => {
      if (x[r] !== before[i]) throw new Error(`assembly: x${r} is not restored`);
    });
    return [...x.slice(10, 10 + results)];
  }

  /** The next item, or -1 at the return. */
  #step(item: AsmItem, pc: number): number {
    const x = this.#x;
    if (item.kind !== "label") this.#world.instructions++;
    switch (item.kind) {
      case "label": return pc + 1;
      case "li": x[item.rd] = item.value; return pc + 1;
      case "la": x[item.rd] = this.#world.symbol(item.symbol) + item.addend; return pc + 1;
      case "jump": return this.#label(item.label);
      case "branch": {
        const taken = foldCondition(item.mnemonic.slice(1) as Condition, x[item.rs1], x[item.rs2]);
        return taken ? this.#label(item.label) : pc + 1;
      }
      case "call": this.#call(item.symbol); return pc + 1;
      case "text": return pc + 1;
      case "insn": return this.#insn(item, pc);
    }
  }

  #label(label: number): number {
    const at = this.#labels.get(label);
    if (at === undefined) throw new Error(`assembly: no label ${label}`);
    return at;
  }

  #call(name: string | null): void {
    const x = this.#x;
    if (x[2] % 16 !== 0) throw new Error("assembly: sp is not aligned at a call");
    const arity = this.#arities[this.#calls++] ?? 0;
    const args: number[] = [];
    for (let i = 0; i < arity; i++) args.push(i < 8 ? x[10 + i] : this.#world.load(x[2] + 4 * (i - 8), 4, true));
    const [a0, a1] = name === null ? this.#world.callAddress(x[6], args) : this.#world.call(name, args);
    for (const r of [1, 5, 6, 7, 12, 13, 14, 15, 16, 17, 28, 29, 30, 31]) x[r] = GARBAGE ^ r;
    x[10] = a0;
    x[11] = a1;
    x[4] = this.#world.tp;
  }

  #immediate(imm: Immediate | undefined): number {
    if (imm === undefined) return 0;
    if (typeof imm === "number") return imm;
    const value = (this.#world.symbol(imm.symbol) + imm.addend) | 0;
    switch (imm.part) {
      case "hi": return (value + 0x800) & ~0xfff;
      case "lo": return (value << 20) >> 20;
      case "percpu": return value - PER_CPU_START;
      default: return value;
    }
  }

  #insn(item: Insn, pc: number): number {
    const x = this.#x;
    const { mnemonic, rd = 0, rs1 = 0, rs2 = 0 } = item;
    const imm = this.#immediate(item.imm);
    const wide = mnemonic === "lui" || mnemonic.endsWith(".w") || /^s(ll|rl|ra)/.test(mnemonic);
    if (!wide && (imm < -2048 || imm > 2047)) throw new Error(`assembly: ${mnemonic} with immediate ${imm}`);
    const load = /^l([bhw])(u?)$/.exec(mnemonic);
    const store = /^s([bhw])$/.exec(mnemonic);
    if (load) x[rd] = this.#world.load(x[rs1] + imm, width(load[1]), load[2] === "");
    else if (store) this.#world.store(x[rs1] + imm, width(store[1]), x[rs2]);
    else if (mnemonic === "lui") x[rd] = imm;
    else if (mnemonic === "jalr") {
      if (rd === 0) return x[rs1] === RETURN_ADDRESS && rs1 === 1 ? -1 : this.#fail("return to nowhere");
      this.#call(null);
    } else if (mnemonic === "sltu" && rd === 0) return this.#mark(item, pc);
    else if (mnemonic.startsWith("csrr")) this.#csr(item);
    else if (mnemonic === "fence") this.#world.event("fence");
    else if (/\.w/.test(mnemonic)) this.#atomic(item);
    else if (item.imm !== undefined) x[rd] = foldBinary(mnemonic.replace(/i(u?)$/, "$1") as BinaryOp, x[rs1], imm);
    else x[rd] = foldBinary(mnemonic as BinaryOp, x[rs1], x[rs2]);
    return pc + 1;
  }

  #fail(what: string): never {
    throw new Error(`assembly: ${what}`);
  }

  #mark(item: Insn, pc: number): number {
    const next = this.#items[pc + 1];
    if (next?.kind !== "insn" || next.mnemonic !== "slti" || next.rd !== 0) return this.#fail("half a mark");
    const [c, a, b] = [next.rs1 ?? 0, item.rs1 ?? 0, item.rs2 ?? 0].map((r) => this.#x[r]);
    this.#world.event(`mark ${String(next.imm)} ${c} ${a} ${b}`);
    return pc + 2;
  }

  #csr(item: Insn): void {
    const operand = item.mnemonic.endsWith("i") ? (item.imm as number) : this.#x[item.rs1 ?? 0];
    const old = this.#world.event(`${item.mnemonic.replace(/i$/, "")} ${item.csr} ${operand}`);
    this.#x[item.rd ?? 0] = old;
  }

  #atomic({ mnemonic, rd = 0, rs1 = 0, rs2 = 0 }: Insn): void {
    const x = this.#x;
    const address = x[rs1];
    const value = x[rs2];
    if (mnemonic.startsWith("sc")) {
      this.#world.store(address, 4, value);
      x[rd] = 0;
      return;
    }
    const old = this.#world.load(address, 4, true);
    if (!mnemonic.startsWith("lr")) {
      const add = mnemonic.startsWith("amoadd");
      this.#world.event(`amo${add ? "add" : "swap"} ${value}`);
      this.#world.store(address, 4, add ? (old + value) | 0 : value);
    }
    x[rd] = old;
  }
}

function width(letter: string): number {
  return letter === "w" ? 4 : letter === "h" ? 2 : 1;
}
