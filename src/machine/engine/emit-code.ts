/**
 * From a virtual address to predecoded instructions.
 *
 * A physical page of code has a page of 8-byte entries, decoded one by one when they are first executed (opcode 0 asks
 * for it). While a page has one, no line table may write it, so every store to it is seen (emit-cache.ts).
 */
import { I32, brIf, call, fill, get, i32, label, loop, ret, set, setGlobal, tee, when } from "../../isa/wasm/code.ts";
import type { Local, Value } from "../../isa/wasm/code.ts";
import { CAUSE } from "../hart/bits.ts";
import { BOARD, MACHINE_WORD } from "../memory/layout.ts";
import { U54_LIKE } from "../timing/preset.ts";
import { ACCESS, STATUS, contextOf, creditPaid, failed, mustWait, payFirst, raise, refuse } from "./core.ts";
import type { Core } from "./core.ts";
import { execEntry } from "./emit-translate.ts";
import { OP } from "./opcodes.ts";
import { CODE_PAGES, CODE_PAGE_BYTES, CODE_PAGE_STRIDE, CONTEXTS, EXEC } from "./tables.ts";

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
      set(offset, i32.sub(call(functions.translate, get(s), get(va), i32.const(ACCESS.FETCH), get(left)), BOARD.RAM)),
      when(failed(core), [ret(i32.const(0))]),
      when(i32.geU(get(offset), core.ramBytes), [raise(core, CAUSE.FETCH_ACCESS, get(va), i32.const(0))]),
      when(i32.eqz(tee(page, i32.load(codeOf(core, offset)))), [
        // Other harts may write the page so far.
        ...(core.harts > 1 ? [when(mustWait(core, left), [refuse(core, i32.const(0))])] : []),
        payFirst(core, s, left, U54_LIKE.invalidate, i32.const(0)),
        creditPaid(core, s, left),
        set(page, call(functions.takeCodePage, i32.shrU(get(offset), 12))),
      ]),
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
        loop(
          next,
          set(used, i32.sub(get(used), 1)),
          i32.store(codeOf(core, i32.load(pageAt(used), CODE_PAGE_BYTES + 4)), 0),
          brIf(next, get(used)),
        ),
        fill(tables.code, 0, CODE_PAGES * CODE_PAGE_STRIDE),
      ]),
      set(page, pageAt(used)),
      i32.store(0, i32.add(get(used), 1), MACHINE_WORD.CODE_PAGES_USED),
      i32.store(get(page), OP.PAGE_END, CODE_PAGE_BYTES),
      i32.store(get(page), i32.shl(get(number), 12), CODE_PAGE_BYTES + 4),
      i32.store(i32.add(i32.shl(get(number), 2), tables.codeOf), get(page)),
      forgetContexts,
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
