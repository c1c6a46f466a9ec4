/**
 * Compiles a source and runs its IR: one flat memory with the statics and a stack, calls into the unit's own functions.
 * What a single processor cannot show (CSRs, SBI calls, fences) is recorded in `events` and reads as zero.
 */
import parser from "typescript";
import { formatProblem } from "../../../base/result.ts";
import type { Block, IrFunction, IrUnit, Value } from "../../ir.ts";
import { foldBinary, foldCondition } from "../fold.ts";
import { compileToIr, verifyIr, type CompileInput, type TypeScript } from "../index.ts";

export const typescript: TypeScript = parser;

const DATA_BASE = 0x1_0000;
const MEMORY_BYTES = 0x4_0000;
const STACK_TOP = MEMORY_BYTES - 16;
const FUNCTION_BASE = 0x1000;
const STEPS_MAX = 2_000_000;

export const MAIN = "kernel/main.ts";

export function inputOf(
  source: string | Readonly<Record<string, string>>,
  more: Partial<CompileInput> = {},
): CompileInput {
  const files = typeof source === "string" ? { [MAIN]: source } : source;
  return {
    files: new Map(Object.entries(files)),
    entries: [MAIN],
    workload: null,
    tasks: [],
    config: {},
    ...more,
  };
}

/** The problems of a source, one string each. */
export function problemsOf(
  source: string | Readonly<Record<string, string>>,
  more: Partial<CompileInput> = {},
): string[] {
  const unit = compileToIr(typescript, inputOf(source, more));
  return unit.ok ? [] : unit.problems.map(formatProblem);
}

export function compileUnit(
  source: string | Readonly<Record<string, string>>,
  more: Partial<CompileInput> = {},
): IrUnit {
  const unit = compileToIr(typescript, inputOf(source, more));
  if (!unit.ok) throw new Error(unit.problems.map(formatProblem).join("\n"));
  const wrong = unit.value.functions.flatMap(verifyIr);
  if (wrong.length) throw new Error(wrong.join("\n"));
  return unit.value;
}

export class Runner {
  readonly unit: IrUnit;
  readonly events: string[] = [];
  readonly memory = new DataView(new ArrayBuffer(MEMORY_BYTES));
  private readonly addresses = new Map<string, number>();
  private readonly functions = new Map<string, IrFunction>();
  private readonly byAddress = new Map<number, IrFunction>();
  private stack = STACK_TOP;
  private steps = 0;

  constructor(source: string | Readonly<Record<string, string>>, more: Partial<CompileInput> = {}) {
    this.unit = compileUnit(source, more);
    let at = DATA_BASE;
    for (const d of this.unit.data) {
      at = (at + d.align - 1) & -d.align;
      this.addresses.set(d.symbol, at);
      d.bytes.forEach((b, i) => {
        this.memory.setUint8(at + i, b);
      });
      at += d.size;
    }
    this.unit.functions.forEach((f, i) => {
      this.functions.set(f.symbol, f);
      this.addresses.set(f.symbol, FUNCTION_BASE + 16 * i);
      this.byAddress.set(FUNCTION_BASE + 16 * i, f);
    });
    for (const d of this.unit.data) {
      for (const r of d.relocations)
        this.memory.setUint32(
          this.address(d.symbol) + r.offset,
          this.address(r.symbol) + r.addend,
          true,
        );
    }
  }

  address(symbol: string): number {
    return this.addresses.get(symbol) ?? 0;
  }

  /** Result of a function as an unsigned number; of two words as a bigint. */
  call(name: string, ...args: number[]): number | bigint {
    const f = this.functions.get(name);
    if (!f) throw new Error(`run: no function ${name}`);
    this.steps = 0;
    const [low = 0, high = 0] = this.run(f, args);
    return f.results === 2 ? (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0) : low >>> 0;
  }

