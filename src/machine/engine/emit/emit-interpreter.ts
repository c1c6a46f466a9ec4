/**
 * The interpreter's inner loop, generated from the instruction table. It calls nothing: a function with a call anywhere
 * has its locals in memory everywhere (measured: a quarter of the speed). What needs a call leaves with EXIT_REASON and
 * the entry at hand in EXIT_ENTRY, nothing of that instruction done; emit-turn.ts does it and comes back.
 *
 * `p` is the predecoded entry; pc = p / 4 + PAGE_DELTA. `time` is, in functional mode, the cycles left; in cycle mode
 * retired instructions * 2^32 + (cycles spent - budget), so that one addition counts both.
 */
import {
  I32, I64, block, br, get, i32, i64, label, loop, sequence, set, switchOn, tee, when,
} from "../../../isa/wasm/code.ts";
import type { Label, Local, Node, Operand, Value } from "../../../isa/wasm/code.ts";
import type { CostClass, Instruction } from "../../../isa/index.ts";
import { ACCESS_KIND, BOARD, HART, MACHINE_WORD } from "../../memory/layout.ts";
import { setField } from "../core.ts";
import type { Core } from "../core.ts";
import { writeAccess } from "./emit-observe.ts";
import { OPCODE_NAMES, partsOf, rowOf } from "../opcodes.ts";
import type { BranchKind } from "../opcodes.ts";
import { POLL } from "../poll-loops.ts";
import { ENTRY_SHIFT, EXEC, LINE, REGION } from "../tables.ts";

/** Why `interpret` came back. */
export const EXIT = {
  /** No time is left; the entry is the next one to execute. */
  TIME: 0,
  /** The entry needs what only calls can do. */
  SLOW: 1,
  /** The jump is done; EXIT_TARGET is not in the execution table. */
  FETCH: 2,
  /** The same, and the jump was an instruction (emit-rounds.ts; elsewhere time tells). */
  JUMPED: 3,
  /** A region (jit/) is left; the entry is next. SHORT: because time is too short for it. */
  GO_ON: 3,
  SHORT: 4,
  /** A region's access could not be done now (STATUS): the turn ends before the entry. */
  FAILED: 5,
} as const;

const RETIRED = 2 ** 32;

/** `time` as both functions handle it. */
export class Time {
  readonly core: Core;
  readonly local: Local;

  constructor(core: Core, local: Local) {
    this.core = core;
    this.local = local;
  }
  static typeOf(core: Core): typeof I32 | typeof I64 {
    return core.cycle ? I64 : I32;
  }
  start(budget: Local): Node {
    return set(this.local, this.core.cycle ? i64.extendS(i32.sub(0, get(budget))) : get(budget));
  }
  get isOver(): Value {
    return this.core.cycle ? i32.geS(i32.wrap(get(this.local)), 0) : i32.leS(get(this.local), 0);
  }
  get left(): Value {
    return this.core.cycle ? i32.sub(0, i32.wrap(get(this.local))) : get(this.local);
  }
  /** Instructions retired in this turn so far. */
  retired(budget: Local): Value {
    if (!this.core.cycle) return i32.sub(get(budget), get(this.local));
    return i32.wrap(i64.shrU(i64.sub(get(this.local), i64.extendS(i32.wrap(get(this.local)))), 32));
  }
  /** One instruction retires. */
  spend(cycles: number): Node {
    if (!this.core.cycle) return set(this.local, i32.sub(get(this.local), 1));
    return set(this.local, i64.add(get(this.local), RETIRED + cycles));
  }
  cost(kind: CostClass): Node {
    return this.spend(this.core.costs[kind]);
  }
  /** Takes `cycles` off what is left, for a while; the same negative gives them back. */
  postpone(cycles: Value): Node {
    if (!this.core.cycle) return set(this.local, i32.sub(get(this.local), cycles));
    return set(this.local, i64.add(get(this.local), i64.extendS(cycles)));
  }
  /** Time that passes beside. */
  penalty(cycles: Value): Node {
    return this.core.cycle ? set(this.local, i64.add(get(this.local), i64.extendU(cycles))) : sequence();
  }
}

