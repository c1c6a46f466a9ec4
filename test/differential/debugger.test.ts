// gdb on QEMU, on a program compiled from source: breakpoints, stepping, backtrace, typed statics.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect } from "vitest";
import { formatProblem } from "../../src/base/result.ts";
import { build } from "../../src/compiler/build.ts";
import { outputOf, testWithTool } from "./tool.ts";

const PROGRAM = `// A counter and three functions deep of calls.
class counter {
  hits: u32;
  small: u16 = 7;
  next: counter | null;
}
export const total = new counter();
const stack = new FixedArray<u8>(4096);

export function _start(): void {
  "naked";
  asm\`
    la sp, \${stack}
    lui t0, 1
    add sp, sp, t0
    li s0, 0
    call \${main}
1:  j 1b\`;
}

function add(by: u32): void {
  "inline";
  total.hits += by;
}

function inner(by: u32): u32 {
  "noinline";
  add(by);
  return total.hits * 3;
}

function middle(by: u32): u32 {
  "noinline";
  const first = inner(by);
  return inner(first) + first;
}

export function main(): void {
  total.next = total;
  total.hits = middle(5);
  for (;;) wfi();
}
`;

const work = mkdtempSync(join(tmpdir(), "hartlab-debugger-"));
afterAll(() => rmSync(work, { recursive: true, force: true }));

function compile(debug: boolean, program = PROGRAM): string {
  const ts = createRequire(import.meta.url)("typescript");
  const files = new Map([["firmware/count.ts", program]]);
  const input = { files, entries: ["firmware/count.ts"], workload: null, tasks: [], config: {}, debug };
  const result = build(ts, input);
  if (!result.ok) throw new Error(result.problems.map(formatProblem).join("\n"));
  mkdirSync(join(work, "firmware"), { recursive: true });
  writeFileSync(join(work, "firmware/count.ts"), program);
  const elf = join(work, "count.elf");
  writeFileSync(elf, result.value.elf);
  return elf;
}

/** What gdb prints for these commands, with QEMU at the other end; addresses left out. */
function session(elf: string, commands: readonly string[]): string[] {
  const machine =
    `qemu-system-riscv32 -M virt -m 64M -bios none -kernel ${elf} ` +
    "-display none -serial null -monitor none -S -gdb stdio";
  const all = ["set confirm off", "set height 0", `target remote | ${machine}`, ...commands];
  const args = ["-nx", "-q", "-batch", ...all.flatMap((c) => ["-ex", c]), elf];
  return outputOf("gdb-multiarch", args, work)
    .replace(/0x[0-9a-f]{8}/g, "ADDRESS")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("[Inferior"));
}

testWithTool("gdb-multiarch", "gdb walks through a compiled program on QEMU", () => {
  const addressless = session(compile(false), [
    "break inner",
    "continue",
    "backtrace",
    "list",
    "finish",
    "delete",
    "break add",
    "continue",
    "print total",
    "print *total.next",
    "print total.next->next->small",
    "backtrace",
    "kill",
  ]);
  expect(addressless).toMatchInlineSnapshot(`
    [
      "ADDRESS in ?? ()",
      "Breakpoint 1 at ADDRESS: file firmware/count.ts, line 23.",
      "Breakpoint 1, inner (by=5) at firmware/count.ts:28",
      "28	  add(by);",
      "#0  inner (by=5) at firmware/count.ts:28",
      "#1  ADDRESS in middle (by=<optimized out>) at firmware/count.ts:34",
      "#2  ADDRESS in main () at firmware/count.ts:40",
      "23	  total.hits += by;",
      "24	}",
      "25	",
      "26	function inner(by: u32): u32 {",
      "27	  "noinline";",
      "28	  add(by);",
      "29	  return total.hits * 3;",
      "30	}",
      "31	",
      "32	function middle(by: u32): u32 {",
      "ADDRESS in middle (by=<optimized out>) at firmware/count.ts:34",
      "34	  const first = inner(by);",
      "Value returned is $1 = 15",
      "Breakpoint 2 at ADDRESS: file firmware/count.ts, line 23.",
      "Breakpoint 2, add (by=15) at firmware/count.ts:23",
      "23	  total.hits += by;",
      "$2 = {hits = 5, small = 7, next = ADDRESS <total>}",
      "$3 = {hits = 5, small = 7, next = ADDRESS <total>}",
      "$4 = 7",
      "#0  add (by=15) at firmware/count.ts:23",
      "#1  inner (by=15) at firmware/count.ts:28",
      "#2  ADDRESS in middle (by=<optimized out>) at firmware/count.ts:35",
      "#3  ADDRESS in main () at firmware/count.ts:40",
    ]
  `);
});

