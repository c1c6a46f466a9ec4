/**
 * The TLBs of a hart, one for data and one for instructions, and what the fast tables know because of them.
 *
 * They are state of the model, not a cache of the implementation: a stale entry is used until sfence.vma or a replacement
 * removes it. Each has direct-mapped entries of 4 KiB pages and of 4 MiB superpages; a page is looked up first. An entry
 * serves its own address space, a global one (PTE bit G) all of them, so satp may change without a flush. Lines and
 * pages of code on the fast path are below an entry: when it goes, they go. Source: privileged manual 1.12, section 4.2.1.
 */
import { I32, brIf, call, choose, fill, get, i32, label, loop, set, tee, when } from "../../../isa/wasm/code.ts";
import type { Local, Node, Operand, Value } from "../../../isa/wasm/code.ts";
import { HART } from "../../memory/layout.ts";
import { CACHE } from "../../timing/constants.ts";
import { FLUSH } from "../contract.ts";
import { ACCESS, field, hartOf, partOf } from "../core.ts";
import type { Core } from "../core.ts";
import { CONTEXTS, EXEC, LINE, TLB } from "../tables.ts";

const PTE_GLOBAL = 32;
const PAGE = ~0xfff;
const SUPER_PAGE = ~0x3fffff;
const { tlbEntries, tlbSuperEntries } = CACHE;

/** In the result of a walk: the leaf is a superpage. */
export const SUPERPAGE = 0x100;

/** Address of the execution-table entry of a virtual address, in the context at `context`. */
export const execEntry = (core: Core, context: Value, va: Value): Value =>
  i32.add(
    i32.add(context, core.tables.lineBytes),
    i32.shl(i32.and(i32.shrU(va, 12), EXEC.ENTRIES - 1), EXEC.SHIFT),
  );

/** Only the S and U context has translated pages. */
const translatedContext = (core: Core, s: Local): Value =>
  i32.add(partOf(core.tables.contexts, core.tables.contextBytes * CONTEXTS, hartOf(s)), core.tables.contextBytes);

const asid = (s: Local): Value => i32.and(i32.shrU(field(s, HART.SATP), 22 - TLB.ASID_SHIFT), TLB.ASID_BITS);
const tlbOf = (core: Core, s: Local, access: Operand): Value =>
  i32.add(
    choose(i32.eq(access, ACCESS.FETCH), core.tables.fetch, core.tables.data),
    i32.mul(hartOf(s), core.tables.tlbBytes),
  );
const slot = (base: Value, index: Value, entries: number): Value =>
  i32.add(base, i32.shl(i32.and(index, entries - 1), TLB.SHIFT));
const pageEntry = (base: Value, va: Local): Value => slot(base, i32.shrU(get(va), 12), tlbEntries);
const superEntry = (base: Value, va: Local): Value =>
  slot(i32.add(base, tlbEntries << TLB.SHIFT), i32.shrU(get(va), 22), tlbSuperEntries);

/** Whether the entry translates a page of address space `space` (an ASID in the bits of a tag); `mask` is the page's. */
const serves = (entry: Local, va: Local, mask: number, space: Value, difference: Local): Value => {
  const tag = i32.or(i32.or(i32.and(get(va), mask), 1), space);
  const global = i32.and(
    i32.eqz(i32.and(get(difference), ~TLB.ASID_BITS)),
    i32.ne(i32.and(i32.load(get(entry), TLB.VALUE), PTE_GLOBAL), 0),
  );
  return choose(tee(difference, i32.xor(i32.load(get(entry), TLB.TAG), tag)), global, 1);
};

export interface Lookup {
  readonly s: Local;
  readonly va: Local;
  readonly access: Local;
  /** Where the translation is to be found or entered. */
  readonly entry: Local;
  /** Physical page | PTE bits, 0: not there. */
  readonly value: Local;
  readonly scratch: Local;
}

/** Sets `value` to what the TLB has for `va`, as if it were of 4 KiB. */
export function lookUp(core: Core, l: Lookup): Node[] {
  const { s, va, access, entry, value, scratch } = l;
  return [
    set(value, 0),
    set(entry, pageEntry(tlbOf(core, s, get(access)), va)),
    when(serves(entry, va, PAGE, asid(s), scratch), [set(value, i32.load(get(entry), TLB.VALUE))], [
      set(entry, superEntry(tlbOf(core, s, get(access)), va)),
      when(serves(entry, va, SUPER_PAGE, asid(s), scratch), [
        set(value, i32.or(i32.load(get(entry), TLB.VALUE), i32.and(get(va), 0x3ff000))),
      ]),
    ]),
  ];
}

/** Forgets what the fast tables know of a page of 4 KiB. */
function dropPage(core: Core, s: Local, page: Value, access: Value): Node {
  const { tables } = core;
  const perPage = 1 << (12 - tables.lineShift);
  const firstSlot = i32.and(i32.shrU(i32.and(page, PAGE), tables.lineShift), tables.lineSlots - 1);
  const context = translatedContext(core, s);
  return when(i32.eq(access, ACCESS.FETCH), [
    i32.store(execEntry(core, context, page), -1, EXEC.TAG),
  ], [fill(i32.add(context, i32.shl(firstSlot, LINE.SHIFT)), 0xff, perPage << LINE.SHIFT)]);
}

