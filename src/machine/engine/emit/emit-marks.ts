/**
 * Trace marks: the record (memory/layout.ts MARK_WORD), its return addresses by the frame-pointer chain, and the marks
 * that end `run`. A mark takes no time and counts as no instruction; records of different harts may be out of order by
 * the lookahead, which marks.ts puts right.
 *
 * What a mark does follows from the hart alone (MARK_AT, MARK_RUN), not from where a turn began or ended: a first half is
 * worth nothing once an instruction has retired, and each MARK_RUN_MAX-th in a row counts as an instruction, or they could go on for ever.
 */
import {
  I32, call, choose, get, i32, i64, ret, sequence, set, setGlobal, tee, when,
} from "../../../isa/wasm/code.ts";
import type { Local, Node, Value } from "../../../isa/wasm/code.ts";
import { HART, MACHINE_WORD, MARK_BUFFER, MARK_BYTES, MARK_CAPACITY, MARK_WORD } from "../../memory/layout.ts";
import { STATUS, clockAt, field, hartOf, mustWait, setField } from "../core.ts";
import type { Core } from "../core.ts";

/** With so little room left in the buffer every mark ends `run`. */
export const MARK_RESERVE = 4096;

/** So many marks without an instruction between them are one. */
const MARK_RUN_MAX = 1024;

const X_S0 = 8 * 4;
const X_TP = 4 * 4;

function defineAppend(core: Core): void {
  const { functions } = core;
  core.module.define(functions.append, (scope) => {
    const [s, event, pc, a, b, c, clock, instret] = scope.params as [Local, Local, Local, Local, Local, Local, Local, Local];
    const at = scope.local(I32);
    const frame = scope.local(I32);
    const word = (index: number, value: Value): Node => i32.store(get(at), value, index * 4);
    const high = (value: Local): Value => i32.wrap(i64.shrU(get(value), 32));
    const head = [
      i32.shl(get(event), 8),
      i32.shl(field(s, HART.PRIV), 24),
      i32.shl(i32.and(field(s, HART.MSTATUS), 2), 25),
      i32.shl(high(instret), 27),
    ].reduce((sum, part) => i32.or(sum, part), hartOf(s));
    const count = i32.load(0, MACHINE_WORD.MARK_COUNT);
    return [
      i64.store(get(s), i64.add(i64.load(get(s), HART.MARKS), 1), HART.MARKS),
      ...(core.recordMarks ? [] : [ret()]),
      when(i32.geU(count, MARK_CAPACITY), [ret()]),
      set(at, i32.add(i32.mul(count, MARK_BYTES), MARK_BUFFER)),
      i32.store(0, i32.add(count, 1), MACHINE_WORD.MARK_COUNT),
      word(MARK_WORD.CLOCK_LOW, i32.wrap(get(clock))),
      word(MARK_WORD.CLOCK_HIGH, high(clock)),
      word(MARK_WORD.INSTRET_LOW, i32.wrap(get(instret))),
      word(MARK_WORD.HEAD, head),
      word(MARK_WORD.PC, get(pc)),
      word(MARK_WORD.A, get(a)),
      word(MARK_WORD.B, get(b)),
      word(MARK_WORD.C, get(c)),
      word(MARK_WORD.TP, field(s, X_TP)),
      word(MARK_WORD.RA0, i32.const(0)),
      word(MARK_WORD.RA1, i32.const(0)),
      word(MARK_WORD.RESERVED, i32.const(0)),
      when(tee(frame, field(s, X_S0)), [
        word(MARK_WORD.RA0, call(functions.peek, get(s), i32.sub(get(frame), 4))),
        when(tee(frame, call(functions.peek, get(s), i32.sub(get(frame), 8))), [
          word(MARK_WORD.RA1, call(functions.peek, get(s), i32.sub(get(frame), 4))),
        ]),
      ]),
    ];
  });
}

/** Whether the hart stands behind the first half of a mark, `retired` instructions into its turn. */
export const isLatched = (s: Local, retired: Value = i32.const(0)): Value =>
  i32.and(field(s, HART.MARK_LATCHED), i64.eq(i64.load(get(s), HART.MARK_AT), markTime(s, retired)));

const markTime = (s: Local, retired: Value): Value =>
  i64.add(i64.add(i64.load(get(s), HART.INSTRET), i64.extendS(retired)), 1);

/** A first half, or a second half without one: notes when it was; `spend` is for one that counts as an instruction and comes before. */
export function countMark(s: Local, retired: () => Value, spend: Node): Node[] {
  const run = field(s, HART.MARK_RUN);
  return [
    setField(s, HART.MARK_RUN, choose(i64.eq(i64.load(get(s), HART.MARK_AT), markTime(s, retired())), i32.add(run, 1), 0)),
    when(i32.geU(run, MARK_RUN_MAX), [spend, setField(s, HART.MARK_RUN, 0)]),
    i64.store(get(s), markTime(s, retired()), HART.MARK_AT),
  ];
}

/** Whether marks of this event end `run`. */
const isAwaited = (event: Local): Value =>
  i32.and(
    i32.shrU(
      i32.load(i32.shl(i32.shrU(get(event), 5), 2), MACHINE_WORD.ATTENTION_EVENTS),
      i32.and(get(event), 31),
    ),
    1,
  );

function defineFire(core: Core): void {
  core.module.define(core.functions.fireMark, (scope) => {
    const [s, event, c, pc, left, retired] = scope.params as [Local, Local, Local, Local, Local, Local];
    const awaited = scope.local(I32);
    const latched = (offset: number): Value => i32.mul(field(s, offset), isLatched(s, get(retired)));
    const end = (status: number): Node => sequence(setGlobal(core.status, status), ret(i32.const(status)));
    return [
      setGlobal(core.status, STATUS.DONE),
      when(i32.and(tee(awaited, isAwaited(event)), mustWait(core, left)), [end(STATUS.REFUSED)]),
      call(
        core.functions.append,
        get(s), get(event), get(pc), latched(HART.MARK_A), latched(HART.MARK_B), get(c), clockAt(core, left),
        i64.add(i64.load(get(s), HART.INSTRET), i64.extendS(get(retired))),
      ),
      setField(s, HART.MARK_LATCHED, 0),
      when(get(awaited), [
        i32.store(0, get(event), MACHINE_WORD.MARK_EVENT),
        end(STATUS.MARK),
      ]),
      when(i32.geU(i32.load(0, MACHINE_WORD.MARK_COUNT), MARK_CAPACITY - MARK_RESERVE), [end(STATUS.DRAIN)]),
      i32.const(STATUS.DONE),
    ];
  });
}

export function emitMarks(core: Core): void {
  defineAppend(core);
  defineFire(core);
}
