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

function compile(debug: boolean): string {
  const ts = createRequire(import.meta.url)("typescript");
  const files = new Map([["firmware/count.ts", PROGRAM]]);
  const input = { files, entries: ["firmware/count.ts"], workload: null, tasks: [], config: {}, debug };
  const result = build(ts, input);
  if (!result.ok) throw new Error(result.problems.map(formatProblem).join("\n"));
  mkdirSync(join(work, "firmware"), { recursive: true });
  writeFileSync(join(work, "firmware/count.ts"), PROGRAM);
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
      "Breakpoint 1, inner () at firmware/count.ts:28",
      "28	  add(by);",
      "#0  inner () at firmware/count.ts:28",
      "#1  ADDRESS in middle () at firmware/count.ts:34",
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
      "ADDRESS in middle () at firmware/count.ts:34",
      "34	  const first = inner(by);",
      "Breakpoint 2 at ADDRESS: file firmware/count.ts, line 23.",
      "Breakpoint 2, add () at firmware/count.ts:23",
      "23	  total.hits += by;",
      "$1 = {hits = 5, small = 7, next = ADDRESS <total>}",
      "$2 = {hits = 5, small = 7, next = ADDRESS <total>}",
      "$3 = 7",
      "#0  add () at firmware/count.ts:23",
      "#1  inner () at firmware/count.ts:28",
      "#2  ADDRESS in middle () at firmware/count.ts:35",
      "#3  ADDRESS in main () at firmware/count.ts:40",
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
      "first = 0",
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
