/**
 * The slow paths of loads, stores and atomics: what the line table did not decide. Misaligned accesses are done byte by
 * byte, as QEMU does them; atomics trap. Devices are called here, and nowhere else.
 *
 * A device access ends the turn: it may have changed this hart's interrupts. It completes the instruction itself
 * (register; the caller: PC) and leaves STATUS.COMPLETED.
 */
import {
  I32, brIf, call, choose, get, getGlobal, i32, label, loop, ret, sequence, set, setGlobal, tee, when,
} from "../../../isa/wasm/code.ts";
import type { Local, Node, Value } from "../../../isa/wasm/code.ts";
import { CAUSE } from "../../hart/bits.ts";
import { ACCESS_KIND, BOARD, HART, MACHINE_WORD } from "../../memory/layout.ts";
import {
  ACCESS, STATUS, addCost, failed, field, hartOf, mustWait, raise, refuse, setField, syncClock,
} from "../core.ts";
import type { Core } from "../core.ts";
import { withdrawWriters } from "./emit-cache.ts";
import { observe } from "./emit-observe.ts";
import { wakeAllFirst } from "./emit-park.ts";

/** descriptor of a load: size in bytes, plus this bit when it extends the sign. */
export const SIGNED = 8;

/** Nothing has happened yet. */
const begin = (core: Core): Node => sequence(setGlobal(core.status, STATUS.DONE), setGlobal(core.slowCost, 0));

const inRam = (core: Core, offset: Local): Value => i32.ltU(get(offset), core.ramBytes);
const hostOf = (core: Core, offset: Local): Value => i32.add(get(offset), core.tables.ramOffset);

/** The value of a load of 1, 2 or 4 bytes from its low bits. */
const extend = (value: Local, descriptor: Local): Value => {
  const shift = i32.sub(32, i32.shl(i32.and(get(descriptor), 7), 3));
  return choose(
    i32.and(get(descriptor), SIGNED),
    i32.shrS(i32.shl(get(value), shift), shift),
    i32.shrU(i32.shl(get(value), shift), shift),
  );
};

/** After a device access: an access fault, or the instruction is complete but for PC, which the caller moves. */
function finishDevice(core: Core, va: Local, cause: number, value?: Value): Node[] {
  return [
    when(i32.load(0, MACHINE_WORD.ACCESS_FAULT), [
      i32.store(0, 0, MACHINE_WORD.ACCESS_FAULT),
      raise(core, cause, get(va), value),
    ]),
    addCost(core, i32.load(0, MACHINE_WORD.DEVICE_CYCLES)),
    setGlobal(core.status, STATUS.COMPLETED),
  ];
}

function defineLoad(core: Core): void {
  const { functions, imports } = core;
  core.module.define(functions.slowLoad, (scope) => {
    const [s, va, left, descriptor, target] = scope.params as [Local, Local, Local, Local, Local];
    const offset = scope.local(I32);
    const value = scope.local(I32);
    const size = i32.and(get(descriptor), 7);
    const zero = i32.const(0);
    return [
      begin(core),
      when(i32.and(get(va), i32.sub(size, 1)), [
        set(value, call(functions.misalignedLoad, get(s), get(va), get(left), size)),
        addCost(core, core.costs.misaligned),
        ret(extend(value, descriptor)),
      ]),
      set(offset, i32.sub(call(functions.translate, get(s), get(va), i32.const(ACCESS.LOAD), size, get(left)), BOARD.RAM)),
      when(failed(core), [ret(zero)]),
      when(inRam(core, offset), [
        call(functions.touch, get(s), get(va), get(offset), i32.const(0), get(left)),
        // Whole words never leave RAM here: it is a multiple of pages and the address is aligned to the size.
        set(value, i32.load8U(hostOf(core, offset))),
        when(i32.and(get(descriptor), 2), [set(value, i32.load16U(hostOf(core, offset)))]),
        when(i32.and(get(descriptor), 4), [set(value, i32.load(hostOf(core, offset)))]),
        ...(core.observe
          ? [when(i32.eqz(failed(core)), [observe(core, s, va, left, get(offset), i32.or(LOADED, size), get(value))])]
          : []),
        ret(extend(value, descriptor)),
      ]),
      when(mustWait(core, left), [refuse(core, zero)]),
      ...wakeAllFirst(core, left, zero),
      syncClock(core, s, left),
      set(value, call(imports.mmioLoad, hartOf(s), i32.add(get(offset), BOARD.RAM), size)),
      ...finishDevice(core, va, CAUSE.LOAD_ACCESS, zero),
      observe(core, s, va, left, get(offset), i32.or(LOADED, size), narrow(value, size)),
      i32.store(get(target), extend(value, descriptor)),
      zero,
    ];
  });
}

/** kind << 4 of access records. */
const LOADED = ACCESS_KIND.LOAD << 4;
const STORED = ACCESS_KIND.STORE << 4;
/** The low bytes of a value. */
const narrow = (value: Local, size: Value): Value => i32.and(get(value), i32.shrU(-1, i32.sub(32, i32.shl(size, 3))));

