/**
 * CSR instructions that need no JavaScript: sstatus when only SIE changes and nothing becomes deliverable, the scratch
 * and trap registers of S mode, and the counters. Anything else (0) goes to the `system` import, which also raises
 * what is not permitted.
 *
 * Keeps IRQS_OFF_SINCE for the SIE flips done here; hart/irqs-off.ts has the rule.
 */
import {
  I32, I64, call, choose, get, i32, i64, ret, set, switchOn, tee, when,
} from "../../../isa/wasm/code.ts";
import type { Local, Node, Value } from "../../../isa/wasm/code.ts";
import { MSTATUS, PRIV, SSTATUS_MASK } from "../../hart/bits.ts";
import { INHIBIT } from "../../hart/counters.ts";
import { IRQS_OFF_CYCLES_MIN, RECORD_IRQS_OFF } from "../../hart/irqs-off.ts";
import { CYCLES_PER_TICK, HART } from "../../memory/layout.ts";
import { clockAt, field, setField } from "../core.ts";
import type { Core } from "../core.ts";

interface Parts {
  readonly s: Local;
  readonly left: Local;
  readonly pc: Local;
  /** Instructions that retired in this turn. */
  readonly retired: Local;
  readonly old: Local;
  readonly next: Local;
  readonly wide: Local;
  readonly privilege: Local;
  readonly writes: Local;
  /** next = what the instruction would write, given `old`. */
  readonly compute: Node;
}

const refused: Node = ret(i32.const(0));
const NEVER = -1;

/** INSTRET now: what memory has, plus this turn's. */
const instretNow = (p: Pick<Parts, "s" | "retired">): Value =>
  i64.add(i64.load(get(p.s), HART.INSTRET), i64.extendS(get(p.retired)));

function plain(p: Parts, offset: number, mask: number): Node[] {
  return [
    when(i32.eqz(get(p.privilege)), [refused]),
    set(p.old, field(p.s, offset)),
    p.compute,
    when(get(p.writes), [setField(p.s, offset, i32.and(get(p.next), mask))]),
  ];
}

/** SIE is set again: the section ends, and a long one leaves a record. */
function endIrqsOff(core: Core, p: Parts): Node {
  const since = (): Value => i64.load(get(p.s), HART.IRQS_OFF_SINCE);
  return when(i64.ne(since(), NEVER), [
    set(p.wide, i64.sub(clockAt(core, p.left), since())),
    i64.store(get(p.s), NEVER, HART.IRQS_OFF_SINCE),
    when(i64.geU(get(p.wide), IRQS_OFF_CYCLES_MIN), [
      call(
        core.functions.append,
        get(p.s), i32.const(RECORD_IRQS_OFF), get(p.pc), i32.wrap(get(p.wide)), i32.const(0),
        field(p.s, HART.IRQS_OFF_PC), clockAt(core, p.left), instretNow(p),
      ),
    ]),
  ]);
}

function status(core: Core, p: Parts): Node[] {
  const flip = i32.xor(get(p.next), get(p.old));
  return [
    when(i32.ne(get(p.privilege), PRIV.S), [refused]),
    set(p.old, i32.and(field(p.s, HART.MSTATUS), SSTATUS_MASK)),
    p.compute,
    when(get(p.writes), [
      when(i32.and(flip, SSTATUS_MASK & ~MSTATUS.SIE), [refused]),
      when(i32.and(flip, MSTATUS.SIE), [
        when(i32.and(get(p.next), MSTATUS.SIE), [
          when(i32.and(field(p.s, HART.MIP), field(p.s, HART.MIE)), [refused]),
          endIrqsOff(core, p),
        ], [
          when(i64.eq(i64.load(get(p.s), HART.IRQS_OFF_SINCE), NEVER), [
            i64.store(get(p.s), clockAt(core, p.left), HART.IRQS_OFF_SINCE),
            setField(p.s, HART.IRQS_OFF_PC, get(p.pc)),
          ]),
        ]),
        setField(p.s, HART.MSTATUS, i32.xor(field(p.s, HART.MSTATUS), MSTATUS.SIE)),
      ]),
    ]),
  ];
}

