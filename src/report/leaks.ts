/**
 * kmemleak's report in Linux's form, each frame with its source line; functions inlined into a frame stand under its
 * first line, the innermost first, so that the last place of a frame is in the function that the guest named.
 */
import type { ResultFrame, ResultLeak, RunResult } from "../lab/run/result.ts";
import { grouped } from "./text.ts";

const CYCLES_PER_SECOND = 1e9;

export function leakReport(result: RunResult): string {
  const { reported } = result.leaks;
  const lasting = reported.filter((leak) => leak.verdict !== "transient");
  const transient = reported.filter((leak) => leak.verdict === "transient");
  const lines = [`kmemleak: ${grouped(lasting.length)} unreferenced in the last report`];
  lines.push(...lasting.flatMap(leakLines));
  if (transient.length > 0) {
    lines.push(
      "",
      `transient: ${grouped(transient.length)} in an earlier report and gone from the last`,
    );
    lines.push(...transient.flatMap(leakLines));
  }
  return [...lines, "", ...plantedLines(result.leaks.planted)].join("\n");
}

function leakLines(leak: ResultLeak): string[] {
  const age = (leak.ageCycles / CYCLES_PER_SECOND).toFixed(3);
  const origin =
    leak.verdict === "planted"
      ? `planted: ${leak.planted}`
      : `${leak.verdict}: not planted as a leak`;
  return [
    `unreferenced object ${leak.address} (size ${leak.size}):`,
    `  comm "${leak.comm}", pid ${leak.pid}, jiffies ${leak.jiffies} (age ${age}s)`,
    "  backtrace:",
    ...backtraceLines(leak.backtrace),
    `  ${origin}`,
  ];
}

function backtraceLines(frames: readonly ResultFrame[]): string[] {
  const width = Math.max(0, ...frames.map((frame) => guestText(frame).length));
  return frames.map((frame, i) => {
    const first = i === 0 || endsGroup(frames[i - 1], frame);
    const last = i + 1 === frames.length || endsGroup(frame, frames[i + 1]);
    const place = frame.file === null ? "" : `${frame.file}:${frame.line}`;
    const inlined = last ? "" : ` ${frame.function} (inlined)`;
    return `    ${(first ? guestText(frame) : "").padEnd(width)}  ${place}${inlined}`.trimEnd();
  });
}

/** Source frames of one guest frame share its address; a recursive call repeats it after the function itself. */
function endsGroup(frame: ResultFrame, next: ResultFrame): boolean {
  return frame.address !== next.address || frame.symbol.startsWith(`${frame.function}+`);
}

function guestText(frame: ResultFrame): string {
  return `[<${frame.address.slice(2)}>] ${frame.symbol}`;
}

function plantedLines(planted: RunResult["leaks"]["planted"]): string[] {
  const leaks = planted.blocks.filter((block) => block.kind === "leak");
  if (leaks.length === 0) return ["planted leaks: none"];
  const names = (reported: boolean): string =>
    countedNames(leaks.filter((block) => block.reported === reported).map((block) => block.name));
  const innocent = planted.blocks.filter((block) => block.kind === "nonleak" && block.reported);
  return [
    `planted leaks found: ${planted.found} of ${planted.expected}: ${names(true)}`,
    `planted leaks missed: ${names(false)}`,
    ...(innocent.length > 0
      ? [
          `planted with a reference, and reported: ${countedNames(innocent.map((block) => block.name))}`,
        ]
      : []),
  ];
}

/** `a, b x 3` */
function countedNames(names: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return (
    [...counts].map(([name, count]) => (count === 1 ? name : `${name} x ${count}`)).join(", ") ||
    "none"
  );
}
