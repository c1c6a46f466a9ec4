/**
 * One instruction of each hart in turn (functional mode, `exact`): an interpreter of its own with the same handlers, which
 * takes up the next hart after each instruction instead of coming back to the loop.
 *
 * In functional mode every instruction takes one cycle, so harts that run stand at one clock or, those before the first in
 * the order, one further: the order is a ring. A round is one clock; the next one begins one hart earlier ((hart + clock) mod
 * n), so the last hart of a round is mostly the first of the next. Rounds go on up to the next event of any hart, to UNTIL or as
 * far as REMAINING surely lasts, or until a hart needs what the interpreter cannot do; then all harts are put back as the
 * loop knows them, and it does that one instruction.
 */
import {
  I32, I64, block, brIf, call, choose, get, i32, i64, label, loop, ret, set, switchOn, tee, when,
} from "../../../isa/wasm/code.ts";
import type { Label, Local, Node, Value } from "../../../isa/wasm/code.ts";
import { HART, HART_BASE, HART_STRIDE, MACHINE_WORD } from "../../memory/layout.ts";
import { blockOf, contextOf, field, hartOf, partOf, setField } from "../core.ts";
import type { Core } from "../core.ts";
import { EXIT, Scope, handlersFor } from "./emit-interpreter.ts";
import { isLatched } from "./emit-marks.ts";
import { nextEvent, placeOf } from "./emit-order.ts";
import { OP } from "../opcodes.ts";
import { ENTRY_SHIFT, SPLIT } from "../tables.ts";

/** Rounds at a time, so that the slice ends. */
const ROUNDS_MAX = 0x4_0000;
/** Fewer are not worth it. */
const ROUNDS_MIN = 2;

function defineInterpreter(core: Core): void {
  core.module.define(core.functions.interpretRounds, (scope) => {
    const [s, count, left, begin] = scope.params as [Local, Local, Local, Local];
    const word = (): Local => scope.local(I32);
    const p = word();
    const context = word();
    const c = new Scope(core, [s, p, context, left], word, true);
    const toNext = set(s, field(s, HART.ROUND_NEXT));
    const nextRound: Node[] = [
      set(left, i32.sub(get(left), 1)),
      set(count, field(s, HART.ROUND_COUNT)),
      set(begin, choose(i32.eq(get(begin), HART_BASE), HART_BASE + (core.harts - 1) * HART_STRIDE, i32.sub(get(begin), HART_STRIDE))),
      when(i32.ne(get(begin), get(s)), [toNext]),
      when(i32.eqz(get(left)), [c.exit(EXIT.TIME)]),
    ];
    return [
      set(p, field(s, HART.ROUND_ENTRY)),
      block(
        c.leave,
        loop(
          c.next,
          setField(s, HART.ROUND_ENTRY, get(p)),
          when(tee(count, i32.sub(get(count), 1)), [toNext], nextRound),
          set(p, field(s, HART.ROUND_ENTRY)),
          set(context, field(s, HART.ROUND_CONTEXT)),
          loop(
            c.again,
            set(c.w, i32.load(get(p))),
            switchOn(i32.and(get(c.w), 0xff), handlersFor(c)),
          ),
        ),
      ),
      // At the end of time `p` is the one before's, which was stored.
      when(i32.ne(i32.load(0, MACHINE_WORD.EXIT_REASON), EXIT.TIME), [setField(s, HART.ROUND_ENTRY, get(p))]),
      i32.store(0, get(s), MACHINE_WORD.ROUND_HART),
      i32.store(0, get(count), MACHINE_WORD.ROUND_COUNT),
      i32.store(0, get(left), MACHINE_WORD.ROUNDS_LEFT),
    ];
  });
}

interface Parts {
  readonly best: Local;
  readonly clock: Local;
  /** Of the hart at hand. */
  readonly s: Local;
  readonly now: Local;
  /** Block of the first and of the last hart in the ring. */
  readonly first: Local;
  readonly last: Local;
  /** Harts in the ring; those of them that have not had their turn at this clock. */
  readonly harts: Local;
  readonly waiting: Local;
  readonly horizon: Local;
  readonly rounds: Local;
}

