/** What the constructs of kernel TypeScript mean, by running their IR. */
import { expect, test } from "vitest";
import { Runner, compileUnit, run } from "./testing/run-unit.ts";

test("integers: narrowing, widening, wrap-around, signed and unsigned operators", () => {
  expect(
    run(`export function test(x: u32): u32 { return u8(x) + u32(i8(x) === -1); }`, 0x1ff),
  ).toBe(256);
  expect(run(`export function test(x: i32): i32 { return x >> 1; }`, -5)).toBe(0xffff_fffd);
  expect(run(`export function test(x: i32): i32 { return x >>> 28; }`, -5)).toBe(15);
  expect(run(`export function test(x: i32): i32 { return x / 2 + x % 2; }`, -5)).toBe(0xffff_fffd);
  expect(run(`export function test(x: u32): u32 { return x / 2; }`, -5)).toBe(0x7fff_fffd);
  expect(
    run(`export function test(x: u32): u32 { let b: u8 = u8(x); b += 3; b++; return b; }`, 253),
  ).toBe(1);
  expect(
    run(`export function test(x: u32): u32 { let b: i8 = i8(x); b--; return u32(i32(b)); }`, 128),
  ).toBe(127);
  expect(run(`export function test(x: u32): u32 { return x & ~3; }`, 7)).toBe(4);
  expect(run(`export function test(a: u32, b: u32): u32 { return mulhu(a, b); }`, -1, -1)).toBe(
    0xffff_fffe,
  );
});

test("64 bits: carry, borrow, product, comparison, shifts by any count", () => {
  const big = (low: number, high: number): [number, number] => [low, high];
  expect(
    run(`export function test(a: u64, b: u64): u64 { return a + b; }`, ...big(-1, 1), ...big(1, 0)),
  ).toBe(0x2_0000_0000n);
  expect(
    run(`export function test(a: u64, b: u64): u64 { return a - b; }`, ...big(0, 1), ...big(1, 0)),
  ).toBe(0xffff_ffffn);
  expect(
    run(
      `export function test(a: u64, b: u64): u64 { return a * b; }`,
      ...big(-1, 0),
      ...big(-1, 0),
    ),
  ).toBe(0xffff_fffe_0000_0001n);
  expect(run(`export function test(a: u64): u64 { return a / 8n + a % 8n; }`, ...big(15, 1))).toBe(
    0x2000_0001n + 7n,
  );
  for (const n of [0, 1, 31, 32, 33, 63]) {
    const x = 0x8123_4567_89ab_cdefn;
    const args = [0x89ab_cdef | 0, 0x8123_4567 | 0, n];
    expect(run(`export function test(a: u64, n: u32): u64 { return a << n; }`, ...args)).toBe(
      BigInt.asUintN(64, x << BigInt(n)),
    );
    expect(run(`export function test(a: u64, n: u32): u64 { return a >> n; }`, ...args)).toBe(
      x >> BigInt(n),
    );
    expect(run(`export function test(a: i64, n: u32): i64 { return a >> n; }`, ...args)).toBe(
      BigInt.asUintN(64, BigInt.asIntN(64, x) >> BigInt(n)),
    );
    expect(run(`export function test(a: u64): u64 { return a >> ${n}n; }`, ...args)).toBe(
      x >> BigInt(n),
    );
    expect(run(`export function test(a: u64): u64 { return a << ${n}n; }`, ...args)).toBe(
      BigInt.asUintN(64, x << BigInt(n)),
    );
  }
  const compare = `export function test(a: i64, b: i64): u32 {
    return u32(a < b) | u32(a <= b) << 1 | u32(a > b) << 2 | u32(a >= b) << 3 | u32(a === b) << 4 | u32(a !== b) << 5; }`;
  expect(run(compare, ...big(0, -1), ...big(0, 0))).toBe(0b100011);
  expect(run(compare, ...big(-1, 0), ...big(0, 1))).toBe(0b100011);
  expect(run(compare, ...big(5, 5), ...big(5, 5))).toBe(0b011010);
  expect(run(`export function test(x: i32): u64 { return u64(x); }`, -1)).toBe(
    0xffff_ffff_ffff_ffffn,
  );
  expect(run(`export function test(x: u32): i64 { return i64(x); }`, -1)).toBe(0xffff_ffffn);
});