/** The store proper, its size known at run time. */
const storeSized = (host: Value, value: Local, size: Value): Node =>
  when(i32.and(size, 4), [i32.store(host, get(value))], [
    when(i32.and(size, 2), [i32.store16(host, get(value))], [i32.store8(host, get(value))]),
  ]);

function defineStore(core: Core): void {
  const { functions, imports } = core;
  core.module.define(functions.slowStore, (scope) => {
    const [s, va, left, size, value] = scope.params as [Local, Local, Local, Local, Local];
    const offset = scope.local(I32);
    return [
      begin(core),
      when(i32.and(get(va), i32.sub(get(size), 1)), [
        call(functions.misalignedStore, get(s), get(va), get(left), get(size), get(value)),
        addCost(core, core.costs.misaligned),
        ret(),
      ]),
      set(offset, i32.sub(call(functions.translate, get(s), get(va), i32.const(ACCESS.STORE), get(size), get(left)), BOARD.RAM)),
      when(failed(core), [ret()]),
      when(inRam(core, offset), [
        call(functions.touch, get(s), get(va), get(offset), i32.const(1), get(left)),
        when(failed(core), [ret()]),
        storeSized(hostOf(core, offset), value, get(size)),
        observe(core, s, va, left, get(offset), i32.or(STORED, get(size)), narrow(value, get(size))),
        call(functions.wroteCode, get(offset)),
        ret(),
      ]),
      when(mustWait(core, left), [refuse(core)]),
      ...wakeAllFirst(core, left),
      syncClock(core, s, left),
      call(imports.mmioStore, hartOf(s), i32.add(get(offset), BOARD.RAM), get(size), get(value)),
      ...finishDevice(core, va, CAUSE.STORE_ACCESS),
      observe(core, s, va, left, get(offset), i32.or(STORED, get(size)), narrow(value, get(size))),
    ];
  });
}

/**
 * Both ends of a misaligned access are translated and made present before anything happens. Sets `first` and `last` to
 * their offsets in RAM; an access that touches a device is an access fault.
 */
function bothEnds(
  core: Core, access: number, locals: { s: Local; va: Local; left: Local; end: Local; first: Local; last: Local }, size: Value, none?: Value,
): Node[] {
  const { s, va, left, end, first, last } = locals;
  const { functions } = core;
  const write = i32.const(access === ACCESS.STORE ? 1 : 0);
  const cause = access === ACCESS.STORE ? CAUSE.STORE_ACCESS : CAUSE.LOAD_ACCESS;
  const leave = when(failed(core), [ret(none)]);
  const { lineShift } = core.tables;
  const crosses = i32.shrU(i32.xor(get(va), get(end)), 12);
  return [
    set(end, i32.add(get(va), i32.sub(size, 1))),
    // Nothing behind the first end may be refused, for its cost would be lost: parked harts are woken before it.
    ...(core.parks
      ? [when(i32.shrU(i32.xor(get(va), get(end)), lineShift), [
          when(mustWait(core, left), [refuse(core, none)]),
          ...wakeAllFirst(core, left, none),
        ])]
      : []),
    set(last, choose(crosses, i32.sub(0x1000, i32.and(get(va), 0xfff)), size)),
    set(first, i32.sub(call(functions.translate, get(s), get(va), i32.const(access), get(last), get(left)), BOARD.RAM)),
    leave,
    when(i32.eqz(inRam(core, first)), [raise(core, cause, get(va), none)]),
    set(last, i32.add(get(first), i32.sub(size, 1))),
    call(functions.touch, get(s), get(va), get(first), write, get(left)),
    leave,
    when(crosses, [
      set(last, i32.sub(call(
        functions.translate, get(s), i32.and(get(end), ~0xfff), i32.const(access), i32.add(i32.and(get(end), 0xfff), 1), get(left),
      ), BOARD.RAM)),
      leave,
      when(i32.eqz(inRam(core, last)), [raise(core, cause, i32.and(get(end), ~0xfff), none)]),
      set(last, i32.add(get(last), i32.and(get(end), 0xfff))),
    ]),
    when(i32.shrU(i32.xor(get(va), get(end)), lineShift), [
      call(functions.touch, get(s), get(end), get(last), write, get(left)),
      leave,
    ]),
  ];
}

/** Where byte number `at` of the access is: counted from `first` up, or from `last` down when the page changes. */
const byteAt = (core: Core, l: { va: Local; end: Local; first: Local; last: Local; at: Local }): Value =>
  i32.add(
    choose(
      i32.shrU(i32.xor(i32.add(get(l.va), get(l.at)), get(l.va)), 12),
      i32.sub(get(l.last), i32.sub(get(l.end), i32.add(get(l.va), get(l.at)))),
      i32.add(get(l.first), get(l.at)),
    ),
    core.tables.ramOffset,
  );

