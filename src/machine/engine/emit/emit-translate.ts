/**
 * Sv32 with hardware-updated A and D bits, and PMP, over the TLBs of emit-tlb.ts. A walk's own reads and writes are checked
 * by PMP as S mode's. Sources: privileged manual 1.12, sections 3.7 and 4.3.
 */
import {
  br, brIf, call, choose, drop, get, getGlobal, i32, i64, label, loop, block, ret, set, setGlobal, tee, when, I32,
} from "../../../isa/wasm/code.ts";
import type { Local, Node, Operand, Value } from "../../../isa/wasm/code.ts";
import { BOARD, HART } from "../../memory/layout.ts";
import { MSTATUS, PRIV } from "../../hart/bits.ts";
import { CACHE } from "../../timing/constants.ts";
import { ACCESS, addCost, creditPaid, field, hartOf, mark, mustWait, payFirst, raise, refuse } from "../core.ts";
import type { Core } from "../core.ts";
import { wakeAllFirst } from "./emit-park.ts";
import { SUPERPAGE, enter, lookUp } from "./emit-tlb.ts";
import type { Lookup } from "./emit-tlb.ts";
import { DIRECTORY } from "../tables.ts";

const PTE = { V: 1, R: 2, W: 4, X: 8, U: 16, A: 64, D: 128 } as const;
const PAGE = ~0xfff;
const ALL_RIGHTS = 0xff;
/** PTE bits that PMP can take away; its R, W, X are one place lower. */
const PTE_RIGHTS = PTE.R | PTE.W | PTE.X;

/** cause = causes[access], without a table in memory. */
const byAccess = (access: Local, load: number, store: number, fetch: number): Value =>
  choose(get(access), choose(i32.eq(get(access), ACCESS.STORE), store, fetch), load);
const pageFault = (access: Local): Value => byAccess(access, 13, 15, 12);
const accessFault = (access: Local): Value => byAccess(access, 5, 7, 1);

const has = (value: Operand, bits: number): Value => i32.ne(i32.and(value, bits), 0);

function definePermits(core: Core): void {
  core.module.define(core.functions.permits, ({ params }) => {
    const [pte, access, privilege, mstatus] = params as [Local, Local, Local, Local];
    return [
      when(has(get(pte), PTE.U), [
        when(i32.eq(get(privilege), PRIV.S), [
          when(i32.eq(get(access), ACCESS.FETCH), [ret(i32.const(0))]),
          when(i32.eqz(i32.and(get(mstatus), MSTATUS.SUM)), [ret(i32.const(0))]),
        ]),
      ], [when(i32.eqz(get(privilege)), [ret(i32.const(0))])]),
      when(i32.eq(get(access), ACCESS.STORE), [ret(has(get(pte), PTE.W))]),
      when(i32.eq(get(access), ACCESS.FETCH), [ret(has(get(pte), PTE.X))]),
      when(has(get(pte), PTE.R), [ret(i32.const(1))]),
      i32.and(has(get(mstatus), MSTATUS.MXR), has(get(pte), PTE.X)),
    ];
  });
}

/** The usual set-up, one first entry that opens everything (or no locked entry in M mode), needs no call. */
const pmpOpen = (s: Local, privilege: Value): Value => {
  const mode = i32.and(field(s, HART.PMPCFG), 0x18);
  const address = field(s, HART.PMPADDR);
  const wide = i32.or(
    i32.and(i32.eq(mode, 0x18), i32.eq(i32.and(address, 0x1fffffff), 0x1fffffff)),
    i32.and(i32.eq(mode, 0x08), i32.geU(address, 0x40000000)),
  );
  const locks = i32.or(
    i32.or(field(s, HART.PMPCFG), field(s, HART.PMPCFG + 4)),
    i32.or(field(s, HART.PMPCFG + 8), field(s, HART.PMPCFG + 12)),
  );
  return choose(
    i32.eq(privilege, PRIV.M),
    i32.eqz(i32.and(locks, 0x80808080)),
    i32.and(wide, i32.eq(i32.and(field(s, HART.PMPCFG), 7), 7)),
  );
};

