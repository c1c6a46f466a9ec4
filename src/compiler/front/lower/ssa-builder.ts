/**
 * Builds one function in SSA form, straight from the syntax tree.
 *
 * Variables become values by the algorithm of Braun et al., "Simple and Efficient Construction of Static Single
 * Assignment Form" (2013): definitions are looked up block by block, a block whose predecessors are not all known yet is
 * unsealed and gets operandless phis, and phis that turn out to have one operand vanish. A value that was replaced stays
 * valid until `finish`: `find` follows replacements.
 *
 * While `dead` is true the current place cannot be reached: values go to a block that is thrown away and no edge is made.
 * Constants, symbols and frame addresses live in the entry block, once each.
 */
import { assert } from "../../../base/assert.ts";
import type {
  BinaryOp,
  Block,
  Condition,
  FrameSlot,
  IrFunction,
  LocalVariable,
  LocationId,
  Op,
  Payloads,
  Terminator,
  Value,
  ValueOf,
} from "../../ir.ts";
import { foldCondition, simplify } from "../fold.ts";
import type { Environments, History } from "./environment.ts";
import type { Scope } from "./lowering.ts";
import type { Variable, VariableWord } from "./operand.ts";

const UNREACHABLE: Terminator = { kind: "unreachable", loc: 0 };

export interface BuildBlock extends Block {
  readonly definitions: Map<VariableWord, Value>;
  /** What tracked variables hold at the entry, as far as somebody asked. */
  entries: Map<VariableWord, Value> | null;
  /** What was written to tracked variables. */
  history: Map<VariableWord, History> | null;
  sealed: boolean;
  incomplete: [VariableWord, Value][];
  /** Position in the final order. */
  order: number;
}

export class SsaBuilder {
  readonly entry: BuildBlock;
  current: BuildBlock;
  dead = false;
  loc: LocationId = 0;
  /** The names that `loc` can use. */
  scope: Scope | null = null;

  /** Counts what changes variables: writes, declarations, blocks. */
  private moment = 0;
  private stamped = { loc: 0, moment: -1, scope: null as Scope | null, result: 0 };
  private readonly environments: Environments;
  private readonly blocks: BuildBlock[] = [];
  private readonly frame: FrameSlot[] = [];
  private nextId = 0;
  private nextOrder = 0;
  private readonly params: Value[] = [];
  private readonly entryValues: Value[] = [];
  private readonly constants = new Map<number, Value>();
  private readonly symbols = new Map<string, Value>();
  private readonly replaced = new Map<Value, Value>();
  private readonly phiUsers = new Map<Value, Set<Value>>();
  /** Phis whose operands are still being collected: not to be judged trivial. */
  private readonly partial = new Set<Value>();

  constructor(environments: Environments) {
    this.environments = environments;
    this.entry = this.block();
    this.entry.sealed = true;
    this.current = this.entry;
  }

  // ---- values ----

  private make<O extends Op>(op: O, args: Value[], x: Payloads[O], loc: LocationId): Value {
    return { id: this.nextId++, op, args, x, loc } as ValueOf<O> as Value;
  }

  /** Appends an operation at the current place. */
  emit<O extends Op>(op: O, args: readonly Value[], x: Payloads[O]): Value {
    const value = this.make(
      op,
      args.map((a) => this.find(a)),
      x,
      this.here(),
    );
    this.current.values.push(value);
    return value;
  }

  /** `loc` as what it is in the present environment. */
  here(): LocationId {
    const { stamped, loc, moment, scope } = this;
    if (this.dead || loc === 0 || scope === null) return loc;
    if (stamped.loc === loc && stamped.moment === moment && stamped.scope === scope) return stamped.result;
    const result = this.environments.locate(loc, this.current, moment, scope);
    this.stamped = { loc, moment, scope, result };
    return result;
  }

  /** From here on the debugger knows the variable; `words` when it has one value for good. */
  declare(variable: Variable, local: LocalVariable, size: number, words: readonly Value[] | null = null): void {
    this.environments.declare(variable, { local, size, since: ++this.moment, words });
  }

  /** A variable that is the name of a slot. */
  declareStorage(variable: Variable, address: Value): void {
    if (address.op !== "frame") return;
    const { variable: local, size } = this.frame[address.x.slot]!;
    if (local) this.declare(variable, local, size);
  }

  find(value: Value): Value {
    let v = value;
    for (let r = this.replaced.get(v); r; r = this.replaced.get(v)) v = r;
    return v;
  }

  constant(value: number): Value {
    const n = value | 0;
    let v = this.constants.get(n);
    if (!v) {
      v = this.make("const", [], { value: n }, 0);
      this.constants.set(n, v);
      this.entryValues.push(v);
    }
    return v;
  }

  symbol(name: string, offset = 0): Value {
    const key = `${name}+${offset}`;
    let v = this.symbols.get(key);
    if (!v) {
      v = this.make("symbol", [], { name, offset }, 0);
      this.symbols.set(key, v);
      this.entryValues.push(v);
    }
    return v;
  }

