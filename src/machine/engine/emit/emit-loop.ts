/**
 * The hart loop: who runs next, for how long, and what is done between turns.
 *
 * Order: (clock, (hart + clock) mod n). The first hart in it runs until it would no longer be first (`firstEnd`), and
 * in `ahead` mode on until the second one could do something to it, with everything refused that concerns others. A turn also ends at the hart's next
 * interrupt event, so events are taken at their exact clock, in order. A waiting hart stands in the order at the clock
 * of its next event. A turn that a limit of `run` cuts short is continued by the next call, so the schedule does not
 * depend on how a run is divided into calls.
 */
import {
  I32, I64, block, br, brIf, call, drop, get, getGlobal, i32, i64, label, loop, ret, select, sequence, set,
  setGlobal, tee, when,
} from "../../../isa/wasm/code.ts";
import type { Label, Local, Node, Operand, Value } from "../../../isa/wasm/code.ts";
import type { FunctionScope } from "../../../isa/wasm/module.ts";
import { ACCESS_BYTES, ACCESS_CAPACITY, HART, HART_STRIDE, MACHINE_WORD, MARK_CAPACITY } from "../../memory/layout.ts";
import { STATUS, aheadCycles, blockOf, field, mustWait, setField } from "../core.ts";
import type { Core } from "../core.ts";
import { RUN } from "../contract.ts";
import { NEVER, nextEvent, pickNodes, placeOf, refreshAll, refreshKey } from "./emit-order.ts";
import { MARK_RESERVE, isLatched } from "./emit-marks.ts";

/** With room for so few access records `run` ends. */
const ACCESS_RESERVE = 1024;
/** Longest turn, in cycles; fits an i32 with room to spare. */
const TURN_CYCLES_MAX = 0x10_0000;

/** The same while harts are parked. */
const PARKED_TURN_CYCLES = 4096;

const word64 = (address: number): Value => i64.load(0, address);
const setWord64 = (address: number, value: Operand): Node => i64.store(0, value, address);
const clock = (s: Local): Value => i64.load(get(s), HART.CLOCK);

class Loop {
  readonly core: Core;
  readonly s: Local;
  readonly at: Local;
  readonly key: Local;
  readonly larger: Local;
  readonly other: Local;
  readonly best: Local;
  readonly bestKey: Local;
  readonly second: Local;
  readonly secondKey: Local;
  readonly firstEnd: Local;
  /** Clock of the next interrupt event of the hart whose turn it is. */
  readonly event: Local;
  readonly end: Local;
  readonly now: Local;
  readonly left: Local;
  readonly budget: Local;
  readonly status: Local;
  readonly pc: Local;
  readonly retired: Local;
  /** The next turn is one instruction that rounds could not do. */
  readonly apart: Local;
  /** Clock of the first hart that has paid: it will act there at once. */
  readonly paidKey: Local;
  readonly pick: Label = label("pick");
  readonly start: Label = label("start");

  constructor(core: Core, scope: FunctionScope) {
    this.core = core;
    const word = () => scope.local(I32);
    const wide = () => scope.local(I64);
    this.s = word();
    this.at = word();
    this.other = word();
    this.best = word();
    this.second = word();
    this.left = word();
    this.budget = word();
    this.status = word();
    this.pc = word();
    this.key = wide();
    this.larger = wide();
    this.bestKey = wide();
    this.secondKey = wide();
    this.firstEnd = wide();
    this.event = wide();
    this.end = wide();
    this.now = wide();
    this.retired = wide();
    this.apart = word();
    this.paidKey = wide();
  }
}

const minimum = (a: Local, value: Value): Node =>
  when(i64.ltU(value, get(a)), [set(a, value)]);

/** Every clock has reached UNTIL: waiting harts come along. */
function reachUntil(l: Loop): Node[] {
  const next = label("hart");
  return [
    set(l.other, blockOf(0)),
    loop(
      next,
      when(i64.ltU(clock(l.other), word64(MACHINE_WORD.UNTIL)), [
        i64.store(get(l.other), word64(MACHINE_WORD.UNTIL), HART.CLOCK),
      ]),
      set(l.other, i32.add(get(l.other), HART_STRIDE)),
      brIf(next, i32.ltU(get(l.other), blockOf(l.core.harts))),
    ),
    ret(i32.const(RUN.CYCLE)),
  ];
}

