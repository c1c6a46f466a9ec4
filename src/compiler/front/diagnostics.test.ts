/** What the compiler objects to, and how it says so. */
import { expect, test } from "vitest";
import { DIAGNOSTICS, PROBLEMS_MAX } from "./diagnostics.ts";
import { MAIN, problemsOf } from "./testing/run-unit.ts";

const PRELUDE = `
class list_head { next: list_head = this; prev: list_head = this }
class node { key: u32; readonly list = new list_head(); next: node | null; small: u8; wide: u64 }
class first { x: u32; y: u32 }
class second { x: u32; y: u32 }
const enum STATE { idle, busy }
const LIMIT = 5;
function use(x: u32): void { "noinline"; asm\`nop\`; }
function give(): void { "noinline"; asm\`nop\`; }
function* items(n: u32): Generator<u32> { yield n; }
let a: u8 = 0;
let b: u32 = 0;
let c: i32 = 0;
let d: u64 = 0n;
let flag: boolean = false;
let text: string = "";
`;

/** Message and hint of a statement's problem. */
function objection(statement: string): string {
  const source = `${PRELUDE}export function test(n: node, l: list_head, p: Ptr<u32>, f: first): void {\n${statement}\n}`;
  const [problem] = problemsOf(source);
  return problem === undefined
    ? "accepted"
    : problem
        .replace(/^.*?:\d+:(\d+): /, "$1: ")
        .split("\n")
        .filter((_, i) => i !== 1 && i !== 2)
        .join(" | ");
}

function table(...statements: string[]): string {
  return statements.map((s) => `${s}\n    ${objection(s)}`).join("\n");
}

test("a problem shows the place, the line with a caret, and what to write instead", () => {
  expect(
    problemsOf(`export function test(x: u32): u8 {\n  return x + 1;\n}`).join("\n"),
  ).toMatchInlineSnapshot(`
    "kernel/main.ts:2:10: u32 does not convert to u8 (K040)
        return x + 1;
               ^
      convert it: \`u8(...)\`"
  `);
});

test("integers", () => {
  expect(
    table(
      "b = a;",
      "a = b;",
      "c = b;",
      "b = c;",
      "a = a + 1;",
      "d = d + b;",
      "b = d;",
      "b = 1.5;",
      "b = -1;",
      "b = ~0;",
      "b = 0x1_0000_0000;",
      "flag = b;",
      "b = flag;",
      "if (b < c) use(1);",
      "if (c < 0x8000_0000) use(1);",
      "b = b / 0;",
      "b = flag ? b : c;",
      "c = -b;",
      "switch (d) { case 1n: give(); }",
      "let x: number = 1;",
      "let x = 1;",
    ),
  ).toMatchInlineSnapshot(`
    "b = a;
        accepted
    a = b;
        5: u32 does not convert to u8 (K040) |   convert it: \`u8(...)\`
    c = b;
        5: u32 does not convert to i32 (K040) |   convert it: \`i32(...)\`
    b = c;
        5: i32 does not convert to u32 (K040) |   convert it: \`u32(...)\`
    a = a + 1;
        5: u32 does not convert to u8 (K040) |   convert it: \`u8(...)\`
    d = d + b;
        5: u64 and u32 do not mix (K042) |   convert one side: \`u64(...)\`
    b = d;
        5: u64 does not convert to u32 (K040) |   convert it: \`u32(...)\`
    b = 1.5;
        5: an integer has no fraction (K115) |   scale it: nanoseconds, pages, per mille
    b = -1;
        5: -1 does not fit u32 (K041) |   write the bit pattern (\`~0\` has all bits set), or subtract
    b = ~0;
        accepted
    b = 0x1_0000_0000;
        5: 4294967296 does not fit u32 (K041) |   u32 holds 0 to 4294967295
    flag = b;
        8: u32 does not convert to boolean (K040) |   compare it: \`x !== 0\`
    b = flag;
        5: boolean does not convert to u32 (K040) |   convert it: \`u32(...)\`
    if (b < c) use(1);
        5: u32 and i32 do not mix (K042) |   convert one side: \`u32(...)\`
    if (c < 0x8000_0000) use(1);
        9: 2147483648 does not fit i32 (K041) |   i32 holds -2147483648 to 2147483647
    b = b / 0;
        5: division by zero (K049) |   test the divisor first; this one is the constant 0
    b = flag ? b : c;
        5: u32 and i32 do not mix (K042) |   convert one side: \`u32(...)\`
    c = -b;
        5: u32 does not convert to i32 (K040) |   convert it: \`i32(...)\`
    switch (d) { case 1n: give(); }
        9: \`switch\` does not work on u64 (K045) |   switch over an integer of at most 32 bits
    let x: number = 1;
        8: \`number\` has no width (K023) |   say which integer it is: u8 i8 u16 i16 u32 i32 usize u64 i64
    let x = 1;
        5: x needs a type here (K026) |   write \`x: u32\` (or the type you mean)"
  `);
});

