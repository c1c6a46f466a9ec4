/**
 * One hart's turn: runs the interpreter (emit-interpreter.ts) and does what it could not, until the time is used up or
 * something needs the loop (STATUS). Begins at HART.PC; leaves PC, CLOCK and INSTRET in memory.
 *
 * A slow operation that fails (STATUS) has changed nothing, and PC is its instruction.
 */
import {
  I32, block, br, brIf, call, callIndirect, choose, get, getGlobal, i32, i64, label, loop, sequence, set, setGlobal, switchOn, tee, trap,
  when,
} from "../../../isa/wasm/code.ts";
import type { Callee, Label, Local, Node, Operand, Value } from "../../../isa/wasm/code.ts";
import type { CostClass } from "../../../isa/index.ts";
import { CAUSE } from "../../hart/bits.ts";
import { ACCESS_KIND, BOARD, HART, MACHINE_WORD } from "../../memory/layout.ts";
import { STATUS, clockAt, contextOf, failed, field, hartOf, mustWait, partOf, seesCode, setField } from "../core.ts";
import type { Core } from "../core.ts";
import { EXIT, Time, standApart } from "./emit-interpreter.ts";
import { SIGNED } from "./emit-memory.ts";
import { observe } from "./emit-observe.ts";
import { OP, OPCODE_NAMES, opcodeOf, partsOf, rowOf } from "../opcodes.ts";
import { countMark, isLatched } from "./emit-marks.ts";
import { execEntry } from "./emit-tlb.ts";
import { CODE_PAGE_BYTES, ENTRY_SHIFT, EXEC, REGION, SPLIT } from "../tables.ts";

/** What the slow handlers share. */
class Scope {
  readonly core: Core;
  readonly s: Local;
  readonly budget: Local;
  readonly time: Time;
  readonly p: Local;
  readonly pc: Local;
  readonly w: Local;
  readonly v: Local;
  readonly left: Local;
  readonly target: Local;
  readonly context: Local;
  /** In an observed engine. */
  readonly old: Local | null;
  /** A region was left because time was too short for it; before an instruction for the handlers here. */
  readonly isShort: Local;
  readonly isSlow: Local;
  /** Length of the instruction at hand. */
  readonly bytes: 2 | 4 = 4;
  /** Interpret on from `p`. */
  readonly next: Label = label("next");
  /** Find `target`, then interpret on from there. */
  readonly fetch: Label = label("fetch");
  /** End of the turn; PC is in memory. */
  readonly leave: Label = label("leave");