const stopped = (l: Loop): Node =>
  when(i32.load(0, MACHINE_WORD.STOP), [
    setWord64(MACHINE_WORD.STOPPED_AT, clock(l.s)),
    ret(i32.const(RUN.STOPPED)),
  ]);

/** Interrupt events of `best` that are due, at the clock where it stands; then the order is looked at again. */
function eventNodes(l: Loop): Node[] {
  const { core, s } = l;
  const due = i32.or(
    i32.or(field(s, HART.ATTENTION), field(s, HART.WFI)),
    i64.leU(get(l.event), get(l.bestKey)),
  );
  return [
    set(l.event, nextEvent(s)),
    when(i32.and(i32.ne(due, 0), i32.eqz(isLatched(s))), [
      i64.store(get(s), get(l.bestKey), HART.CLOCK),
      when(i64.leU(i64.load(get(s), HART.EVENT_CLOCK), get(l.bestKey)), [
        i64.store(get(s), NEVER, HART.EVENT_CLOCK),
      ]),
      set(l.pc, field(s, HART.PC)),
      ...(core.parks ? [setField(s, HART.POLL_COUNT, 0)] : []),
      call(core.imports.interrupts, get(l.best)),
      ...(core.cycle
        ? [when(i32.ne(get(l.pc), field(s, HART.PC)), [
            i64.store(get(s), i64.add(clock(s), core.costs.trapEntry), HART.CLOCK),
          ])]
        : []),
      stopped(l),
      refreshAll(core),
      br(l.pick),
    ]),
  ];
}

/** The last one that is not parked may be about to poll, too. */
const turnMax = (core: Core): Value =>
  core.parks
    ? select(i32.load(0, MACHINE_WORD.PARKED), i64.const(PARKED_TURN_CYCLES), i64.const(TURN_CYCLES_MAX), I64)
    : i64.const(TURN_CYCLES_MAX);

/** firstEnd and end of a new turn of `best`, from its place and that of `second`. */
function windowNodes(l: Loop): Node[] {
  return [
    set(l.now, get(l.bestKey)),
    set(l.firstEnd, i64.add(get(l.now), turnMax(l.core))),
    when(i64.ne(get(l.secondKey), NEVER), [
      set(l.end, i64.add(get(l.secondKey), i64.extendU(
        i64.ltU(placeOf(l.core, get(l.best), l.secondKey), placeOf(l.core, get(l.second), l.secondKey)),
      ))),
      minimum(l.firstEnd, get(l.end)),
    ]),
    set(l.end, get(l.firstEnd)),
    ...(l.core.ahead
      ? [
          set(l.end, i64.add(get(l.now), turnMax(l.core))),
          when(i64.ne(get(l.secondKey), NEVER), [minimum(l.end, i64.add(get(l.secondKey), aheadCycles(l.core)))]),
          minimum(l.end, get(l.paidKey)),
          when(i64.ltU(get(l.end), get(l.firstEnd)), [set(l.end, get(l.firstEnd))]),
        ]
      : []),
  ];
}

/** How many more access records there is room for. */
const accessRoom = (core: Core): Value =>
  i32.sub(ACCESS_CAPACITY, i32.shrU(i32.sub(i32.load(0, MACHINE_WORD.ACCESS_NEXT), core.tables.accesses), Math.log2(ACCESS_BYTES)));