test("pointers, classes and storage", () => {
  expect(
    table(
      "const x: second = f;",
      "if (n === l) give();",
      "b = n;",
      "b = n + 4;",
      "p = p + 1;",
      "l.next = null;",
      "n.next = null;",
      "n.list = l;",
      "addressOf(n.list);",
      "addressOf(n.key)[0] = n;",
      'containerOf(node, "key", l);',
      'containerOf(node, "nosuch", l);',
      "n.foo = 1;",
      "n.foo();",
      "f.x();",
      "b = p.length;",
      "amoAdd(addressOf(n.small), 1);",
      "b = addr(b);",
      "const m = new Map();",
      "let s = new first();",
      "b = READ_ONCE(b + 1);",
      'b = n["key"];',
      "const o: first = { x: 1, y: 2 };",
      'if (text === "a") give();',
    ),
  ).toMatchInlineSnapshot(`
    "const x: second = f;
        19: first does not convert to second (K040) |   two classes never convert, even with equal fields; \`cast<T>(addr(x))\` says so on purpose
    if (n === l) give();
        5: node and list_head cannot be compared (K044) |   they are different classes
    b = n;
        5: node does not convert to u32 (K040) |   the address of an object is \`addr(x)\`
    b = n + 4;
        5: the operator + does not work on node (K045) |   take the address with addr(x)
    p = p + 1;
        5: the operator + does not work on Ptr<u32> (K045) |   move a pointer with p.add(n); its address is addr(p)
    l.next = null;
        10: null does not convert to list_head (K043) |   declare it \`list_head | null\`, or pass an object
    n.next = null;
        accepted
    n.list = l;
        1: n.list is embedded storage and cannot be assigned (K061) |   assign its fields, or make it a pointer
    addressOf(n.list);
        11: the address of n.list is the structure itself (K063) |   drop addressOf: a class-typed value is its address
    addressOf(n.key)[0] = n;
        23: node does not convert to u32 (K040) |   the address of an object is \`addr(x)\`
    containerOf(node, "key", l);
        26: list_head does not convert to u32 (K040) |   the pointer must point to this very field
    containerOf(node, "nosuch", l);
        19: node has no field nosuch (K021) |   there are key, list, next, small, wide
    n.foo = 1;
        3: node has no field foo (K021) |   there are key, list, next, small, wide
    n.foo();
        3: node has no method foo (K082) |   write a function foo(x: node)
    f.x();
        1: f.x is not a function (K081) |   it is of type u32
    b = p.length;
        7: Ptr<u32> has no field length (K021) |   pass the length along: a pointer does not know it
    amoAdd(addressOf(n.small), 1);
        8: Ptr<u8> does not convert to Ptr<u32> (K040) |   pass addressOf(x.field) of a 32-bit field
    b = addr(b);
        10: u32 does not convert to an address (K040) |   addr takes a structure, an array, a string or a function
    const m = new Map();
        15: \`new Map\` has no place here (K064) |   \`new\` works in module-level const, in fields, in \`const x = new T()\` and as the result of an "inline" function; the heap is kmalloc and kmem_cache_alloc
    let s = new first();
        5: storage is \`const\`: \`const s = new ...\` (K066) |   \`new T()\` names storage, it is not a pointer that moves
    b = READ_ONCE(b + 1);
        15: this is not a place that can be assigned or have an address (K062) |   use a variable, a field or an element
    b = n["key"];
        7: a field cannot be reached by \`["..."]\` (K105) |   write \`.key\`
    const o: first = { x: 1, y: 2 };
        18: an object literal is not part of kernel TypeScript (K101) |   declare a class and fill its fields
    if (text === "a") give();
        5: strings compare by address here (K048) |   use strcmp(a, b) === 0"
  `);
});

