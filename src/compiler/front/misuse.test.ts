/**
 * What the dialect forbids and what it allows, a line each, in the names of a small kernel: tsc objects to some of it too, but a
 * build does not run tsc, so the compiler must find all of it itself, with the place and what to write instead.
 */
import { expect, test } from "vitest";
import { problemsOf } from "./testing/run-unit.ts";

const KERNEL = `
class list_head { next: list_head = this; prev: list_head = this }
class rb_node { parent_color: u32 = 0; left: rb_node | null = null; right: rb_node | null = null }
class spinlock_t { ticket: u32 = 0; owner: u32 = 0 }
class kmem_cache<T> { size: u32 = 0; free: T | null = null }
class block {
  readonly list = new list_head(); readonly gray = new list_head(); readonly rb = new rb_node();
  size: u32 = 0; count: i32 = 0; use_count: u32 = 0; kind: u8 = 0; readonly lock = new spinlock_t();
  init(): void { this.size = 0; }
}
class region { x: u32; y: u32 }
class window { x: u32; y: u32 }
const enum STATE { idle, busy }
class device { state: STATE; raw: u32 }
function* entries<T>(head: list_head, type: Struct<T>, field: FieldOf<T, list_head>): Generator<T> {
  let at: list_head = head.next;
  while (at !== head) { yield containerOf(type, field, at); at = at.next; }
}
function spin(): void { "noinline"; asm\`nop\`; }
function twice(x: u32): u32 { "noinline"; return x * 2; }
`;
const HEAD = `export function test(a: u8, b: u32, c: i32, d: u64, o: block, n: rb_node, nn: rb_node | null, l: list_head, q: device,
  r: region, regions: kmem_cache<region>): void {
let t8: u8 = 0; let t16: u16 = 0; let t32: u32 = 0; let ti: i32 = 0; let t64: u64 = 0n; let tb: boolean = false;
`;

/** Code and sentences of what is wrong with a statement; null when nothing is. */
function objection(statement: string): string | null {
  const [first] = problemsOf(`${KERNEL}${HEAD}${statement}\n}`);
  if (first === undefined) return null;
  const [, , place, caret, hint] = /^kernel\/main\.ts:(\d+):\d+: (.+)\n(.+)\n( *\^)\n?([\s\S]*)$/.exec(first) ?? [];
  if (place === undefined || caret === undefined) return `without a place: ${first}`;
  return hint ? first.split("\n").filter((_, i) => i === 0 || i > 2).join(" |").replace(/^kernel.main.ts:\d+:\d+: /, "") : `without a hint: ${first}`;
}

const ACCEPTED = [
  "t32 = a;",
  "ti = a;",
  "t64 = d + u64(b);",
  "t64 = 5n;",
  "t8 = u8(b + 1);",
  "t32 = u32(c);",
  "t8 = STATE.busy;",
  "while (q.state !== STATE.idle) { spin(); if (q.state === STATE.idle) t32 = 2; }",
  "if (q.state === STATE.idle) { spin(); if (q.state === STATE.busy) t32 = 3; }",
  "q.raw = STATE.idle; if (q.raw === STATE.idle) { if (q.raw === STATE.busy) t32 = 5; }",
  "let p: rb_node | null = null; const pp: Ptr<rb_node | null> = addressOf(p); pp[0] = n;",
  "let done: boolean = false; addressOf(done)[0] = true; if (done) t32 = 9;",
  "let flags: u32 = 0; const pf: Ptr<u32> = addressOf(flags); pf[0] = 1; t32 = flags;",
  "t64 = d >> 3n; t64 = d >>> 3n; ti = -(5); t64 = d * 2n;",
  "addressOf(o.size)[0] = b;",
  "const whole: block = containerOf(block, \"list\", l); t32 = whole.size;",
  "for (const x of entries(l, block, \"list\")) { x.init(); }",
  "if (c < 0) ti = -c;",
  "t64 = d << 63; t32 = b << 31; t16 = u16(a << 31); ti = c >> 0;",
  "if (0 < b || b <= 0 || 0 >= b || c >= 0) spin();",
  "t32 = ~0; t32 = 0xffff_ffff; ti = -0x8000_0000;",
  "t8 += 1; t8++; t16 = u16(t8 << 4);",
  "if (nn !== null && nn.left === null) t32 = nn.parent_color;",
  "const f: (x: u32) => u32 = twice; t32 = f(3);",
  "t32 = tb ? 1 : 0;",
  "if (b) t32 = 1; while (nn) spin(); tb = !b;",
];