/** Cuts the turn at the hart's next event and the limits of `run`; sets turnEnd, slack, budget. */
function limitNodes(l: Loop): Node[] {
  const { core, s } = l;
  return [
    set(l.now, clock(s)),
    minimum(l.end, get(l.event)),
    minimum(l.end, word64(MACHINE_WORD.UNTIL)),
    // Between the two instructions of a mark no event is taken: at least one cycle.
    when(i64.leU(get(l.end), get(l.now)), [set(l.end, i64.add(get(l.now), 1))]),
    set(l.key, get(l.end)),
    minimum(l.key, i64.add(get(l.now), word64(MACHINE_WORD.REMAINING))),
    minimum(l.key, i64.add(get(l.now), TURN_CYCLES_MAX)),
    ...(core.observe ? [minimum(l.key, i64.add(get(l.now), i64.extendS(accessRoom(core))))] : []),
    setGlobal(core.turnEnd, get(l.key)),
    set(l.budget, i32.wrap(i64.sub(get(l.key), get(l.now)))),
    // slack = turnEnd - firstEnd, kept within an i32.
    when(i64.ltU(get(l.key), get(l.firstEnd)), [i32.store(0, 0, MACHINE_WORD.SLACK)], [
      i32.store(0, i32.wrap(i64.sub(get(l.key), get(l.firstEnd))), MACHINE_WORD.SLACK),
    ]),
  ];
}

/** Remembers a turn that did not come to its own end. */
function keepTurn(l: Loop): Node {
  return when(i64.ltU(clock(l.s), get(l.end)), [
    i32.store(0, i32.add(get(l.best), 1), MACHINE_WORD.TURN_HART),
    setWord64(MACHINE_WORD.TURN_FIRST_END, get(l.firstEnd)),
    setWord64(MACHINE_WORD.TURN_END, get(l.end)),
  ]);
}

/** Instructions count against the limits. */
function account(count: Value): Node[] {
  return [setWord64(MACHINE_WORD.REMAINING, i64.sub(word64(MACHINE_WORD.REMAINING), count))];
}

function trapNodes(l: Loop): Node[] {
  const { core, s } = l;
  const cycles = core.cycle ? core.costs.trapEntry : 1;
  return [
    // A trap found while running ahead is found again when its place has come.
    when(mustWait(core, l.left), [br(l.pick)]),
    call(core.imports.trap, get(l.best), getGlobal(core.cause), getGlobal(core.tval)),
    i64.store(get(s), i64.add(clock(s), cycles), HART.CLOCK),
    stopped(l),
    refreshAll(core),
    br(l.pick),
  ];
}

function systemNodes(l: Loop): Node[] {
  const { core, s } = l;
  const base = core.cycle ? core.costs.system : 1;
  const extra = core.cycle ? i64.extendS(get(l.left)) : i64.const(0);
  return [
    set(l.left, call(core.imports.system, get(l.best), field(s, HART.INSN))),
    when(i32.ltS(get(l.left), 0), [
      i64.store(get(s), i64.add(clock(s), core.cycle ? core.costs.trapEntry : 1), HART.CLOCK),
    ], [
      i64.store(get(s), i64.add(i64.add(clock(s), base), extra), HART.CLOCK),
      i64.store(get(s), i64.add(i64.load(get(s), HART.INSTRET), 1), HART.INSTRET),
      ...account(i64.const(1)),
    ]),
    stopped(l),
    refreshAll(core),
    br(l.pick),
  ];
}

/** After a turn: what its status asks for. */
function afterTurn(l: Loop): Node[] {
  const { s, core } = l;
  const on = (status: number, ...nodes: Node[]): Node => when(i32.eq(get(l.status), status), nodes);
  return [
    set(l.status, getGlobal(core.status)),
    ...refreshKey(core, s, l.key, l.now),
    // The slice ends by cycles, so that `run` returns often even when nothing retires.
    setWord64(MACHINE_WORD.SLICE, i64.sub(word64(MACHINE_WORD.SLICE), i64.extendS(i32.add(i32.sub(get(l.budget), get(l.left)), 1)))),
    ...account(i64.sub(i64.load(get(s), HART.INSTRET), get(l.retired))),
    on(STATUS.DONE, keepTurn(l), ...parkNodes(l), br(l.pick)),
    on(STATUS.REFUSED, br(l.pick)),
    on(STATUS.PAID, br(l.pick)),
    ...(core.parks ? [setField(s, HART.POLL_COUNT, 0)] : []),
    on(STATUS.SYSTEM, ...systemNodes(l)),
    on(STATUS.TRAP, ...trapNodes(l)),
    on(STATUS.COMPLETED, stopped(l), refreshAll(core), br(l.pick)),
    keepTurn(l),
    on(STATUS.BREAK, i32.store(0, get(l.best), MACHINE_WORD.BREAK_HART), ret(i32.const(RUN.BREAK))),
    ret(select(i32.eq(get(l.status), STATUS.MARK), RUN.MARK, RUN.DRAIN)),
  ];
}

