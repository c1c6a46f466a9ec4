/**
 * Which lines a hart may reach on the fast path, and what the slow path costs.
 *
 * Cycle mode: private L1s, a shared L2 that only decides cost, and a directory (MESI; clean-exclusive counts as owned).
 * A line-table entry exists only for a line in the L1, and a physical line has at most one entry a hart, so taking a line
 * away from a hart is one unlink. Every miss and every upgrade is ordered, and what takes a line or copies from others has
 * paid for it before (index.ts). Reservations live and die with the L1 line: whoever writes must first take the line.
 *
 * Functional mode: the line table is a plain TLB by pages. A store by another hart is noticed because LR takes write
 * permission for the page away from all other harts, and the slow path gives it back only when no reservation of others
 * is left in it (older than RESERVATION_CYCLES ones are dropped, so an abandoned LR does not slow stores for ever).
 */
import {
  I32, I64, block, brIf, call, choose, get, getGlobal, i32, i64, label, loop, ret, sequence, set, setGlobal, tee, when,
} from "../../../isa/wasm/code.ts";
import type { Local, Node, Value } from "../../../isa/wasm/code.ts";
import { HART } from "../../memory/layout.ts";
import { CACHE } from "../../timing/constants.ts";
import {
  RESERVATION_CYCLES, addCost, blockOf, creditPaid, contextOf, field, hartOf, isPaid, mark, mustWait, partOf, payFirst, refuse, seesCode, setField,
  syncClock,
} from "../core.ts";
import type { Core } from "../core.ts";
import { wakeAllFirst, wakeFirst } from "./emit-park.ts";
import { FIRST_POLL_OPCODE } from "../opcodes.ts";
import { POLL_BYTES_MAX } from "../poll-loops.ts";
import { DIRECTORY, ENTRY_SHIFT, LINE } from "../tables.ts";

const { l1Sets, l1Ways, l2Sets, l2Ways, lineShift } = CACHE;
const L1_LINES = l1Sets * l1Ways;
const PTE_R = 2;
const PTE_WRITABLE = 4 | 128;
const RAM_BASE = 0x80000000;

const directoryOf = (core: Core, line: Value): Value => i32.add(i32.shl(line, DIRECTORY.SHIFT), core.tables.directory);
const bitOf = (hart: Local): Value => i64.shl(1, i64.extendU(get(hart)));
const tagAt = (core: Core, way: Local): Value => i32.add(i32.shl(get(way), 2), core.tables.l1Tags);

function defineFindWay(core: Core): void {
  core.module.define(core.functions.findWay, (scope) => {
    const [hart, line] = scope.params as [Local, Local];
    const way = scope.local(I32);
    const at = scope.local(I32);
    return [
      set(way, i32.add(i32.mul(get(hart), L1_LINES), i32.mul(i32.and(get(line), l1Sets - 1), l1Ways))),
      set(at, tagAt(core, way)),
      ...Array.from({ length: l1Ways }, (_, k) =>
        when(i32.eq(i32.load(get(at), 4 * k), get(line)), [ret(i32.add(get(way), k))])),
      i32.const(-1),
    ];
  });
}

function defineUnlink(core: Core): void {
  core.module.define(core.functions.unlink, (scope) => {
    const [way] = scope.params as [Local];
    const holder = scope.local(I32);
    const slot = scope.local(I32);
    return [
      set(holder, i32.add(i32.shl(get(way), 2), core.tables.l1Slots)),
      when(tee(slot, i32.load(get(holder))), [
        i32.store(get(slot), -1, LINE.READ),
        i32.store(get(slot), -1, LINE.WRITE),
        i32.store(get(holder), 0),
      ]),
    ];
  });
}