function defineGuard(core: Core): void {
  core.module.define(core.functions.guard, ({ params, local }) => {
    const [s, physical, size, access, privilege] = params as [Local, Local, Local, Local, Local];
    const rights = local(I32);
    const ask = (at: Value, bytes: Value): Value => call(core.imports.pmpRights, hartOf(s), at, bytes, get(privilege));
    return [
      when(pmpOpen(s, get(privilege)), [ret(i32.const(1))]),
      when(i32.ltS(tee(rights, ask(i32.and(get(physical), PAGE), i32.const(4096))), 0), [
        // PMP divides the page: nothing about it may be remembered.
        setGlobal(core.cacheable, 0),
        when(i32.ltS(tee(rights, ask(get(physical), get(size))), 0), [ret(i32.const(0))]),
      ]),
      setGlobal(core.flags, i32.and(getGlobal(core.flags), i32.or(i32.shl(get(rights), 1), ~PTE_RIGHTS))),
      i32.and(i32.shrU(get(rights), get(access)), 1),
    ];
  });
}

function defineWalk(core: Core): void {
  core.module.define(core.functions.walk, (scope) => {
    const [s, va, access, privilege, mutate] = scope.params as [Local, Local, Local, Local, Local];
    const table = scope.local(I32);
    const at = scope.local(I32);
    const pte = scope.local(I32);
    const level = scope.local(I32);
    const wanted = scope.local(I32);
    const rights = scope.local(I32);
    const leaf = label("leaf");
    const next = label("next");
    const fault = (cause: Value): Node[] => [setGlobal(core.cause, cause), ret(i32.const(0))];
    return [
      set(table, i32.and(field(s, HART.SATP), 0x3fffff)),
      set(level, 1),
      block(leaf, loop(
        next,
        // Page numbers have 22 bits; what lies above 4 GiB is not there.
        when(i32.shrU(get(table), 20), fault(accessFault(access))),
        set(at, i32.sub(i32.add(
          i32.shl(get(table), 12),
          i32.shl(i32.and(i32.shrU(get(va), choose(get(level), 22, 12)), 1023), 2),
        ), BOARD.RAM)),
        when(i32.geU(get(at), core.ramBytes), fault(accessFault(access))),
        set(rights, choose(pmpOpen(s, i32.const(PRIV.S)), 7, call(
          core.imports.pmpRights, hartOf(s), i32.add(get(at), BOARD.RAM), i32.const(4), i32.const(PRIV.S),
        ))),
        when(i32.or(i32.ltS(get(rights), 0), i32.eqz(i32.and(get(rights), 1))), fault(accessFault(access))),
        when(get(mutate), [call(core.functions.walkLine, get(s), get(at), i32.const(0))]),
        set(at, i32.add(get(at), core.tables.ramOffset)),
        set(pte, i32.load(get(at))),
        when(i32.eqz(i32.and(get(pte), PTE.V)), fault(pageFault(access))),
        when(i32.eq(i32.and(get(pte), PTE.R | PTE.W), PTE.W), fault(pageFault(access))),
        brIf(leaf, i32.and(get(pte), PTE.R | PTE.X)),
        when(i32.or(i32.eqz(get(level)), i32.and(get(pte), PTE.U | PTE.A | PTE.D)), fault(pageFault(access))),
        set(table, i32.shrU(get(pte), 10)),
        set(level, 0),
        br(next),
      )),
      when(i32.and(get(level), has(get(pte), 0x3ff << 10)), fault(pageFault(access))),
      when(
        i32.eqz(call(core.functions.permits, get(pte), get(access), get(privilege), field(s, HART.MSTATUS))),
        fault(pageFault(access)),
      ),
      set(wanted, choose(i32.eq(get(access), ACCESS.STORE), PTE.A | PTE.D, PTE.A)),
      when(i32.and(get(mutate), i32.ne(i32.and(get(pte), get(wanted)), get(wanted))), [
        when(i32.eqz(i32.and(get(rights), 2)), fault(accessFault(access))),
        call(core.functions.walkLine, get(s), i32.sub(get(at), core.tables.ramOffset), i32.const(1)),
        i32.store(get(at), tee(pte, i32.or(get(pte), get(wanted)))),
        mark(core, get(at)),
        call(core.functions.wroteCode, i32.sub(get(at), core.tables.ramOffset)),
      ]),
      when(i32.shrU(get(pte), 30), fault(accessFault(access))),
      set(table, i32.and(i32.shl(get(pte), 2), PAGE)),
      when(get(level), [set(table, i32.or(get(table), i32.and(get(va), 0x3ff000)))]),
      i32.or(i32.or(get(table), i32.and(get(pte), 0xff)), choose(get(level), SUPERPAGE, 0)),
    ];
  });
}

const inPage = (value: Local, va: Local): Value =>
  i32.or(i32.and(get(value), PAGE), i32.and(get(va), 0xfff));

