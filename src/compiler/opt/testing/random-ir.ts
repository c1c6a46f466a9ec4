/**
 * Random IR functions that end: statements over a few variables, turned into SSA with a phi for every variable that a
 * join may change. Loops are counted; addresses stay inside statics, slots and per-CPU variables; addresses of slots
 * never become visible.
 */
import type { BinaryOp, Block, Condition, IrFunction, Op, Payloads, Value } from "../../ir.ts";
import { makeValue } from "../values.ts";
import { CALLABLE_COUNT, STATIC_COUNT } from "./world.ts";

export interface RandomShape {
  /** Statements, roughly. */
  readonly size: number;
  /** Variables that live through everything: pressure. */
  readonly variables: number;
  readonly params: number;
}

const OPS: readonly BinaryOp[] = [
  "add", "sub", "mul", "mulh", "mulhu", "mulhsu", "div", "divu", "rem", "remu",
  "and", "or", "xor", "sll", "srl", "sra", "slt", "sltu", "add", "and", "sub", "add",
];
const CONDITIONS: readonly Condition[] = ["eq", "ne", "lt", "ge", "ltu", "geu"];
const CONSTANTS = [0, 0, 1, 2, 3, 4, 7, 8, 16, 31, 32, 255, 256, 2047, 2048, -2048, -2049, 65535, -1, -4, 0x7fffffff, -0x80000000, 0x12345678];
const WIDTHS = [1, 2, 4, 4, 4] as const;
const DEPTH_MAX = 4;

export function randomFunction(seed: number, shape: RandomShape): IrFunction {
  return new Generator(seed, shape).run();
}

class Generator {
  readonly #shape: RandomShape;
  readonly #fn: IrFunction;
  #state: number;
  #block: Block;
  #budget: number;
  #variables: Value[] = [];

  constructor(seed: number, shape: RandomShape) {
    this.#state = (seed | 0) || 1;
    this.#shape = shape;
    this.#budget = shape.size;
    this.#fn = {
      symbol: "t", name: "t", section: ".text", loc: 1, exported: true, paramCount: shape.params, results: 2,
      blocks: [], frame: [{ size: 32, align: 4, variable: null }, { size: 16, align: 16, variable: null }], nextId: 1,
    };
    if (this.#chance(8)) this.#fn.frame.push({ size: 5000, align: 8, variable: null });
    this.#block = this.#newBlock();
  }

