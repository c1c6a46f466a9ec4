/** How long allocating and freeing took, and the longest sections with interrupts and with preemption off. */
import type { ResultSection, RunResult } from "../lab/run/result.ts";
import { type Align, grouped, section, table } from "./text.ts";

const HEAD = ["call", "memory", "scanner", "calls", "p50", "p99", "max"];
const ALIGN: readonly Align[] = ["left", "left", "left", "right", "right", "right", "right"];

export function measuresSection({ latency, longest }: RunResult): string {
  const rows = latency.map((row) => [
    row.call,
    row.area,
    row.scanner,
    ...[row.count, row.p50, row.p99, row.max].map(grouped),
  ]);
  const calls = rows.length === 0 ? [] : [section("allocator calls, cycles", table([HEAD, ...rows], ALIGN))];
  const sections = [
    ["interrupts off", sectionText(longest.irqsOff)],
    ["preemption off", sectionText(longest.preemptOff)],
  ];
  return [...calls, section("longest sections, cycles", table(sections, ["left", "left"]))].join("\n\n");
}

function sectionText({ cycles, at, hart, endCycle }: ResultSection): string {
  if (at === null) return "none seen";
  return `${grouped(cycles)}, begun at ${at.symbol} on hart ${hart}, until cycle ${grouped(endCycle)}`;
}
