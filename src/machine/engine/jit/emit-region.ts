/**
 * A region as a WebAssembly function (hart block, context, time) -> time, to do exactly what `interpret` would.
 *
 * Guest registers are locals, loaded at the entry when a path may need what they held, written back at exits when a path
 * may have changed them. Time is added up while code is made and spent where paths meet, at checks and at exits.
 *
 * Exits (EXIT_REASON): to a place of this page or by address, where another region is entered in the place of this one if
 * one is there (else GO_ON and FETCH); SHORT when a check finds too little time; SLOW before an instruction that tier 1
 * must do. The page and its entries are at fixed addresses as long as the region lives, but its virtual address is not
 * fixed: pc = PAGE_DELTA + entry address / 4.
 */
import {
  I32, block, br, call, get, i32, label, loop, ret, returnCallIndirect, sequence, set, tee, trap, when,
} from "../../../isa/wasm/code.ts";
import type { Callee, Label, Local, Node, Operand, Value } from "../../../isa/wasm/code.ts";
import type { FunctionScope } from "../../../isa/wasm/module.ts";
import { MACHINE_WORD } from "../../memory/layout.ts";
import { EXIT } from "../emit/emit-interpreter.ts";
import { OP } from "../opcodes.ts";
import { ENTRY_SHIFT, EXEC, LINE, REGION } from "../tables.ts";
import type { Tables } from "../tables.ts";
import { FAILED, WRITES } from "./emit-reach.ts";
import { ENTRY_BYTES, costOf, missOf, writesOf } from "./op.ts";
import type { CostModel, Op } from "./op.ts";
import type { Edge } from "./region.ts";
import type { Node as FlowNode, Structure } from "./structure.ts";
import { NO_DEBT, RegionTime, addDebt } from "./time.ts";
import type { Debt } from "./time.ts";

export interface Target extends CostModel {
  readonly tables: Tables;
  /** Ordered operations must look at SLACK. */
  readonly ahead: boolean;
  readonly reach: Callee;
  /** Type of regions, for calls through the table. */
  readonly regionType: number;
}

/** Registers that paths to a point may have written, and surely have; as masks. */
interface Written {
  readonly may: number;
  readonly must: number;
}

const pageOffset = (at: number): number => at * 2;

class Emitter {
  readonly target: Target;
  readonly structure: Structure;
  /** Address of the predecoded page. */
  readonly page: number;
  readonly scope: FunctionScope;
  readonly time: RegionTime;
  readonly s: Local;
  readonly context: Local;
  /** Address of an access; line-table entry; target of an exit; its reason; pc of the page. */
  readonly a: Local;
  readonly t: Local;
  readonly to: Local;
  readonly reason: Local;
  readonly base: Local;
  readonly x: (Local | null)[] = new Array<Local | null>(32).fill(null);
  usesBase = false;
  /** Registers that must be loaded at the entry. */
  loads = 0;
  /** Where cold exits go, by the registers that they write back. */
  readonly cold = new Map<number, Label>();
  readonly written = new Map<FlowNode, Written>();
  readonly labels = new Map<FlowNode, { readonly head: Label; readonly behind: Label }>();
  /** Exit to the entry in `to`, to the address in `to`, and all others. */
  readonly near: Label = label("near");
  readonly far: Label = label("far");
  readonly out: Label = label("out");

  constructor(target: Target, structure: Structure, page: number, scope: FunctionScope) {
    this.target = target;
    this.structure = structure;
    this.page = page;
    this.scope = scope;
    [this.s, this.context] = scope.params as [Local, Local];
    this.time = new RegionTime(scope.params[2]!, target.timing);
    this.a = scope.local(I32);
    this.t = scope.local(I32);
    this.to = scope.local(I32);
    this.reason = scope.local(I32);
    this.base = scope.local(I32);
  }