  run(): IrFunction {
    const zero = this.#constant(0);
    this.#fn.frame.forEach((_, slot) => {
      for (let offset = 0; offset < 16; offset += 4) this.#store(this.#make("frame", [], { slot, offset }), 0, 4, zero);
    });
    for (let i = 0; i < this.#shape.params; i++) this.#variables.push(this.#make("param", [], { index: i }));
    while (this.#variables.length < this.#shape.variables) this.#variables.push(this.#expression());
    while (this.#budget > 0) this.#statement(0);
    // Every variable matters to the result.
    let sum = this.#operand();
    for (const variable of this.#variables) {
      sum = this.#make("binary", [this.#make("binary", [sum, this.#constant(33)], { op: "mul" }), variable], { op: "add" });
    }
    this.#block.end = { kind: "return", args: [sum, this.#operand()], loc: this.#loc() };
    return this.#fn;
  }

  #random(limit: number): number {
    this.#state = (Math.imul(this.#state, 1664525) + 1013904223) | 0;
    return Math.floor(((this.#state >>> 8) / 2 ** 24) * limit);
  }

  #chance(oneIn: number): boolean {
    return this.#random(oneIn) === 0;
  }

  #pick<T>(list: readonly T[]): T {
    return list[this.#random(list.length)];
  }

  #loc(): number {
    return 2 + this.#random(50);
  }

  #newBlock(...preds: Block[]): Block {
    const block: Block = { id: this.#fn.nextId++, values: [], preds, end: { kind: "unreachable", loc: 0 } };
    this.#fn.blocks.push(block);
    return block;
  }

  #make<O extends Op>(op: O, args: Value[], x: Payloads[O]): Value {
    const value = makeValue(this.#fn, op, args, x, this.#loc()) as Value;
    this.#block.values.push(value);
    return value;
  }

  #constant(value: number): Value {
    return this.#make("const", [], { value: value | 0 });
  }

  #operand(): Value {
    if (this.#variables.length === 0 || this.#chance(4)) return this.#constant(this.#pick(CONSTANTS));
    return this.#pick(this.#variables);
  }

  #store(base: Value, offset: number, width: 1 | 2 | 4, value: Value): void {
    this.#make("store", [base, value], { width, offset, access: this.#chance(8) ? "once" : "plain" });
  }

  /** Base and offset of a word that may be accessed. */
  #address(): [Value, number] {
    const offset = 4 * this.#random(3);
    switch (this.#random(5)) {
      case 0: return [this.#make("frame", [], { slot: this.#random(this.#fn.frame.length), offset: 0 }), offset];
      case 1: return [this.#make("percpu", [], { name: `pc${this.#random(3)}`, offset: 0 }), offset];
      case 2: {
        const index = this.#make("binary", [this.#operand(), this.#constant(28)], { op: "and" });
        const base = this.#make("symbol", [], { name: `d${this.#random(STATIC_COUNT)}`, offset: 0 });
        return [this.#make("binary", [base, index], { op: "add" }), offset];
      }
      case 3: {
        const base = this.#make("symbol", [], { name: `d${this.#random(STATIC_COUNT)}`, offset: 4 });
        return [this.#make("binary", [base, this.#constant(4096)], { op: "add" }), offset - 4096];
      }
      default: return [this.#make("symbol", [], { name: `d${this.#random(STATIC_COUNT)}`, offset: 0 }), offset];
    }
  }

  #expression(): Value {
    if (this.#chance(3)) {
      const [base, offset] = this.#address();
      const width = this.#pick(WIDTHS);
      const signed = this.#chance(2);
      return this.#make("load", [base], { width, signed, offset, access: this.#chance(10) ? "once" : "plain" });
    }
    return this.#make("binary", [this.#operand(), this.#operand()], { op: this.#pick(OPS) });
  }

  #assign(value: Value): void {
    this.#variables[this.#random(this.#variables.length)] = value;
  }

  #statement(depth: number): void {
    this.#budget--;
    const kind = this.#random(20);
    if (kind < 8) return this.#assign(this.#expression());
    if (kind < 11) {
      const [base, offset] = this.#address();
      return this.#store(base, offset, this.#pick(WIDTHS), this.#operand());
    }
    if (kind < 13) return this.#call();
    if (kind < 14) return this.#special();
    if (depth >= DEPTH_MAX) return;
    if (kind < 17) return this.#if(depth);
    if (kind < 19) return this.#loop(depth);
    return this.#assign(this.#boolean());
  }

  #call(): void {
    const args: Value[] = [];
    for (let n = this.#random(this.#chance(4) ? 13 : 4); n > 0; n--) args.push(this.#operand());
    if (this.#chance(6)) {
      args.push(this.#make("symbol", [], { name: `f${this.#random(CALLABLE_COUNT)}`, offset: 0 }));
      return this.#assign(this.#make("call", args, { target: null, results: 1, noreturn: false }));
    }
    const results = this.#pick([0, 1, 1, 2] as const);
    const target = `f${this.#random(CALLABLE_COUNT)}`;
    const call = this.#make("call", args, { target, results, noreturn: false });
    if (results === 2) this.#assign(this.#make("result1", [call], {}));
    if (results > 0 && !this.#chance(4)) this.#assign(call);
  }

  #special(): void {
    const address = (): Value => this.#make("symbol", [], { name: `d${this.#random(STATIC_COUNT)}`, offset: 8 });
    switch (this.#random(6)) {
      case 0: return this.#assign(this.#make("amo", [address(), this.#operand()], { op: this.#pick(["add", "swap"] as const), order: "acquire-release" }));
      case 1: return this.#assign(this.#make("cmpxchg", [address(), this.#operand(), this.#operand()], { order: "acquire" }));
      case 2: return this.#assign(this.#make("csr", [this.#operand()], { op: this.#pick(["rw", "rs", "rc"] as const), csr: 0x100, wantsOld: true }));
      case 3: this.#make("mark", [this.#operand(), this.#operand(), this.#operand()], { event: 5 }); return;
      case 4: this.#make("barrier", [], {}); return;
      default: this.#make("fence", [], { pred: "rw", succ: "w" });
    }
  }

  #branch(then: Block, otherwise: Block): void {
    const hint = this.#pick([null, null, "then", "else"] as const);
    const args: [Value, Value] = this.#chance(3)
      ? [this.#make("binary", [this.#operand(), this.#operand()], { op: this.#pick(["slt", "sltu"] as const) }), this.#constant(0)]
      : [this.#operand(), this.#operand()];
    const condition = args[1].op === "const" && args[0].op === "binary" ? this.#pick(["eq", "ne"] as const) : this.#pick(CONDITIONS);
    this.#block.end = { kind: "branch", condition, args, then, else: otherwise, hint, loc: this.#loc() };
  }

  #jumpTo(target: Block): void {
    this.#block.end = { kind: "jump", target, loc: this.#loc() };
    target.preds.push(this.#block);
  }

  /** Variables of several ways meet; `ways` in the order of the block's predecessors. */
  #join(block: Block, ways: readonly (readonly Value[])[]): void {
    this.#block = block;
    this.#variables = ways[0].map((_, i) => {
      const args = ways.map((way) => way[i]);
      if (args.every((arg) => arg === args[0]) && !this.#chance(4)) return args[0];
      return this.#make("phi", args, {});
    });
  }

  #body(depth: number): void {
    for (let n = 1 + this.#random(4); n > 0; n--) this.#statement(depth + 1);
  }

  #if(depth: number): void {
    const head = this.#block;
    const then = this.#newBlock(head);
    const join = this.#newBlock();
    const otherwise = this.#chance(2) ? this.#newBlock(head) : join;
    this.#branch(then, otherwise);
    if (otherwise === join) join.preds.push(head);
    const before = [...this.#variables];
    const ways: Value[][] = otherwise === join ? [before] : [];
    this.#block = then;
    this.#body(depth);
    this.#jumpTo(join);
    ways.push([...this.#variables]);
    if (otherwise !== join) {
      this.#block = otherwise;
      this.#variables = [...before];
      this.#body(depth);
      this.#jumpTo(join);
      ways.push([...this.#variables]);
    }
    this.#join(join, ways);
  }

  /** A boolean made by control flow, as an inlined predicate leaves it, and a branch on it. */
  #boolean(): Value {
    const head = this.#block;
    const one = this.#newBlock(head);
    const join = this.#newBlock(head);
    const no = this.#constant(0);
    const yes = this.#constant(1);
    this.#branch(one, join);
    this.#block = one;
    this.#jumpTo(join);
    this.#block = join;
    const phi = this.#make("phi", [no, yes], {});
    if (this.#chance(2)) return phi;
    const then = this.#newBlock(join);
    const after = this.#newBlock(join);
    join.end = { kind: "branch", condition: "ne", args: [phi, this.#insertZero(join)], then, else: after, hint: null, loc: 1 };
    this.#block = then;
    const seven = this.#constant(7);
    this.#jumpTo(after);
    this.#block = after;
    return this.#make("phi", [no, seven], {});
  }

  #insertZero(block: Block): Value {
    const before = this.#block;
    this.#block = block;
    const zero = this.#constant(0);
    this.#block = before;
    return zero;
  }

  /** Something computed from a loop's counter, as array elements are. */
  #indexed(index: Value): Value {
    const scaled = this.#chance(2)
      ? this.#make("binary", [index, this.#constant(2)], { op: "sll" })
      : this.#make("binary", [index, this.#constant(12)], { op: "mul" });
    if (this.#chance(3)) {
      const more = this.#make("binary", [scaled, this.#operand()], { op: this.#pick(["add", "sub"] as const) });
      return this.#make("binary", [more, index], { op: this.#pick(["add", "sub", "xor"] as const) });
    }
    const base = this.#make("symbol", [], { name: `d${this.#random(STATIC_COUNT)}`, offset: 0 });
    const address = this.#make("binary", [base, scaled], { op: "add" });
    return this.#make("load", [address], { width: 4, signed: true, offset: 4, access: "plain" });
  }

  /** do { body; if (odd) break; } while (++i < n), or the same with the test at the top. */
  #loop(depth: number): void {
    const entry = this.#block;
    const count = this.#constant(1 + this.#random(4));
    const start = this.#constant(0);
    const top = this.#chance(2);
    const header = this.#newBlock(entry);
    entry.end = { kind: "jump", target: header, loc: this.#loc() };
    this.#block = header;
    const exit = this.#newBlock();
    const phis = [start, ...this.#variables].map((value) => this.#make("phi", [value], {}));
    const index = phis[0];
    this.#variables = phis.slice(1);
    const ways: Value[][] = [];
    if (top) {
      const body = this.#newBlock(header);
      header.end = { kind: "branch", condition: "lt", args: [index, count], then: body, else: exit, hint: null, loc: 3 };
      exit.preds.push(header);
      ways.push([...this.#variables]);
      this.#block = body;
    }
    for (let n = this.#random(3); n > 0; n--) this.#assign(this.#indexed(index));
    this.#body(depth);
    if (this.#chance(2)) {
      const on = this.#newBlock(this.#block);
      this.#branch(exit, on);
      exit.preds.push(this.#block);
      ways.push([...this.#variables]);
      this.#block = on;
      if (this.#chance(2)) this.#body(depth);
    }
    const next = this.#make("binary", [index, this.#constant(1)], { op: "add" });
    const latch = this.#block;
    header.preds.push(latch);
    if (top) latch.end = { kind: "jump", target: header, loc: 4 };
    else {
      latch.end = { kind: "branch", condition: "lt", args: [next, count], then: header, else: exit, hint: null, loc: 4 };
      exit.preds.push(latch);
      ways.push([...this.#variables]);
    }
    [next, ...this.#variables].forEach((value, i) => phis[i].args.push(value));
    this.#join(exit, ways);
  }
}