function eachHart(core: Core, s: Local, body: (skip: Label) => readonly Node[]): Node[] {
  const next = label("hart");
  const skip = label("skip");
  return [
    set(s, HART_BASE),
    loop(
      next,
      block(skip, ...body(skip)),
      brIf(next, i32.ltU(tee(s, i32.add(get(s), HART_STRIDE)), blockOf(core.harts))),
    ),
  ];
}

const isWaiting = (s: Local): Value => i32.and(i32.ne(field(s, HART.WFI), 0), i32.eqz(field(s, HART.ATTENTION)));

/** Links the harts that run; out of the function when one of them needs the loop first. */
function ringNodes(core: Core, p: Parts): Node[] {
  const { best, clock, s, now, first, last, harts, waiting, horizon } = p;
  const none = ret(i32.const(0));
  const event = nextEvent(s);
  const entry = i32.add(partOf(core.tables.split, SPLIT.STRIDE, hartOf(s)), SPLIT.END);
  const foreign = i32.and(
    i32.ne(field(s, HART.PRIV), 3),
    i32.ne(i32.load(i32.shl(hartOf(s), 2), core.tables.linePrivilege), field(s, HART.PRIV)),
  );
  return eachHart(core, s, (skip) => [
    brIf(skip, field(s, HART.HELD)),
    when(i64.ltU(event, get(horizon)), [set(horizon, event)]),
    brIf(skip, isWaiting(s)),
    when(i32.or(i32.or(field(s, HART.ATTENTION), field(s, HART.FLUSH)), i32.or(isLatched(s), foreign)), [none]),
    set(now, i64.load(get(s), HART.CLOCK)),
    when(i64.eq(get(now), get(clock)), [set(waiting, i32.add(get(waiting), 1))], [
      when(i64.ne(get(now), i64.add(get(clock), 1)), [none]),
      when(i64.geU(placeOf(core, hartOf(s), clock), placeOf(core, get(best), clock)), [none]),
    ]),
    // Each begins at the end of a page that is at its pc.
    i32.store(entry, OP.PAGE_END),
    setField(s, HART.ROUND_ENTRY, entry),
    setField(s, HART.ROUND_DELTA, i32.sub(field(s, HART.PC), i32.shrU(entry, ENTRY_SHIFT))),
    setField(s, HART.ROUND_CONTEXT, contextOf(core, s)),
    when(get(last), [i32.store(get(last), get(s), HART.ROUND_NEXT)], [set(first, get(s))]),
    set(last, get(s)),
    set(harts, i32.add(get(harts), 1)),
  ]);
}