function defineBreakReservation(core: Core): void {
  core.module.define(core.functions.breakReservation, (scope) => {
    const [hart, line] = scope.params as [Local, Local];
    const s = scope.local(I32);
    return [
      set(s, blockOf(get(hart))),
      when(i32.eq(field(s, HART.RESERVATION), i32.or(i32.add(i32.shl(get(line), lineShift), RAM_BASE), 1)), [
        setField(s, HART.RESERVATION, 0),
      ]),
    ];
  });
}

/** Cost of bringing a line from the L2 or memory, and its entry into the L2. */
function lookUpL2(core: Core, line: Local, at: Local, next: Local): Node[] {
  const found = label("found");
  const setOf = (): Value => i32.and(get(line), l2Sets - 1);
  return [
    set(at, i32.add(i32.mul(setOf(), l2Ways * 4), core.tables.l2Tags)),
    block(
      found,
      ...Array.from({ length: l2Ways }, (_, k) => brIf(found, i32.eq(i32.load(get(at), 4 * k), get(line)))),
      addCost(core, core.costs.memory - core.costs.l2Hit),
      set(next, i32.add(i32.shl(setOf(), 2), core.tables.l2Next)),
      i32.store(i32.add(get(at), i32.shl(i32.and(i32.load(get(next)), l2Ways - 1), 2)), get(line)),
      mark(core, get(at)),
      i32.store(get(next), i32.add(i32.load(get(next)), 1)),
      mark(core, get(next)),
    ),
    addCost(core, core.costs.l2Hit),
  ];
}

function defineFillLine(core: Core): void {
  const { tables, functions } = core;
  core.module.define(functions.fillLine, (scope) => {
    const [hart, line] = scope.params as [Local, Local];
    const way = scope.local(I32);
    const next = scope.local(I32);
    const old = scope.local(I32);
    const entry = scope.local(I32);
    const owner = scope.local(I32);
    const at = scope.local(I32);
    const sharers = scope.local(I64);
    const setOf = (): Value => i32.add(i32.mul(get(hart), l1Sets), i32.and(get(line), l1Sets - 1));
    return [
      set(next, i32.add(i32.shl(setOf(), 2), tables.l1Next)),
      set(way, i32.add(i32.mul(setOf(), l1Ways), i32.and(i32.load(get(next)), l1Ways - 1))),
      i32.store(get(next), i32.add(i32.load(get(next)), 1)),
      when(i32.ne(tee(old, i32.load(tagAt(core, way))), -1), [
        set(entry, directoryOf(core, get(old))),
        mark(core, get(entry)),
        i64.store(get(entry), i64.and(i64.load(get(entry), DIRECTORY.SHARERS), i64.xor(bitOf(hart), -1)), DIRECTORY.SHARERS),
        when(i32.eq(i32.load(get(entry), DIRECTORY.OWNER), i32.add(get(hart), 1)), [
          i32.store(get(entry), 0, DIRECTORY.OWNER),
        ]),
        call(functions.unlink, get(way)),
        call(functions.breakReservation, get(hart), get(old)),
      ]),
      set(entry, directoryOf(core, get(line))),
      mark(core, get(entry)),
      when(tee(owner, i32.load(get(entry), DIRECTORY.OWNER)), [
        addCost(core, core.costs.transfer),
        setGlobal(core.moved, 1),
        i32.store(get(entry), 0, DIRECTORY.OWNER),
        call(functions.unlink, call(functions.findWay, i32.sub(get(owner), 1), get(line))),
      ], lookUpL2(core, line, at, next)),
      set(sharers, i64.or(i64.load(get(entry), DIRECTORY.SHARERS), bitOf(hart))),
      i64.store(get(entry), get(sharers), DIRECTORY.SHARERS),
      when(i64.eq(get(sharers), bitOf(hart)), [i32.store(get(entry), i32.add(get(hart), 1), DIRECTORY.OWNER)]),
      i32.store(tagAt(core, way), get(line)),
      get(way),
    ];
  });
}

