/** kmemleak's reports in the result of a run: each block, blocks that were allocated along one way, and what reports may lack. */
import type { Symbols } from "../image/symbols.ts";
import type { ConsoleReader, LeakReport, ReportedLeak } from "../observe/leak-report.ts";
import type { Observation } from "../observe/observation.ts";
import type { PlantedVerdict } from "../observe/verdict.ts";
import { hex, type PlantedBlockResult, type ResultFrame, type ResultIncomplete, type ResultLeak, type ResultLeakGroup } from "./result.ts";

/** The last report's, then the transient ones. */
export function reportedLeaks(
  reports: readonly LeakReport[],
  verdict: PlantedVerdict,
  symbols: Symbols,
): ResultLeak[] {
  const plantName = new Map(verdict.foundBlocks.map((block) => [block.address, block.name]));
  const view = (leak: ReportedLeak, kind: ResultLeak["verdict"]): ResultLeak => ({
    address: hex(leak.address),
    size: leak.size,
    comm: leak.comm,
    pid: leak.pid,
    jiffies: leak.jiffies,
    ageCycles: leak.ageCycles,
    verdict: kind,
    planted: plantName.get(leak.address) ?? null,
    backtrace: leak.backtrace.flatMap((frame) => resolveFrame(frame, symbols)),
  });
  const last = (reports.at(-1)?.leaks ?? []).map((leak) =>
    view(leak, plantName.has(leak.address) ? "planted" : "extra"),
  );
  return [...last, ...verdict.transientLeaks.map((leak) => view(leak, "transient"))];
}

/** One guest frame is several source frames where functions were inlined. */
function resolveFrame(frame: ReportedLeak["backtrace"][number], symbols: Symbols): ResultFrame[] {
  const address = hex(frame.address);
  const found = symbols.frames(frame.address - 1);
  if (found.length === 0) {
    const name = frame.symbol.split("+")[0] || address;
    return [{ address, function: name, file: null, line: null, symbol: frame.symbol }];
  }
  return found.map((one) => ({ address, ...one, symbol: frame.symbol }));
}

export function plantedBlocks(observation: Observation, reports: readonly LeakReport[]): PlantedBlockResult[] {
  const last = new Set(reports.at(-1)?.leaks.map((leak) => leak.address));
  return observation.plants.map((block) => ({
    address: hex(block.address),
    name: block.name,
    kind: block.kind,
    reported: last.has(block.address),
  }));
}

/** In the order of verdicts in `leaks`. */
export function leakGroups(leaks: readonly ResultLeak[]): ResultLeakGroup[] {
  const groups = new Map<string, ResultLeak[]>();
  for (const leak of leaks) {
    const key = JSON.stringify([leak.verdict, leak.backtrace.map(({ address, function: name }) => [address, name])]);
    const known = groups.get(key);
    if (known === undefined) groups.set(key, [leak]);
    else known.push(leak);
  }
  const verdicts = [...new Set(leaks.map(({ verdict }) => verdict))];
  return [...groups.values()]
    .map((all): ResultLeakGroup => ({
      verdict: all[0].verdict,
      count: all.length,
      bytes: all.reduce((sum, { size }) => sum + size, 0),
      sizes: [...new Set(all.map(({ size }) => size))].sort((a, b) => a - b),
      addresses: all.map(({ address }) => address),
      owners: [...new Set(all.map(({ comm, pid }) => `${comm}/${pid}`))],
      planted: all.flatMap(({ planted }) => planted ?? []),
      backtrace: all[0].backtrace,
    }))
    .sort((a, b) => verdicts.indexOf(a.verdict) - verdicts.indexOf(b.verdict) || b.bytes - a.bytes);
}

/** What reports may lack, and why. */
export function incomplete({ trackingEnds, reports }: ConsoleReader): ResultIncomplete[] {
  const ends = trackingEnds.map(({ jiffies, why }): ResultIncomplete => ({ kind: "not tracking", sinceJiffies: jiffies, scan: null, detail: why }));
  const cut = reports.flatMap(({ scan, cutAfter }): ResultIncomplete[] =>
    cutAfter === null ? [] : [{ kind: "report cut", sinceJiffies: null, scan, detail: `the guest shows ${cutAfter} leaks and no more` }],
  );
  const unfinished = reports.flatMap(({ scan, complete, leaks }): ResultIncomplete[] =>
    complete ? [] : [{ kind: "report unfinished", sinceJiffies: null, scan, detail: `the console ends after ${leaks.length} leaks` }],
  );
  return [...ends, ...cut, ...unfinished];
}