function counter(p: Parts, bit: number, value: Value, high: boolean): Node[] {
  const lets = (offset: number): Value => i32.and(i32.shrU(field(p.s, offset), bit), 1);
  const permitted = choose(
    i32.eq(get(p.privilege), PRIV.M), 1,
    i32.and(lets(HART.MCOUNTEREN), i32.or(lets(HART.SCOUNTEREN), get(p.privilege))),
  );
  return [
    when(i32.or(get(p.writes), i32.eqz(permitted)), [refused]),
    set(p.old, i32.wrap(high ? i64.shrU(value, 32) : value)),
  ];
}

export function emitCsr(core: Core): void {
  core.module.define(core.functions.fastCsr, (scope) => {
    const [s, insn, left, pc, retired] = scope.params as [Local, Local, Local, Local, Local];
    const rs1 = scope.local(I32);
    const source = scope.local(I32);
    const kind = scope.local(I32);
    const parts: Parts = {
      s, left, pc, retired,
      old: scope.local(I32), next: scope.local(I32), wide: scope.local(I64),
      privilege: scope.local(I32), writes: scope.local(I32),
      compute: (out) => set(next, choose(
        i32.eq(get(kind), 1), get(source),
        choose(i32.eq(get(kind), 2), i32.or(get(old), get(source)), i32.and(get(old), i32.xor(get(source), -1))),
      ))(out),
    };
    const { old, next, writes, privilege } = parts;
    const target = scope.local(I32);
    const clock = clockAt(core, left);
    const ticks = i64.add(i64.divU(clock, CYCLES_PER_TICK), i64.load(get(s), HART.TIME_OFFSET));
    const shown = (count: Value, bit: number, offset: number): Value =>
      i64.add(i64.load(get(s), offset), choose(i32.and(field(s, HART.MCOUNTINHIBIT), bit), i64.const(0), count, I64));
    const cycles = shown(clock, INHIBIT.CY, HART.MCYCLE_OFFSET);
    const instret = shown(instretNow(parts), INHIBIT.IR, HART.MINSTRET_OFFSET);
    const low = i32.and(i32.shrU(get(insn), 20), 15);
    const counters = (high: boolean): Node => switchOn(low, [
      counter(parts, 0, cycles, high), counter(parts, 1, ticks, high), counter(parts, 2, instret, high),
    ]);
    return [
      set(rs1, i32.and(i32.shrU(get(insn), 15), 31)),
      set(kind, i32.and(i32.shrU(get(insn), 12), 3)),
      set(source, choose(i32.and(get(insn), 0x4000), get(rs1), i32.load(i32.add(get(s), i32.shl(get(rs1), 2))))),
      set(writes, i32.or(i32.eq(get(kind), 1), i32.ne(get(rs1), 0))),
      set(privilege, field(s, HART.PRIV)),
      // 0x100, 0x140..3, 0xc00..2, 0xc80..2 are all that predecode sends here.
      when(i32.eq(i32.shrU(get(insn), 20), 0x100), status(core, parts), [
        when(i32.geS(get(insn), 0), [
          switchOn(low, [
            plain(parts, HART.SSCRATCH, -1), plain(parts, HART.SEPC, ~1),
            plain(parts, HART.SCAUSE, -1), plain(parts, HART.STVAL, -1),
          ]),
        ], [when(i32.and(get(insn), 0x08000000), [counters(true)], [counters(false)])]),
      ]),
      when(tee(target, i32.and(i32.shrU(get(insn), 7), 31)), [
        i32.store(i32.add(get(s), i32.shl(get(target), 2)), get(old)),
      ]),
      i32.const(1),
    ];
  });
}
