/** Every diagnostic has a case that provokes it: those that no other test shows are here, and nothing is left over. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { DIAGNOSTICS } from "./diagnostics.ts";
import { problemsOf } from "./testing/run-unit.ts";

/** A module that is objected to, by the number of the first objection. */
const FIXTURES: Readonly<Record<string, string>> = {
  K001: "export function test(: u32 { return 1; }",
  K022: "export function test(x: Foo): u32 { return 1; }",
  K027: "function id<T>(x: T): T { return x; }\nexport function test(x: u32): u32 { return id<u32, u32>(x); }",
  K028: "function none<T>(): u32 { return sizeof<T>(); }\nexport function test(): u32 { return none(); }",
  K029: "const enum E { a }\nexport function test(): u32 { const e: u32 = E; return e; }",
  K031: "const a = new FixedArray<u32>(-1);\nexport function test(): u32 { return a[0]; }",
  K032: "class c { f: void }\nconst x = new c();\nexport function test(): u32 { return addr(x); }",
  K052: "export function test(a: u32): u32 { return a << 33; }",
  K053: "export function test(a: u32): u32 { return a < 0 ? 1 : 2; }",
  K067: "class pair { constructor(readonly a: u32) {} }\nconst p = new pair(1, 2);\nexport function test(): u32 { return p.a; }",
  K069: "const a = new FixedArray<u32>(10);\nexport function test(): u32 { return a[10]; }",
  K068: "class c { n: u32 = 0 }\nexport function test(): u32 { const p = new PerCpu(c); return 1; }",
  K085: "class c { n: u32 = 0; get_n(): u32 { return this.n; } }\nconst x = new c();\nexport function test(): u32 { const f = x.get_n; return 1; }",
  K086: "function id<T>(x: T): T { return x; }\nexport function test(): usize { return addr(id); }",
  K088: "export function test(x: u32): u32 { if (x === 1) return 2; }",
  K091: "function f(...args: vararg[]): u32 { return args.length; }\nexport function test(x: u32): u32 { return f(...x); }",
  K092: "export function test(a: u64, b: u64): u64 { return a / b; }",
  K107: "export function test(x?: u32): u32 { return 1; }",
  K114: 'export function test(): void { "naked"; let x: u32 = 1; }',
  K116: "export function test(x: u32) { return x; }",
  K140: `export function test(a: u32): void { asm\`nop \${asmIn(a)} \${asmIn(a + 1)} \${asmIn(a + 2)} \${asmIn(a + 3)}\`; }`,
  K141: `export function test(): void { asm\`li s1, 1 \${asmClobber("s1")}\`; }`,
  K142: `export function test(a: u32): void { "naked"; asm\`mv a0, \${asmIn(a)}\`; }`,
  K143: 'function on_trap(): void { "interrupt"; }\nexport function test(): void { on_trap(); }',
  K144: 'export function test(a: u32): void { "interrupt"; }',
  K145: "export function test(a: u32): u32 { return FIELD_GET(5, a); }",
  K146: "export function test(): u32 { return FIELD_PREP(GENMASK(7, 4), 16); }",
};

const codesOf = (problems: readonly string[]): (string | undefined)[] => problems.map((text) => /\((K\d+)\)/.exec(text)?.[1]);

for (const [code, source] of Object.entries(FIXTURES)) {
  test(code, () => {
    const problems = problemsOf(source);
    expect(codesOf(problems)[0], problems.join("\n")).toBe(code);
    // Place, source line, caret, and what to write instead.
    expect(problems[0]).toMatch(/^kernel\/main\.ts:\d+:\d+: .+\n.+\n *\^/);
  });
}

test("an entry that is not there", () => {
  expect(codesOf(problemsOf("", { entries: ["kernel/none.ts"] }))).toEqual(["K007"]);
});

test("no number is without a case", () => {
  const folder = import.meta.dirname;
  const tests = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".test.ts"));
  const texts = tests.map((name) => readFileSync(join(folder, name), "utf8")).join("\n");
  const shown = new Set([...texts.matchAll(/\bK\d{3}\b/g)].map(([code]) => code));
  expect(Object.keys(DIAGNOSTICS).filter((code) => !shown.has(code))).toEqual([]);
});