/** Goes on with the turn that the last call left, unless an event has come up since. */
function resumeNodes(l: Loop): Node[] {
  const { s } = l;
  return [
    when(i32.load(0, MACHINE_WORD.TURN_HART), [
      set(l.best, i32.sub(i32.load(0, MACHINE_WORD.TURN_HART), 1)),
      i32.store(0, 0, MACHINE_WORD.TURN_HART),
      set(s, blockOf(get(l.best))),
      set(l.firstEnd, word64(MACHINE_WORD.TURN_FIRST_END)),
      set(l.end, word64(MACHINE_WORD.TURN_END)),
      brIf(l.start, sequence(
        i32.and(
          i32.eqz(i32.or(field(s, HART.ATTENTION), i32.or(field(s, HART.WFI), field(s, HART.HELD)))),
          i32.and(
            i64.gtU(tee(l.event, nextEvent(s)), clock(s)),
            i32.and(i64.ltU(clock(s), get(l.end)), i64.ltU(clock(s), word64(MACHINE_WORD.UNTIL))),
          ),
        ),
      )),
    ]),
  ];
}

/** A turn that came to its end in a poll loop. */
function parkNodes(l: Loop): Node[] {
  const { core, s } = l;
  if (!core.parks) return [];
  const ended = i32.and(i64.geU(clock(s), get(l.end)), i64.ltU(clock(s), word64(MACHINE_WORD.UNTIL)));
  return [
    when(i32.gtS(field(s, HART.POLL_COUNT), 1), [
      when(ended, [call(core.functions.park, get(s), i32.load(0, MACHINE_WORD.EXIT_ENTRY))]),
    ]),
  ];
}

/** Sets `latest` to the largest clock of all harts. */
function latestClock(core: Core, s: Local, latest: Local): Node[] {
  const next = label("hart");
  return [
    set(latest, 0),
    set(s, blockOf(0)),
    loop(
      next,
      when(i64.gtU(clock(s), get(latest)), [set(latest, clock(s))]),
      brIf(next, i32.ltU(tee(s, i32.add(get(s), HART_STRIDE)), blockOf(core.harts))),
    ),
  ];
}

/** The next one in the order is parked and its event has come, or nothing but parked harts is left before the limit. */
function unparkNodes(l: Loop): Node[] {
  const { core, s } = l;
  const limit = word64(MACHINE_WORD.UNTIL);
  const none = i32.and(i64.geU(get(l.bestKey), limit), i32.ne(i32.load(0, MACHINE_WORD.PARKED), 0));
  return [
    when(none, [
      // Without a limit they poll until the instructions are used up, each its share.
      when(i64.eq(limit, NEVER), [
        ...latestClock(core, l.other, l.now),
        set(l.bestKey, i64.add(get(l.now), i64.divU(word64(MACHINE_WORD.REMAINING), core.harts))),
      ], [set(l.bestKey, limit)]),
      drop(call(core.functions.wake, i32.const(0), get(l.bestKey))),
      br(l.pick),
    ]),
    when(i64.ltU(get(l.bestKey), limit), [
      set(s, blockOf(get(l.best))),
      when(field(s, HART.PARK_LINE), [call(core.functions.unpark, get(s), get(l.bestKey)), br(l.pick)]),
    ]),
  ];
}