/** What the handlers share. */
export class Scope {
  readonly core: Core;
  readonly s: Local;
  readonly p: Local;
  readonly context: Local;
  readonly time: Time;
  readonly w: Local;
  readonly a: Local;
  readonly b: Local;
  readonly t: Local;
  /** In an observed engine: where records go. */
  readonly record: Local | null;
  /** Length of the instruction at hand. */
  readonly bytes: 2 | 4 = 4;
  readonly next: Label = label("next");
  /** On with an entry of the same hart, for what was no instruction. */
  readonly again: Label;
  readonly leave: Label = label("leave");
  /** Harts take turns of one instruction (emit-rounds.ts): what a hart has of its own is in its block, time is counted outside. */
  readonly rounds: boolean;

  constructor(core: Core, params: readonly Local[], local: () => Local, rounds = false) {
    this.core = core;
    this.rounds = rounds;
    this.again = rounds ? label("again") : this.next;
    [this.s, this.p, this.context] = params as [Local, Local, Local];
    this.time = new Time(core, params[3]!);
    this.w = local();
    this.a = local();
    this.b = local();
    this.t = local();
    this.record = core.observe ? local() : null;
  }
  /** The same for instructions of two bytes. */
  short(): Scope {
    return Object.assign(Object.create(Scope.prototype) as Scope, this, { bytes: 2 });
  }
  get pc(): Value {
    const delta = this.rounds ? i32.load(get(this.s), HART.ROUND_DELTA) : i32.load(0, MACHINE_WORD.PAGE_DELTA);
    return i32.add(i32.shrU(get(this.p), ENTRY_SHIFT), delta);
  }
  setDelta(value: Value): Node {
    return this.rounds ? setField(this.s, HART.ROUND_DELTA, value) : i32.store(0, value, MACHINE_WORD.PAGE_DELTA);
  }
  cost(kind: CostClass): Node {
    return this.rounds ? sequence() : this.time.cost(kind);
  }
  /** On to the next entry. */
  get skip(): Node {
    return sequence(set(this.p, i32.add(get(this.p), this.bytes << ENTRY_SHIFT)), br(this.next));
  }
  get immediate(): Value {
    return i32.load(get(this.p), 4);
  }
  get rs1(): Value {
    return i32.load(i32.add(get(this.s), i32.and(i32.shrU(get(this.w), 16), 0xff)));
  }
  get rs2(): Value {
    return i32.load(i32.add(get(this.s), i32.shrU(get(this.w), 24)));
  }
  setRd(value: Operand): Node {
    return i32.store(i32.add(get(this.s), i32.and(i32.shrU(get(this.w), 8), 0xff)), value);
  }
  /** Charges one instruction and goes to the next entry. */
  done(kind: CostClass): Node {
    return sequence(this.cost(kind), this.skip);
  }
  /** The record of an access to address `a` that was done at `host`. */
  observe(kind: number, bytes: number, host: Value, value: Value, written: Value = i32.const(0)): Node {
    const { core, s, record } = this;
    if (!record) return sequence();
    const physical = i32.add(i32.sub(host, core.tables.ramOffset), BOARD.RAM);
    const what = (kind << 4) | bytes;
    return writeAccess(core, record, { s, left: this.time.left, pc: this.pc, va: get(this.a), physical, what, value, written });
  }
  exit(reason: number): Node {
    return sequence(i32.store(0, reason, MACHINE_WORD.EXIT_REASON), br(this.leave));
  }
}

/** Sets `t` to the line-table entry of address `a`; the value says whether the access is on the fast path. */
function lineHit(c: Scope, tag: number, bytes: number): Value {
  const { lineShift, lineSlots } = c.core.tables;
  const index = i32.and(i32.shrU(get(c.a), lineShift - LINE.SHIFT), (lineSlots - 1) << LINE.SHIFT);
  const mask = -(1 << lineShift) | (bytes - 1);
  return i32.eq(i32.load(tee(c.t, i32.add(get(c.context), index)), tag), i32.and(get(c.a), mask));
}
const fastHost = (c: Scope): Value => i32.add(get(c.a), i32.load(get(c.t), LINE.ADDEND));

function loadHandler(c: Scope, bytes: 1 | 2 | 4, signed: boolean): Node[] {
  const read = bytes === 4 ? i32.load
    : bytes === 2 ? (signed ? i32.load16S : i32.load16U)
    : signed ? i32.load8S : i32.load8U;
  const plain = bytes === 4 ? i32.load : bytes === 2 ? i32.load16U : i32.load8U;
  return [
    set(c.a, i32.add(c.rs1, c.immediate)),
    when(lineHit(c, LINE.READ, bytes), [
      c.setRd(read(fastHost(c))),
      c.observe(ACCESS_KIND.LOAD, bytes, fastHost(c), plain(fastHost(c))),
      c.done("load"),
    ]),
    c.exit(EXIT.SLOW),
  ];
}