/** Sets `value` to 0 unless `translate`, paging being on, has only to look into the TLB. */
export function lookUpOnly(core: Core, l: Lookup): Node[] {
  const wanted = choose(i32.eq(get(l.access), ACCESS.STORE), PTE.A | PTE.D, PTE.A);
  const permitted = call(core.functions.permits, get(l.value), get(l.access), field(l.s, HART.PRIV), field(l.s, HART.MSTATUS));
  return [
    ...lookUp(core, l),
    set(l.value, i32.and(permitted, i32.eq(i32.and(get(l.value), wanted), wanted))),
  ];
}

function defineTranslate(core: Core): void {
  core.module.define(core.functions.translate, (scope) => {
    const [s, va, access, size, left] = scope.params as [Local, Local, Local, Local, Local];
    const privilege = scope.local(I32);
    const value = scope.local(I32);
    const lookup = { s, va, access, entry: scope.local(I32), value, scratch: scope.local(I32) };
    const wanted = scope.local(I32);
    const mstatus = scope.local(I32);
    const zero = i32.const(0);
    const guarded = (physical: Value): Node[] => [
      when(i32.eqz(call(core.functions.guard, get(s), physical, get(size), get(access), get(privilege))), [
        raise(core, accessFault(access), get(va), zero),
      ]),
      ret(physical),
    ];
    // What another hart has written in the tables moves as any line does: paid for before.
    const fromOthers: Node[] = core.cycle && core.harts > 1
      ? [when(call(core.functions.tablesElsewhere, get(s), get(va)), [
          payFirst(core, s, left, core.costs.transfer, zero),
          ...wakeAllFirst(core, left, zero),
        ])]
      : [];
    return [
      set(privilege, field(s, HART.PRIV)),
      set(mstatus, field(s, HART.MSTATUS)),
      setGlobal(core.cacheable, 1),
      when(i32.and(i32.and(has(get(mstatus), MSTATUS.MPRV), i32.ne(get(access), ACCESS.FETCH)), i32.eq(get(privilege), PRIV.M)), [
        set(privilege, i32.and(i32.shrU(get(mstatus), MSTATUS.MPP_SHIFT), 3)),
        setGlobal(core.cacheable, 0),
      ]),
      setGlobal(core.flags, ALL_RIGHTS),
      when(i32.or(i32.eq(get(privilege), PRIV.M), i32.geS(field(s, HART.SATP), 0)), guarded(get(va))),
      set(wanted, choose(i32.eq(get(access), ACCESS.STORE), PTE.A | PTE.D, PTE.A)),
      ...lookUp(core, lookup),
      when(get(value), [
        when(i32.and(
          i32.eq(i32.and(get(value), get(wanted)), get(wanted)),
          call(core.functions.permits, get(value), get(access), get(privilege), get(mstatus)),
        ), [setGlobal(core.flags, i32.and(get(value), 0xff)), ...guarded(inPage(value, va))]),
      ]),
      when(mustWait(core, left), [refuse(core, zero)]),
      // Nothing behind a walk may be refused, for its cost would be lost: whoever could be in the way is woken before it.
      ...wakeAllFirst(core, left, zero),
      ...fromOthers,
      set(value, call(core.functions.walk, get(s), get(va), get(access), get(privilege), i32.const(1))),
      when(i32.eqz(get(value)), [raise(core, getGlobal(core.cause), get(va), zero)]),
      ...(core.cycle ? [creditPaid(core, s, left)] : []),
      ...enter(core, lookup),
      setGlobal(core.flags, i32.and(get(value), 0xff)),
      ...guarded(inPage(value, va)),
      zero,
    ];
  });
}

/** Sets `entry` to the directory entry of the first (level 1) or second page-table entry of `va`; leaves when there is none. */
function tableEntry(core: Core, p: { s: Local; va: Local; at: Local; entry: Local }, level: 0 | 1, none?: Value): Node[] {
  const { s, va, at, entry } = p;
  const table = level === 1
    ? i32.shl(i32.and(field(s, HART.SATP), 0x3fffff), 12)
    : i32.shl(i32.shrU(i32.load(i32.add(get(at), core.tables.ramOffset)), 10), 12);
  const index = i32.shl(i32.and(i32.shrU(get(va), level === 1 ? 22 : 12), 1023), 2);
  return [
    ...(level === 0
      ? [when(i32.ne(i32.and(i32.load(i32.add(get(at), core.tables.ramOffset)), PTE.V | PTE.R | PTE.X), PTE.V), [ret(none)])]
      : []),
    set(at, i32.sub(i32.add(table, index), BOARD.RAM)),
    when(i32.geU(get(at), core.ramBytes), [ret(none)]),
    set(entry, i32.add(i32.shl(i32.shrU(get(at), CACHE.lineShift), DIRECTORY.SHIFT), core.tables.directory)),
  ];
}