function defineTakeLine(core: Core): void {
  const { functions } = core;
  core.module.define(functions.takeLine, (scope) => {
    const [hart, line] = scope.params as [Local, Local];
    const entry = scope.local(I32);
    const other = scope.local(I32);
    const way = scope.local(I32);
    const rest = scope.local(I64);
    const next = label("next");
    return [
      set(entry, directoryOf(core, get(line))),
      mark(core, get(entry)),
      set(rest, i64.and(i64.load(get(entry), DIRECTORY.SHARERS), i64.xor(bitOf(hart), -1))),
      when(i32.eqz(i64.eqz(get(rest))), [
        when(i32.eqz(getGlobal(core.moved)), [addCost(core, core.costs.invalidate)]),
        loop(
          next,
          set(other, i32.wrap(i64.ctz(get(rest)))),
          set(way, call(functions.findWay, get(other), get(line))),
          i32.store(tagAt(core, way), -1),
          call(functions.unlink, get(way)),
          call(functions.breakReservation, get(other), get(line)),
          set(rest, i64.and(get(rest), i64.sub(get(rest), 1))),
          brIf(next, i32.eqz(i64.eqz(get(rest)))),
        ),
      ]),
      i64.store(get(entry), bitOf(hart), DIRECTORY.SHARERS),
      i32.store(get(entry), i32.add(get(hart), 1), DIRECTORY.OWNER),
    ];
  });
}

/** (s, va, offset, way, writable): enters the line into the line table of the hart's present context. */
function defineInstall(core: Core): void {
  const { tables } = core;
  core.module.define(core.functions.install, (scope) => {
    const [s, va, offset, way, writable] = scope.params as [Local, Local, Local, Local, Local];
    const slot = scope.local(I32);
    const tag = scope.local(I32);
    const holder = scope.local(I32);
    const remember: Node[] = core.cycle
      ? [
          call(core.functions.unlink, get(way)),
          i32.store(i32.add(i32.shl(get(way), 2), tables.l1Slots), get(slot)),
        ]
      : [when(get(writable), [
          set(holder, writerOf(core, hartOf(s), offset)),
          when(i32.load(get(holder)), [i32.store(i32.load(get(holder)), -1, LINE.WRITE)]),
          i32.store(get(holder), get(slot)),
        ])];
    return [
      when(i32.eqz(getGlobal(core.cacheable)), [ret()]),
      set(slot, i32.add(
        contextOf(core, s),
        i32.shl(i32.and(i32.shrU(get(va), tables.lineShift), tables.lineSlots - 1), LINE.SHIFT),
      )),
      ...remember,
      set(tag, i32.and(get(va), -(1 << tables.lineShift))),
      i32.store(get(slot), get(tag), LINE.READ),
      i32.store(get(slot), choose(get(writable), get(tag), -1), LINE.WRITE),
      i32.store(get(slot), i32.sub(i32.add(get(offset), tables.ramOffset), get(va)), LINE.ADDEND),
    ];
  });
}

const writerOf = (core: Core, hart: Value, offset: Local): Value =>
  i32.add(
    partOf(core.tables.writers, core.tables.lineSlots * 4, hart),
    i32.shl(i32.and(i32.shrU(get(offset), 12), core.tables.lineSlots - 1), 2),
  );

/** Whether stores to this page must take the slow path because code was predecoded from it. */
const holdsCode = (core: Core, offset: Local): Value =>
  i32.load(i32.shl(i32.shrU(get(offset), 12), 2), core.tables.codeOf);

/** The same for model time: harts other than this one may be ahead, executing it. */
const wasExecuted = (core: Core, offset: Local): Value =>
  seesCode(core) ? i32.load8U(i32.shrU(get(offset), 12), core.tables.executed) : i32.const(0);
export const storesAreSlow = (core: Core, offset: Local): Value =>
  seesCode(core) ? i32.or(wasExecuted(core, offset), holdsCode(core, offset)) : holdsCode(core, offset);

