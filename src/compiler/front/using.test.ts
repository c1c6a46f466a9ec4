/** `using`: released on every path out of the block, last declared first; what `test` returns is the order of events. */
import { expect, test } from "vitest";
import { problemsOf, run } from "./testing/run-unit.ts";

/** note(n) appends a digit; a guard notes its number when it is made and its number plus 4 when it is released. */
const GUARD = `
let log: u32 = 0;
function note(n: u32): void { log = log * 10 + n; }
class guard_t {
  constructor(readonly id: u32) {}
  [Symbol.dispose](): void { note(this.id + 4); }
}
function guard(id: u32): guard_t { "inline"; note(id); return new guard_t(id); }
`;
const order = (body: string, ...args: number[]): number | bigint => run(GUARD + body, ...args);

test("the end of the block, in reverse order", () => {
  expect(order(`export function test(): u32 {
    { using _a = guard(1); using _b = guard(2); note(9); }
    note(3);
    return log;
  }`)).toBe(129653);
});

test("return evaluates its value first; an early one releases what is declared so far", () => {
  const source = `function inner(x: u32): u32 {
    using _a = guard(1);
    if (x === 0) return log;
    using _b = guard(2);
    { using _c = guard(3); if (x === 1) return log; }
    return log;
  }
  export function test(x: u32): u32 { return inner(x) * 10000 + log % 10000; }`;
  expect(order(source, 0)).toBe(1_0000 + 15);
  expect(order(source, 1)).toBe(123_0000 + 3765);
  expect(order(source, 2)).toBe(1237_0000 + 3765);
});

test("break, continue, labels, switch", () => {
  expect(order(`export function test(): u32 {
    for (let i: u32 = 0; i < 3; i++) {
      using _a = guard(1);
      if (i === 0) continue;
      switch (i) { case 1: { using _b = guard(2); break; } default: note(9); }
      if (i === 1) break;
    }
    return log;
  }`)).toBe(1_5_1_26_5);
  expect(order(`export function test(): u32 {
    outer: for (;;) {
      using _a = guard(1);
      for (;;) { using _b = guard(2); for (;;) { using _c = guard(3); break outer; } }
    }
    return log;
  }`)).toBe(123765);
});

test("leaving a for..of releases what the generator holds; continuing does not", () => {
  const source = (body: string) => `function* items(): Generator<u32> {
    using _lock = guard(1);
    for (let i: u32 = 0; i < 2; i++) { using _item = guard(2); yield i; }
  }
  function walk(): void { for (const i of items()) { using _a = guard(3); ${body} } }
  export function test(): u32 { walk(); return log; }`;
  expect(order(source("if (i === 0) continue; note(9);"))).toBe(12376239765 % 2 ** 32);
  expect(order(source("break;"))).toBe(123765);
  expect(order(source("if (i === 0) return;"))).toBe(123765);
});

test("const x = new T() and a pointer that the function was given can be used", () => {
  expect(order(`function with_it(g: guard_t): void { using _g = g; note(9); }
  export function test(): u32 { { using _a = new guard_t(2); } const b = new guard_t(1); with_it(b); return log; }`)).toBe(695);
});

test("what has nothing to release, and where `using` cannot stand", () => {
  expect(problemsOf(`${GUARD}class plain { x: u32 = 0; }
  export function test(x: u32): u32 { using _a = new plain(); switch (x) { case 1: using _b = guard(1); } return log; }`)).toMatchInlineSnapshot(`
    [
      "kernel/main.ts:10:45: plain has nothing to call at the end of the block (K117)
        export function test(x: u32): u32 { using _a = new plain(); switch (x) { case 1: using _b = guard(1); } return log; }
                                                  ^
      give its class a method \`[Symbol.dispose](): void\`",
      "kernel/main.ts:10:84: \`using\` stands in a block (K118)
        export function test(x: u32): u32 { using _a = new plain(); switch (x) { case 1: using _b = guard(1); } return log; }
                                                                                         ^
      put braces around it: \`{ using _x = …; … }\`",
    ]
  `);
  expect(problemsOf(`class t { x: u32 = 0; }
  function make(): t { return new t(); }
  export function test(): u32 { return make().x; }`)).toMatchInlineSnapshot(`
    [
      "kernel/main.ts:2:31: \`new t\` has no place here (K064)
        function make(): t { return new t(); }
                                    ^
      \`new\` works in module-level const, in fields, in \`const x = new T()\` and as the result of an "inline" function; the heap is kmalloc and kmem_cache_alloc",
    ]
  `);
});
