/**
 * Moves constant parts of addresses into the offsets of loads and stores.
 *
 *   before: v2 = add v1, 12; v3 = load [v2 + 4]      after: v3 = load [v1 + 16]
 */
import type { IrFunction, Value, ValueOf } from "../ir.ts";
import { Replacements, makeValue } from "./values.ts";

export function foldAddresses(fn: IrFunction): void {
  const replaced = new Replacements();
  for (const block of fn.blocks) {
    block.values = block.values.map((value) => {
      if (value.op !== "load" && value.op !== "store") return value;
      const folded = fold(fn, value);
      if (folded !== value && value.op === "load") replaced.set(value, folded);
      return folded;
    });
  }
  replaced.apply(fn);
}

function fold(fn: IrFunction, access: ValueOf<"load"> | ValueOf<"store">): Value {
  let [base] = access.args;
  let { offset } = access.x;
  for (;;) {
    if (base.op !== "binary" || base.x.op !== "add") break;
    const [inner, by] = base.args;
    if (by.op !== "const") break;
    // The step of a loop variable: using the old one beside the new one would need two registers.
    if (inner.op === "phi" && inner.args.includes(base)) break;
    const sum = offset + by.x.value;
    // A 12-bit offset stays one.
    if (sum < -2048 || sum > 2047) break;
    base = inner;
    offset = sum;
  }
  if (base === access.args[0]) return access;
  return access.op === "load"
    ? makeValue(fn, "load", [base], { ...access.x, offset }, access.loc)
    : makeValue(fn, "store", [base, access.args[1]], { ...access.x, offset }, access.loc);
}