/** All harts as the loop knows them. The ones from ROUND_HART on have not had their turn in the last round. */
function putBack(core: Core, p: Parts): Node[] {
  const { clock, s, now, rounds, waiting, harts } = p;
  const reason = i32.load(0, MACHINE_WORD.EXIT_REASON);
  const next = label("hart");
  const leftOver = i32.load(0, MACHINE_WORD.ROUND_COUNT);
  return [
    set(rounds, i32.sub(get(rounds), i32.load(0, MACHINE_WORD.ROUNDS_LEFT))),
    set(s, i32.load(0, MACHINE_WORD.ROUND_HART)),
    set(waiting, leftOver),
    when(i32.eq(reason, EXIT.JUMPED), [set(waiting, i32.sub(get(waiting), 1))]),
    // From the hart at hand once round the ring: those left over, then those that are done.
    loop(
      next,
      setField(s, HART.PC, i32.add(i32.shrU(field(s, HART.ROUND_ENTRY), ENTRY_SHIFT), field(s, HART.ROUND_DELTA))),
      set(now, i64.add(get(clock), i64.extendU(get(rounds)))),
      when(i32.leS(get(waiting), 0), [set(now, i64.add(get(now), 1))]),
      when(i32.and(i32.eq(get(s), i32.load(0, MACHINE_WORD.ROUND_HART)), i32.geU(reason, EXIT.FETCH)), [
        setField(s, HART.PC, i32.load(0, MACHINE_WORD.EXIT_TARGET)),
        when(i32.eq(reason, EXIT.JUMPED), [
          set(now, i64.add(i64.add(get(clock), i64.extendU(get(rounds))), 1)),
          set(waiting, i32.add(get(waiting), 1)),
        ]),
      ]),
      set(waiting, i32.sub(get(waiting), 1)),
      i64.store(get(s), i64.add(i64.load(get(s), HART.INSTRET), i64.sub(get(now), i64.load(get(s), HART.CLOCK))), HART.INSTRET),
      i64.store(0, i64.sub(i64.load(0, MACHINE_WORD.REMAINING), i64.sub(get(now), i64.load(get(s), HART.CLOCK))), MACHINE_WORD.REMAINING),
      i64.store(get(s), get(now), HART.CLOCK),
      set(s, field(s, HART.ROUND_NEXT)),
      brIf(next, tee(harts, i32.sub(get(harts), 1))),
    ),
    i64.store(0, i64.sub(i64.load(0, MACHINE_WORD.SLICE), i64.extendU(get(rounds))), MACHINE_WORD.SLICE),
    call(core.functions.refreshKeys),
  ];
}

function defineRounds(core: Core): void {
  core.module.define(core.functions.rounds, (scope) => {
    const [best, clock] = scope.params as [Local, Local];
    const word = (): Local => scope.local(I32);
    const before = word();
    const begin = word();
    const retired = scope.local(I64);
    const p: Parts = {
      best, clock, s: word(), now: scope.local(I64), first: word(), last: word(), harts: word(), waiting: word(),
      horizon: scope.local(I64), rounds: word(),
    };
    const { s, first, last, harts, waiting, horizon, rounds } = p;
    const find = label("before");
    const remaining = i64.load(0, MACHINE_WORD.REMAINING);
    const none = ret(i32.const(0));
    return [
      set(horizon, i64.load(0, MACHINE_WORD.UNTIL)),
      ...ringNodes(core, p),
      when(i32.ltU(get(harts), 2), [none]),
      i32.store(get(last), get(first), HART.ROUND_NEXT),
      ...eachHart(core, s, () => [setField(s, HART.ROUND_COUNT, get(harts))]),
      when(i64.leU(get(horizon), get(clock)), [none]),
      set(horizon, i64.sub(get(horizon), get(clock))),
      when(i64.gtU(get(horizon), ROUNDS_MAX), [set(horizon, ROUNDS_MAX)]),
      set(retired, i64.divU(remaining, i64.extendU(get(harts)))),
      when(i64.ltU(get(retired), get(horizon)), [set(horizon, get(retired))]),
      set(rounds, i32.wrap(get(horizon))),
      when(i32.ltU(get(rounds), ROUNDS_MIN), [none]),
      set(begin, blockOf(i32.wrap(i64.remU(i64.sub(core.harts, i64.remU(get(clock), core.harts)), core.harts)))),
      // The one before the first in the order.
      set(before, get(last)),
      loop(
        find,
        when(i32.ne(field(before, HART.ROUND_NEXT), blockOf(get(best))), [
          set(before, field(before, HART.ROUND_NEXT)),
          // Always found: the first in the order runs.
          brIf(find, 1),
        ]),
      ),
      set(retired, remaining),
      call(core.functions.interpretRounds, get(before), i32.add(get(waiting), 1), get(rounds), get(begin)),
      ...putBack(core, p),
      i64.ne(get(retired), remaining),
    ];
  });
}

export function emitRounds(core: Core): void {
  if (core.rounds) {
    defineInterpreter(core);
    defineRounds(core);
    return;
  }
  core.module.define(core.functions.interpretRounds, () => []);
  core.module.define(core.functions.rounds, () => [i32.const(0)]);
}