const REFUSED = [
  // integers
  "t8 = b;", "ti = b;", "t32 = c;", "t8 = b + 1;", "t8 = a + 1;", "t64 = d + b;", "t32 = d;", "t64 = 5;", "t32 = 5n;", "t32 = 1.5;", "t32 = -1;", "t8 = 256;", "ti = 0x8000_0000;",
  "if (b < c) t32 = 1;", "if (b === c) t32 = 1;", "t32 = b + c;", "const sum = b + c;", "if (d < b) t32 = 1;", "if (d === b) t32 = 3;", "t64 = d >> n;", "t64 = d + 5;", "t64 = -1;", "t32 += 5n;", "if (d === 5) t32 = 1;", "t32 += c;", "ti -= b;", "t32 = tb ? b : c;",
  "tb = b;", "t32 = tb;", "if (spin()) t32 = 1;", "t32 = b && 1;", "t32 = b / 0;",
  "t32 = b << 33;", "ti = c >> 32;", "t64 = d << 64;", "t32 = b >>> -1;", "if (b < 0) t32 = 1;", "tb = a >= 0;", "if (0 > d) t32 = 1;", "while (0n <= d) spin();",
  "twice(c);", "twice(-1);", "twice(1.5);", "const k: number = 1;",
  // pointers and classes
  "n.left = undefined;", "const w: window = r;", "n.left = l;", "const other: kmem_cache<block> = regions;", "t32 = n + 4;", "const p2 = n + 4;", "if (n === l) t32 = 1;", "t32 = n;", "n = 0;", "o.list = l;",
  "containerOf(block, \"rb\", l);", "containerOf(block, \"nosuch\", n);", "for (const x of entries(l, block, \"rb\")) { x.init(); }", "addressOf(o.size)[0] = n;",
  "let flags: u32 = 0; const p8: Ptr<u8> = addressOf(flags);", "let flags: u32 = 0; const pi: Ptr<i32> = addressOf(flags);", "const lock: spinlock_t = o.use_count;", "r.z = 1;", "regions.nosuch = 1;",
  "l.next = null;", "const x: region = new region();x = r;", "let s = new region();",
  // what a function value is
  "const f = (x: u32) => x;", "const f: (x: u32) => u32 = (x: u32): u32 => x + b;", "const m = o.init;", "const f: () => void = o.init;", "const f: () => void = twice;", "function inner(): void {}", "[1, 2].map((x) => x);",
  // JavaScript
  "new Map();", "console.log(1);", "\"abc\".length;", "const m = async () => {};", "t32 = o[\"size\"];", "if (b == 1) t32 = 1;", "try { spin(); } catch {}", "const { size } = o;", "t32 = b as u32;", "t32 = nn?.parent_color;", "const s = \"a\" + \"b\";", "const g = [...[1]];", "delete o.size;", "let v: any = 1;", "t32 = Math.min(1, 2);", "o.size = null;", "switch (b) { case c: spin(); }", "t32 = b ** 2;", "void spin();", "eval(\"1\");", "label: t32 = 1; break label;", "with (o) { size = 1; }", "t32 = this.size;", "const re = /x/;", "debugger;", "for (const key in o) spin();", "yield 1;", "await spin();", "import(\"./x.ts\");", "t32 = arguments.length;", "t32 = o?.size ?? 0;", "new region().x = 1;", "type t = u32;", "class inner {}", "enum e { a }", "t32 = NaN;", "t32 = Infinity;", "tb = n instanceof rb_node;", "tb = \"size\" in o;", "var old: u32 = 1;", "let un: u32 | i32 = 1;", "const t: [u32, u32] = [1, 2];", "t32 = <u32>c;", "t32 = c!;", "t32 = c satisfies u32;",
];

