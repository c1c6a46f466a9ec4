/**
 * Reports of the heap checker in KASAN's layout (mm/kasan/report.c, Linux 6.1), with source lines and the cycles of allocation and
 * free.
 *
 * The bytes around the address, one character each: `.` may be used, `u` never written, `f` freed, `r` of no object, `p` a free page,
 * ` ` no allocator's.
 */
import { heapFrame, heapKind, whereInBlock } from "../lab/run/heap-summary.ts";
import type { Resolved, ResultHeap } from "../lab/run/resolve.ts";
import type { HeapEvent } from "../lab/observe/heap/types.ts";
import { stackLines } from "./stack.ts";
import { grouped } from "./text.ts";

const RULE = "=".repeat(66);
const STATES = " .urfp";
const ROW = 16;
const ROWS_BEFORE = 2;
const TOOL: Readonly<Record<ResultHeap["kind"], string>> = {
  "use-after-free": "KASAN",
  "out-of-bounds": "KASAN",
  "double-free": "KASAN",
  "invalid-free": "KASAN",
  "uninit-value": "KMSAN",
};

export function heapText(report: ResultHeap, release: string): string {
  const { task, stack, access, size, address } = report;
  const frame = heapFrame(report);
  const what =
    access === "free" ? `Free of addr ${address.slice(2)}` : `${access === "read" ? "Read" : "Write"} of size ${size} at addr ${address.slice(2)}`;
  return [
    RULE,
    `BUG: ${TOOL[report.kind]}: ${heapKind(report)} in ${frame?.symbol ?? stack.at.symbol}`,
    `${what} by task ${task.comm}/${task.pid} at cycle ${grouped(stack.cycle)}`,
    "",
    `CPU: ${report.hart} PID: ${task.pid} Comm: ${task.comm} Not tainted ${release}`,
    "Call Trace:",
    ...stackLines(stack, " "),
    "",
    ...blockLines(report),
    "Memory state around the buggy address:",
    ...aroundLines(report),
    RULE,
  ].join("\n");
}

function blockLines({ block, address, offset }: ResultHeap): string[] {
  if (block === null) return ["No block is known to have been there or nearby.", ""];
  const start = Number.parseInt(block.address, 16);
  const end = (start + block.size).toString(16).padStart(8, "0");
  const cache =
    block.cache === null ? [] : [` which belongs to the cache ${block.cache}`];
  const state = block.freed === null ? "allocated" : "freed";
  return [
    ...eventLines("Allocated", block.allocated),
    ...(block.freed === null ? [] : eventLines("Freed", block.freed)),
    `The buggy address belongs to the ${block.area === "slab" ? "object" : `${block.area} block`} at ${block.address.slice(2)}`,
    ...cache,
    `The buggy address ${address.slice(2)} is located ${whereInBlock(offset, block.size)}`,
    ` ${state} ${block.size}-byte region [${block.address.slice(2)}, ${end})`,
    "",
  ];
}

function eventLines(word: string, { task, stack }: HeapEvent<Resolved>): string[] {
  return [
    `${word} by task ${task.comm}/${task.pid} at cycle ${grouped(stack.cycle)}:`,
    ...stackLines(stack, " "),
    "",
  ];
}

function aroundLines({ around, address }: ResultHeap): string[] {
  const at = Number.parseInt(address, 16);
  const first = (at & ~(ROW - 1)) - ROWS_BEFORE * ROW;
  const lines: string[] = [];
  for (let row = 0; row * ROW < around.length; row++) {
    const states = around.slice(row * ROW, (row + 1) * ROW).map((state) => STATES[state] ?? "?");
    const start = ((first + row * ROW) >>> 0).toString(16).padStart(8, "0");
    lines.push(`${row === ROWS_BEFORE ? ">" : " "}${start}: ${states.join("")}`);
    if (row === ROWS_BEFORE) lines.push(`${" ".repeat(11 + (at & (ROW - 1)))}^`);
  }
  return lines;
}