  entryAddress(at: number): number {
    return this.page + at * ENTRY_BYTES;
  }
  local(x: number): Local {
    return (this.x[x] ??= this.scope.local(I32));
  }
  pc(offset: number): Value {
    this.usesBase = true;
    return i32.add(get(this.base), offset);
  }
  debt(before: Debt, op: Op): Debt {
    return addDebt(before, costOf(op, this.target));
  }
}

/** Where an operation stands: what is owed before it and what has been written. */
class Point {
  readonly e: Emitter;
  debt: Debt;
  may: number;
  must: number;
  /** Most cycles from here to the next check. */
  path = 0;

  constructor(e: Emitter, debt: Debt, written: Written) {
    this.e = e;
    this.debt = debt;
    this.may = written.may;
    this.must = written.must;
  }
  read(x: number): Value {
    if (x === 0) return i32.const(0);
    if ((this.must & (1 << x)) === 0) this.e.loads |= 1 << x;
    return get(this.e.local(x));
  }
  wrote(x: number): void {
    this.may |= 1 << x;
    this.must |= 1 << x;
  }
  write(x: number, value: Operand): Node {
    if (x === 0) throw new Error("jit: x0 is not written");
    this.wrote(x);
    return set(this.e.local(x), value);
  }
  /** Out to tier 1 or because time is short; rare, so those that write the same registers share their code. */
  cold(reason: Operand, at: number): Node[] {
    const { e } = this;
    e.loads |= this.may & ~this.must;
    let target = e.cold.get(this.may);
    if (!target) e.cold.set(this.may, (target = label("cold")));
    return [e.time.pay(this.debt), set(e.to, e.entryAddress(at)), set(e.reason, reason), br(target)];
  }
  /** Registers back to memory before leaving from here. */
  writeBack(): Node {
    const { e } = this;
    e.loads |= this.may & ~this.must;
    return storeAll(e, this.may);
  }
  exitNear(at: number): Node[] {
    const { e } = this;
    return [e.time.pay(this.debt), this.writeBack(), set(e.to, e.entryAddress(at)), br(e.near)];
  }
  /** `to` holds the address. */
  exitFar(): Node[] {
    const { e } = this;
    return [e.time.pay(this.debt), this.writeBack(), br(e.far)];
  }
}

const registersIn = (mask: number): number[] => Array.from({ length: 32 }, (_, x) => x).filter((x) => (mask >>> x) & 1);
const storeAll = (e: Emitter, mask: number): Node =>
  sequence(...registersIn(mask).map((x) => i32.store(get(e.s), get(e.local(x)), x * 4)));

/** Written on the way to each node. */
function traceWritten(e: Emitter): void {
  const { nodes } = e.structure;
  for (const node of nodes) e.written.set(node, { may: 0, must: node.order === 0 ? 0 : -1 });
  for (let changed = true; changed; ) {
    changed = false;
    for (const node of nodes) {
      const own = node.block.ops.reduce((mask, op) => mask | writesOf(op), 0);
      const { may, must } = e.written.get(node)!;
      for (const next of node.successors) {
        const old = e.written.get(next)!;
        const made = { may: old.may | may | own, must: old.must & (must | own) };
        if (made.may === old.may && made.must === old.must) continue;
        e.written.set(next, made);
        changed = true;
      }
    }
  }
}

/**
 * An access at address `a` of `bytes` bytes: `use(host address)` makes the nodes that end it, on the fast path and behind
 * `reach`. What a miss cost may leave too little time for the rest of the way to the next check.
 */
function accessNodes(p: Point, op: Op, tag: number, bytes: number, use: (host: Value) => Node[]): Node[] {
  const { e } = p;
  const { reach, tables, timing } = e.target;
  const descriptor = bytes | (tag === LINE.WRITE ? WRITES : 0);
  const reached = tee(e.t, call(reach, get(e.s), get(e.a), i32.const(descriptor), e.time.left(p.debt)));
  const refused = p.cold(i32.add(EXIT.SLOW, i32.mul(get(e.t), EXIT.FAILED - EXIT.SLOW)), op.at);
  const behind = new Point(e, e.debt(p.debt, op), p);
  const slow = [when(i32.leU(reached, FAILED), refused), ...use(get(e.t))];
  if (op.kind === "load" && op.rd !== 0) behind.wrote(op.rd);
  if (timing === "cycle") {
    const rest = p.path - Math.max(1, costOf(op, e.target).cycles);
    slow.push(
      e.time.penalty(i32.load(0, tables.regionCost)),
      when(i32.ltS(e.time.left(behind.debt), rest), behind.cold(EXIT.SHORT, op.at + op.length)),
    );
  }
  return [set(e.a, addressOf(p, op)), when(lineMiss(e, tag, bytes), slow, use(hostAddress(e)))];
}