test.each(ACCEPTED)("accepted: %s", (statement) => expect(objection(statement)).toBeNull());

test("refused, and how", () => {
  const found = REFUSED.map((statement) => [statement, objection(statement)] as const);
  expect(found.filter(([, said]) => said === null || said.startsWith("without")).map(([statement]) => statement)).toEqual([]);
  expect(found.map(([statement, said]) => `${statement}\n    ${said}`).join("\n")).toMatchInlineSnapshot(`
    "t8 = b;
        u32 does not convert to u8 (K040) |  convert it: \`u8(...)\`
    ti = b;
        u32 does not convert to i32 (K040) |  convert it: \`i32(...)\`
    t32 = c;
        i32 does not convert to u32 (K040) |  convert it: \`u32(...)\`
    t8 = b + 1;
        u32 does not convert to u8 (K040) |  convert it: \`u8(...)\`
    t8 = a + 1;
        u32 does not convert to u8 (K040) |  convert it: \`u8(...)\`
    t64 = d + b;
        u64 and u32 do not mix (K042) |  convert one side: \`u64(...)\`
    t32 = d;
        u64 does not convert to u32 (K040) |  convert it: \`u32(...)\`
    t64 = 5;
        5 does not say that it is a 64-bit number (K050) |  write \`5n\`: constants of u64 end in n
    t32 = 5n;
        5n is a 64-bit number, which does not convert to u32 (K051) |  drop the n, or convert: \`u32(5n)\`
    t32 = 1.5;
        an integer has no fraction (K115) |  scale it: nanoseconds, pages, per mille
    t32 = -1;
        -1 does not fit u32 (K041) |  write the bit pattern (\`~0\` has all bits set), or subtract
    t8 = 256;
        256 does not fit u8 (K041) |  u8 holds 0 to 255
    ti = 0x8000_0000;
        2147483648 does not fit i32 (K041) |  i32 holds -2147483648 to 2147483647
    if (b < c) t32 = 1;
        u32 and i32 do not mix (K042) |  convert one side: \`u32(...)\`
    if (b === c) t32 = 1;
        u32 and i32 do not mix (K042) |  convert one side: \`u32(...)\`
    t32 = b + c;
        u32 and i32 do not mix (K042) |  convert one side: \`u32(...)\`
    const sum = b + c;
        u32 and i32 do not mix (K042) |  convert one side: \`u32(...)\`
    if (d < b) t32 = 1;
        u64 and u32 do not mix (K042) |  convert one side: \`u64(...)\`
    if (d === b) t32 = 3;
        u64 and u32 do not mix (K042) |  convert one side: \`u64(...)\`
    t64 = d >> n;
        the operator >> does not work on rb_node (K045) |  take the address with addr(x)
    t64 = d + 5;
        5 does not say that it is a 64-bit number (K050) |  write \`5n\`: constants of u64 end in n
    t64 = -1;
        -1 does not fit u64 (K041) |  write the bit pattern (\`~0n\` has all bits set), or subtract
    t32 += 5n;
        5n is a 64-bit number, which does not convert to u32 (K051) |  drop the n, or convert: \`u32(5n)\`
    if (d === 5) t32 = 1;
        5 does not say that it is a 64-bit number (K050) |  write \`5n\`: constants of u64 end in n
    t32 += c;
        u32 and i32 do not mix (K042) |  convert one side: \`u32(...)\`
    ti -= b;
        i32 and u32 do not mix (K042) |  convert one side: \`u32(...)\`
    t32 = tb ? b : c;
        i32 does not convert to u32 (K040) |  convert it: \`u32(...)\`
    tb = b;
        u32 does not convert to boolean (K040) |  compare it: \`x !== 0\`
    t32 = tb;
        boolean does not convert to u32 (K040) |  convert it: \`u32(...)\`
    if (spin()) t32 = 1;
        a condition cannot be a call without a value (K046) |  the function returns nothing
    t32 = b && 1;
        boolean does not convert to u32 (K040) |  convert it: \`u32(...)\`
    t32 = b / 0;
        division by zero (K049) |  test the divisor first; this one is the constant 0
    t32 = b << 33;
        a shift of u32 by 33: the machine would shift by 1 (K052) |  shift by 0 to 31
    ti = c >> 32;
        a shift of i32 by 32: the machine would shift by 0 (K052) |  shift by 0 to 31
    t64 = d << 64;
        a shift of u64 by 64: the machine would shift by 0 (K052) |  shift by 0 to 63
    t32 = b >>> -1;
        a shift of u32 by -1: the machine would shift by 31 (K052) |  shift by 0 to 31
    if (b < 0) t32 = 1;
        u32 is never below 0, so this is always false (K053) |  compare it with what it must not be, or convert it: \`i32(...)\`
    tb = a >= 0;
        u8 is never below 0, so this is always true (K053) |  compare it with what it must not be, or convert it: \`i32(...)\`
    if (0 > d) t32 = 1;
        u64 is never below 0, so this is always false (K053) |  compare it with what it must not be, or convert it: \`i32(...)\`
    while (0n <= d) spin();
        u64 is never below 0, so this is always true (K053) |  compare it with what it must not be, or convert it: \`i32(...)\`
    twice(c);
        i32 does not convert to u32 (K040) |  convert it: \`u32(...)\`
    twice(-1);
        -1 does not fit u32 (K041) |  write the bit pattern (\`~0\` has all bits set), or subtract
    twice(1.5);
        an integer has no fraction (K115) |  scale it: nanoseconds, pages, per mille
    const k: number = 1;
        \`number\` has no width (K023) |  say which integer it is: u8 i8 u16 i16 u32 i32 usize u64 i64
    n.left = undefined;
        \`undefined\` does not exist here (K113) |  use null
    const w: window = r;
        region does not convert to window (K040) |  two classes never convert, even with equal fields; \`cast<T>(addr(x))\` says so on purpose
    n.left = l;
        list_head does not convert to rb_node | null (K040) |  two classes never convert, even with equal fields; \`cast<T>(addr(x))\` says so on purpose
    const other: kmem_cache<block> = regions;
        kmem_cache<region> does not convert to kmem_cache<block> (K040) |  two classes never convert, even with equal fields; \`cast<T>(addr(x))\` says so on purpose
    t32 = n + 4;
        the operator + does not work on rb_node (K045) |  take the address with addr(x)
    const p2 = n + 4;
        the operator + does not work on rb_node (K045) |  take the address with addr(x)
    if (n === l) t32 = 1;
        rb_node and list_head cannot be compared (K044) |  they are different classes
    t32 = n;
        rb_node does not convert to u32 (K040) |  the address of an object is \`addr(x)\`
    n = 0;
        the number 0 does not convert to rb_node (K040) |  an address becomes a pointer by \`cast<T>(address)\`
    o.list = l;
        o.list is embedded storage and cannot be assigned (K061) |  assign its fields, or make it a pointer
    containerOf(block, "rb", l);
        list_head does not convert to rb_node (K040) |  the pointer must point to this very field
    containerOf(block, "nosuch", n);
        block has no field nosuch (K021) |  there are list, gray, rb, size, count, use_count, kind, lock
    for (const x of entries(l, block, "rb")) { x.init(); }
        list_head does not convert to rb_node (K040) |  the pointer must point to this very field
    addressOf(o.size)[0] = n;
        rb_node does not convert to u32 (K040) |  the address of an object is \`addr(x)\`
    let flags: u32 = 0; const p8: Ptr<u8> = addressOf(flags);
        Ptr<u32> does not convert to Ptr<u8> (K040) |  a pointer keeps what it points to; \`cast<Ptr<u8>>(addr(p))\` says otherwise on purpose
    let flags: u32 = 0; const pi: Ptr<i32> = addressOf(flags);
        Ptr<u32> does not convert to Ptr<i32> (K040) |  a pointer keeps what it points to; \`cast<Ptr<i32>>(addr(p))\` says otherwise on purpose
    const lock: spinlock_t = o.use_count;
        u32 does not convert to spinlock_t (K040) |  an address becomes a pointer by \`cast<T>(address)\`
    r.z = 1;
        region has no field z (K021) |  did you mean x?
    regions.nosuch = 1;
        kmem_cache has no field nosuch (K021) |  there are size, free
    l.next = null;
        null does not convert to list_head (K043) |  declare it \`list_head | null\`, or pass an object
    const x: region = new region();x = r;
        x is a constant (K060) |  declare it with \`let\`; what \`new\` made stays where it is
    let s = new region();
        storage is \`const\`: \`const s = new ...\` (K066) |  \`new T()\` names storage, it is not a pointer that moves
    const f = (x: u32) => x;
        closures do not exist here (K100) |  make it a top-level function and pass what it needs
    const f: (x: u32) => u32 = (x: u32): u32 => x + b;
        closures do not exist here (K100) |  make it a top-level function and pass what it needs
    const m = o.init;
        the method block.init as a value (K085) |  wrap it in a top-level function; a function value is the name of one
    const f: () => void = o.init;
        the method block.init as a value (K085) |  wrap it in a top-level function; a function value is the name of one
    const f: () => void = twice;
        (u32) => u32 does not convert to () => void (K040) |  write a function with these parameters that calls it
    function inner(): void {}
        closures do not exist here (K100) |  make it a top-level function and pass what it needs
    [1, 2].map((x) => x);
        an array literal here is not part of kernel TypeScript (K101) |  declare it at module level, or fill a FixedArray
    new Map();
        \`new Map\` has no place here (K064) |  \`new\` works in module-level const, in fields, in \`const x = new T()\` and as the result of an "inline" function; the heap is kmalloc and kmem_cache_alloc
    console.log(1);
        unknown name console (K020) |  print with pr_info() of kernel/lib/printk.ts
    "abc".length;
        string has no field length (K021) |  strlen() and strcmp() are in kernel/lib/string.ts
    const m = async () => {};
        closures do not exist here (K100) |  make it a top-level function and pass what it needs
    t32 = o["size"];
        a field cannot be reached by \`["..."]\` (K105) |  write \`.size\`
    if (b == 1) t32 = 1;
        \`==\` and \`!=\` convert their operands (K102) |  write \`===\` or \`!==\`
    try { spin(); } catch {}
        exceptions do not exist here (K110) |  return an error number; panic() and BUG_ON() stop the kernel
    const { size } = o;
        destructuring is not part of kernel TypeScript (K104) |  name the fields: \`const a = x.a;\`
    t32 = b as u32;
        type assertions do not convert (K111) |  convert with \`u32(x)\`, or \`cast<T>(address)\`
    t32 = nn?.parent_color;
        \`?.\` is not part of kernel TypeScript (K101) |  test for null first
    const s = "a" + "b";
        string operators do not exist here (K106) |  printk and snprintf format text
    const g = [...[1]];
        an array literal here is not part of kernel TypeScript (K101) |  declare it at module level, or fill a FixedArray
    delete o.size;
        \`delete\` is not part of kernel TypeScript (K101) |  types are known at compile time, and nothing is ever deleted
    let v: any = 1;
        \`any\` is not a type of kernel TypeScript (K025) |  name an integer type or a class; \`object\` is the address of anything
    t32 = Math.min(1, 2);
        unknown name Math (K020) |  compare: \`a < b ? a : b\`
    o.size = null;
        null does not convert to u32 (K040) |  write 0: only a pointer can be null
    switch (b) { case c: spin(); }
        a case label must be a constant (K090) |  use a number, a member of a const enum or a module \`const\`
    t32 = b ** 2;
        \`**\` is not part of kernel TypeScript (K101) |  write it with the operators of integers
    void spin();
        \`void\` is not part of kernel TypeScript (K101) |  drop it: a call may stand alone
    eval("1");
        unknown name eval (K020) |  all code is compiled beforehand
    label: t32 = 1; break label;
        there is no loop or switch to break (K112) |  the label must enclose this statement
    with (o) { size = 1; }
        \`with\` is not part of kernel TypeScript (K101) |  docs/dialect.md says which statements there are
    t32 = this.size;
        \`this\` outside of a method is not part of kernel TypeScript (K101) |  pass the object as a parameter
    const re = /x/;
        a regular expression is not part of kernel TypeScript (K101) |  compare characters
    debugger;
        \`debugger\` is not part of kernel TypeScript (K101) |  docs/dialect.md says which statements there are
    for (const key in o) spin();
        for..in is not part of kernel TypeScript (K101) |  write a \`for\` with an index
    yield 1;
        this \`yield\` is not part of kernel TypeScript (K101) |  a generator yields one value at a time: \`yield x\`
    await spin();
        await is not part of kernel TypeScript (K101) |  use wait queues and completions
    import("./x.ts");
        \`import(...)\` is not part of kernel TypeScript (K101) |  modules are named at the top: \`import { name } from "./file.ts"\`
    t32 = arguments.length;
        unknown name arguments (K020) |  name the parameters; \`...args: vararg[]\` takes any number
    t32 = o?.size ?? 0;
        \`??\` is not part of kernel TypeScript (K101) |  test for null: \`x !== null ? x : y\`
    new region().x = 1;
        \`new region\` has no place here (K064) |  \`new\` works in module-level const, in fields, in \`const x = new T()\` and as the result of an "inline" function; the heap is kmalloc and kmem_cache_alloc
    type t = u32;
        \`type\` in a function is not part of kernel TypeScript (K101) |  declare it at module level
    class inner {}
        \`class\` in a function is not part of kernel TypeScript (K101) |  declare it at module level
    enum e { a }
        \`enum\` in a function is not part of kernel TypeScript (K101) |  declare it at module level
    t32 = NaN;
        unknown name NaN (K020) |  integers are always a number; return an error number
    t32 = Infinity;
        unknown name Infinity (K020) |  use the largest value of the type, such as ~0
    tb = n instanceof rb_node;
        \`instanceof\` is not part of kernel TypeScript (K101) |  keep a field that says which kind it is
    tb = "size" in o;
        \`in\` is not part of kernel TypeScript (K101) |  keep a field that says which kind it is
    var old: u32 = 1;
        var is not part of kernel TypeScript (K101) |  write let or const
    let un: u32 | i32 = 1;
        the only union is with null (K024) |  write \`T | null\`, or an integer with a const enum of values
    const t: [u32, u32] = [1, 2];
        \`[u32, u32]\` is not a type of kernel TypeScript (K025) |  declare a class for it
    t32 = <u32>c;
        type assertions do not convert (K111) |  convert with \`u32(x)\`, or \`cast<T>(address)\`
    t32 = c!;
        i32 does not convert to u32 (K040) |  convert it: \`u32(...)\`
    t32 = c satisfies u32;
        type assertions do not convert (K111) |  convert with \`u32(x)\`, or \`cast<T>(address)\`"
  `);
});