/** The word of code bits that has the bit of `offset`, and that bit. */
const codeBitsAt = (core: Core, offset: Local): Value =>
  i32.add(i32.shl(i32.shrU(get(offset), 7), 2), core.tables.codeBits);
const codeBit = (offset: Local): Value => i32.shl(1, i32.and(i32.shrU(get(offset), 2), 31));

/** Stores take the slow path until the page is marked; a store that gets there marks it. */
const ramPage = (core: Core, offset: Local): Value => i32.add(get(offset), core.tables.ramOffset);
const isMarked = (core: Core, offset: Local): Value =>
  i32.load8U(i32.shrU(ramPage(core, offset), 12), core.tables.dirty);

/** Predecoded entry of the word at `offset`, in the predecoded page. */
const codeEntry = (page: Value, offset: Local): Value =>
  i32.add(page, i32.shl(i32.and(get(offset), 0xffc), ENTRY_SHIFT));
/** Entries of instructions that may overlap a word: its own two, and that before it (tables.ts: also before a page). */
const OVERLAPPING = [0, 8, -8] as const;

const writableByFlags = (core: Core): Value =>
  i32.eq(i32.and(getGlobal(core.flags), PTE_WRITABLE), PTE_WRITABLE);

/** A store enters the line for loads too, so they must be permitted. */
const readableByFlags = (core: Core): Value => i32.and(getGlobal(core.flags), PTE_R);

/**
 * The directory moves a line between harts once at a time, in the order of the requests: `others` becomes the time until this
 * one is done. A reader behind a reader gets the line from the L2. Harts wait in parallel, but none less than its own move takes.
 */
function queueForLine(core: Core, { entry, others, write, left }: Record<"entry" | "others" | "write" | "left", Local>): Node[] {
  const { transfer, invalidate, l2Hit } = core.costs;
  const queueMax = core.harts * Math.max(transfer, invalidate);
  const now = i32.sub(i32.wrap(getGlobal(core.turnEnd)), get(left));
  const moved = i32.load(get(entry), DIRECTORY.MOVED);
  const ahead = i32.and(i32.sub(i32.shrU(moved, 1), now), 0x7fff_ffff);
  const behindReader = i32.and(i32.and(moved, 1), i32.eqz(get(write)));
  const done = i32.add(ahead, choose(behindReader, l2Hit, get(others)));
  return [
    when(i32.leU(ahead, queueMax), [set(others, choose(i32.gtU(done, get(others)), done, get(others)))]),
    i32.store(get(entry), i32.or(i32.shl(i32.add(now, get(others)), 1), i32.eqz(get(write))), DIRECTORY.MOVED),
    mark(core, get(entry)),
  ];
}