function defineTables(core: Core): void {
  // An owner elsewhere, or copies of an entry that the walk may write A or D into.
  core.module.define(core.functions.tablesElsewhere, (scope) => {
    const [s, va] = scope.params as [Local, Local];
    const p = { s, va, at: scope.local(I32), entry: scope.local(I32) };
    const owner = i32.load(get(p.entry), DIRECTORY.OWNER);
    const pte = i32.load(i32.add(get(p.at), core.tables.ramOffset));
    const others = i64.and(
      i64.load(get(p.entry), DIRECTORY.SHARERS), i64.xor(i64.shl(1, i64.extendU(hartOf(s))), -1),
    );
    const marked = i32.or(i32.eqz(i32.and(pte, PTE.R | PTE.X)), i32.eq(i32.and(pte, PTE.A | PTE.D), PTE.A | PTE.D));
    const elsewhere = i32.or(
      i32.and(i32.ne(owner, 0), i32.ne(owner, i32.add(hartOf(s), 1))),
      i32.and(i32.eqz(marked), i64.ne(others, 0)),
    );
    const zero = i32.const(0);
    return [
      ...tableEntry(core, p, 1, zero),
      when(elsewhere, [ret(i32.const(1))]),
      ...tableEntry(core, p, 0, zero),
      elsewhere,
    ];
  });
}

/** The walker is a client of the hart's L1: an entry is read, and its A and D written, through the caches as any word. */
function defineWalkLine(core: Core): void {
  const { functions } = core;
  core.module.define(functions.walkLine, (scope) => {
    const [s, offset, write] = scope.params as [Local, Local, Local];
    const hart = scope.local(I32);
    const line = scope.local(I32);
    const owner = i32.load(
      i32.add(i32.shl(get(line), DIRECTORY.SHIFT), core.tables.directory), DIRECTORY.OWNER,
    );
    return [
      set(hart, hartOf(s)),
      set(line, i32.shrU(get(offset), CACHE.lineShift)),
      when(get(write), [
        when(i32.ne(owner, i32.add(get(hart), 1)), [call(functions.takeLine, get(hart), get(line))]),
        call(functions.breakReservation, get(hart), get(line)),
      ], [
        addCost(core, core.costs.walkHit),
        setGlobal(core.moved, 0),
        when(i32.ltS(call(functions.findWay, get(hart), get(line)), 0), [
          drop(call(functions.fillLine, get(hart), get(line))),
        ]),
      ]),
    ];
  });
}

function definePeek(core: Core): void {
  core.module.define(core.functions.peekAddress, (scope) => {
    const [s, va] = scope.params as [Local, Local];
    const access = scope.local(I32);
    const value = scope.local(I32);
    return [
      when(i32.or(i32.eq(field(s, HART.PRIV), PRIV.M), i32.geS(field(s, HART.SATP), 0)), [ret(get(va))]),
      set(access, ACCESS.LOAD),
      ...lookUp(core, { s, va, access, entry: scope.local(I32), value, scratch: scope.local(I32) }),
      when(i32.eqz(get(value)), [set(value, call(core.functions.walk, get(s), get(va), get(access), field(s, HART.PRIV), i32.const(0)))]),
      choose(get(value), inPage(value, va), -1),
    ];
  });
  core.module.define(core.functions.peek, (scope) => {
    const [s, va] = scope.params as [Local, Local];
    const offset = scope.local(I32);
    return [
      when(i32.and(get(va), 3), [ret(i32.const(0))]),
      set(offset, i32.sub(call(core.functions.peekAddress, get(s), get(va)), BOARD.RAM)),
      choose(i32.ltU(get(offset), core.ramBytes - 3), i32.load(get(offset), core.tables.ramOffset), 0),
    ];
  });
}

export function emitTranslate(core: Core): void {
  definePermits(core);
  defineGuard(core);
  defineWalk(core);
  defineTranslate(core);
  if (core.cycle) {
    defineTables(core);
    defineWalkLine(core);
  } else {
    core.module.define(core.functions.tablesElsewhere, () => [i32.const(0)]);
    core.module.define(core.functions.walkLine, ({ params }) => {
      const [s, offset, write] = params as [Local, Local, Local];
      return [
        when(get(write), [
          drop(call(core.functions.reserved, get(s), get(offset))),
          call(core.functions.breakReservation, hartOf(s), i32.shrU(get(offset), CACHE.lineShift)),
        ]),
      ];
    });
  }
  definePeek(core);
}
