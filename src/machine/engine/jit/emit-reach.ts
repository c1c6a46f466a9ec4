/**
 * What a region calls when an access is not on the fast path: the line is made present as tier 1 would, when that needs
 * nothing else. Else nothing has changed, and tier 1 does the instruction: page-table walks, misaligned accesses, devices,
 * stores to code, and what must wait for its place in the order or pay first.
 */
import { I32, call, get, getGlobal, i32, ret, set, setGlobal, when } from "../../../isa/wasm/code.ts";
import type { Local, Node } from "../../../isa/wasm/code.ts";
import { MSTATUS, PRIV } from "../../hart/bits.ts";
import { BOARD, HART } from "../../memory/layout.ts";
import { ACCESS, STATUS, failed, field } from "../core.ts";
import type { Core } from "../core.ts";
import { storesAreSlow } from "../emit-cache.ts";
import { isTranslated } from "../emit-translate.ts";

/** `reach`: (s, address, bytes | WRITES, left): host address or 0; its cost is at tables.regionCost. */
export const WRITES = 8;

export function emitReach(core: Core): void {
  const { functions, tables } = core;
  const no = i32.const(0);
  core.module.define(functions.reach, (scope) => {
    const [s, va, descriptor, left] = scope.params as [Local, Local, Local, Local];
    if (core.regionType === null) return [no];
    const access = scope.local(I32);
    const offset = scope.local(I32);
    const entry = scope.local(I32);
    const isMachine = i32.eq(field(s, HART.PRIV), PRIV.M);
    const unless = (condition: Node): Node => when(i32.eqz(condition), [ret(no)]);
    return [
      when(i32.and(get(va), i32.sub(i32.and(get(descriptor), 7), 1)), [ret(no)]),
      set(access, i32.ne(i32.and(get(descriptor), WRITES), 0)),
      when(isMachine, [when(i32.and(field(s, HART.MSTATUS), MSTATUS.MPRV), [ret(no)])], [
        when(i32.ltS(field(s, HART.SATP), 0), [unless(isTranslated(core, s, va, access, entry))]),
      ]),
      setGlobal(core.status, STATUS.DONE),
      setGlobal(core.slowCost, 0),
      set(offset, i32.sub(call(functions.translate, get(s), get(va), get(access), get(left)), BOARD.RAM)),
      when(i32.or(failed(core), i32.geU(get(offset), core.ramBytes)), [ret(no)]),
      when(get(access), [when(storesAreSlow(core, offset), [ret(no)])]),
      call(functions.touch, get(s), get(va), get(offset), get(access), get(left)),
      when(failed(core), [ret(no)]),
      i32.store(0, getGlobal(core.slowCost), tables.regionCost),
      i32.add(get(offset), tables.ramOffset),
    ];
  });
}
if (ACCESS.LOAD !== 0 || ACCESS.STORE !== 1) throw new Error("jit: reach counts on access being whether it writes");