test("control flow: loops, labels, switch, conditional expressions, short circuits", () => {
  expect(
    run(
      `export function test(n: u32): u32 {
    let sum: u32 = 0;
    outer: for (let i: u32 = 0; i < n; i++) {
      for (let j: u32 = 0; ; j++) { if (j === 3) continue outer; if (i === 4) break outer; sum += j; }
    }
    return sum; }`,
      10,
    ),
  ).toBe(12);
  const choose = `export function test(x: u32): u32 {
    let r: u32 = 0;
    switch (x) { case 1: r = 10; case 2: r += 5; break; case 3: return 7; default: r = 99; }
    return r; }`;
  expect([1, 2, 3, 4].map((x) => run(choose, x))).toEqual([15, 5, 7, 99]);
  expect(
    run(
      `export function test(x: u32): u32 { let i: u32 = 0; do { i++; if (i === 3) continue; } while (i < x); return i; }`,
      6,
    ),
  ).toBe(6);
  expect(
    run(`let calls: u32 = 0;
    function t(r: boolean): boolean { calls++; return r; }
    export function test(): u32 { const b = t(false) && t(true) || t(true); return calls * 10 + (b ? 1 : 0); }`),
  ).toBe(21);
  expect(
    run(
      `export function test(x: u32): u32 { const small = x < 10, odd = (x & 1) !== 0; return small && !odd ? 1 : 0; }`,
      4,
    ),
  ).toBe(1);
});

test("classes: embedded storage, this, methods, constructor parameters, statics with addresses", () => {
  expect(
    run(`
    class list { next: list = this; prev: list = this; empty(): boolean { return this.next === this; } }
    class thing { count: u32 = 3; readonly head = new list(); tag: u8 = 7; big: u64 = 0x1_0000_0002n; }
    class cache { constructor(readonly name: string, readonly size: u32, readonly first: thing) {} }
    const one = new thing();
    const named = new cache("kmalloc", sizeof<thing>(), one);
    function add(entry: list, head: list): void { entry.next = head.next; head.next = entry; }
    export function test(): u32 {
      const local = new thing();
      local.count += 1;
      if (!one.head.empty() || !local.head.empty()) return 1;
      add(local.head, one.head);
      const found = containerOf(thing, "head", one.head.next);
      if (found !== local) return 2;
      const text = cast<Ptr<u8>>(addr(named.name));
      return found.count * 10000 + named.first.tag * 1000 + named.size * 10 + text[1] - 0x6d + u32(one.big >> 32n);
    }`),
  ).toBe(4 * 10000 + 7 * 1000 + 240 + 1);
});

test("pointers, arrays, function values, addressed locals", () => {
  expect(
    run(
      `
    class pair { a: u32; b: u32 }
    const pairs = new StructArray(pair, 4);
    const words = new FixedArray<u16>(8);
    const table: ((x: u32) => u32)[] = [twice, square];
    function twice(x: u32): u32 { return 2 * x; }
    function square(x: u32): u32 { return x * x; }
    function set(p: Ptr<u32>, v: u32): void { "noinline"; p[0] = v; }
    export function test(i: u32): u32 {
      pairs[i].b = 5; words[i] = 70000 & 0xffff; words[i]++;
      let local: u32 = 1;
      set(addressOf(local), local + 8);
      const p = addressOf(pairs[1].a).add(1);
      let sum: u32 = p[0] + words[i] + local + words.length + pairs[1].b;
      for (let k: u32 = 0; k < 2; k++) sum += table[k](10);
      return sum;
    }`,
      1,
    ),
  ).toBe(5 + 4465 + 9 + 8 + 5 + 120);
});

test("generators become loops; break, continue and return leave them", () => {
  const source = `
    class node { readonly link = new list(); value: u32 }
    class list { next: list = this; prev: list = this }
    const head = new list();
    const nodes = new StructArray(node, 5);
    function* each<T extends object>(h: list, type: Struct<T>, field: FieldOf<T, list>): Generator<T> {
      for (let p = h.next; p !== h; p = p.next) yield containerOf(type, field, p);
    }
    function* values(): Generator<u32> { for (const n of each(head, node, "link")) yield n.value; }
    function find(limit: u32): u32 { for (const v of values()) if (v > limit) return v; return 0; }
    export function test(mode: u32): u32 {
      for (let i: u32 = 0; i < 5; i++) { nodes[i].value = i + 1; nodes[i].link.next = head.next; head.next = nodes[i].link; }
      let sum: u32 = 0;
      for (const v of values()) { if (mode === 1 && v === 2) break; if (mode === 2 && v === 3) continue; sum += v; }
      return sum * 10 + find(3);
    }`;
  expect([0, 1, 2].map((m) => run(source, m))).toEqual([155, 125, 125]);
});