  private run(f: IrFunction, args: readonly number[]): number[] {
    const saved = this.stack;
    const slots = f.frame.map(({ size, align }) => (this.stack = (this.stack - size) & -align));
    const words = new Map<Value, number>();
    const second = new Map<Value, number>();
    const get = (v: Value): number => {
      const word = words.get(v);
      if (word === undefined)
        throw new Error(`run: v${v.id} (${v.op}) has no value in ${f.symbol}`);
      return word;
    };
    let block: Block = f.blocks[0]!;
    let from: Block | null = null;
    for (;;) {
      if (++this.steps > STEPS_MAX) throw new Error("run: too long");
      const phis = block.values.filter((v) => v.op === "phi");
      const incoming = phis.map((p) => get(p.args[block.preds.indexOf(from!)]!));
      phis.forEach((p, i) => {
        words.set(p, incoming[i]!);
      });
      for (const v of block.values)
        if (v.op !== "phi") words.set(v, this.step(v, v.args.map(get), args, slots, second) | 0);
      from = block;
      const { end } = block;
      if (end.kind === "unreachable") throw new Error(`run: the end of ${f.symbol}`);
      if (end.kind === "return") {
        this.stack = saved;
        return end.args.map(get);
      }
      if (end.kind === "jump") block = end.target;
      else if (end.kind === "switch") block = end.targets[end.table[get(end.args[0]) >>> 0]!]!;
      else
        block = foldCondition(end.condition, get(end.args[0]), get(end.args[1]))
          ? end.then
          : end.else;
    }
  }

  private step(
    v: Value,
    a: number[],
    args: readonly number[],
    slots: readonly number[],
    second: Map<Value, number>,
  ): number {
    switch (v.op) {
      case "const":
        return v.x.value;
      case "symbol":
        return this.address(v.x.name) + v.x.offset;
      case "percpu":
        return this.address(v.x.name) + v.x.offset;
      case "frame":
        return slots[v.x.slot]! + v.x.offset;
      case "param":
        return args[v.x.index]!;
      case "binary":
        return foldBinary(v.x.op, a[0]!, a[1]!);
      case "load":
        return this.load(a[0]! + v.x.offset, v.x.width, v.x.signed);
      case "store":
        return this.store(a[0]! + v.x.offset, v.x.width, a[1]!);
      case "call": {
        const target =
          v.x.target === null ? this.byAddress.get(a.pop()!) : this.functions.get(v.x.target);
        if (!target) throw new Error(`run: call of ${v.x.target ?? "nothing"}`);
        const [low = 0, high = 0] = this.run(target, a);
        second.set(v, high);
        return low;
      }
      case "result1":
        return second.get(v.args[0]!) ?? 0;
      case "amo": {
        const old = this.load(a[0]!, 4, false);
        const op = v.x.op;
        this.store(
          a[0]!,
          4,
          op === "add"
            ? old + a[1]!
            : op === "and"
              ? old & a[1]!
              : op === "or"
                ? old | a[1]!
                : a[1]!,
        );
        return old;
      }
      case "cmpxchg": {
        const old = this.load(a[0]!, 4, false) | 0;
        if (old === a[1]) this.store(a[0]!, 4, a[2]!);
        return old;
      }
      default:
        this.events.push([v.op, ...a].join(" "));
        return 0;
    }
  }

  load(address: number, width: 1 | 2 | 4, signed: boolean): number {
    if (address % width) throw new Error(`run: misaligned load at ${address}`);
    if (width === 4) return this.memory.getInt32(address, true);
    if (width === 2)
      return signed ? this.memory.getInt16(address, true) : this.memory.getUint16(address, true);
    return signed ? this.memory.getInt8(address) : this.memory.getUint8(address);
  }

  private store(address: number, width: 1 | 2 | 4, value: number): number {
    if (address % width) throw new Error(`run: misaligned store at ${address}`);
    if (width === 4) this.memory.setInt32(address, value, true);
    else if (width === 2) this.memory.setInt16(address, value, true);
    else this.memory.setInt8(address, value);
    return 0;
  }
}

/** The result of `test` in a source. */
export function run(source: string, ...args: number[]): number | bigint {
  return new Runner(source).call("test", ...args);
}
