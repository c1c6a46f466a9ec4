/**
 * Poll parking: a hart that spins on a word in its L1 leaves the order until somebody reaches for that line.
 *
 * A poll loop (poll-loops.ts) reads one line and computes nothing that the next round does not compute again, so as long as
 * the line stays in the L1 each round costs the same and leaves the same state: k rounds are k * cycles, k * instructions.
 * A hart whose turn ends in such a loop, after two rounds without a break, is parked. It is brought up to a clock T by whole
 * rounds, all of whose loads come before T, and is an ordinary hart again:
 * - before anybody takes the line or a copy of it away (T: that hart's clock; the other one is refused and tries again when
 *   its place has come), accesses a device, stores to code or walks page tables that others hold,
 * - at its own next event, at UNTIL, and whenever `run` returns.
 * So nothing can tell a parked hart from one that polls. Rounds count against REMAINING; when that is used up the hart stays behind.
 *
 * In cycle mode with several harts ahead of each other; not where accesses are recorded.
 */
import { I32, I64, call, choose, get, i32, i64, loop, label, ret, set, switchOn, tee, when, brIf } from "../../../isa/wasm/code.ts";
import type { Local, Node, Value } from "../../../isa/wasm/code.ts";
import { HART, HART_STRIDE, MACHINE_WORD } from "../../memory/layout.ts";
import { blockOf, clockAt, contextOf, field, refuse, setField } from "../core.ts";
import type { Core } from "../core.ts";
import { FIRST_POLL_OPCODE, OPCODE_NAMES, rowOf } from "../opcodes.ts";
import { POLL } from "../poll-loops.ts";
import { LINE } from "../tables.ts";

/** By opcode from FIRST_POLL_OPCODE on. */
const POLL_BRANCHES = OPCODE_NAMES.slice(FIRST_POLL_OPCODE).map((name) => {
  const semantics = rowOf(name)?.semantics;
  if (semantics?.kind !== "branch") throw new Error(`engine: ${name} is no branch`);
  return semantics.taken;
});

const parked = (): Value => i32.load(0, MACHINE_WORD.PARKED);

/** Whoever is about to do what parked harts could notice: true, they are woken and come first. */
export function wakeFirst(core: Core, left: Local, lineBeyond: Value, value?: Value): Node[] {
  if (!core.parks) return [];
  return [when(parked(), [when(call(core.functions.wake, lineBeyond, clockAt(core, left)), [refuse(core, value)])])];
}

/** The same for all lines. What was polled so far does not count any more: memory may change behind the caches. */
export function wakeAllFirst(core: Core, left: Local, value?: Value): Node[] {
  if (!core.parks) return [];
  return [when(call(core.functions.wake, i32.const(0), clockAt(core, left)), [refuse(core, value)])];
}

/** (s, p): parks the hart if its turn ended at `p` in the loop that it polls in. */
function definePark(core: Core): void {
  const { tables } = core;
  core.module.define(core.functions.park, (scope) => {
    const [s, p] = scope.params as [Local, Local];
    const branch = scope.local(I32);
    const step = scope.local(I32);
    const head = scope.local(I32);
    const load = scope.local(I32);
    const address = scope.local(I32);
    const slot = scope.local(I32);
    const lineMask = -(1 << tables.lineShift);
    const register = (offset: Value): Value => i32.load(i32.add(get(s), offset));
    return [
      set(branch, field(s, HART.POLL_ENTRY)),
      set(step, i32.load(get(branch), 4)),
      set(head, i32.add(get(branch), i32.shrS(get(step), POLL.DISTANCE_SHIFT))),
      when(i32.ltU(i32.load8U(get(branch)), FIRST_POLL_OPCODE), [ret()]),
      // Behind the load it may have read what ends the loop: only at the branch, if that is taken. Before it: the line is
      // there, so nobody has written it since the last round.
      set(load, i32.add(get(head), i32.shl(i32.and(get(step), POLL.LOAD_MASK), 3))),
      when(i32.eq(get(p), get(branch)), [
        set(head, i32.load(get(branch))),
        set(address, register(i32.and(i32.shrU(get(head), 16), 0xff))),
        set(slot, register(i32.shrU(get(head), 24))),
        switchOn(i32.sub(i32.and(get(head), 0xff), FIRST_POLL_OPCODE), POLL_BRANCHES.map((taken) => [
          when(i32.eqz(taken(get(address), get(slot))), [ret()]),
        ])),
      ], [when(i32.gtU(i32.sub(get(p), get(head)), i32.sub(get(load), get(head))), [ret()])]),
      set(address, i32.add(
        register(i32.and(i32.shrU(i32.load(get(load)), 16), 0xff)),
        i32.load(get(load), 4),
      )),
      when(i32.and(get(address), 3), [ret()]),
      set(slot, i32.add(
        contextOf(core, s),
        i32.shl(i32.and(i32.shrU(get(address), tables.lineShift), tables.lineSlots - 1), LINE.SHIFT),
      )),
      when(i32.ne(i32.load(get(slot), LINE.READ), i32.and(get(address), lineMask)), [ret()]),
      set(address, i32.sub(i32.add(get(address), i32.load(get(slot), LINE.ADDEND)), tables.ramOffset)),
      setField(s, HART.PARK_LINE, i32.add(i32.shrU(get(address), tables.lineShift), 1)),
      setField(s, HART.PARK_STEP, get(step)),
      i32.store(0, i32.add(parked(), 1), MACHINE_WORD.PARKED),
      i32.store(0, i32.add(i32.load(0, MACHINE_WORD.PARKS), 1), MACHINE_WORD.PARKS),
      call(core.functions.refreshKey, get(s)),
    ];
  });
}