test("rest parameters: strings by address, integers extended, 64 bits as two words", () => {
  expect(
    run(
      `
    function count(format: string, ...args: vararg[]): u32 { return args.length * 1000 + vaWords(args)[1] + vaWords(args)[args.length - 1]; }
    function pass(...args: vararg[]): u32 { return count("x", ...args); }
    export function test(x: u8, w: u64): u32 { return pass("s", x, w, 7n, -1) + 2; }`,
      5,
      1,
      2,
    ),
  ).toBe(7000 + 5 - 1 + 2);
});

test("generics take their types from the arguments, defaults fill in", () => {
  expect(
    run(`
    class a { x: u32 } class b { y: u32; z: u32 }
    function size<T>(p: T | null): u32 { "noinline"; return sizeof<T>(); }
    function plus(x: u32, y: u32 = 40): u32 { "noinline"; return x + y; }
    export function test(): u32 { const one = new a(), two = new b(); return size(one) * 10 + size(two) + plus(1) + plus(1, 2); }`),
  ).toBe(48 + 41 + 3);
});

test("generics that are not inlined are compiled once for each set of types", () => {
  const source = `class pair { a: u32 = 3; b: u64 = 4n }
class list { at: pair | null = null; next: list | null = null }
const one = new pair();
const first: list = new list();
function larger<T>(p: Ptr<T>, q: Ptr<T>, pick: (x: T, y: T) => boolean): T { "noinline"; return pick(p[0], q[0]) ? p[0] : q[0]; }
function count<T>(type: Struct<T>, n: u32): u32 { "noinline"; return n * sizeof<T>(); }
function above(x: u32, y: u32): boolean { "noinline"; return x > y; }
function wider(x: u64, y: u64): boolean { "noinline"; return x > y; }
const words = new FixedArray<u32>(2);
const wides = new FixedArray<u64>(2);
export function test(): u32 {
  words[1] = 7;
  wides[0] = 1n << 40n;
  const w = larger(words, addressOf(words[1]), above) + larger(addressOf(words[1]), words, above);
  const d = larger(wides, addressOf(wides[1]), wider);
  return w + u32(d >> 36n) + count(pair, 2) * 100 + count(list, 1) * 10000 + count(pair, 1) * 1000000;
}`;
  expect(run(source)).toBe(7 + 7 + 16 + 3200 + 80000 + 16000000);
  const names = compileUnit(source).functions.map(({ symbol }) => symbol).sort();
  expect(names).toEqual(["above", "count", "count.1", "larger", "larger.1", "test", "wider"]);
});

test("what a configuration leaves out takes its functions and statics along", () => {
  const source = `const big = new FixedArray<u32>(64);
class hook { next: hook = this; name: string = "dead" }
const only = new hook();
function dead(): u32 { "noinline"; only.name = "gone"; return big[1]; }
function alive(): u32 { "noinline"; return 5; }
const enum MODE { a, b }
const MODE_NOW: MODE = MODE.a;
export function test(): u32 { return MODE_NOW === MODE.a ? alive() : dead(); }`;
  const unit = compileUnit(source);
  expect(unit.functions.map(({ symbol }) => symbol)).toEqual(["test", "alive"]);
  expect(unit.data.map(({ symbol }) => symbol)).toEqual([]);
  expect(run(source)).toBe(5);
});

test("configuration folds and takes dead code with it", () => {
  const unit = compileUnit({
    "kernel/config.ts": `export const OPTIONS = { "m.on": { type: "bool", default: false, doc: "" },
      "m.design": { type: "enum", enum: "DESIGN", values: ["a-b", "c"], default: "c", doc: "" } } as const;`,
    "kernel/main.ts": `import { CONFIG, DESIGN } from "config";
      function gone(): void { "noinline"; wfi(); }
      export function test(): u32 { if (CONFIG.m.on) gone(); return CONFIG.m.design === DESIGN.a_b && CONFIG.m.on ? 1 : 2; }`,
  });
  expect(unit.functions.map((f) => f.symbol)).toEqual(["test"]);
  expect(
    unit.functions[0]!.blocks.flatMap((b) => b.values).filter((v) => v.op !== "const"),
  ).toEqual([]);
  expect(unit.config).toEqual({ "m.on": false, "m.design": "c" });
});

