/**
 * From a virtual address to predecoded instructions.
 *
 * A physical page of code has a page of 8-byte entries, decoded one by one when they are first executed (opcode 0 asks
 * for it). While a page has one, no line table may write it, so every store to it is seen (emit-cache.ts).
 */
import { I32, brIf, call, fill, get, getGlobal, i32, i64, label, loop, ret, set, setGlobal, tee, when } from "../../../isa/wasm/code.ts";
import type { Local, Node, Value } from "../../../isa/wasm/code.ts";
import { CAUSE } from "../../hart/bits.ts";
import { BOARD, MACHINE_WORD } from "../../memory/layout.ts";
import {
  ACCESS, STATUS, contextOf, creditPaid, failed, mark, mustWait, partOf, payFirst, raise, refuse, seesCode,
} from "../core.ts";
import type { Core } from "../core.ts";
import { execEntry } from "./emit-tlb.ts";
import { OP } from "../opcodes.ts";
import { CODE_PAGES, CODE_PAGE_BYTES, CODE_PAGE_STRIDE, CONTEXTS, DIRECTORY, EXEC, LINE } from "../tables.ts";

/** Nothing was executed in this page yet: other harts may write it so far, so they are told first. */
function firstFetch(core: Core, { s, left, offset, at }: Record<"s" | "left" | "offset" | "at", Local>): Node[] {
  const none = i32.const(0);
  return [
    set(at, i32.add(i32.shrU(get(offset), 12), core.tables.executed)),
    when(i32.eqz(i32.load8U(get(at))), [
      when(mustWait(core, left), [refuse(core, none)]),
      payFirst(core, s, left, core.costs.invalidate, none),
      creditPaid(core, s, left),
      i32.store8(get(at), 1),
      mark(core, get(at)),
    ]),
  ];
}

/** No line table lets stores to RAM page `number` pass unseen any more. */
function withdrawPage(core: Core, number: Local, locals: { hart: Local; line: Local; way: Local }): Node[] {
  const { functions, tables, harts } = core;
  const { hart, line, way } = locals;
  const nextHart = label("hart");
  const eachHart = (...body: readonly Node[]): Node[] => [
    set(hart, 0),
    loop(nextHart, ...body, brIf(nextHart, i32.ltU(tee(hart, i32.add(get(hart), 1)), harts))),
  ];
  if (!core.cycle) {
    return eachHart(
      set(way, i32.load(i32.add(
        partOf(tables.writers, tables.lineSlots * 4, get(hart)),
        i32.shl(i32.and(get(number), tables.lineSlots - 1), 2),
      ))),
      when(get(way), [i32.store(get(way), -1, LINE.WRITE)]),
    );
  }
  const nextLine = label("line");
  const perPage = 12 - tables.lineShift;
  return [
    set(line, i32.shl(get(number), perPage)),
    loop(
      nextLine,
      when(i64.ne(i64.load(i32.add(i32.shl(get(line), DIRECTORY.SHIFT), tables.directory), DIRECTORY.SHARERS), 0), eachHart(
        set(way, call(functions.findWay, get(hart), get(line))),
        when(i32.geS(get(way), 0), [call(functions.unlink, get(way))]),
      )),
      brIf(nextLine, i32.and(tee(line, i32.add(get(line), 1)), (1 << perPage) - 1)),
    ),
  ];
}

function defineFetchPage(core: Core): void {
  const { functions, tables } = core;
  core.module.define(functions.fetchPage, (scope) => {
    const [s, va, left] = scope.params as [Local, Local, Local];
    const offset = scope.local(I32);
    const page = scope.local(I32);
    const entry = scope.local(I32);
    return [
      setGlobal(core.status, STATUS.DONE),
      setGlobal(core.slowCost, 0),
      set(offset, i32.sub(call(functions.translate, get(s), get(va), i32.const(ACCESS.FETCH), i32.const(2), get(left)), BOARD.RAM)),
      when(failed(core), [ret(i32.const(0))]),
      when(i32.geU(get(offset), core.ramBytes), [raise(core, CAUSE.FETCH_ACCESS, get(va), i32.const(0))]),
      ...(seesCode(core) ? firstFetch(core, { s, left, offset, at: entry }) : []),
      when(i32.eqz(tee(page, i32.load(codeOf(core, offset)))), [
        set(page, call(functions.takeCodePage, i32.shrU(get(offset), 12))),
      ]),
      // Of a page that PMP divides only this halfword may be executed (emit-turn.ts).
      when(i32.eqz(getGlobal(core.cacheable)), [ret(get(page))]),
      set(entry, execEntry(core, contextOf(core, s), get(va))),
      i32.store(get(entry), i32.and(get(va), ~0xfff), EXEC.TAG),
      i32.store(get(entry), get(page), EXEC.PAGE),
      get(page),
    ];
  });

  const forgetContexts = fill(tables.contexts, 0xff, core.harts * tables.contextBytes * CONTEXTS);
  core.module.define(functions.takeCodePage, (scope) => {
    const [number] = scope.params as [Local];
    const page = scope.local(I32);
    const used = scope.local(I32);
    const next = label("next");
    const pageAt = (at: Local): Value => i32.add(i32.mul(get(at), CODE_PAGE_STRIDE), tables.code);
    return [
      set(used, i32.load(0, MACHINE_WORD.CODE_PAGES_USED)),
      when(i32.eq(get(used), CODE_PAGES), [
        ...(core.regionType === null ? [] : [call(core.imports.dropRegions)]),
        loop(
          next,
          set(used, i32.sub(get(used), 1)),
          i32.store(codeOf(core, i32.load(pageAt(used), CODE_PAGE_BYTES + 4)), 0),
          brIf(next, get(used)),
        ),
        fill(tables.code, 0, CODE_PAGES * CODE_PAGE_STRIDE),
        forgetContexts,
      ], withdrawPage(core, number, { hart: scope.local(I32), line: scope.local(I32), way: scope.local(I32) })),
      set(page, pageAt(used)),
      i32.store(0, i32.add(get(used), 1), MACHINE_WORD.CODE_PAGES_USED),
      i32.store(get(page), OP.PAGE_END, CODE_PAGE_BYTES),
      i32.store(get(page), i32.shl(get(number), 12), CODE_PAGE_BYTES + 4),
      i32.store(i32.add(i32.shl(get(number), 2), tables.codeOf), get(page)),
      get(page),
    ];
  });
}

/** Address of the word that says where the predecoded entries of an offset's page are. */
const codeOf = (core: Core, offset: Local | Value): Value =>
  i32.add(i32.shl(i32.shrU(typeof offset === "function" ? offset : get(offset), 12), 2), core.tables.codeOf);

export function emitCode(core: Core): void {
  defineFetchPage(core);
}