function storeHandler(c: Scope, bytes: 1 | 2 | 4): Node[] {
  const write = bytes === 4 ? i32.store : bytes === 2 ? i32.store16 : i32.store8;
  return [
    set(c.a, i32.add(c.rs1, c.immediate)),
    when(lineHit(c, LINE.WRITE, bytes), [
      write(fastHost(c), c.rs2),
      c.observe(ACCESS_KIND.STORE, bytes, fastHost(c), i32.and(c.rs2, -1 >>> (32 - 8 * bytes))),
      c.done("store"),
    ]),
    c.exit(EXIT.SLOW),
  ];
}

/** Ordered: only in its place of the order; the slow path refuses otherwise. */
function amoHandler(c: Scope, value: (old: Value, b: Value) => Value): Node[] {
  // Observed ones are recorded where they are slow.
  if (c.core.observe) return [c.exit(EXIT.SLOW)];
  const mayGo = i32.gtS(c.time.left, i32.load(0, MACHINE_WORD.SLACK));
  const fast = [
    set(c.t, fastHost(c)),
    set(c.a, i32.load(get(c.t))),
    set(c.b, c.rs2),
    i32.store(get(c.t), value(get(c.a), get(c.b))),
    c.setRd(get(c.a)),
    c.done("atomic"),
  ];
  return [
    set(c.a, c.rs1),
    when(lineHit(c, LINE.WRITE, 4), [...(c.core.ahead ? [when(mayGo, fast)] : fast)]),
    c.exit(EXIT.SLOW),
  ];
}

/** Goes on at `target` (in `a`): in the execution table, or out. `t` is overwritten. `jumped`: an instruction was done. */
function goTo(c: Scope, jumped: boolean): Node[] {
  const { a, t, p, context, core } = c;
  const index = i32.and(i32.shrU(get(a), 12 - EXEC.SHIFT), (EXEC.ENTRIES - 1) << EXEC.SHIFT);
  const at = core.tables.lineBytes;
  return [
    when(i32.eq(i32.load(tee(t, i32.add(get(context), index)), at + EXEC.TAG), i32.and(get(a), ~0xfff)), [
      set(t, i32.load(get(t), at + EXEC.PAGE)),
      c.setDelta(i32.sub(i32.and(get(a), ~0xfff), i32.shrU(get(t), ENTRY_SHIFT))),
      set(p, i32.add(get(t), i32.shl(i32.and(get(a), 0xffe), ENTRY_SHIFT))),
      br(jumped ? c.next : c.again),
    ]),
    i32.store(0, get(a), MACHINE_WORD.EXIT_TARGET),
    c.exit(c.rounds && jumped ? EXIT.JUMPED : EXIT.FETCH),
  ];
}

/** Backward branches are predicted taken, forward ones not. `taken` is 0 or 1. */
const branchPenalty = (c: Scope, taken: Value): Node =>
  c.time.penalty(i32.and(i32.sub(0, i32.xor(taken, i32.shrU(c.immediate, 31))), c.core.costs.branchMiss));

/** A branch that closes a poll loop counts how often it is taken without a break. */
function pollHandler(c: Scope): Node[] {
  const { s, t, p } = c;
  const again = i32.eq(i32.load(get(s), HART.POLL_ENTRY), get(p));
  return [
    when(get(t), [
      setField(s, HART.POLL_COUNT, i32.add(i32.and(i32.load(get(s), HART.POLL_COUNT), i32.sub(0, again)), 1)),
      setField(s, HART.POLL_ENTRY, get(p)),
      set(p, i32.add(get(p), i32.shrS(c.immediate, POLL.DISTANCE_SHIFT))),
      br(c.next),
    ]),
    setField(s, HART.POLL_COUNT, 0),
    c.skip,
  ];
}

function branchHandler(c: Scope, taken: (a: Value, b: Value) => Value, kind: BranchKind): Node[] {
  const { a, b, t, p } = c;
  const decide = [set(a, c.rs1), set(b, c.rs2), set(t, taken(get(a), get(b)))];
  if (kind !== "far") {
    return [
      ...decide,
      branchPenalty(c, get(t)),
      c.cost("branch"),
      ...(kind === "poll" ? pollHandler(c) : []),
      // A branch of the host, which it predicts: a select would make every later fetch wait for the operands.
      when(get(t), [set(p, i32.add(get(p), c.immediate)), br(c.next)]),
      c.skip,
    ];
  }
  return [
    ...decide,
    when(get(t), [
      set(a, i32.add(c.pc, c.immediate)),
      branchPenalty(c, i32.const(1)),
      c.cost("branch"),
      ...goTo(c, true),
    ]),
    branchPenalty(c, i32.const(0)),
    c.done("branch"),
  ];
}