function defineMisaligned(core: Core): void {
  const { functions } = core;
  core.module.define(functions.misalignedLoad, (scope) => {
    const [s, va, left, size] = scope.params as [Local, Local, Local, Local];
    const locals = { s, va, left, end: scope.local(I32), first: scope.local(I32), last: scope.local(I32), at: scope.local(I32) };
    const { at } = locals;
    const value = scope.local(I32);
    const next = label("next");
    return [
      ...bothEnds(core, ACCESS.LOAD, locals, get(size), i32.const(0)),
      loop(
        next,
        set(value, i32.or(get(value), i32.shl(i32.load8U(byteAt(core, locals)), i32.shl(get(at), 3)))),
        brIf(next, i32.ltU(tee(at, i32.add(get(at), 1)), get(size))),
      ),
      observe(core, s, va, left, get(locals.first), i32.or(LOADED, get(size)), get(value)),
      get(value),
    ];
  });
  core.module.define(functions.misalignedStore, (scope) => {
    const [s, va, left, size, value] = scope.params as [Local, Local, Local, Local, Local];
    const locals = { s, va, left, end: scope.local(I32), first: scope.local(I32), last: scope.local(I32), at: scope.local(I32) };
    const { at, first, last } = locals;
    const next = label("next");
    return [
      ...bothEnds(core, ACCESS.STORE, locals, get(size)),
      loop(
        next,
        i32.store8(byteAt(core, locals), i32.shrU(get(value), i32.shl(get(at), 3))),
        brIf(next, i32.ltU(tee(at, i32.add(get(at), 1)), get(size))),
      ),
      call(functions.wroteCode, get(first)),
      call(functions.wroteCode, get(last)),
      observe(core, s, va, left, get(first), i32.or(STORED, get(size)), narrow(value, get(size))),
    ];
  });
}

/** Offset in RAM for an atomic, or out of the function with a trap. */
function atomicOffset(core: Core, s: Local, va: Local, left: Local, offset: Local, isLoad: Value): Node[] {
  const zero = i32.const(0);
  const cause = (load: number, store: number): Value => choose(isLoad, load, store);
  return [
    begin(core),
    when(i32.and(get(va), 3), [raise(core, cause(CAUSE.LOAD_MISALIGNED, CAUSE.STORE_MISALIGNED), get(va), zero)]),
    set(offset, i32.sub(
      call(core.functions.translate, get(s), get(va), choose(isLoad, ACCESS.LOAD, ACCESS.STORE), i32.const(4), get(left)),
      BOARD.RAM,
    )),
    when(failed(core), [ret(zero)]),
    when(i32.eqz(inRam(core, offset)), [
      raise(core, cause(CAUSE.LOAD_ACCESS, CAUSE.STORE_ACCESS), get(va), zero),
    ]),
  ];
}

/** RESERVATION as LR leaves it. */
const reservationOf = (offset: Local): Value => i32.or(i32.add(i32.and(get(offset), ~63), BOARD.RAM), 1);

function defineAtomics(core: Core): void {
  const { functions } = core;
  core.module.define(functions.slowAtomic, (scope) => {
    const [s, va, left, isLr] = scope.params as [Local, Local, Local, Local];
    const offset = scope.local(I32);
    const scratch = [scope.local(I32), scope.local(I32)] as const;
    return [
      ...atomicOffset(core, s, va, left, offset, get(isLr)),
      call(functions.touch, get(s), get(va), get(offset), i32.eqz(get(isLr)), get(left)),
      when(failed(core), [ret(i32.const(0))]),
      when(get(isLr), [
        setField(s, HART.RESERVATION, reservationOf(offset)),
        setField(s, HART.RESERVED_AT, i32.sub(i32.wrap(getGlobal(core.turnEnd)), get(left))),
        ...(core.cycle ? [] : withdrawWriters(core, s, offset, ...scratch)),
      ], [call(functions.wroteCode, get(offset))]),
      hostOf(core, offset),
    ];
  });
  core.module.define(functions.slowConditional, (scope) => {
    const [s, va, left, value] = scope.params as [Local, Local, Local, Local];
    const offset = scope.local(I32);
    return [
      ...atomicOffset(core, s, va, left, offset, i32.const(0)),
      when(i32.eq(field(s, HART.RESERVATION), reservationOf(offset)), [
        call(functions.touch, get(s), get(va), get(offset), i32.const(1), get(left)),
        when(failed(core), [ret(i32.const(0))]),
        setField(s, HART.RESERVATION, 0),
        i32.store(hostOf(core, offset), get(value)),
        call(functions.wroteCode, get(offset)),
        observe(core, s, va, left, get(offset), (ACCESS_KIND.SC << 4) | 4, get(value)),
        ret(i32.const(0)),
      ]),
      setField(s, HART.RESERVATION, 0),
      observe(core, s, va, left, get(offset), (ACCESS_KIND.SC_FAILED << 4) | 4, get(value)),
      i32.const(1),
    ];
  });
}

export function emitMemory(core: Core): void {
  defineLoad(core);
  defineStore(core);
  defineMisaligned(core);
  defineAtomics(core);
}
