/**
 * What a branch that was taken says about a later question: conditions on the way to a block.
 *
 *   after `branch ne v1, 0 -> B`, in B: v1 = 0 is false
 */
import { foldCondition } from "../front/fold.ts";
import type { Block, Condition, Terminator, Value } from "../ir.ts";
import { constantOf } from "./values.ts";

export type Branch = Extract<Terminator, { kind: "branch" }>;

/** How far up to look. */
const DEPTH_MAX = 8;

const INVERSE: Readonly<Record<Condition, Condition>> = {
  eq: "ne", ne: "eq", lt: "ge", ge: "lt", ltu: "geu", geu: "ltu",
};

/** What each condition, when it holds for (a, b), says about the others for (a, b). */
const IMPLIED: Readonly<Record<Condition, Readonly<Partial<Record<Condition, boolean>>>>> = {
  eq: { eq: true, ne: false, lt: false, ge: true, ltu: false, geu: true },
  ne: { eq: false, ne: true },
  lt: { lt: true, ge: false, eq: false, ne: true },
  ge: { lt: false, ge: true },
  ltu: { ltu: true, geu: false, eq: false, ne: true },
  geu: { ltu: false, geu: true },
};

function same(a: Value, b: Value): boolean {
  if (a === b) return true;
  const constant = constantOf(a);
  return constant !== null && constant === constantOf(b);
}

/** Whether the condition holds for (a, b) when control comes from `pred` to `block`; null when nothing says. */
export function decideOnEdge(pred: Block, block: Block, condition: Condition, a: Value, b: Value): boolean | null {
  const [x, y] = [constantOf(a), constantOf(b)];
  if (x !== null && y !== null) return foldCondition(condition, x, y);
  if (a === b) return foldCondition(condition, 0, 0);
  let to = block;
  let from = pred;
  for (let depth = 0; depth < DEPTH_MAX; depth++) {
    const { end } = from;
    if (end.kind === "branch" && end.then !== end.else) {
      const holds = end.then === to ? end.condition : INVERSE[end.condition];
      const decided = conclude(holds, end.args, condition, a, b);
      if (decided !== null) return decided;
    }
    if (from.preds.length !== 1) return null;
    to = from;
    from = from.preds[0];
  }
  return null;
}

function conclude(
  holds: Condition, [x, y]: readonly [Value, Value], condition: Condition, a: Value, b: Value,
): boolean | null {
  if (same(x, a) && same(y, b)) return IMPLIED[holds][condition] ?? null;
  const symmetric = holds === "eq" || holds === "ne";
  if (symmetric && same(x, b) && same(y, a)) return IMPLIED[holds][condition] ?? null;
  const [known, asked] = [constantOf(y), constantOf(b)];
  if (holds === "eq" && same(x, a) && known !== null && asked !== null) return foldCondition(condition, known, asked);
  return null;
}