test("atomics, READ_ONCE and CMPXCHG on fields", () => {
  expect(
    run(`
    class counter { value: i32 = 4; flags: u32 = 6 }
    const c = new counter();
    export function test(): u32 {
      const old = amoAdd(addressOf(c.value), -1);
      WRITE_ONCE(c.flags, READ_ONCE(c.flags) | 1);
      const seen = CMPXCHG(c.value, 3, 9);
      amoAnd(addressOf(c.flags), ~2);
      return old * 1000 + u32(seen) * 100 + u32(c.value) * 10 + c.flags;
    }`),
  ).toBe(4395);
});

test("per-CPU templates, tasks and sections", () => {
  const runner = new Runner(
    {
      "kernel/main.ts": `class stats { hits: u32 = 5; readonly inner = new deep(); } class deep { x: u16 = 3 }
      const here = new PerCpu(stats);
      export function test(): u32 { return here.current().hits + here.current().inner.x; }
      export function cold(): void { "section .init.text"; here.current().hits = 0; }`,
      "kernel/workload/a.ts": `export function lose(arg: u32): void { WRITE_ONCE(cast<Ptr<u32>>(4)[0], arg); }`,
    },
    { tasks: ["lose"] },
  );
  expect(runner.call("test")).toBe(8);
  expect(runner.unit.data.map((d) => [d.name, d.section, d.size, d.type])).toEqual([
    ["str.0", ".rodata", 5, "string"],
    ["task.lose", ".tasks", 8, "task"],
    ["here", ".data..percpu", 8, "stats"],
  ]);
  expect(runner.unit.functions.map((f) => f.section)).toEqual([".text", ".init.text", ".text"]);
});

test("inlined code knows the call it came from", () => {
  const unit = compileUnit(`
let x: u32 = 0;
function inner(): void { "inline"; x = 1; }
function outer(): void { "inline"; inner(); }
export function test(): void {
  outer();
}`);
  const store = unit.functions[0]!.blocks.flatMap((b) => b.values).find((v) => v.op === "store")!;
  const chain: string[] = [];
  for (let loc = unit.locations[store.loc]!; loc.line; loc = unit.locations[loc.inlinedAt]!)
    chain.push(`${loc.functionName}:${loc.line}`);
  expect(chain).toEqual(["inner:3", "outer:4", "test:6"]);
});

test("the same sources give the same unit", () => {
  const source = `class a { next: a | null = null; n: u32 = 1 } const x = new a();
    export function test(n: u32): u32 { let s: u32 = 0; for (let p: a | null = x; p !== null; p = p!.next) s += p!.n * n; return s; }`;
  expect(JSON.stringify(compileUnit(source).data)).toBe(JSON.stringify(compileUnit(source).data));
});

test("a switch over labels close together is a table; holes and everything outside go to default", () => {
  const source = `export function test(x: u32): u32 {
    let r: u32 = 1;
    switch (x) {
      case 4: r = 40; break;
      case 5: r = 50;
      case 6: r += 60; break;
      case 9: r = 90; break;
      case 10: return 100;
      case 3: r = 30; break;
      default: r = 7;
    }
    return r;
  }`;
  const results = [0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, -1].map((x) => run(source, x));
  expect(results).toEqual([7, 7, 30, 40, 110, 61, 7, 7, 90, 100, 7, 7]);
  const ends = (text: string) => compileUnit(text).functions[0]!.blocks.map(({ end }) => end.kind);
  expect(ends(source)).toContain("switch");
  expect(ends(source.replace("case 3:", "case 3000:"))).not.toContain("switch");
  expect(ends(source.replace("switch (x)", "switch (u32(9))"))).not.toContain("switch");
});

test("a table over signed labels, without default, in a loop with labels", () => {
  const source = `export function test(n: i32): u32 {
    let sum: u32 = 0;
    outer: for (let i: i32 = -4; i < n; i++) {
      switch (i) {
        case -3: sum += 1; break;
        case -2: continue;
        case -1: sum += 100; break;
        case 0: case 1: sum += 1000; break;
        case 3: break outer;
      }
      sum += 10_000;
    }
    return sum;
  }`;
  expect(run(source, 2)).toBe(1 + 100 + 2000 + 5 * 10_000);
  expect(run(source, 100)).toBe(1 + 100 + 2000 + 6 * 10_000);
});