/** `run(): RUN`, or 0 when the slice is over: nothing stays parked. Limits are in REMAINING, UNTIL and SLICE. */
export function emitLoop(core: Core): void {
  const run = core.module.declare("run", [], [I32], true);
  core.module.define(run, (scope) => {
    const reason = scope.local(I32);
    const s = scope.local(I32);
    const first = scope.local(I64);
    const next = label("hart");
    const runs = i32.eqz(i32.or(field(s, HART.PARK_LINE), i32.and(field(s, HART.WFI), i32.eqz(field(s, HART.ATTENTION)))));
    // Up to where the others are: whoever acts next does it there or later. All parked: up to the last of them.
    const wakeAll = when(i32.load(0, MACHINE_WORD.PARKED), [
      set(first, NEVER),
      set(s, blockOf(0)),
      loop(
        next,
        when(runs, [minimum(first, clock(s))]),
        brIf(next, i32.ltU(tee(s, i32.add(get(s), HART_STRIDE)), blockOf(core.harts))),
      ),
      when(i64.eq(get(first), NEVER), latestClock(core, s, first)),
      drop(call(core.functions.wake, i32.const(0), get(first))),
    ]);
    return [set(reason, call(core.functions.drive)), ...(core.parks ? [wakeAll] : []), get(reason)];
  });
  core.module.define(core.functions.drive, (scope) => {
    const l = new Loop(core, scope);
    const { s } = l;
    return [
      refreshAll(core),
      loop(
        l.pick,
        when(i64.leU(i64.add(word64(MACHINE_WORD.REMAINING), 1), 1), [ret(i32.const(RUN.BUDGET))]),
        when(i64.gtU(word64(MACHINE_WORD.SLICE), 1 << 30), [ret(i32.const(0))]),
        // Machine records come without a mark that would end the run: one each 256 cycles at most, so a turn's fit the reserve.
        ...(core.recordMarks
          ? [when(i32.geU(i32.load(0, MACHINE_WORD.MARK_COUNT), MARK_CAPACITY - MARK_RESERVE), [ret(i32.const(RUN.DRAIN))])]
          : []),
        ...(core.observe ? [when(i32.leS(accessRoom(core), ACCESS_RESERVE), [ret(i32.const(RUN.DRAIN))])] : []),
        block(
          l.start,
          ...resumeNodes(l),
          ...pickNodes(core, l),
          ...(core.parks ? unparkNodes(l) : []),
          when(i64.geU(get(l.bestKey), word64(MACHINE_WORD.UNTIL)), [
            when(i64.eq(word64(MACHINE_WORD.UNTIL), NEVER), [ret(i32.const(RUN.DEADLOCK))]),
            ...reachUntil(l),
          ]),
          set(s, blockOf(get(l.best))),
          ...eventNodes(l),
          ...(core.rounds ? roundNodes(l) : []),
          ...windowNodes(l),
        ),
        ...limitNodes(l),
        ...flushNodes(l),
        set(l.retired, i64.load(get(s), HART.INSTRET)),
        set(l.left, call(core.functions.turn, get(s), get(l.budget))),
        ...afterTurn(l),
      ),
      i32.const(0),
    ];
  });
}

/** Rounds of all harts; what ended them comes next, in a turn of its own. */
function roundNodes(l: Loop): Node[] {
  return [
    when(get(l.apart), [set(l.apart, 0)], [
      when(call(l.core.functions.rounds, get(l.best), get(l.bestKey)), [set(l.apart, 1), br(l.pick)]),
    ]),
  ];
}

/** Translation state that JavaScript changed, and the S and U line table changing hands. */
function flushNodes(l: Loop): Node[] {
  const { core, s } = l;
  const holder = i32.add(i32.shl(get(l.best), 2), core.tables.linePrivilege);
  return [
    when(field(s, HART.FLUSH), [
      call(core.functions.flush, get(s), field(s, HART.FLUSH)),
      setField(s, HART.FLUSH, 0),
    ]),
    when(i32.and(i32.ne(field(s, HART.PRIV), 3), i32.ne(i32.load(holder), field(s, HART.PRIV))), [
      call(core.functions.flush, get(s), i32.const(1)),
      i32.store(holder, field(s, HART.PRIV)),
    ]),
  ];
}