  constructor(core: Core, params: readonly Local[], time: Local, local: () => Local) {
    this.core = core;
    [this.s, this.budget] = params as [Local, Local];
    this.time = new Time(core, time);
    this.p = local();
    this.pc = local();
    this.w = local();
    this.v = local();
    this.left = local();
    this.target = local();
    this.context = local();
    this.old = core.observe ? local() : null;
    this.isShort = local();
    this.isSlow = local();
  }
  /** The same for instructions of two bytes. */
  short(): Scope {
    return Object.assign(Object.create(Scope.prototype) as Scope, this, { bytes: 2 });
  }
  get immediate(): Value {
    return i32.load(get(this.p), 4);
  }
  get entryPc(): Value {
    return i32.add(i32.shrU(get(this.p), ENTRY_SHIFT), i32.load(0, MACHINE_WORD.PAGE_DELTA));
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
  get address(): Value {
    return i32.add(this.rs1, this.immediate);
  }
  get retired(): Value {
    return this.time.retired(this.budget);
  }
  /** Ordered operations happen in their place of the order only. */
  get ordered(): Node {
    return this.core.ahead ? when(mustWait(this.core, this.left), [this.stop(STATUS.REFUSED)]) : sequence();
  }
  stop(status: number): Node {
    return sequence(setGlobal(this.core.status, status), br(this.leave));
  }
  raise(cause: number, tval: Operand): Node {
    return sequence(setGlobal(this.core.cause, cause), setGlobal(this.core.tval, tval), this.stop(STATUS.TRAP));
  }
  /** A slow path was called: out if it failed, else its penalty. */
  get checked(): Node {
    return sequence(brIf(this.leave, failed(this.core)), this.time.penalty(getGlobal(this.core.slowCost)));
  }
  done(kind: CostClass): Node {
    return sequence(this.time.cost(kind), this.skip);
  }
  get skip(): Node {
    return sequence(set(this.p, i32.add(get(this.p), this.bytes << ENTRY_SHIFT)), br(this.next));
  }
  /** A device access that was done ends the turn behind the instruction. */
  get behindDevice(): Node {
    return when(i32.eq(getGlobal(this.core.status), STATUS.COMPLETED), [
      setField(this.s, HART.PC, i32.add(get(this.pc), this.bytes)),
    ]);
  }
}

function loadHandler(c: Scope, bytes: number, signed: boolean): Node[] {
  const descriptor = i32.const(bytes + (signed ? SIGNED : 0));
  return [
    set(c.v, call(c.core.functions.slowLoad, get(c.s), c.address, get(c.left), descriptor, c.rdAddress)),
    c.behindDevice,
    c.checked,
    i32.store(c.rdAddress, get(c.v)),
    c.done("load"),
  ];
}

function storeHandler(c: Scope, bytes: number): Node[] {
  return [
    call(c.core.functions.slowStore, get(c.s), c.address, get(c.left), i32.const(bytes), c.rs2),
    c.behindDevice,
    c.checked,
    c.done("store"),
  ];
}

/** Before and after an AMO or LR on the host address in `v`: its record. */
function observeAtomic(c: Scope, kind: number): { before: Node; after: Node } {
  const { core, s, v, left, target, old } = c;
  if (!old) return { before: sequence(), after: sequence() };
  const offset = i32.sub(get(v), core.tables.ramOffset);
  const written = kind === ACCESS_KIND.AMO ? i32.load(get(v)) : i32.const(0);
  return {
    before: sequence(set(target, c.rs1), set(old, i32.load(get(v)))),
    after: observe(core, s, target, left, offset, (kind << 4) | 4, get(old), written),
  };
}

/** All AMOs: the line first, then the operation by opcode. */
function amoHandler(c: Scope): Node[] {
  const { before, after } = observeAtomic(c, ACCESS_KIND.AMO);
  return [
    c.ordered,
    set(c.v, call(c.core.functions.slowAtomic, get(c.s), c.rs1, get(c.left), i32.const(0))),
    c.checked,
    before,
    call(c.core.functions.amo, get(c.s), get(c.w), get(c.v)),
    after,
    c.done("atomic"),
  ];
}

/**
 * Both halves are read each time, in their place of the order, and the instruction is interpreted where the hart keeps it;
 * it is decoded again only when its word has changed. Fetching the second half may fault: PC stays, tval is its address.
 */
function splitHandler(c: Scope): Node[] {
  const { core, s, p, v, w, pc } = c;
  const halfAt = (page: Value, inPage: number): Value => i32.load16U(page, core.tables.ramOffset + inPage);
  return [
    ...(seesCode(core) ? [c.ordered] : []),
    // First this one, whose PAGE_END is the next entry: fetching the other page may drop this one.
    set(w, halfAt(i32.load(get(p), 12), 0xffe)),
    set(v, call(core.functions.fetchPage, get(s), i32.add(get(pc), 2), get(c.left))),
    c.checked,
    set(w, i32.or(get(w), i32.shl(halfAt(i32.load(get(v), CODE_PAGE_BYTES + 4), 0), 16))),
    set(p, partOf(core.tables.split, SPLIT.STRIDE, hartOf(s))),
    when(i32.ne(i32.load(get(p), SPLIT.WORD), get(w)), [
      call(core.imports.predecodeSplit, get(p), get(w)),
      i32.store(get(p), get(w), SPLIT.WORD),
      i32.store(get(p), OP.PAGE_END, SPLIT.END),
    ]),
    i32.store(0, i32.sub(get(pc), i32.shrU(get(p), ENTRY_SHIFT)), MACHINE_WORD.PAGE_DELTA),
    br(c.next),
  ];
}

/** Tier 2, until it leaves. */
function regionHandler(c: Scope): Node[] {
  const { core, s, p, v, time } = c;
  if (core.regionType === null) return [trap()];
  const index = i32.load(c.immediate, REGION.INDEX);
  return [
    set(time.local, callIndirect(core.regionType, index, get(s), get(c.context), get(time.local))),
    when(i32.eq(exitReason, EXIT.FETCH), [set(c.target, i32.load(0, MACHINE_WORD.EXIT_TARGET)), br(c.fetch)]),
    set(p, i32.load(0, MACHINE_WORD.EXIT_ENTRY)),
    when(i32.eq(exitReason, EXIT.FAILED), [setField(s, HART.PC, c.entryPc), br(c.leave)]),
    // The instruction that a region begins with is for tier 1.
    when(i32.and(i32.eq(exitReason, EXIT.SLOW), i32.eq(i32.load8U(get(p)), OP.REGION)), [
      set(v, i32.load(get(p), 4)),
      ...standApart(p, v),
    ]),
    set(c.isShort, i32.eq(exitReason, EXIT.SHORT)),
    // Straight on to its handler.
    set(c.isSlow, i32.and(i32.eq(exitReason, EXIT.SLOW), i32.eqz(time.isOver))),
    br(c.next),
  ];
}

const exitReason = i32.load(0, MACHINE_WORD.EXIT_REASON);

/** Interprets to the next exit, at `p`. What is too short for a region is no sample of what should be one. */
function interpretNodes(c: Scope): Node {
  const { core, time } = c;
  const by = (tier: Callee): Node => set(time.local, call(tier, get(c.s), get(c.p), get(c.context), get(time.local)));
  const left = [
    set(c.p, i32.load(0, MACHINE_WORD.EXIT_ENTRY)),
    when(i32.eq(exitReason, EXIT.FETCH), [set(c.target, i32.load(0, MACHINE_WORD.EXIT_TARGET)), br(c.fetch)]),
  ];
  if (core.regionType === null) return sequence(by(core.functions.interpret), ...left);
  return when(get(c.isSlow), [set(c.isSlow, 0)], [
    when(get(c.isShort), [by(core.functions.interpret), set(c.isShort, 0)], [by(core.functions.sample)]),
    ...left,
  ]);
}

const SPECIAL: Readonly<Record<string, (c: Scope) => Node[]>> = {
  UNDECODED: (c) => {
    const inPage = i32.and(get(c.pc), 0xfff);
    const page = i32.sub(get(c.p), i32.shl(inPage, ENTRY_SHIFT));
    return [
      // Stores to its page are ordered too; functional mode has no such order.
      ...(seesCode(c.core) ? [c.ordered] : []),
      call(c.core.imports.predecode, get(c.p), i32.add(i32.load(page, CODE_PAGE_BYTES + 4), inPage)),
      br(c.next),
    ];
  },
  ILLEGAL: (c) => [c.raise(CAUSE.ILLEGAL, c.immediate)],
  SYSTEM: (c) => [c.ordered, setField(c.s, HART.INSN, c.immediate), c.stop(STATUS.SYSTEM)],
  CSR: (c) => [
    when(call(c.core.functions.fastCsr, get(c.s), c.immediate, get(c.left), get(c.pc), c.retired), [c.done("csr")]),
    c.ordered,
    setField(c.s, HART.INSN, c.immediate),
    c.stop(STATUS.SYSTEM),
  ],
  MARK_LATCH: (c) => [
    ...countMark(c.s, () => c.retired, c.time.spend(1)),
    setField(c.s, HART.MARK_A, c.rs1),
    setField(c.s, HART.MARK_B, c.rs2),
    setField(c.s, HART.MARK_LATCHED, 1),
    set(c.p, i32.add(get(c.p), 4 << ENTRY_SHIFT)),
    // Mostly the second half is next: without going through the interpreter, if there is time.
    set(c.w, i32.load(get(c.p))),
    set(c.left, c.time.left),
    brIf(c.next, i32.or(i32.ne(i32.and(get(c.w), 0xff), OP.MARK_FIRE), i32.leS(get(c.left), 0))),
    setField(c.s, HART.PC, tee(c.pc, c.entryPc)),
    ...fireNodes(c),
  ],
  MARK_FIRE: fireNodes,
  FENCE: (c) => [
    c.ordered,
    ...(c.core.observe
      ? [set(c.target, 0), observe(c.core, c.s, c.target, c.left, i32.const(-BOARD.RAM), ACCESS_KIND.FENCE << 4, c.immediate)]
      : []),
    c.done("fence"),
  ],
  LR: (c) => {
    const { before, after } = observeAtomic(c, ACCESS_KIND.LR);
    return [
      c.ordered,
      set(c.v, call(c.core.functions.slowAtomic, get(c.s), c.rs1, get(c.left), i32.const(1))),
      c.checked,
      before,
      i32.store(c.rdAddress, i32.load(get(c.v))),
      after,
      c.done("atomic"),
    ];
  },
  SC: (c) => [
    c.ordered,
    set(c.v, call(c.core.functions.slowConditional, get(c.s), c.rs1, get(c.left), c.rs2)),
    c.checked,
    i32.store(c.rdAddress, get(c.v)),
    c.done("atomic"),
  ],
  SPLIT: splitHandler,
  REGION: regionHandler,
  BREAK: breakHandler,
};

/** The second half of a mark. */
function fireNodes(c: Scope): Node[] {
  const { core, s, v, target } = c;
  return [
    set(target, isLatched(s, c.retired)),
    set(v, call(core.functions.fireMark, get(s), c.immediate, c.rs1, get(c.pc), get(c.left), c.retired)),
    when(i32.eq(get(v), STATUS.REFUSED), [br(c.leave)]),
    when(i32.eqz(get(target)), countMark(s, () => c.retired, c.time.spend(1))),
    when(i32.eqz(get(v)), [c.skip]),
    setField(s, HART.PC, i32.add(get(c.pc), 4)),
    br(c.leave),
  ];
}

/** A hart stops here once; when it goes on, the instruction is interpreted apart. One that is done again stops again. */
function breakHandler(c: Scope): Node[] {
  const { core, s, p, pc, target } = c;
  const here = i64.add(i64.add(i64.load(get(s), HART.INSTRET), i64.extendS(c.retired)), 1);
  return [
    ...(core.harts > 1 ? [c.ordered] : []),
    when(i64.ne(i64.load(get(s), HART.PASS_AT), here), [i64.store(get(s), here, HART.PASS_AT), c.stop(STATUS.BREAK)]),
    set(target, get(pc)),
    set(p, i32.sub(get(p), i32.shl(i32.and(get(pc), 0xffe), ENTRY_SHIFT))),
    ...aloneNodes(c),
    br(c.next),
  ];
}

function handlerFor(c: Scope, name: string): Node[] {
  const special = SPECIAL[partsOf(name).plain];
  if (special) return special(c);
  const semantics = rowOf(name)?.semantics;
  if (semantics?.kind === "load") return loadHandler(c, semantics.bytes, semantics.signed);
  if (semantics?.kind === "store") return storeHandler(c, semantics.bytes);
  if (semantics?.kind === "amo") return amoHandler(c);
  // The interpreter does all others itself.
  return [(out) => out.bytes.push(0x00)];
}

/** (s, first word of the entry, host): memory = value(memory, rs2), rd = old memory. The entry itself may be gone: the line was touched. */
function emitAmo(core: Core): void {
  core.module.define(core.functions.amo, (scope) => {
    const [s, w, host] = scope.params as [Local, Local, Local];
    const old = scope.local(I32);
    const b = scope.local(I32);
    const rows = OPCODE_NAMES.map(rowOf).filter((row) => row?.semantics.kind === "amo");
    const cases = rows.map((row) => {
      if (row?.semantics.kind !== "amo") throw new Error("engine: not an AMO");
      return [i32.store(get(host), row.semantics.value(get(old), get(b)))];
    });
    return [
      set(old, i32.load(get(host))),
      set(b, i32.load(i32.add(get(s), i32.shrU(get(w), 24)))),
      switchOn(i32.sub(i32.and(get(w), 0xff), opcodeOf(rows[0]!.mnemonic)), cases),
      i32.store(i32.add(get(s), i32.and(i32.shrU(get(w), 8), 0xff)), get(old)),
    ];
  });
}

/**
 * In a page that PMP divides: each halfword of the instruction at `target` is fetched by itself, and the instruction is
 * interpreted in the hart's own entry, behind which the page ends. `p` is the page of its first halfword.
 */
function aloneNodes(c: Scope): Node[] {
  const { core, s, p, target, left, v, w } = c;
  const half = (page: Local, at: Value): Value =>
    i32.load16U(i32.add(i32.load(get(page), CODE_PAGE_BYTES + 4), i32.and(at, 0xffe)), core.tables.ramOffset);
  const second = i32.add(get(target), 2);
  return [
    ...(seesCode(core) ? [c.ordered] : []),
    set(w, half(p, get(target))),
    when(i32.eq(i32.and(get(w), 3), 3), [
      set(v, call(core.functions.fetchPage, get(s), second, get(left))),
      c.checked,
      set(w, i32.or(get(w), i32.shl(half(v, second), 16))),
    ]),
    set(p, partOf(core.tables.split, SPLIT.STRIDE, hartOf(s))),
    call(core.imports.predecodeSplit, get(p), get(w)),
    i32.store(get(p), choose(i32.eq(i32.and(get(w), 3), 3), get(w), OP.PAGE_END), SPLIT.WORD),
    i32.store(get(p), OP.PAGE_END, SPLIT.END),
    i32.store(0, i32.sub(get(target), i32.shrU(get(p), ENTRY_SHIFT)), MACHINE_WORD.PAGE_DELTA),
  ];
}

/** Sets `p` to the entry of `target`. */
function fetchNodes(c: Scope): Node[] {
  const { core, s, p, target, left, v, w } = c;
  return [
    set(w, 0),
    set(v, execEntry(core, get(c.context), get(target))),
    when(i32.eq(i32.load(get(v), EXEC.TAG), i32.and(get(target), ~0xfff)), [set(p, i32.load(get(v), EXEC.PAGE))], [
      setField(s, HART.PC, get(target)),
      set(left, c.time.left),
      set(p, call(core.functions.fetchPage, get(s), get(target), get(left))),
      c.checked,
      set(w, i32.eqz(getGlobal(core.cacheable))),
    ]),
    when(get(w), aloneNodes(c), [
      i32.store(0, i32.sub(i32.and(get(target), ~0xfff), i32.shrU(get(p), ENTRY_SHIFT)), MACHINE_WORD.PAGE_DELTA),
      set(p, i32.add(get(p), i32.shl(i32.and(get(target), 0xffe), ENTRY_SHIFT))),
    ]),
  ];
}

export function emitTurn(core: Core): void {
  emitAmo(core);
  core.module.define(core.functions.turn, (scope) => {
    const time = scope.local(Time.typeOf(core));
    const c = new Scope(core, scope.params, time, () => scope.local(I32));
    const { s, p, pc, w, left, target } = c;
    const short = c.short();
    const handlers = OPCODE_NAMES.map((name) => handlerFor(partsOf(name).short ? short : c, name));
    return [
      c.time.start(c.budget),
      set(c.context, contextOf(core, s)),
      setGlobal(core.status, STATUS.DONE),
      set(target, field(s, HART.PC)),
      block(
        c.leave,
        loop(
          c.fetch,
          ...fetchNodes(c),
          loop(
            c.next,
            interpretNodes(c),
            setField(s, HART.PC, tee(pc, c.entryPc)),
            brIf(c.leave, i32.eq(exitReason, EXIT.TIME)),
            set(w, i32.load(get(p))),
            set(left, c.time.left),
            switchOn(i32.and(get(w), 0xff), handlers),
          ),
        ),
      ),
      when(i32.eq(getGlobal(core.status), STATUS.COMPLETED), [
        c.time.penalty(getGlobal(core.slowCost)),
        c.time.cost("load"),
      ]),
      when(i32.eq(getGlobal(core.status), STATUS.PAID), [
        c.time.penalty(getGlobal(core.slowCost)),
        set(left, c.time.left),
        i64.store(get(s), i64.add(clockAt(core, left), 1), HART.PAID_AT),
      ]),
      set(left, c.time.left),
      i64.store(get(s), clockAt(core, left), HART.CLOCK),
      i64.store(get(s), i64.add(i64.load(get(s), HART.INSTRET), i64.extendS(c.retired)), HART.INSTRET),
      get(left),
    ];
  });
}
