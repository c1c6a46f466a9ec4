/**
 * Moves constant parts of addresses into the offsets of loads and stores.
 *
 *   before: v2 = add v1, 12; v3 = load [v2 + 4]                      after: v3 = load [v1 + 16]
 *   before: v2 = add i, 1; v3 = add v1, v2; v4 = load [v3]          after: v5 = add v1, i; v4 = load [v5 + 1]
 */
import type { IrFunction, Value, ValueOf } from "../ir.ts";
import { Replacements, makeValue } from "./values.ts";

export function foldAddresses(fn: IrFunction): void {
  const replaced = new Replacements();
  for (const block of fn.blocks) {
    const out: Value[] = [];
    for (const value of block.values) {
      const folded = value.op === "load" || value.op === "store" ? fold(fn, value, out) : value;
      if (folded !== value && value.op === "load") replaced.set(value, folded);
      out.push(folded);
    }
    block.values = out;
  }
  replaced.apply(fn);
}

/** Sums that are needed go to `out`. */
function fold(fn: IrFunction, access: ValueOf<"load"> | ValueOf<"store">, out: Value[]): Value {
  let [base] = access.args;
  let { offset } = access.x;
  for (;;) {
    const step = constantStep(base);
    if (step === null || !inReach(offset + step.by)) break;
    base = step.inner;
    offset += step.by;
  }
  if (base.op === "binary" && base.x.op === "add") {
    const [a, index] = base.args;
    const step = constantStep(index);
    if (step !== null && inReach(offset + step.by)) {
      base = makeValue(fn, "binary", [a, step.inner], { op: "add" }, access.loc);
      out.push(base);
      offset += step.by;
    }
  }
  if (base === access.args[0]) return access;
  return access.op === "load"
    ? makeValue(fn, "load", [base], { ...access.x, offset }, access.loc)
    : makeValue(fn, "store", [base, access.args[1]], { ...access.x, offset }, access.loc);
}

function inReach(offset: number): boolean {
  return offset >= -2048 && offset <= 2047;
}

/** The parts of `inner + constant`, unless that is the step of a loop variable: old and new would need two registers. */
function constantStep(value: Value): { inner: Value; by: number } | null {
  if (value.op !== "binary" || value.x.op !== "add") return null;
  const [inner, by] = value.args;
  if (by.op !== "const" || (inner.op === "phi" && inner.args.includes(value))) return null;
  return { inner, by: by.x.value };
}