  frameAddress(slot: number, offset = 0): Value {
    const key = `frame ${slot}+${offset}`;
    let v = this.symbols.get(key);
    if (!v) {
      v = this.make("frame", [], { slot, offset }, 0);
      this.symbols.set(key, v);
      this.entryValues.push(v);
    }
    return v;
  }

  newSlot(size: number, align: number, variable: LocalVariable | null): Value {
    this.frame.push({ size, align, variable });
    return this.frameAddress(this.frame.length - 1);
  }

  /** Numbers handed out so far: a measure of the function's size. */
  get size(): number {
    return this.nextId;
  }

  growSlot(address: Value, size: number): void {
    if (address.op !== "frame") return;
    const slot = this.frame[address.x.slot]!;
    this.frame[address.x.slot] = { ...slot, size: Math.max(slot.size, size) };
  }

  param(index: number): Value {
    const value = this.make("param", [], { index }, this.loc);
    this.params.push(value);
    return value;
  }

  binary(op: BinaryOp, left: Value, right: Value): Value {
    const a = this.find(left);
    const b = this.find(right);
    return simplify(this, op, a, b) ?? this.emit("binary", [a, b], { op });
  }

  /** The constant that a value is, or null. */
  constantOf(value: Value): number | null {
    const v = this.find(value);
    return v.op === "const" ? v.x.value : null;
  }

  // ---- blocks ----

  block(): BuildBlock {
    const block: BuildBlock = {
      id: this.nextId++,
      values: [],
      preds: [],
      end: UNREACHABLE,
      definitions: new Map(),
      entries: null,
      history: null,
      sealed: false,
      incomplete: [],
      order: this.nextOrder++,
    };
    this.blocks.push(block);
    return block;
  }

  /** Continues at `block`; dead when nothing leads there. `seal` first unless a back edge is still to come. */
  start(block: BuildBlock): void {
    block.order = this.nextOrder++;
    this.current = block;
    this.moment++;
    this.dead = block.preds.length === 0 && block !== this.entry;
  }

  /** `seal` and `start`: all edges to the block exist. */
  startSealed(block: BuildBlock): void {
    this.seal(block);
    this.start(block);
  }

  private close(end: Terminator): void {
    if (!this.dead) {
      this.current.end = end;
      if (end.kind === "jump") end.target.preds.push(this.current);
      if (end.kind === "branch") {
        end.then.preds.push(this.current);
        end.else.preds.push(this.current);
      }
      if (end.kind === "switch") for (const target of end.targets) target.preds.push(this.current);
    }
    const nowhere = this.block();
    nowhere.sealed = true;
    this.start(nowhere);
  }

  jump(target: Block): void {
    this.close({ kind: "jump", target, loc: this.here() });
  }

  ret(words: readonly Value[]): void {
    this.close({ kind: "return", args: [...words], loc: this.here() });
  }

  unreachable(): void {
    this.close({ kind: "unreachable", loc: this.here() });
  }

  /** To targets[table[index]]; `index` is known to be below the table's length. */
  switchTo(index: Value, table: readonly number[], targets: readonly Block[]): void {
    const a = this.find(index);
    if (a.op === "const") this.jump(targets[table[a.x.value]!]!);
    else this.close({ kind: "switch", args: [a], table, targets: [...targets], loc: this.here() });
  }

  branch(
    condition: Condition,
    left: Value,
    right: Value,
    then: Block,
    otherwise: Block,
    hint: "then" | "else" | null,
  ): void {
    const a = this.find(left);
    const b = this.find(right);
    if (a.op === "const" && b.op === "const") {
      this.jump(foldCondition(condition, a.x.value, b.x.value) ? then : otherwise);
    } else if (then === otherwise) {
      this.jump(then);
    } else if (
      b.op === "const" &&
      b.x.value === 0 &&
      a.op === "binary" &&
      (condition === "ne" || condition === "eq")
    ) {
      this.branchOnTruth(condition, a, b, then, otherwise, hint);
    } else {
      this.close({
        kind: "branch",
        condition,
        args: [a, b],
        then,
        else: otherwise,
        hint,
        loc: this.here(),
      });
    }
  }

  /** A comparison that was turned into 0 or 1 is branched on directly. */
  private branchOnTruth(
    condition: "eq" | "ne",
    a: Value,
    zero: Value,
    then: Block,
    otherwise: Block,
    hint: "then" | "else" | null,
  ): void {
    const end = (c: Condition, x: Value, y: Value) =>
      this.close({
        kind: "branch",
        condition: c,
        args: [x, y],
        then,
        else: otherwise,
        hint,
        loc: this.here(),
      });
    if (a.op === "binary") {
      const [x, y] = [this.find(a.args[0]!), this.find(a.args[1]!)];
      if (a.x.op === "sltu" && y.op === "const" && y.x.value === 1) {
        end(condition === "ne" ? "eq" : "ne", x, zero);
        return;
      }
      if (a.x.op === "slt") {
        end(condition === "ne" ? "lt" : "ge", x, y);
        return;
      }
      if (a.x.op === "sltu") {
        end(condition === "ne" ? "ltu" : "geu", x, y);
        return;
      }
    }
    end(condition, a, zero);
  }

