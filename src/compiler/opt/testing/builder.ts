/** Builds small IR functions by hand: values in the order of the calls, into the block last begun. */
import type { BinaryOp, Block, Condition, FrameSlot, IrFunction, Op, Payloads, Value } from "../../ir.ts";
import { makeValue } from "../values.ts";

export class Builder {
  readonly fn: IrFunction;
  block: Block;
  #loc = 10;

  constructor(options: { params?: number; results?: 0 | 1 | 2; frame?: FrameSlot[] } = {}) {
    this.fn = {
      symbol: "f", name: "f", section: ".text", loc: 1, exported: true, paramCount: options.params ?? 0,
      results: options.results ?? 0, blocks: [], frame: options.frame ?? [], nextId: 1,
    };
    this.block = this.begin();
  }

  /** A new block, which further values go to. */
  begin(...preds: Block[]): Block {
    const block: Block = { id: this.fn.nextId++, values: [], preds, end: { kind: "unreachable", loc: this.#loc } };
    this.fn.blocks.push(block);
    this.block = block;
    return block;
  }

  value<O extends Op>(op: O, args: Value[], x: Payloads[O]): Value {
    const value = makeValue(this.fn, op, args, x, this.#loc++) as Value;
    this.block.values.push(value);
    return value;
  }

  constant(value: number): Value {
    return this.value("const", [], { value });
  }

  param(index: number): Value {
    return this.value("param", [], { index });
  }

  binary(op: BinaryOp, a: Value, b: Value): Value {
    return this.value("binary", [a, b], { op });
  }

  load(base: Value, offset = 0): Value {
    return this.value("load", [base], { width: 4, signed: true, offset, access: "plain" });
  }

  store(base: Value, offset: number, value: Value): Value {
    return this.value("store", [base, value], { width: 4, offset, access: "plain" });
  }

  symbol(name: string, offset = 0): Value {
    return this.value("symbol", [], { name, offset });
  }

  call(target: string, args: Value[], results: 0 | 1 | 2 = 1): Value {
    return this.value("call", args, { target, results, noreturn: false });
  }

  jump(target: Block): void {
    this.block.end = { kind: "jump", target, loc: this.#loc++ };
    target.preds.push(this.block);
  }

  /** Makes both targets' edges. */
  branch(condition: Condition, a: Value, b: Value, then: Block, otherwise: Block, hint: "then" | "else" | null = null): void {
    this.block.end = { kind: "branch", condition, args: [a, b], then, else: otherwise, hint, loc: this.#loc++ };
    then.preds.push(this.block);
    otherwise.preds.push(this.block);
  }

  return(...args: Value[]): void {
    this.block.end = { kind: "return", args, loc: this.#loc++ };
  }
}