function specialHandlers(c: Scope): Readonly<Record<string, Node[]>> {
  const { a, p } = c;
  const link = c.setRd(i32.add(c.pc, c.bytes));
  const jump = (target: Value, kind: CostClass): Node[] => [
    set(a, target),
    link,
    c.cost(kind),
    ...goTo(c, true),
  ];
  return {
    REGION: regionHandler(c),
    PAGE_END: [set(a, c.pc), ...goTo(c, false)],
    NOP: [c.done("alu")],
    CONSTANT: [c.setRd(c.immediate), c.done("alu")],
    AUIPC: [c.setRd(i32.add(c.pc, c.immediate)), c.done("alu")],
    PAUSE: [...(c.rounds ? [] : [c.time.spend(c.core.costs.pause)]), c.skip],
    JAL: [link, c.cost("jump"), set(p, i32.add(get(p), c.immediate)), br(c.next)],
    JAL_FAR: jump(i32.add(c.pc, c.immediate), "jump"),
    JALR: jump(i32.and(i32.add(c.rs1, c.immediate), ~1), "jumpRegister"),
  };
}

function rowHandler(c: Scope, row: Instruction, branch: BranchKind): Node[] {
  const { semantics } = row;
  switch (semantics.kind) {
    case "alu":
      return [
        set(c.a, c.rs1),
        set(c.b, row.format === "r" ? c.rs2 : c.immediate),
        c.setRd(semantics.value(get(c.a), get(c.b))),
        c.done(row.cost),
      ];
    case "branch":
      return branchHandler(c, semantics.taken, branch);
    case "load":
      return loadHandler(c, semantics.bytes, semantics.signed);
    case "store":
      return storeHandler(c, semantics.bytes);
    case "amo":
      return amoHandler(c, semantics.value);
    default:
      throw new Error(`engine: ${row.mnemonic} has no handler`);
  }
}

/** A region is for the caller, if there is time for it; else the instruction that it begins with is executed apart. */
function regionHandler(c: Scope): Node[] {
  const { a, p } = c;
  return [
    set(a, c.immediate),
    when(i32.geS(c.time.left, i32.load(get(a), REGION.NEED)), [c.exit(EXIT.SLOW)]),
    ...standApart(p, a),
    br(c.next),
  ];
}

/** From the entry `p` of a region to where its first instruction stands alone. */
export function standApart(p: Local, record: Local): Node[] {
  const moved = i32.shrS(i32.sub(get(p), i32.add(get(record), REGION.APART)), ENTRY_SHIFT);
  return [
    i32.store(0, i32.add(i32.load(0, MACHINE_WORD.PAGE_DELTA), moved), MACHINE_WORD.PAGE_DELTA),
    set(p, i32.add(get(record), REGION.APART)),
  ];
}

/** By opcode. */
export function handlersFor(c: Scope): Node[][] {
  const scopes = { long: c, short: c.short() };
  const special = { long: specialHandlers(scopes.long), short: specialHandlers(scopes.short) };
  return OPCODE_NAMES.map((name) => {
    const row = rowOf(name);
    const { plain, branch, short } = partsOf(name);
    const length = short ? "short" : "long";
    const ready = special[length][plain];
    return ready ?? (row ? rowHandler(scopes[length], row, branch) : [c.exit(EXIT.SLOW)]);
  });
}

export function emitInterpreter(core: Core): void {
  core.module.define(core.functions.interpret, (scope) => {
    const c = new Scope(core, scope.params, () => scope.local(I32));
    const handlers = handlersFor(c);
    return [
      block(
        c.leave,
        loop(
          c.next,
          when(c.time.isOver, [c.exit(EXIT.TIME)]),
          set(c.w, i32.load(get(c.p))),
          switchOn(i32.and(get(c.w), 0xff), handlers),
        ),
      ),
      i32.store(0, get(c.p), MACHINE_WORD.EXIT_ENTRY),
      get(c.time.local),
    ];
  });
}