/** Forgets all that the fast tables know of translated pages. */
function dropAll(core: Core, s: Local, access: Value): Node {
  const { tables } = core;
  const context = translatedContext(core, s);
  return when(
    i32.eq(access, ACCESS.FETCH),
    [fill(i32.add(context, tables.lineBytes), 0xff, tables.contextBytes - tables.lineBytes)],
    [fill(context, 0xff, tables.lineBytes)],
  );
}

/** Enters the result of a walk, `value`; what was there is forgotten. `value` loses SUPERPAGE. */
export function enter(core: Core, l: Lookup): Node[] {
  const { s, va, access, entry, value, scratch } = l;
  const base = tlbOf(core, s, get(access));
  const old = get(scratch);
  return [
    when(i32.and(get(value), SUPERPAGE), [
      set(value, i32.xor(get(value), SUPERPAGE)),
      set(entry, superEntry(base, va)),
      when(tee(scratch, i32.load(get(entry), TLB.TAG)), [dropAll(core, s, get(access))]),
      i32.store(get(entry), i32.or(i32.or(i32.and(get(va), SUPER_PAGE), 1), asid(s)), TLB.TAG),
      i32.store(get(entry), i32.and(get(value), SUPER_PAGE | 0xff), TLB.VALUE),
    ], [
      set(entry, pageEntry(base, va)),
      when(tee(scratch, i32.load(get(entry), TLB.TAG)), [dropPage(core, s, old, get(access))]),
      i32.store(get(entry), i32.or(i32.or(i32.and(get(va), PAGE), 1), asid(s)), TLB.TAG),
      i32.store(get(entry), get(value), TLB.VALUE),
    ]),
  ];
}

function defineFlush(core: Core): void {
  const { tables } = core;
  core.module.define(core.functions.flush, ({ params }) => {
    const [s, bits] = params as [Local, Local];
    return [
      when(i32.and(get(bits), FLUSH.LINES | FLUSH.TLB), [
        fill(partOf(tables.contexts, tables.contextBytes * CONTEXTS, hartOf(s)), 0xff, tables.contextBytes * CONTEXTS),
      ]),
      when(i32.and(get(bits), FLUSH.TLB), [
        fill(partOf(tables.data, tables.tlbBytes, hartOf(s)), 0, tables.tlbBytes),
        fill(partOf(tables.fetch, tables.tlbBytes, hartOf(s)), 0, tables.tlbBytes),
      ]),
      when(i32.and(get(bits), FLUSH.FENCE), [call(core.functions.fence, get(s), get(bits))]),
    ];
  });
}

/** Removes the entry at `at` unless it belongs to another space, or is global while a space is given. */
function expire(entry: Local, bits: Local, space: Local): Node {
  const spared = i32.and(
    i32.ne(i32.and(get(bits), FLUSH.FENCE_SPACE), 0),
    i32.or(
      i32.ne(i32.and(i32.load(get(entry), TLB.VALUE), PTE_GLOBAL), 0),
      i32.ne(i32.and(i32.xor(i32.load(get(entry), TLB.TAG), get(space)), TLB.ASID_BITS), 0),
    ),
  );
  return when(i32.eqz(spared), [i32.store(get(entry), 0, TLB.TAG)]);
}

/**
 * Of one page: its entry, and that of its superpage, in both TLBs. Of a space: a look at every entry. The fast tables lose
 * at least what hangs on a removed entry.
 */
function defineFence(core: Core): void {
  const { tables, functions } = core;
  core.module.define(functions.fence, (scope) => {
    const [s, bits] = scope.params as [Local, Local];
    const va = scope.local(I32);
    const space = scope.local(I32);
    const entry = scope.local(I32);
    const end = scope.local(I32);
    const next = label("next");
    const ofPage = (access: number): Node[] => [
      set(entry, pageEntry(tlbOf(core, s, access), va)),
      when(i32.eqz(i32.and(i32.xor(i32.load(get(entry), TLB.TAG), i32.or(i32.and(get(va), PAGE), 1)), ~TLB.ASID_BITS)), [
        expire(entry, bits, space),
      ]),
      dropPage(core, s, get(va), i32.const(access)),
      set(entry, superEntry(tlbOf(core, s, access), va)),
      when(i32.eqz(i32.and(i32.xor(i32.load(get(entry), TLB.TAG), i32.or(i32.and(get(va), SUPER_PAGE), 1)), ~TLB.ASID_BITS)), [
        expire(entry, bits, space),
        dropAll(core, s, i32.const(access)),
      ]),
    ];
    const all = (access: number): Node[] => [
      set(entry, tlbOf(core, s, access)),
      set(end, i32.add(get(entry), tables.tlbBytes)),
      loop(
        next,
        expire(entry, bits, space),
        brIf(next, i32.ltU(tee(entry, i32.add(get(entry), 1 << TLB.SHIFT)), get(end))),
      ),
      dropAll(core, s, i32.const(access)),
    ];
    return [
      set(va, field(s, HART.FENCE_ADDRESS)),
      set(space, i32.and(i32.shl(field(s, HART.FENCE_ASID), TLB.ASID_SHIFT), TLB.ASID_BITS)),
      when(
        i32.and(get(bits), FLUSH.FENCE_PAGE),
        [...ofPage(ACCESS.LOAD), ...ofPage(ACCESS.FETCH)],
        [...all(ACCESS.LOAD), ...all(ACCESS.FETCH)],
      ),
    ];
  });
}

export function emitTlb(core: Core): void {
  defineFlush(core);
  defineFence(core);
}
