/**
 * What a region calls when an access is not on the fast path: the line is made present as tier 1 would, when that needs
 * nothing else. Else (0) nothing has changed, and tier 1 does the instruction: page-table walks, misaligned accesses,
 * devices, stores to code. What must wait for its place in the order or pay first ends the turn (FAILED).
 */
import { I32, call, get, getGlobal, i32, ret, set, setGlobal, when } from "../../../isa/wasm/code.ts";
import type { Local } from "../../../isa/wasm/code.ts";
import { MSTATUS, PRIV } from "../../hart/bits.ts";
import { BOARD, HART } from "../../memory/layout.ts";
import { ACCESS, STATUS, failed, field } from "../core.ts";
import type { Core } from "../core.ts";
import { storesAreSlow } from "../emit/emit-cache.ts";
import { lookUpOnly } from "../emit/emit-translate.ts";

/** `reach`: (s, address, bytes | WRITES, left): host address, its cost at tables.regionCost; 0; or FAILED, why is in STATUS. */
export const WRITES = 8;
export const FAILED = 1;

export function emitReach(core: Core): void {
  const { functions, tables } = core;
  const no = i32.const(0);
  core.module.define(functions.reach, (scope) => {
    const [s, va, descriptor, left] = scope.params as [Local, Local, Local, Local];
    if (core.regionType === null) return [no];
    const access = scope.local(I32);
    const offset = scope.local(I32);
    const lookup = { s, va, access, entry: scope.local(I32), value: scope.local(I32), scratch: scope.local(I32) };
    const size = i32.and(get(descriptor), 7);
    const isMachine = i32.eq(field(s, HART.PRIV), PRIV.M);
    return [
      when(i32.and(get(va), i32.sub(size, 1)), [ret(no)]),
      set(access, i32.ne(i32.and(get(descriptor), WRITES), 0)),
      when(isMachine, [when(i32.and(field(s, HART.MSTATUS), MSTATUS.MPRV), [ret(no)])], [
        when(i32.ltS(field(s, HART.SATP), 0), [...lookUpOnly(core, lookup), when(i32.eqz(get(lookup.value)), [ret(no)])]),
      ]),
      setGlobal(core.status, STATUS.DONE),
      setGlobal(core.slowCost, 0),
      set(offset, i32.sub(call(functions.translate, get(s), get(va), get(access), size, get(left)), BOARD.RAM)),
      when(i32.or(failed(core), i32.geU(get(offset), core.ramBytes)), [ret(no)]),
      when(get(access), [when(storesAreSlow(core, offset), [ret(no)])]),
      call(functions.touch, get(s), get(va), get(offset), get(access), get(left)),
      // Paying for a line is a request for it, which must not be made twice.
      when(failed(core), [ret(i32.const(FAILED))]),
      i32.store(0, getGlobal(core.slowCost), tables.regionCost),
      i32.add(get(offset), tables.ramOffset),
    ];
  });
}
if (ACCESS.LOAD !== 0 || ACCESS.STORE !== 1) throw new Error("jit: reach counts on access being whether it writes");