testWithTool("gdb-multiarch", "step enters what is called and what is inlined, next goes over it, on optimised code", () => {
  const walked = session(compile(false), [
    "break count.ts:34", "continue", "step", "step", "backtrace", "step", "step", "step", "next", "kill",
  ]);
  expect(walked).toMatchInlineSnapshot(`
    [
      "ADDRESS in ?? ()",
      "Breakpoint 1 at ADDRESS: file firmware/count.ts, line 34.",
      "Breakpoint 1, middle (by=5) at firmware/count.ts:34",
      "34	  const first = inner(by);",
      "inner (by=5) at firmware/count.ts:28",
      "28	  add(by);",
      "add (by=5) at firmware/count.ts:23",
      "23	  total.hits += by;",
      "#0  add (by=5) at firmware/count.ts:23",
      "#1  inner (by=5) at firmware/count.ts:28",
      "#2  ADDRESS in middle (by=<optimized out>) at firmware/count.ts:34",
      "#3  ADDRESS in main () at firmware/count.ts:40",
      "inner (by=5) at firmware/count.ts:29",
      "29	  return total.hits * 3;",
      "middle (by=<optimized out>) at firmware/count.ts:35",
      "35	  return inner(first) + first;",
      "inner (by=15) at firmware/count.ts:28",
      "28	  add(by);",
      "29	  return total.hits * 3;",
    ]
  `);
});

testWithTool("gdb-multiarch", "a debug build shows parameters, locals, what a pointer points to, and watches", () => {
  const addressless = session(compile(true), [
    "break inner",
    "continue",
    "info args",
    "backtrace",
    "up",
    "info locals",
    "continue",
    "up",
    "info locals",
    "ptype total",
    "ptype total.next",
    "print *total.next->next",
    "watch total.hits",
    "continue",
    "info args",
    "kill",
  ]);
  expect(addressless).toMatchInlineSnapshot(`
    [
      "ADDRESS in ?? ()",
      "Breakpoint 1 at ADDRESS: file firmware/count.ts, line 28.",
      "Breakpoint 1, inner (by=5) at firmware/count.ts:28",
      "28	  add(by);",
      "by = 5",
      "#0  inner (by=5) at firmware/count.ts:28",
      "#1  ADDRESS in middle (by=5) at firmware/count.ts:34",
      "#2  ADDRESS in main () at firmware/count.ts:40",
      "#1  ADDRESS in middle (by=5) at firmware/count.ts:34",
      "34	  const first = inner(by);",
      "first = <optimized out>",
      "Breakpoint 1, inner (by=15) at firmware/count.ts:28",
      "28	  add(by);",
      "#1  ADDRESS in middle (by=5) at firmware/count.ts:35",
      "35	  return inner(first) + first;",
      "first = 15",
      "type = struct counter {",
      "    u32 hits;",
      "    u16 small;",
      "    struct counter *next;",
      "}",
      "type = struct counter {",
      "    u32 hits;",
      "    u16 small;",
      "    struct counter *next;",
      "} *",
      "$1 = {hits = 5, small = 7, next = ADDRESS <total>}",
      "Hardware watchpoint 2: total.hits",
      "Hardware watchpoint 2: total.hits",
      "Old value = 5",
      "New value = 20",
      "inner (by=15) at firmware/count.ts:29",
      "29	  return total.hits * 3;",
      "by = 15",
    ]
  `);
});