function defineTouchCycle(core: Core): void {
  const { functions } = core;
  core.module.define(functions.touch, (scope) => {
    const [s, va, offset, write, left] = scope.params as [Local, Local, Local, Local, Local];
    const hart = scope.local(I32);
    const line = scope.local(I32);
    const way = scope.local(I32);
    const entry = scope.local(I32);
    const owned = scope.local(I32);
    const others = scope.local(I32);
    const isOwned = i32.eq(i32.load(get(entry), DIRECTORY.OWNER), i32.add(get(hart), 1));
    const mayWrite = i32.and(
      i32.and(i32.or(get(write), i32.and(writableByFlags(core), isMarked(core, offset))), get(owned)),
      i32.eqz(storesAreSlow(core, offset)),
    );
    const install = sequence(
      when(get(write), [mark(core, ramPage(core, offset))]),
      when(
        i32.or(i32.eqz(get(write)), readableByFlags(core)),
        [call(functions.install, get(s), get(va), get(offset), get(way), mayWrite)],
      ),
    );
    const rest = i64.and(i64.load(get(entry), DIRECTORY.SHARERS), i64.xor(bitOf(hart), -1));
    const toCode: Node[] = seesCode(core)
      ? [when(i32.and(i32.ne(get(write), 0), i32.ne(storesAreSlow(core, offset), 0)), [
          when(mustWait(core, left), [refuse(core)]),
          ...wakeAllFirst(core, left),
          when(i32.and(i32.load(codeBitsAt(core, offset)), codeBit(offset)), [payFirst(core, s, left, core.costs.invalidate)]),
        ])]
      : [];
    return [
      set(hart, hartOf(s)),
      set(line, i32.shrU(get(offset), lineShift)),
      set(way, call(functions.findWay, get(hart), get(line))),
      set(entry, directoryOf(core, get(line))),
      set(owned, isOwned),
      ...toCode,
      when(i32.and(i32.geS(get(way), 0), i32.or(i32.eqz(get(write)), get(owned))), [
        install,
        ret(),
      ]),
      when(mustWait(core, left), [refuse(core)]),
      when(i32.and(i32.ltS(get(way), 0), i32.ne(i32.load(get(entry), DIRECTORY.OWNER), 0)), [
        set(others, core.costs.transfer),
      ], [when(i32.and(i32.ne(get(write), 0), i64.ne(rest, 0)), [set(others, core.costs.invalidate)])]),
      ...(core.harts > 1
        ? [when(get(others), [
            when(i32.eqz(isPaid(core, s, left)), queueForLine(core, { entry, others, write, left })),
            payFirst(core, s, left, get(others)),
            ...wakeFirst(core, left, i32.add(get(line), 1)),
          ])]
        : []),
      setGlobal(core.moved, 0),
      when(i32.ltS(get(way), 0), [
        set(way, call(functions.fillLine, get(hart), get(line))),
        set(owned, isOwned),
      ]),
      when(i32.and(get(write), i32.eqz(get(owned))), [
        call(functions.takeLine, get(hart), get(line)),
        set(owned, 1),
      ]),
      creditPaid(core, s, left),
      install,
    ];
  });
}

function defineTouchFunctional(core: Core): void {
  const { functions } = core;
  core.module.define(functions.touch, ({ params }) => {
    const [s, va, offset, write, left] = params as [Local, Local, Local, Local, Local];
    const mayWrite = i32.and(
      i32.eqz(holdsCode(core, offset)),
      i32.eqz(call(functions.reserved, get(s), get(offset))),
    );
    return [
      when(get(write), [
        mark(core, ramPage(core, offset)),
        syncClock(core, s, left),
        when(readableByFlags(core), [
          call(functions.install, get(s), get(va), get(offset), i32.const(0), mayWrite),
        ]),
      ], [call(functions.install, get(s), get(va), get(offset), i32.const(0), i32.const(0))]),
    ];
  });
}

function defineReserved(core: Core): void {
  core.module.define(core.functions.reserved, (scope) => {
    const [s, offset] = scope.params as [Local, Local];
    const other = scope.local(I32);
    const reservation = scope.local(I32);
    const distance = scope.local(I32);
    const kept = scope.local(I32);
    const next = label("next");
    const skip = label("skip");
    const physical = i32.add(get(offset), RAM_BASE);
    const age = i32.sub(field(s, HART.CLOCK), field(other, HART.RESERVED_AT));
    return [
      set(other, blockOf(0)),
      loop(
        next,
        block(
          skip,
          brIf(skip, i32.eqz(tee(reservation, field(other, HART.RESERVATION)))),
          brIf(skip, i32.eq(get(other), get(s))),
          set(distance, i32.xor(get(reservation), physical)),
          brIf(skip, i32.shrU(get(distance), 12)),
          when(i32.or(i32.eqz(i32.shrU(get(distance), lineShift)), i32.gtS(age, RESERVATION_CYCLES)), [
            setField(other, HART.RESERVATION, 0),
          ], [set(kept, 1)]),
        ),
        set(other, i32.add(get(other), 0x1000)),
        brIf(next, i32.ltU(get(other), blockOf(core.harts))),
      ),
      get(kept),
    ];
  });
}