/** Sets `t` to the line-table entry for address `a`; whether the access is not on the fast path. */
function lineMiss(e: Emitter, tag: number, bytes: number): Value {
  const { lineShift, lineSlots } = e.target.tables;
  const index = i32.and(i32.shrU(get(e.a), lineShift - LINE.SHIFT), (lineSlots - 1) << LINE.SHIFT);
  const mask = -(1 << lineShift) | (bytes - 1);
  return i32.ne(i32.load(tee(e.t, i32.add(get(e.context), index)), tag), i32.and(get(e.a), mask));
}
const hostAddress = (e: Emitter): Value => i32.add(get(e.a), i32.load(get(e.t), LINE.ADDEND));
const addressOf = (p: Point, op: Op): Value => (op.imm === 0 ? p.read(op.rs1) : i32.add(p.read(op.rs1), op.imm));

function loadNodes(p: Point, op: Op): Node[] {
  const { semantics } = op.row!;
  if (semantics.kind !== "load") throw new Error("jit: not a load");
  const { bytes, signed } = semantics;
  const read = bytes === 4 ? i32.load
    : bytes === 2 ? (signed ? i32.load16S : i32.load16U)
    : signed ? i32.load8S : i32.load8U;
  return accessNodes(p, op, LINE.READ, bytes, (host) => (op.rd === 0 ? [] : [p.write(op.rd, read(host))]));
}

function storeNodes(p: Point, op: Op): Node[] {
  const { semantics } = op.row!;
  if (semantics.kind !== "store") throw new Error("jit: not a store");
  const { bytes } = semantics;
  const write = bytes === 4 ? i32.store : bytes === 2 ? i32.store16 : i32.store8;
  return accessNodes(p, op, LINE.WRITE, bytes, (host) => [write(host, p.read(op.rs2))]);
}

/** Leaves before an ordered operation that must wait for its place. */
function ordered(p: Point, op: Op): Node[] {
  const { e } = p;
  if (!e.target.ahead) return [];
  return [when(i32.leS(e.time.left(p.debt), i32.load(0, MACHINE_WORD.SLACK)), p.cold(EXIT.SLOW, op.at))];
}

function amoNodes(p: Point, op: Op): Node[] {
  const { e } = p;
  const { semantics } = op.row!;
  if (semantics.kind !== "amo") throw new Error("jit: not an AMO");
  const old = e.scope.local(I32);
  const operand = e.scope.local(I32);
  return [
    ...ordered(p, op),
    set(e.a, p.read(op.rs1)),
    when(lineMiss(e, LINE.WRITE, 4), p.cold(EXIT.SLOW, op.at)),
    set(e.t, hostAddress(e)),
    set(old, i32.load(get(e.t))),
    set(operand, p.read(op.rs2)),
    i32.store(get(e.t), semantics.value(get(old), get(operand))),
    ...(op.rd === 0 ? [] : [p.write(op.rd, get(old))]),
  ];
}

function aluNodes(p: Point, op: Op): Node[] {
  const { semantics, format } = op.row!;
  if (semantics.kind !== "alu") throw new Error("jit: not a computation");
  const b = format === "r" ? p.read(op.rs2) : i32.const(op.imm);
  const value = semantics.value(p.read(op.rs1), b);
  return [p.write(op.rd, value)];
}