test("names, calls and control flow", () => {
  expect(
    table(
      "nosuch(1);",
      "use(nosuch);",
      "use();",
      "use(1, 2);",
      'use("x");',
      "b = give();",
      "if (give()) use(1);",
      "LIMIT = 6;",
      "const k: u32 = 1; k = 2;",
      "items(1);",
      "const g = items;",
      "for (const x of [1, 2]) use(x);",
      "for (const i in n) use(1);",
      "const f2: () => void = use;",
      "break;",
      "return 1;",
      "b = STATE.nosuch;",
      "csrRead(b);",
      "use(b, ...p);",
    ),
  ).toMatchInlineSnapshot(`
    "nosuch(1);
        1: unknown name nosuch (K020) |   declare it, or import it from the module that exports it
    use(nosuch);
        5: unknown name nosuch (K020) |   declare it, or import it from the module that exports it
    use();
        1: use takes 1 argument, not 0 (K080) |   its parameters are (x: u32)
    use(1, 2);
        1: use takes 1 argument, not 2 (K080) |   its parameters are (x: u32)
    use("x");
        5: string does not convert to u32 (K040) |   the address of an object is \`addr(x)\`
    b = give();
        5: this call has no value (K047) |   only a call of a function that returns something is a value
    if (give()) use(1);
        5: a condition cannot be a call without a value (K046) |   the function returns nothing
    LIMIT = 6;
        1: LIMIT is a constant (K060) |   declare it with \`let\`; what \`new\` made stays where it is
    const k: u32 = 1; k = 2;
        19: k is a constant (K060) |   declare it with \`let\`; what \`new\` made stays where it is
    items(1);
        1: items is a generator (K083) |   walk it: \`for (const x of items(...))\`
    const g = items;
        11: items is a generator (K083) |   walk it: \`for (const x of items(...))\`
    for (const x of [1, 2]) use(x);
        17: for..of walks a call of a generator (K084) |   write \`for (const x of entries(...))\`, or a \`for\` with an index
    for (const i in n) use(1);
        1: for..in is not part of kernel TypeScript (K101) |   write a \`for\` with an index
    const f2: () => void = use;
        24: (u32) => void does not convert to () => void (K040) |   write a function with these parameters that calls it
    break;
        1: there is no loop or switch to break (K112) |   the label must enclose this statement
    return 1;
        1: a constant does not convert to void (K040) |   drop the value
    b = STATE.nosuch;
        11: STATE has no field nosuch (K021) |   there are idle, busy
    csrRead(b);
        9: a CSR number must be a constant (K090) |   use a number, a member of a const enum or a module \`const\`
    use(b, ...p);
        1: use takes 1 argument, not 2 (K080) |   its parameters are (x: u32)"
  `);
});

test("constructs outside of the dialect", () => {
  expect(
    table(
      "const f2 = (x: u32) => x;",
      "function inner(): void {}",
      "try { give(); } catch (e) {}",
      "throw 1;",
      "if (b == 1) give();",
      "b = b as u32;",
      "b = n?.key;",
      "b = b ?? 1;",
      "n.next = undefined;",
      "const { key } = n;",
      "const x: any = 1;",
      "let x: u32 | string = 1;",
      "delete n.key;",
      "b = typeof b;",
      `use(\`x \${b}\`);`,
      'text = text + "x";',
      "var x: u32 = 1;",
      "const m = async () => {};",
      "b = /x/;",
    ),
  ).toMatchInlineSnapshot(`
    "const f2 = (x: u32) => x;
        12: closures do not exist here (K100) |   make it a top-level function and pass what it needs
    function inner(): void {}
        1: closures do not exist here (K100) |   make it a top-level function and pass what it needs
    try { give(); } catch (e) {}
        1: exceptions do not exist here (K110) |   return an error number; panic() and BUG_ON() stop the kernel
    throw 1;
        1: exceptions do not exist here (K110) |   return an error number; panic() and BUG_ON() stop the kernel
    if (b == 1) give();
        5: \`==\` and \`!=\` convert their operands (K102) |   write \`===\` or \`!==\`
    b = b as u32;
        5: type assertions do not convert (K111) |   convert with \`u32(x)\`, or \`cast<T>(address)\`
    b = n?.key;
        5: \`?.\` is not part of kernel TypeScript (K101) |   test for null first
    b = b ?? 1;
        5: \`??\` is not part of kernel TypeScript (K101) |   test for null: \`x !== null ? x : y\`
    n.next = undefined;
        10: \`undefined\` does not exist here (K113) |   use null
    const { key } = n;
        7: destructuring is not part of kernel TypeScript (K104) |   name the fields: \`const a = x.a;\`
    const x: any = 1;
        10: \`any\` is not a type of kernel TypeScript (K025) |   name an integer type or a class; \`object\` is the address of anything
    let x: u32 | string = 1;
        8: the only union is with null (K024) |   write \`T | null\`, or an integer with a const enum of values
    delete n.key;
        1: \`delete\` is not part of kernel TypeScript (K101) |   types are known at compile time, and nothing is ever deleted
    b = typeof b;
        5: \`typeof\` is not part of kernel TypeScript (K101) |   types are known at compile time, and nothing is ever deleted
    use(\`x \${b}\`);
        5: a template with a substitution here is not part of kernel TypeScript (K101) |   it is the format of pr_info, snprintf and other functions that print
    text = text + "x";
        8: string operators do not exist here (K106) |   printk and snprintf format text
    var x: u32 = 1;
        1: var is not part of kernel TypeScript (K101) |   write let or const
    const m = async () => {};
        11: closures do not exist here (K100) |   make it a top-level function and pass what it needs
    b = /x/;
        5: a regular expression is not part of kernel TypeScript (K101) |   compare characters"
  `);
});

