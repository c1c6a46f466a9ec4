/**
 * The interpreter: one hart's turn, generated from the instruction table.
 *
 * A turn begins at HART.PC and ends when its cycles are used up or something needs the loop (STATUS). It leaves PC,
 * CLOCK and INSTRET in memory. `p` is the predecoded entry at hand; pc = p / 2 + delta. `extra` counts the cycles that
 * were not an instruction's first, so that plain instructions pay one subtraction and retired = spent - extra.
 */
import {
  I32, block, br, brIf, call, choose, get, getGlobal, i32, i64, label, loop, select, sequence, set, setGlobal,
  switchOn, tee, when,
} from "../../isa/wasm/code.ts";
import type { Label, Local, Node, Operand, Value } from "../../isa/wasm/code.ts";
import type { CostClass, Instruction } from "../../isa/index.ts";
import { CAUSE, PRIV } from "../hart/bits.ts";
import { HART } from "../memory/layout.ts";
import { U54_LIKE } from "../timing/preset.ts";
import { STATUS, clockAt, failed, field, hartOf, mustWait, partOf, setField } from "./core.ts";
import type { Core } from "./core.ts";
import { SIGNED } from "./emit-memory.ts";
import { execEntry } from "./emit-translate.ts";
import { OPCODE_NAMES, rowOf } from "./opcodes.ts";
import { CODE_PAGE_BYTES, CONTEXTS, EXEC, LINE } from "./tables.ts";

/** The generator's view of one turn: locals and where handlers may go. */
class Turn {
  readonly core: Core;
  readonly s: Local;
  readonly budget: Local;
  readonly left: Local;
  readonly extra: Local;
  readonly p: Local;
  readonly delta: Local;
  readonly w: Local;
  readonly a: Local;
  readonly b: Local;
  readonly v: Local;
  readonly t: Local;
  readonly lines: Local;
  readonly target: Local;
  /** Next entry, after looking at the clock. */
  readonly next: Label = label("next");
  /** Next entry at once: between the two instructions of a mark. */
  readonly dispatch: Label = label("dispatch");
  /** Go on at `target`. */
  readonly fetch: Label = label("fetch");
  /** End of the turn; PC is in memory. */
  readonly leave: Label = label("leave");

  constructor(core: Core, s: Local, budget: Local, local: () => Local) {
    this.core = core;
    this.s = s;
    this.budget = budget;
    this.left = local();
    this.extra = local();
    this.p = local();
    this.delta = local();
    this.w = local();
    this.a = local();
    this.b = local();
    this.v = local();
    this.t = local();
    this.lines = local();
    this.target = local();
  }