const LIST = `// A list, walked by a generator, summed by functions that are inlined.
class node {
  weight: u32;
  tag: u8;
  next: node | null;
}
const nodes = new StructArray(node, 3);
let heaviest: node | null = null;
export let sum: u32 = 0;
const stack = new FixedArray<u8>(4096);

export function _start(): void {
  "naked";
  asm\`
    la sp, \${stack}
    lui t0, 1
    add sp, sp, t0
    li s0, 0
    call \${main}
1:  j 1b\`;
}

function* entries(head: node): Generator<node> {
  for (let at: node | null = head; at !== null; at = at.next) yield at;
}

function scaled(n: node, factor: u32): u32 {
  "inline";
  const product = n.weight * factor;
  heaviest = n;
  return product + 1;
}

function total(head: node, factor: u32): u32 {
  "noinline";
  let result: u32 = 0;
  for (const n of entries(head)) {
    const part = scaled(n, factor);
    result += part;
  }
  return result;
}

function prepare(count: u32): node {
  "noinline";
  for (let i: u32 = 0; i < count; i++) {
    nodes[i].weight = 10 * i + 10;
    nodes[i].tag = u8(i);
    nodes[i].next = i + 1 < count ? nodes[i + 1] : null;
  }
  return nodes[0];
}

export function main(): void {
  const head = prepare(3);
  const wide: u64 = u64(head.weight) << 33n;
  sum = total(head, 7) + u32(wide >> 32n);
  for (;;) wfi();
}
`;

testWithTool("gdb-multiarch", "optimised code: arguments, locals and what they point to, in inlined frames and their callers", () => {
  const lines = session(compile(false, LIST), [
    `break firmware/count.ts:${1 + LIST.split("\n").indexOf("  heaviest = n;")}`,
    "continue",
    "info args",
    "info locals",
    "print *n",
    "print n->next->weight",
    "ptype n",
    "backtrace",
    "up",
    "info locals",
    "info args",
    "print *head->next",
    "frame 0",
    "next",
    "info locals",
    "delete",
    "watch sum",
    "frame 1",
    "finish",
    "info locals",
    "continue",
    "kill",
  ]);
  expect(lines).toMatchInlineSnapshot(`
    [
      "ADDRESS in ?? ()",
      "Breakpoint 1 at ADDRESS: file firmware/count.ts, line 30.",
      "Breakpoint 1, scaled (n=ADDRESS <nodes>, factor=7) at firmware/count.ts:30",
      "30	  heaviest = n;",
      "n = ADDRESS <nodes>",
      "factor = 7",
      "product = 70",
      "$1 = {weight = 10, tag = 0 '\\000', next = ADDRESS <nodes+12>}",
      "$2 = 20",
      "type = struct node {",
      "    u32 weight;",
      "    u8 tag;",
      "    struct node *next;",
      "} *",
      "#0  scaled (n=ADDRESS <nodes>, factor=7) at firmware/count.ts:30",
      "#1  total (head=<optimized out>, factor=7) at firmware/count.ts:38",
      "#2  ADDRESS in main () at firmware/count.ts:57",
      "#1  total (head=<optimized out>, factor=7) at firmware/count.ts:38",
      "38	    const part = scaled(n, factor);",
      "part = <optimized out>",
      "n = ADDRESS <nodes>",
      "result = 0",
      "head = <optimized out>",
      "factor = 7",
      "#0  scaled (n=ADDRESS <nodes>, factor=7) at firmware/count.ts:30",
      "30	  heaviest = n;",
      "31	  return product + 1;",
      "product = 70",
      "Hardware watchpoint 2: sum",
      "#1  total (head=<optimized out>, factor=7) at firmware/count.ts:38",
      "38	    const part = scaled(n, factor);",
      "ADDRESS in main () at firmware/count.ts:57",
      "57	  sum = total(head, 7) + u32(wide >> 32n);",
      "Value returned is $3 = 423",
      "head = <optimized out>",
      "wide = 85899345920",
      "Hardware watchpoint 2: sum",
      "Old value = 0",
      "New value = 443",
      "main () at firmware/count.ts:58",
      "58	  for (;;) wfi();",
    ]
  `);
});