  // ---- variables ----

  write(variable: VariableWord, value: Value): void {
    this.current.definitions.set(variable, value);
    if (!variable.tracked) return;
    const history = (this.current.history ??= new Map<VariableWord, History>());
    let past = history.get(variable);
    if (!past) history.set(variable, (past = { moments: [], values: [] }));
    past.moments.push(++this.moment);
    past.values.push(value);
  }

  read(variable: VariableWord): Value {
    return this.readIn(variable, this.current);
  }

  private readIn(variable: VariableWord, block: BuildBlock): Value {
    const known = block.definitions.get(variable);
    if (known) return this.find(known);
    let value: Value;
    if (!block.sealed) {
      value = this.phi(block);
      block.incomplete.push([variable, value]);
    } else if (block.preds.length === 0) {
      value = this.constant(0);
    } else if (block.preds.length === 1) {
      value = this.readIn(variable, block.preds[0] as BuildBlock);
    } else {
      const phi = this.phi(block);
      block.definitions.set(variable, phi);
      noteEntry(block, variable, phi);
      value = this.complete(variable, phi, block);
    }
    block.definitions.set(variable, value);
    noteEntry(block, variable, value);
    return value;
  }

  private phi(block: BuildBlock): Value {
    const phi = this.make("phi", [], {}, this.loc);
    this.partial.add(phi);
    block.values.unshift(phi);
    this.phiUsers.set(phi, new Set());
    return phi;
  }

  private complete(variable: VariableWord, phi: Value, block: BuildBlock): Value {
    for (const pred of block.preds) {
      const arg = this.readIn(variable, pred as BuildBlock);
      phi.args.push(arg);
      this.phiUsers.get(arg)?.add(phi);
    }
    this.partial.delete(phi);
    return this.dropTrivial(phi);
  }

  /** A phi whose operands are itself and one other value is that value. */
  private dropTrivial(phi: Value): Value {
    if (this.partial.has(phi)) return phi;
    let same: Value | null = null;
    for (const arg of phi.args) {
      const a = this.find(arg);
      if (a === same || a === phi) continue;
      if (same) return phi;
      same = a;
    }
    const value: Value = same ?? this.constant(0);
    this.replaced.set(phi, value);
    const users = this.phiUsers.get(phi)!;
    const survivors = this.phiUsers.get(value);
    for (const user of users) {
      if (user === phi || this.replaced.has(user)) continue;
      survivors?.add(user);
      this.dropTrivial(user);
    }
    return this.find(value);
  }

  seal(block: BuildBlock): void {
    assert(!block.sealed, "ssa: a block is sealed once");
    block.sealed = true;
    for (const [variable, phi] of block.incomplete) this.complete(variable, phi, block);
    block.incomplete = [];
  }

  // ---- the result ----

  /** Resolves replaced values, drops what cannot be reached, and hands out the function. */
  finish(head: Omit<IrFunction, "blocks" | "frame" | "nextId">): IrFunction {
    this.loc = head.loc;
    this.scope = null;
    this.environments.finish((value) => this.find(value));
    if (!this.dead) this.unreachable();
    const alive = this.blocks
      .filter((b) => b === this.entry || b.preds.length > 0)
      .sort((a, b) => a.order - b.order);
    alive.splice(alive.indexOf(this.entry), 1);
    const blocks = [this.entry, ...alive];
    for (const block of blocks) {
      assert(block.sealed, "ssa: every block is sealed");
      block.values = block.values.filter((v) => !this.replaced.has(v));
      for (const v of block.values) resolve(this, v.args);
      const { end } = block;
      if (end.kind !== "jump" && end.kind !== "unreachable") resolve(this, end.args);
    }
    this.entry.values = [...this.params, ...this.entryValues, ...this.entry.values];
    return {
      ...head,
      blocks: blocks.map(plainBlocks(blocks)),
      frame: this.frame,
      nextId: this.nextId,
      variables: this.environments,
    };
  }
}

function noteEntry(block: BuildBlock, variable: VariableWord, value: Value): void {
  if (variable.tracked) (block.entries ??= new Map()).set(variable, value);
}

function resolve(builder: SsaBuilder, args: Value[]): void {
  for (let i = 0; i < args.length; i++) args[i] = builder.find(args[i]!);
}

/** Blocks without the builder's own fields. */
function plainBlocks(blocks: readonly BuildBlock[]): (block: BuildBlock) => Block {
  const plain = new Map<Block, Block>();
  for (const b of blocks) plain.set(b, { id: b.id, values: b.values, preds: [], end: b.end });
  const of = (b: Block): Block => {
    const p = plain.get(b);
    assert(p, "ssa: an edge leads to a block that is kept");
    return p;
  };
  return (block) => {
    const result = of(block);
    result.preds = block.preds.map(of);
    const { end } = block;
    if (end.kind === "jump") result.end = { ...end, target: of(end.target) };
    if (end.kind === "branch") {
      const then = of(end.then);
      result.end = { ...end, then, else: of(end.else) };
    }
    if (end.kind === "switch") result.end = { ...end, targets: end.targets.map(of) };
    return result;
  };
}