  get pc(): Value {
    return i32.add(i32.shrU(get(this.p), 1), get(this.delta));
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
  get rdAddress(): Value {
    return i32.add(get(this.s), i32.and(i32.shrU(get(this.w), 8), 0xff));
  }
  get retired(): Value {
    return i32.sub(i32.sub(get(this.budget), get(this.left)), get(this.extra));
  }
  setRd(value: Operand): Node {
    return i32.store(this.rdAddress, value);
  }
  savePc(value: Value = this.pc): Node {
    return setField(this.s, HART.PC, value);
  }
  /** Time of a retired instruction. */
  spend(cycles: number): Node {
    if (!this.core.cycle) return set(this.left, i32.sub(get(this.left), 1));
    const rest = cycles > 1 ? [set(this.extra, i32.add(get(this.extra), cycles - 1))] : [];
    return sequence(set(this.left, i32.sub(get(this.left), cycles)), ...rest);
  }
  cost(kind: CostClass): Node {
    return this.spend(U54_LIKE.instruction[kind]);
  }
  /** Penalty found at run time. */
  penalty(cycles: Value): Node {
    if (!this.core.cycle) return sequence();
    return sequence(
      set(this.t, cycles),
      set(this.left, i32.sub(get(this.left), get(this.t))),
      set(this.extra, i32.add(get(this.extra), get(this.t))),
    );
  }
  get slowPenalty(): Node {
    return this.penalty(getGlobal(this.core.slowCost));
  }
  /** On to the next entry. */
  get advance(): Node {
    return sequence(set(this.p, i32.add(get(this.p), 8)), br(this.next));
  }
  stop(status: number): Node {
    return sequence(this.savePc(), setGlobal(this.core.status, status), br(this.leave));
  }
  raise(cause: number, tval: Operand): Node {
    return sequence(setGlobal(this.core.cause, cause), setGlobal(this.core.tval, tval), this.stop(STATUS.TRAP));
  }
  /** Ordered operations happen in their place of the order only. */
  get ordered(): Node {
    return this.core.ahead ? when(mustWait(this.core, this.left), [this.stop(STATUS.REFUSED)]) : sequence();
  }
  get leaveIfFailed(): Node {
    return brIf(this.leave, failed(this.core));
  }
}

/** Sets `t` to the line-table entry of address `a`; the value says whether the access is on the fast path. */
function lineHit(turn: Turn, tag: number, bytes: number): Value {
  const { lineShift, lineSlots } = turn.core.tables;
  const index = i32.and(i32.shrU(get(turn.a), lineShift - LINE.SHIFT), (lineSlots - 1) << LINE.SHIFT);
  const mask = -(1 << lineShift) | (bytes - 1);
  return i32.eq(
    i32.load(tee(turn.t, i32.add(get(turn.lines), index)), tag),
    i32.and(get(turn.a), mask),
  );
}
const fastHost = (turn: Turn): Value => i32.add(get(turn.a), i32.load(get(turn.t), LINE.ADDEND));

function loadHandler(turn: Turn, bytes: 1 | 2 | 4, signed: boolean): Node[] {
  const { core, s, a, v, left } = turn;
  const read = bytes === 4 ? i32.load
    : bytes === 2 ? (signed ? i32.load16S : i32.load16U)
    : signed ? i32.load8S : i32.load8U;
  const descriptor = i32.const(bytes + (signed ? SIGNED : 0));
  return [
    set(a, i32.add(turn.rs1, turn.immediate)),
    when(lineHit(turn, LINE.READ, bytes), [set(v, read(fastHost(turn)))], [
      turn.savePc(),
      set(v, call(core.functions.slowLoad, get(s), get(a), get(left), descriptor, turn.rdAddress)),
      turn.leaveIfFailed,
      turn.slowPenalty,
    ]),
    turn.setRd(get(v)),
    turn.cost("load"),
    turn.advance,
  ];
}

function storeHandler(turn: Turn, bytes: 1 | 2 | 4): Node[] {
  const { core, s, a, left } = turn;
  const write = bytes === 4 ? i32.store : bytes === 2 ? i32.store16 : i32.store8;
  return [
    set(a, i32.add(turn.rs1, turn.immediate)),
    when(lineHit(turn, LINE.WRITE, bytes), [write(fastHost(turn), turn.rs2)], [
      turn.savePc(),
      call(core.functions.slowStore, get(s), get(a), get(left), i32.const(bytes), turn.rs2),
      turn.leaveIfFailed,
      turn.slowPenalty,
    ]),
    turn.cost("store"),
    turn.advance,
  ];
}

function amoHandler(turn: Turn, value: (old: Value, b: Value) => Value): Node[] {
  const { core, s, a, b, v, t, left } = turn;
  return [
    turn.ordered,
    set(a, turn.rs1),
    when(lineHit(turn, LINE.WRITE, 4), [set(t, fastHost(turn))], [
      turn.savePc(),
      set(a, call(core.functions.slowAtomic, get(s), get(a), get(left), i32.const(0))),
      turn.leaveIfFailed,
      turn.slowPenalty,
      set(t, get(a)),
    ]),
    set(v, i32.load(get(t))),
    set(b, turn.rs2),
    i32.store(get(t), value(get(v), get(b))),
    turn.setRd(get(v)),
    turn.cost("atomic"),
    turn.advance,
  ];
}

function reservationHandlers(turn: Turn): Readonly<Record<"LR" | "SC", Node[]>> {
  const { core, s, v, left } = turn;
  const common = (value: Value): Node[] => [
    turn.ordered,
    turn.savePc(),
    set(v, value),
    turn.leaveIfFailed,
    turn.slowPenalty,
  ];
  const end = [turn.cost("atomic"), turn.advance];
  return {
    LR: [
      ...common(call(core.functions.slowAtomic, get(s), turn.rs1, get(left), i32.const(1))),
      turn.setRd(i32.load(get(v))),
      ...end,
    ],
    SC: [
      ...common(call(core.functions.slowConditional, get(s), turn.rs1, get(left), turn.rs2)),
      turn.setRd(get(v)),
      ...end,
    ],
  };
}

/** Backward branches are predicted taken, forward ones not. `taken` is 0 or 1, `distance` the entry's immediate. */
const branchPenalty = (turn: Turn, taken: Value): Node =>
  turn.penalty(i32.and(i32.sub(0, i32.xor(taken, i32.shrU(turn.immediate, 31))), U54_LIKE.branchMiss));

function branchHandler(turn: Turn, taken: (a: Value, b: Value) => Value, far: boolean): Node[] {
  const { a, b, v, p, target } = turn;
  const decide = [set(a, turn.rs1), set(b, turn.rs2), set(v, taken(get(a), get(b)))];
  if (!far) {
    return [
      ...decide,
      branchPenalty(turn, get(v)),
      turn.cost("branch"),
      set(p, i32.add(get(p), select(get(v), turn.immediate, 8))),
      br(turn.next),
    ];
  }
  return [
    ...decide,
    when(get(v), [
      set(target, i32.add(turn.pc, turn.immediate)),
      when(i32.and(get(target), 3), [turn.raise(CAUSE.FETCH_MISALIGNED, get(target))]),
      branchPenalty(turn, i32.const(1)),
      turn.cost("branch"),
      br(turn.fetch),
    ]),
    branchPenalty(turn, i32.const(0)),
    turn.cost("branch"),
    turn.advance,
  ];
}

function jumpHandlers(turn: Turn): Readonly<Record<string, Node[]>> {
  const { p, target } = turn;
  const link = turn.setRd(i32.add(turn.pc, 4));
  const goTo = (to: Value, kind: CostClass): Node[] => [
    set(target, to),
    when(i32.and(get(target), 3), [turn.raise(CAUSE.FETCH_MISALIGNED, get(target))]),
    link,
    turn.cost(kind),
    br(turn.fetch),
  ];
  return {
    JAL: [link, turn.cost("jump"), set(p, i32.add(get(p), turn.immediate)), br(turn.next)],
    JAL_FAR: goTo(i32.add(turn.pc, turn.immediate), "jump"),
    JALR: goTo(i32.and(i32.add(turn.rs1, turn.immediate), ~1), "jumpRegister"),
  };
}

function specialHandlers(turn: Turn): Readonly<Record<string, Node[]>> {
  const { core, s, p, v, left, target, delta } = turn;
  /** Start of the predecoded page that holds `p`. */
  const page = i32.sub(get(p), i32.shl(i32.and(turn.pc, 0xfff), 1));
  return {
    UNDECODED: [
      call(core.imports.predecode, get(p), i32.add(i32.load(page, CODE_PAGE_BYTES + 4), i32.and(turn.pc, 0xfff))),
      br(turn.dispatch),
    ],
    PAGE_END: [set(target, i32.add(i32.shrU(get(p), 1), get(delta))), br(turn.fetch)],
    ILLEGAL: [turn.raise(CAUSE.ILLEGAL, turn.immediate)],
    SYSTEM: [turn.ordered, setField(s, HART.INSN, turn.immediate), turn.stop(STATUS.SYSTEM)],
    CSR: [
      when(call(core.functions.fastCsr, get(s), turn.immediate, get(left), turn.pc, turn.retired), [
        turn.cost("csr"),
        turn.advance,
      ]),
      turn.ordered,
      setField(s, HART.INSN, turn.immediate),
      turn.stop(STATUS.SYSTEM),
    ],
    NOP: [turn.cost("alu"), turn.advance],
    CONSTANT: [turn.setRd(turn.immediate), turn.cost("alu"), turn.advance],
    AUIPC: [turn.setRd(i32.add(turn.pc, turn.immediate)), turn.cost("alu"), turn.advance],
    MARK_LATCH: [
      setField(s, HART.MARK_A, turn.rs1),
      setField(s, HART.MARK_B, turn.rs2),
      setField(s, HART.MARK_LATCHED, 1),
      set(p, i32.add(get(p), 8)),
      br(turn.dispatch),
    ],
    MARK_FIRE: [
      when(
        tee(v, call(core.functions.fireMark, get(s), turn.immediate, turn.rs1, turn.pc, get(left), turn.retired)),
        [
          when(i32.ne(get(v), STATUS.REFUSED), [set(p, i32.add(get(p), 8))]),
          turn.savePc(),
          br(turn.leave),
        ],
      ),
      turn.advance,
    ],
    FENCE: [turn.ordered, turn.cost("fence"), turn.advance],
    PAUSE: [turn.spend(U54_LIKE.pause), turn.advance],
    ...jumpHandlers(turn),
    ...reservationHandlers(turn),
  };
}

function rowHandler(turn: Turn, row: Instruction, far: boolean): Node[] {
  const { semantics } = row;
  const { a, b } = turn;
  switch (semantics.kind) {
    case "alu": {
      const second = row.format === "r" ? turn.rs2 : turn.immediate;
      return [
        set(a, turn.rs1),
        set(b, second),
        turn.setRd(semantics.value(get(a), get(b))),
        turn.cost(row.cost),
        turn.advance,
      ];
    }
    case "branch":
      return branchHandler(turn, semantics.taken, far);
    case "load":
      return loadHandler(turn, semantics.bytes, semantics.signed);
    case "store":
      return storeHandler(turn, semantics.bytes);
    case "amo":
      return amoHandler(turn, semantics.value);
    default:
      throw new Error(`engine: ${row.mnemonic} has no handler`);
  }
}

/** Finds the entry of `target`. */
function fetchNodes(turn: Turn): Node[] {
  const { core, s, t, p, delta, target, left } = turn;
  const tag = i32.or(i32.and(get(target), ~0xfff), field(s, HART.PRIV));
  return [
    set(t, execEntry(core, s, get(target))),
    when(i32.eq(i32.load(get(t), EXEC.TAG), tag), [set(p, i32.load(get(t), EXEC.PAGE))], [
      turn.savePc(get(target)),
      set(p, call(core.functions.fetchPage, get(s), get(target), get(left))),
      turn.leaveIfFailed,
      turn.slowPenalty,
    ]),
    set(delta, i32.sub(i32.and(get(target), ~0xfff), i32.shrU(get(p), 1))),
    set(p, i32.add(get(p), i32.shl(i32.and(get(target), 0xffc), 1))),
  ];
}

export function emitTurn(core: Core): void {
  core.module.define(core.functions.turn, (scope) => {
    const [s, budget] = scope.params as [Local, Local];
    const turn = new Turn(core, s, budget, () => scope.local(I32));
    const { left, target, p, w } = turn;
    const special = specialHandlers(turn);
    const handlers = OPCODE_NAMES.map((name) => special[name] ?? rowHandler(turn, rowOf(name)!, name.endsWith(".far")));
    const context = choose(i32.eq(field(s, HART.PRIV), PRIV.M), 0, core.tables.lineBytes);
    return [
      set(left, get(budget)),
      set(turn.lines, i32.add(partOf(core.tables.lines, core.tables.lineBytes * CONTEXTS, hartOf(s)), context)),
      setGlobal(core.status, STATUS.DONE),
      set(target, field(s, HART.PC)),
      block(
        turn.leave,
        loop(
          turn.fetch,
          ...fetchNodes(turn),
          loop(
            turn.next,
            when(i32.leS(get(left), 0), [turn.savePc(), br(turn.leave)]),
            loop(turn.dispatch, set(w, i32.load(get(p))), switchOn(i32.and(get(w), 0xff), handlers)),
          ),
        ),
      ),
      when(i32.eq(getGlobal(core.status), STATUS.COMPLETED), [turn.slowPenalty, turn.cost("load")]),
      i64.store(get(s), clockAt(core, left), HART.CLOCK),
      i64.store(get(s), i64.add(i64.load(get(s), HART.INSTRET), i64.extendS(turn.retired)), HART.INSTRET),
      get(left),
    ];
  });
}