/** (s, clock): whole rounds up to that clock, as many as REMAINING allows. */
function defineUnpark(core: Core): void {
  core.module.define(core.functions.unpark, (scope) => {
    const [s, until] = scope.params as [Local, Local];
    const rounds = scope.local(I64);
    const allowed = scope.local(I64);
    const cycles = scope.local(I64);
    const instructions = scope.local(I64);
    const step = (shift: number, mask: number): Value =>
      i64.extendU(i32.and(i32.shrU(field(s, HART.PARK_STEP), shift), mask));
    const now = i64.load(get(s), HART.CLOCK);
    const remaining = i64.load(0, MACHINE_WORD.REMAINING);
    return [
      when(i32.eqz(field(s, HART.PARK_LINE)), [ret()]),
      setField(s, HART.PARK_LINE, 0),
      i32.store(0, i32.sub(parked(), 1), MACHINE_WORD.PARKED),
      when(i64.leU(get(until), now), [call(core.functions.refreshKey, get(s)), ret()]),
      set(cycles, step(POLL.CYCLES_SHIFT, POLL.CYCLES_MASK)),
      set(instructions, step(POLL.COUNT_SHIFT, POLL.COUNT_MASK)),
      set(rounds, i64.divU(i64.sub(get(until), now), get(cycles))),
      set(allowed, i64.divU(remaining, get(instructions))),
      when(i64.gtU(get(rounds), get(allowed)), [set(rounds, get(allowed))]),
      i64.store(get(s), i64.add(now, i64.mul(get(rounds), get(cycles))), HART.CLOCK),
      set(rounds, i64.mul(get(rounds), get(instructions))),
      i64.store(get(s), i64.add(i64.load(get(s), HART.INSTRET), get(rounds)), HART.INSTRET),
      i64.store(0, i64.sub(remaining, get(rounds)), MACHINE_WORD.REMAINING),
      call(core.functions.refreshKey, get(s)),
    ];
  });
}

/** (line + 1 or 0 for all, clock): how many harts were woken. */
function defineWake(core: Core): void {
  core.module.define(core.functions.wake, (scope) => {
    const [lineBeyond, until] = scope.params as [Local, Local];
    const s = scope.local(I32);
    const count = scope.local(I32);
    const next = label("hart");
    return [
      set(s, blockOf(0)),
      loop(
        next,
        when(i32.eqz(get(lineBeyond)), [setField(s, HART.POLL_COUNT, 0)]),
        when(choose(get(lineBeyond), i32.eq(field(s, HART.PARK_LINE), get(lineBeyond)), field(s, HART.PARK_LINE)), [
          call(core.functions.unpark, get(s), get(until)),
          set(count, i32.add(get(count), 1)),
        ]),
        brIf(next, i32.ltU(tee(s, i32.add(get(s), HART_STRIDE)), blockOf(core.harts))),
      ),
      get(count),
    ];
  });
}

export function emitPark(core: Core): void {
  if (core.parks) {
    definePark(core);
    defineUnpark(core);
    defineWake(core);
    return;
  }
  core.module.define(core.functions.park, () => []);
  core.module.define(core.functions.unpark, () => []);
  core.module.define(core.functions.wake, () => [i32.const(0)]);
}
