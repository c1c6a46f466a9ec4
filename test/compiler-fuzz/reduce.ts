/**
 * Makes a failing program smaller while it still fails: statements and declarations are left out, `if` and loops are replaced
 * by their bodies, expressions by parts of themselves or by a number. Works on the tree as plain data, so it needs no list
 * of cases to keep in step with program.ts; what no longer compiles simply does not count as failing.
 */
import type { Program } from "./program.ts";

type Tree = { readonly [key: string]: unknown };
const isTree = (x: unknown): x is Tree => typeof x === "object" && x !== null && !Array.isArray(x);
/** Expressions and conditions: what may stand in for each other when the type agrees. */
const isValue = (x: unknown): x is Tree => isTree(x) && "kind" in x && ("type" in x || ["compare", "and", "or", "not"].includes(x["kind"] as string)) && !("name" in x && "value" in x);

function* smallerList(list: readonly unknown[]): Generator<readonly unknown[]> {
  for (let size = list.length >> 1; size >= 1; size >>= 1)
    for (let at = 0; at + size <= list.length; at += size) yield [...list.slice(0, at), ...list.slice(at + size)];
  for (let at = 0; at < list.length; at++) {
    const item = list[at];
    if (isTree(item))
      for (const body of [item["then"], item["else"], item["body"]])
        if (Array.isArray(body)) yield [...list.slice(0, at), ...body, ...list.slice(at + 1)];
    for (const smaller of variants(item)) yield [...list.slice(0, at), smaller, ...list.slice(at + 1)];
  }
}

function* smallerValue(value: Tree): Generator<unknown> {
  for (const part of Object.values(value)) if (isValue(part) && part["type"] === value["type"]) yield part;
  if (value["type"] !== undefined && value["kind"] !== "number" && /(32|64)$/.test(String(value["type"])))
    for (const number of [0n, 1n]) yield { kind: "number", type: value["type"], value: number };
}

function* variants(x: unknown): Generator<unknown> {
  if (Array.isArray(x)) {
    yield* smallerList(x);
    return;
  }
  if (!isTree(x)) return;
  if (isValue(x)) yield* smallerValue(x);
  for (const [key, part] of Object.entries(x)) for (const smaller of variants(part)) yield { ...x, [key]: smaller };
}

/**
 * The smallest program found with at most `tries` questions to `fails`. After a step the search goes on where it was: what
 * did not help before rarely helps now. It ends when a whole round brings nothing.
 */
export function reduceProgram(program: Program, fails: (p: Program) => boolean, tries = 500): Program {
  let best = program;
  let left = tries;
  let from = 0;
  let progress = true;
  while (progress && left > 0) {
    progress = false;
    let at = 0;
    for (const candidate of variants(best)) {
      if (at++ < from) continue;
      if (left-- <= 0) break;
      if (!fails(candidate as Program)) continue;
      best = candidate as Program;
      progress = true;
      break;
    }
    const whole = from === 0;
    from = progress ? at - 1 : 0;
    progress ||= !whole;
  }
  return best;
}
