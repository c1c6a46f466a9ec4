/**
 * The order between harts as one number a hart: clock << 7 | place among those of equal clock << 1 | whether it has paid.
 * place = (hart + clock) mod n; a hart that waits stands at the clock of its next event; all ones: it waits for ever.
 *
 * The numbers are kept in MACHINE_WORD.KEYS, so that a pick reads nothing else and takes no branch: a hart's own is set
 * when its turn ends, all of them after a call of JavaScript, which may set events of others.
 */
import {
  I32, I64, brIf, call, choose, get, i32, i64, label, loop, select, set, tee, when,
} from "../../../isa/wasm/code.ts";
import type { Local, Node, Value } from "../../../isa/wasm/code.ts";
import { IP } from "../../hart/bits.ts";
import { HART, HART_STRIDE, MACHINE_WORD } from "../../memory/layout.ts";
import { blockOf, field, hartOf } from "../core.ts";
import type { Core } from "../core.ts";

export const NEVER = -1;
const CLOCK_SHIFT = 7;
const PAID = 1;
/** More harts are compared in a loop. */
const UNROLLED_MAX = 8;

/** Clock of the hart's next interrupt event; all ones: none. */
export const nextEvent = (s: Local): Value => {
  const timer = choose(i32.and(field(s, HART.MIP), IP.MTIP), i64.const(NEVER), i64.load(get(s), HART.TIMER_CLOCK), I64);
  const event = i64.load(get(s), HART.EVENT_CLOCK);
  return choose(i64.ltU(timer, event), timer, event, I64);
};

/** (hart + clock) mod n. */
export const placeOf = (core: Core, hart: Value, clock: Local): Value =>
  i64.remU(i64.add(i64.extendU(hart), get(clock)), core.harts);

/** Whether only an event brings the hart on: it is in WFI or parked. */
const waits = (core: Core, s: Local): Value =>
  core.parks ? i32.or(field(s, HART.WFI), field(s, HART.PARK_LINE)) : field(s, HART.WFI);

const keyAddress = (s: Local): Value => i32.shl(hartOf(s), 3);

/** Sets the key of a hart; `clock` and `event` are overwritten. */
export function refreshKey(core: Core, s: Local, clock: Local, event: Local): Node[] {
  const paid = core.cycle ? i64.extendU(i64.eq(i64.load(get(s), HART.PAID_AT), i64.add(get(clock), 1))) : i64.const(0);
  const key = i64.or(i64.or(i64.shl(get(clock), CLOCK_SHIFT), i64.shl(placeOf(core, hartOf(s), clock), 1)), paid);
  return [
    set(clock, i64.load(get(s), HART.CLOCK)),
    when(i32.and(i32.ne(waits(core, s), 0), i32.eqz(field(s, HART.ATTENTION))), [
      set(event, nextEvent(s)),
      when(i64.gtU(get(event), get(clock)), [set(clock, get(event))]),
    ]),
    when(field(s, HART.HELD), [set(clock, NEVER)]),
    i64.store(keyAddress(s), choose(i64.eq(get(clock), NEVER), i64.const(NEVER), key, I64), MACHINE_WORD.KEYS),
  ];
}

export function emitOrder(core: Core): void {
  core.module.define(core.functions.refreshKey, (scope) => {
    const [s] = scope.params as [Local];
    return refreshKey(core, s, scope.local(I64), scope.local(I64));
  });
  core.module.define(core.functions.refreshKeys, (scope) => {
    const s = scope.local(I32);
    const clock = scope.local(I64);
    const event = scope.local(I64);
    const next = label("hart");
    return [
      set(s, blockOf(0)),
      loop(
        next,
        ...refreshKey(core, s, clock, event),
        brIf(next, i32.ltU(tee(s, i32.add(get(s), HART_STRIDE)), blockOf(core.harts))),
      ),
    ];
  });
}

export interface Pick {
  readonly best: Local;
  readonly bestKey: Local;
  readonly second: Local;
  readonly secondKey: Local;
  /** Clock of the first hart that has paid: it will act there at once. */
  readonly paidKey: Local;
  /** Overwritten. */
  readonly key: Local;
  readonly larger: Local;
  readonly at: Local;
}

/** The hart of a key. */
const hartOfKey = (core: Core, key: Value, clock: Local): Value => {
  const place = i64.and(i64.shrU(key, 1), 63);
  return i32.wrap(i64.remU(i64.sub(i64.add(place, core.harts), i64.remU(get(clock), core.harts)), core.harts));
};

/** First and second in the order, and their clocks; those stay all ones when there is none. */
export function pickNodes(core: Core, p: Pick): Node[] {
  const { key, larger, at, bestKey, secondKey, paidKey } = p;
  const compare = (address: Value, offset: number): Node[] => [
    set(key, i64.load(address, MACHINE_WORD.KEYS + offset)),
    set(larger, select(i64.ltU(get(key), get(bestKey)), get(bestKey), get(key), I64)),
    set(bestKey, select(i64.ltU(get(key), get(bestKey)), get(key), get(bestKey), I64)),
    set(secondKey, select(i64.ltU(get(larger), get(secondKey)), get(larger), get(secondKey), I64)),
    ...(core.cycle && core.harts > 1
      ? [
          set(key, select(i32.and(i32.wrap(get(key)), PAID), get(key), i64.const(NEVER), I64)),
          set(paidKey, select(i64.ltU(get(key), get(paidKey)), get(key), get(paidKey), I64)),
        ]
      : []),
  ];
  const next = label("hart");
  const all = core.harts <= UNROLLED_MAX
    ? Array.from({ length: core.harts }, (_, hart) => compare(i32.const(0), hart * 8)).flat()
    : [
        set(at, 0),
        loop(next, ...compare(get(at), 0), brIf(next, i32.ltU(tee(at, i32.add(get(at), 8)), core.harts * 8))),
      ];
  const decode = (from: Local, hart: Local | null): Node =>
    when(i64.ne(get(from), NEVER), [
      set(key, get(from)),
      set(from, i64.shrU(get(from), CLOCK_SHIFT)),
      ...(hart ? [set(hart, hartOfKey(core, get(key), from))] : []),
    ]);
  return [
    set(bestKey, NEVER),
    set(secondKey, NEVER),
    set(paidKey, NEVER),
    ...all,
    decode(bestKey, p.best),
    decode(secondKey, p.second),
    decode(paidKey, null),
  ];
}

export const refreshAll = (core: Core): Node => call(core.functions.refreshKeys);