test("declarations", () => {
  const of = (source: string) =>
    `${source}\n    ${problemsOf(`${source}\nexport function test(): void {}`)[0]
      ?.split("\n")
      .filter((_, i) => i !== 1 && i !== 2)
      .join(" | ")}`;
  expect(
    [
      "enum E { a }",
      "interface I { x: u32 }",
      "class A extends B {}",
      "class A { get x(): u32 { return 1; } }",
      "give();",
      'import * as x from "./y.ts";',
      'import { y } from "./nosuch.ts";',
      "class A {} class A {}",
      "declare const x: u32;",
      "async function f(): void {}",
      "let [x] = 1;",
    ]
      .map(of)
      .join("\n"),
  ).toMatchInlineSnapshot(`
    "enum E { a }
        kernel/main.ts:1:1: an enum must be \`const enum\` (K103) |   write \`const enum E\`
    interface I { x: u32 }
        kernel/main.ts:1:1: interface is not part of kernel TypeScript (K101) |   write a class: it has a layout
    class A extends B {}
        kernel/main.ts:1:9: a class cannot extend or implement (K109) |   embed it as a field and use containerOf
    class A { get x(): u32 { return 1; } }
        kernel/main.ts:1:11: accessors do not exist here (K108) |   write a method
    give();
        kernel/main.ts:1:1: this statement is not allowed at module level (K005) |   put statements into a function; module level holds declarations only
    import * as x from "./y.ts";
        kernel/main.ts:1:1: only \`import { name } from "./file.ts"\` brings names in (K004) |   name what you need: \`import { a, b } from "./y.ts"\`
    import { y } from "./nosuch.ts";
        kernel/main.ts:1:19: there is no module "./nosuch.ts" (K002) |   paths are relative to this file and end in .ts
    class A {} class A {}
        kernel/main.ts:1:18: A is declared twice in this module (K006) |   rename one of the two
    declare const x: u32;
        kernel/main.ts:1:1: \`declare\` is not part of kernel TypeScript (K101) |   import the name from the module that defines it
    async function f(): void {}
        kernel/main.ts:1:1: async is not part of kernel TypeScript (K101) |   use kthreads and wait queues
    let [x] = 1;
        kernel/main.ts:1:5: destructuring is not part of kernel TypeScript (K104) |   name the fields: \`const a = x.a;\`"
  `);
});

