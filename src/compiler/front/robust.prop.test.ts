/** Broken sources make problems with places, never exceptions or malformed IR. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { compileToIr, verifyIr } from "./index.ts";
import { MAIN, inputOf, typescript } from "./testing/run-unit.ts";

const SOURCE = `
class list { next: list = this; prev: list = this; empty(): boolean { return this.next === this; } }
class task { pid: u32 = 7; wide: u64; readonly links = new list(); name: string = "idle"; parent: task | null = null }
const enum STATE { idle, busy = 4 }
const LIMIT = 3;
const tasks = new StructArray(task, LIMIT);
const buffer = new FixedArray<u8>(16);
const handlers: ((x: u32) => u32)[] = [twice];
let state: u32 = STATE.idle;
function twice(x: u32): u32 { "noinline"; return x * 2; }
function log(format: string, ...args: vararg[]): u32 { return args.length; }
function* each<T extends object>(head: list, type: Struct<T>, field: FieldOf<T, list>): Generator<T> {
  for (let p = head.next; p !== head; p = p.next) yield containerOf(type, field, p);
}
export function test(count: u32, limit: i32, wide: u64): u32 {
  const local = new task();
  let sum: u32 = u32(wide >> 3n) + sizeof<task>();
  for (const t of each(tasks[0].links, task, "links")) { if (t.pid > count) break; sum += t.pid; }
  outer: while (sum < 100) {
    switch (sum & 3) { case 0: sum += 2; break; case 1: continue outer; default: sum++; }
    if (limit < 0 || local.links.empty() && state === STATE.busy) return log("%u %llu", sum, wide);
    buffer[sum & 15] = u8(sum);
  }
  do { WRITE_ONCE(state, READ_ONCE(state) + 1); amoAdd(addressOf(local.pid), 1); } while (state < 10);
  return handlers[0](sum) + (local.parent === null ? 1 : 0);
}
`;

/** Start and end of each token. */
const TOKENS: readonly (readonly [number, number])[] = (() => {
  const scanner = typescript.createScanner(typescript.ScriptTarget.Latest, true);
  scanner.setText(SOURCE);
  const tokens: [number, number][] = [];
  while (scanner.scan() !== typescript.SyntaxKind.EndOfFileToken)
    tokens.push([scanner.getTokenStart(), scanner.getTokenEnd()]);
  return tokens;
})();

const mutation = fc.record({
  kind: fc.constantFrom("remove", "replace", "insert"),
  at: fc.nat(TOKENS.length - 1),
  from: fc.nat(TOKENS.length - 1),
});

test("the unchanged source compiles", () => {
  expect(compileToIr(typescript, inputOf(SOURCE)).ok).toBe(true);
});

test("a source with a token removed, replaced or doubled is compiled or refused", () => {
  fc.assert(
    fc.property(mutation, ({ kind, at, from }) => {
      const [start, end] = TOKENS[at]!;
      const text = SOURCE.slice(...TOKENS[from]!);
      const middle =
        kind === "remove" ? "" : kind === "replace" ? text : `${text} ${SOURCE.slice(start, end)}`;
      const unit = compileToIr(
        typescript,
        inputOf(SOURCE.slice(0, start) + middle + SOURCE.slice(end)),
      );
      if (unit.ok) expect(unit.value.functions.flatMap(verifyIr)).toEqual([]);
      else for (const p of unit.problems) expect(p.place?.file).toBe(MAIN);
    }),
    { numRuns: 500, seed: 2 },
  );
});
