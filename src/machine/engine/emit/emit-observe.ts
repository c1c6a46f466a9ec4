/**
 * Records of memory accesses (memory/layout.ts ACCESS_WORD), in engines made with `observeAccesses` only: the interpreter
 * writes those on its fast path itself, `observe` is for the slow paths. Without it nothing of this is in the code.
 *
 * A record is written when its access is done, with the clock at which the instruction began. The loop never lets a turn
 * begin that could fill the buffer: an instruction takes a cycle and makes one record at most.
 */
import { I32, call, get, getGlobal, i32, i64, sequence, set } from "../../../isa/wasm/code.ts";
import type { Local, Node, Operand, Value } from "../../../isa/wasm/code.ts";
import { ACCESS_BYTES, ACCESS_WORD, BOARD, HART, MACHINE_WORD } from "../../memory/layout.ts";
import { field, hartOf } from "../core.ts";
import type { Core } from "../core.ts";

export interface Access {
  readonly s: Local;
  /** Cycles left of the turn when the instruction began. */
  readonly left: Value;
  readonly pc: Value;
  readonly va: Value;
  readonly physical: Value;
  /** kind << 4 | bytes. */
  readonly what: Operand;
  readonly value: Value;
  readonly written: Value;
}

/** Appends the record; `at` is overwritten. */
export function writeAccess(core: Core, at: Local, access: Access): Node {
  const { s, left, pc, va, physical, what, value, written } = access;
  const word = (index: number, content: Value): Node => i32.store(get(at), content, index * 4);
  const head = i32.or(i32.or(hartOf(s), i32.shl(what, 8)), i32.shl(field(s, HART.PRIV), 24));
  return sequence(
    set(at, i32.load(0, MACHINE_WORD.ACCESS_NEXT)),
    i32.store(0, i32.add(get(at), ACCESS_BYTES), MACHINE_WORD.ACCESS_NEXT),
    i64.store(get(at), i64.sub(getGlobal(core.turnEnd), i64.extendS(left)), ACCESS_WORD.CLOCK_LOW * 4),
    word(ACCESS_WORD.HEAD, head),
    word(ACCESS_WORD.PC, pc),
    word(ACCESS_WORD.VIRTUAL, va),
    word(ACCESS_WORD.PHYSICAL, physical),
    word(ACCESS_WORD.VALUE, value),
    word(ACCESS_WORD.WRITTEN, written),
  );
}

/** In a slow path, when the access to `offset` of RAM space (devices: below or beyond it) is done; PC is in memory. */
export function observe(
  core: Core, s: Local, va: Local, left: Local, offset: Value, what: Operand, value: Value, written: Value = i32.const(0),
): Node {
  if (!core.observe) return sequence();
  const whatValue = typeof what === "number" ? i32.const(what) : what;
  return call(core.functions.observe, get(s), get(va), get(left), i32.add(offset, BOARD.RAM), whatValue, value, written);
}

export function emitObserve(core: Core): void {
  core.module.define(core.functions.observe, (scope) => {
    if (!core.observe) return [];
    const [s, va, left, physical, what, value, written] = scope.params as [Local, Local, Local, Local, Local, Local, Local];
    const at = scope.local(I32);
    return [writeAccess(core, at, {
      s, left: get(left), pc: field(s, HART.PC), va: get(va), physical: get(physical), what: get(what), value: get(value), written: get(written),
    })];
  });
}