test("a task that does not exist, a task with the wrong type, and a workload that is never reached", () => {
  const files = {
    [MAIN]: "export function start(): void {}",
    "kernel/workload/w.ts":
      "export function good(arg: u32): void {}\nexport function bad(arg: u32): u32 { return arg; }",
    "mine.ts":
      'import { nothing } from "kernel/main.ts";\nfunction unreached(x: u32): u8 { return x; }',
  };
  expect(problemsOf(files, { tasks: ["good", "bad", "lose"] }).join("\n")).toMatchInlineSnapshot(`
    "kernel/workload/w.ts:2:17: the task bad must be \`(arg: u32): void\` (K009)
      export function bad(arg: u32): u32 { return arg; }
                      ^
      a task gets one number and returns nothing
    no task named lose: there are good (K008)
      export \`function lose(arg: u32): void\` from the workload or from a module in kernel/workload/"
  `);
  expect(problemsOf(files, { workload: "mine.ts" }).join("\n")).toMatchInlineSnapshot(`
    "mine.ts:1:10: module "kernel/main.ts" exports no nothing (K003)
      import { nothing } from "kernel/main.ts";
               ^
      add \`export\` there, or drop the import
    mine.ts:2:41: u32 does not convert to u8 (K040)
      function unreached(x: u32): u8 { return x; }
                                              ^
      convert it: \`u8(...)\`"
  `);
});

test("an unreached mistake outside of the workload is not looked for", () => {
  expect(
    problemsOf(`function unreached(x: u32): u8 { return x; }\nexport function test(): void {}`),
  ).toEqual([]);
});

test("the compiler stops at the limit and reports each place once", () => {
  const bad = Array.from({ length: 30 }, (_, i) => `  a = ${300 + i};`).join("\n");
  expect(problemsOf(`let a: u8 = 0;\nexport function test(): void {\n${bad}\n}`).length).toBe(
    PROBLEMS_MAX,
  );
  const twice =
    'function f(x: u32): u8 { "inline"; return x; }\nexport function test(): void { f(1); f(2); }';
  expect(problemsOf(twice).length).toBe(1);
});

test("sources without end are refused, not compiled without end", () => {
  const of = (source: string) => problemsOf(source).map((p) => p.split("\n")[0]);
  expect(
    [
      ...of("type a = b; type b = a; export function test(x: a): void {}"),
      ...of("const a: u32 = b + 1; const b: u32 = a; export function test(): u32 { return a; }"),
      ...of(
        "class a { x: u32 = 1; readonly inner = new b() } class b { readonly outer = new a() } const s = new a(); export function test(): u32 { return s.x; }",
      ),
      ...of(
        'function f<T>(x: Ptr<T>): void { "noinline"; f(cast<Ptr<Ptr<T>>>(addr(x))); } export function test(p: Ptr<u32>): void { f(p); }',
      ),
      ...of(
        'function a(): void { "inline"; b(); } function b(): void { "inline"; a(); } export function test(): void { a(); }',
      ),
      ...of(`${doubling(24)} export function test(): void { f24(); }`),
      ...of(
        `export function test(x: u32): u32 { return ${"(".repeat(20_000)}x${")".repeat(20_000)}; }`,
      ),
      ...of(
        "const big = new FixedArray<u32>(0x0fff_ffff); export function test(): u32 { return big[0]; }",
      ),
      ...of(
        "export function test(): u32 { const local = new FixedArray<u32>(4096); return local[0]; }",
      ),
    ].join("\n"),
  ).toMatchInlineSnapshot(`
    "kernel/main.ts:1:22: a is defined by itself (K034)
    kernel/main.ts:1:7: a is not constant (K065)
    kernel/main.ts:1:7: a embeds itself (K030)
    kernel/main.ts:1:1: f is compiled for ever new types (K093)
    kernel/main.ts:1:70: a calls itself and must not be inlined (K087)
    kernel/main.ts:25:66: test becomes too large with what is inlined into it (K094)
    an expression or type is nested too deeply (K095)
    kernel/main.ts:1:7: big takes 1073741820 bytes, more than 67108864 (K033)
    kernel/main.ts:1:37: local takes 16384 bytes, more than 4096 (K033)"
  `);
});

/** Each function calls the one before twice. */
function doubling(count: number): string {
  const body = (i: number) => (i === 0 ? "wfi();" : `f${i - 1}(); f${i - 1}();`);
  return Array.from(
    { length: count + 1 },
    (_, i) => `function f${i}(): void { "inline"; ${body(i)} }`,
  ).join("\n");
}

test("every diagnostic is a sentence with a next step", () => {
  for (const [code, [message]] of Object.entries(DIAGNOSTICS)) {
    expect(code).toMatch(/^K\d{3}$/);
    expect(message).not.toMatch(/\.$/);
  }
});