function opNodes(p: Point, op: Op): Node[] {
  const { e } = p;
  switch (op.kind) {
    case "alu":
      return aluNodes(p, op);
    case "constant":
      return op.rd === 0 ? [] : [p.write(op.rd, op.imm)];
    case "auipc":
      return op.rd === 0 ? [] : [p.write(op.rd, e.pc(pageOffset(op.at) + op.imm))];
    case "jump":
      return op.rd === 0 ? [] : [p.write(op.rd, e.pc(pageOffset(op.at + op.length)))];
    case "load":
      return loadNodes(p, op);
    case "store":
      return storeNodes(p, op);
    case "amo":
      return amoNodes(p, op);
    case "fence":
      return ordered(p, op);
    case "nop":
    case "pause":
      return [];
    default:
      throw new Error(`jit: ${op.kind} inside a block`);
  }
}

/** From `p` along an edge, `missed` cycles later. */
function edgeNodes(p: Point, from: FlowNode, edge: Edge, missed: number): Node[] {
  const { e } = p;
  const start = new Point(e, { retired: p.debt.retired, cycles: p.debt.cycles + missed }, p);
  if (!edge.block) return start.exitNear(edge.at);
  const next = e.structure.nodeOf.get(edge.block)!;
  const { head, behind } = e.labels.get(next)!;
  if (next.order <= from.order) return [e.time.pay(start.debt), br(head)];
  if (next.isMerge) return [e.time.pay(start.debt), br(behind)];
  return treeNodes(e, next, start.debt);
}

/** (rs1 + imm) with bit 0 cleared, in `to`; then the link. */
function indirectTarget(p: Point, op: Op): Node[] {
  const { e } = p;
  return [
    set(e.to, i32.and(addressOf(p, op), ~1)),
    ...(op.rd === 0 ? [] : [p.write(op.rd, e.pc(pageOffset(op.at + op.length)))]),
  ];
}

function endNodes(p: Point, node: FlowNode): Node[] {
  const { e } = p;
  const { end } = node.block;
  if (end.kind === "goto") return edgeNodes(p, node, end.to, 0);
  if (end.kind === "slow") return p.cold(EXIT.SLOW, end.at);
  const { op } = end;
  if (end.kind === "branch") {
    const { semantics } = op.row!;
    if (semantics.kind !== "branch") throw new Error("jit: not a branch");
    const condition = semantics.taken(p.read(op.rs1), p.read(op.rs2));
    p.debt = e.debt(p.debt, op);
    const far = (): Node[] => {
      const { retired, cycles } = p.debt;
      const start = new Point(e, { retired, cycles: cycles + missOf(op, true, e.target) }, p);
      return [set(e.to, e.pc(pageOffset(op.at + op.imm))), ...start.exitFar()];
    };
    const taken = op.far ? far() : edgeNodes(p, node, end.taken, missOf(op, true, e.target));
    return [when(condition, taken, edgeNodes(p, node, end.fall, missOf(op, false, e.target))), trap()];
  }
  if (end.kind === "far") {
    const to = set(e.to, e.pc(pageOffset(op.at + op.imm)));
    const link = op.rd === 0 ? [] : [p.write(op.rd, e.pc(pageOffset(op.at + op.length)))];
    p.debt = e.debt(p.debt, op);
    return [to, ...link, ...p.exitFar()];
  }
  const nodes = indirectTarget(p, op);
  p.debt = e.debt(p.debt, op);
  if (end.kind === "return" && end.to.block) {
    nodes.push(when(i32.eq(get(e.to), e.pc(pageOffset(end.to.at))), edgeNodes(p, node, end.to, 0)));
  }
  return [...nodes, ...new Point(e, p.debt, p).exitFar()];
}

function blockNodes(e: Emitter, node: FlowNode, owed: Debt): Node[] {
  const p = new Point(e, owed, e.written.get(node)!);
  const nodes: Node[] = [];
  if (node.isCheck) {
    nodes.push(e.time.pay(owed));
    p.debt = NO_DEBT;
    nodes.push(when(e.time.isLessThan(node.path), p.cold(EXIT.SHORT, node.block.at)));
  }
  p.path = node.path;
  for (const op of node.block.ops) {
    nodes.push(...opNodes(p, op));
    p.debt = e.debt(p.debt, op);
    p.path -= Math.max(1, costOf(op, e.target).cycles);
  }
  return [...nodes, ...endNodes(p, node)];
}