/** Functional mode, at LR: no other hart may write this page without the slow path. */
export function withdrawWriters(core: Core, s: Local, offset: Local, hart: Local, slot: Local): Node[] {
  const next = label("next");
  const skip = label("skip");
  return [
    set(hart, 0),
    loop(
      next,
      block(
        skip,
        brIf(skip, i32.eq(get(hart), hartOf(s))),
        brIf(skip, i32.eqz(tee(slot, i32.load(writerOf(core, get(hart), offset))))),
        i32.store(get(slot), -1, LINE.WRITE),
      ),
      set(hart, i32.add(get(hart), 1)),
      brIf(next, i32.ltU(get(hart), core.harts)),
    ),
  ];
}

/** Branches that close a poll loop around the entry at `page`. Behind the page there is nothing that looks like one and matters. */
function forgetPolls(page: Local, end: Local): Node[] {
  const next = label("entry");
  return [
    set(end, i32.add(get(page), POLL_BYTES_MAX << ENTRY_SHIFT)),
    loop(
      next,
      when(i32.geU(i32.load8U(get(page)), FIRST_POLL_OPCODE), [i32.store(get(page), 0)]),
      brIf(next, i32.leU(tee(page, i32.add(get(page), 8)), get(end))),
    ),
  ];
}

/** Predecoded entries of what overlaps a word that was written are decoded again. */
function defineWroteCode(core: Core): void {
  core.module.define(core.functions.wroteCode, (scope) => {
    const [offset] = scope.params as [Local];
    const page = scope.local(I32);
    const at = scope.local(I32);
    const forget: Node[] = seesCode(core)
      ? [when(i32.and(i32.load(tee(at, codeBitsAt(core, offset))), codeBit(offset)), [
          i32.store(get(at), i32.and(i32.load(get(at)), i32.xor(codeBit(offset), -1))),
          mark(core, get(at)),
        ])]
      : [];
    // Regions go before the entries that they were made from.
    const decoded = OVERLAPPING.map((at) => i32.load(i32.add(get(page), at))).reduce((a, b) => i32.or(a, b));
    const regions: Node[] = core.regionType === null ? [] : [
      when(i32.load8U(i32.shrU(get(offset), 12), core.tables.regionPages), [
        when(decoded, [call(core.imports.wroteRegions, get(offset))]),
      ]),
    ];
    return [
      ...forget,
      when(tee(page, holdsCode(core, offset)), [
        set(page, codeEntry(get(page), offset)),
        ...regions,
        ...OVERLAPPING.map((at) => i32.store(i32.add(get(page), at), 0)),
        ...(core.parks ? forgetPolls(page, scope.local(I32)) : []),
      ]),
    ];
  });
}

function defineMarkPage(core: Core): void {
  const { dirty, dirtyList } = core.tables;
  core.module.define(core.functions.markPage, (scope) => {
    const [page] = scope.params as [Local];
    const count = scope.local(I32);
    return [
      i32.store8(get(page), 1, dirty),
      i32.store(0, tee(count, i32.add(i32.load(0, dirtyList), 1)), dirtyList),
      i32.store(i32.shl(get(count), 2), get(page), dirtyList),
    ];
  });
}

export function emitCache(core: Core): void {
  defineMarkPage(core);
  defineWroteCode(core);
  defineInstall(core);
  defineReserved(core);
  defineBreakReservation(core);
  if (core.cycle) {
    defineFindWay(core);
    defineUnlink(core);
    defineFillLine(core);
    defineTakeLine(core);
    defineTouchCycle(core);
    return;
  }
  defineTouchFunctional(core);
  // The directory's functions have no meaning here, but every declared function needs a body.
  const { findWay, unlink, fillLine, takeLine } = core.functions;
  for (const absent of [findWay, fillLine]) core.module.define(absent, () => [i32.const(-1)]);
  for (const absent of [unlink, takeLine]) core.module.define(absent, () => []);
}
