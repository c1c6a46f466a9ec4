/** The leaks of the last report, in Linux's format, each frame resolved to its TypeScript source. */
import type { ResultFrame, ResultLeak, RunResult } from "../lab/run/result.ts";

/** One guest frame: the guest's own words, then the source; functions inlined into it first, without an address. */
function frameLines(frames: readonly ResultFrame[]): string[] {
  return frames.map((frame, index) => {
    const source = frame.file === null ? "" : `  ${frame.file}:${frame.line}`;
    const outermost = index === frames.length - 1;
    const symbol = outermost ? frame.symbol : `${frame.function} (inlined)`;
    const address = outermost ? `[<${frame.address.replace(/^0x/, "")}>]` : "".padStart(12);
    return `    ${address} ${symbol}${source}`;
  });
}

function leakLines(leak: ResultLeak): string[] {
  const groups: ResultFrame[][] = [];
  for (const frame of leak.backtrace) {
    if (groups.at(-1)?.[0]?.address === frame.address) groups.at(-1)!.push(frame);
    else groups.push([frame]);
  }
  const verdict = leak.planted === null ? leak.verdict : `planted: ${leak.planted}`;
  const age = (leak.ageCycles / 1e9).toFixed(3);
  return [
    `unreferenced object ${leak.address} (size ${leak.size}):`,
    `  comm "${leak.comm}", pid ${leak.pid}, age ${age}s (${verdict})`,
    "  backtrace:",
    ...groups.flatMap(frameLines),
  ];
}

export function leakReport(result: RunResult): string {
  const shown = result.leaks.reported.filter((leak) => leak.verdict !== "transient");
  const transient = result.leaks.reported.length - shown.length;
  const lines = [`kmemleak: ${shown.length} suspected leaks in the last report`, ...shown.flatMap(leakLines)];
  if (transient > 0) lines.push(`${transient} more blocks were reported by an earlier scan and not by the last one`);
  return lines.join("\n");
}

/** Which planted leaks were found, by the names that the workload gave them. */
export function plantedLine(result: RunResult): string {
  const leaks = result.leaks.planted.blocks.filter((block) => block.kind === "leak");
  if (leaks.length === 0) return "planted leaks: none";
  const counted = (reported: boolean): string => {
    const names = new Map<string, number>();
    for (const block of leaks) if (block.reported === reported) names.set(block.name, (names.get(block.name) ?? 0) + 1);
    return [...names].map(([name, count]) => (count === 1 ? name : `${name} x ${count}`)).join(", ") || "none";
  };
  const { found, expected } = result.leaks.planted;
  return `planted leaks found (${found} of ${expected}): ${counted(true)}; missed: ${counted(false)}`;
}