/** A node and all that it dominates; every path ends in a branch. */
function treeNodes(e: Emitter, node: FlowNode, owed: Debt): Node[] {
  const merges = node.children.filter((child) => child.isMerge).sort((a, b) => a.order - b.order);
  let nodes: Node[] = [sequence(...blockNodes(e, node, node.isLoop ? NO_DEBT : owed))];
  // The last in order is outermost: all others may branch to it.
  for (const merge of merges) {
    nodes = [block(e.labels.get(merge)!.behind, ...nodes), ...treeNodes(e, merge, NO_DEBT)];
  }
  if (!node.isLoop) return nodes;
  return [e.time.pay(owed), loop(e.labels.get(node)!.head, ...nodes), trap()];
}

/** To the address in `to`: the entry in `to`, through the execution table, or out. */
function farNodes(e: Emitter): Node[] {
  const { to, t, a, context, target } = e;
  const index = i32.and(i32.shrU(get(to), 12 - EXEC.SHIFT), (EXEC.ENTRIES - 1) << EXEC.SHIFT);
  const at = target.tables.lineBytes;
  return [
    set(a, i32.and(get(to), ~0xfff)),
    when(i32.ne(i32.load(tee(t, i32.add(get(context), index)), at + EXEC.TAG), get(a)), [
      i32.store(0, get(to), MACHINE_WORD.EXIT_TARGET),
      i32.store(0, EXIT.FETCH, MACHINE_WORD.EXIT_REASON),
      ret(get(e.time.local)),
    ]),
    set(t, i32.load(get(t), at + EXEC.PAGE)),
    i32.store(0, i32.sub(get(a), i32.shrU(get(t), ENTRY_SHIFT)), MACHINE_WORD.PAGE_DELTA),
    set(to, i32.add(get(t), i32.shl(i32.and(get(to), 0xffe), ENTRY_SHIFT))),
  ];
}

/** Another region at the entry in `to`, or out. */
function nearNodes(e: Emitter): Node[] {
  const { to, s, context, time, target } = e;
  return [
    when(i32.eq(i32.load8U(get(to)), OP.REGION), [
      returnCallIndirect(
        target.regionType, i32.load(i32.load(get(to), 4), REGION.INDEX), get(s), get(context), get(time.local),
      ),
    ]),
    i32.store(0, get(to), MACHINE_WORD.EXIT_ENTRY),
    i32.store(0, EXIT.GO_ON, MACHINE_WORD.EXIT_REASON),
    ret(get(time.local)),
  ];
}

/** Body of the region's function; `page` is the address of its predecoded page. */
export function emitRegion(target: Target, structure: Structure, page: number, scope: FunctionScope): Node[] {
  const e = new Emitter(target, structure, page, scope);
  for (const node of structure.nodes) e.labels.set(node, { head: label("head"), behind: label("behind") });
  traceWritten(e);
  let body: Node[] = [block(e.near, block(e.far, ...treeNodes(e, structure.root, NO_DEBT)), ...farNodes(e)), ...nearNodes(e)];
  for (const [mask, target] of e.cold) body = [block(target, ...body), storeAll(e, mask), br(e.out)];
  const loads = registersIn(e.loads).map((x) => set(e.local(x), i32.load(get(e.s), x * 4)));
  if (e.usesBase) loads.push(set(e.base, i32.add(i32.load(0, MACHINE_WORD.PAGE_DELTA), page >>> ENTRY_SHIFT)));
  return [
    ...loads,
    block(e.out, ...body),
    i32.store(0, get(e.to), MACHINE_WORD.EXIT_ENTRY),
    i32.store(0, get(e.reason), MACHINE_WORD.EXIT_REASON),
    get(e.time.local),
  ];
}
