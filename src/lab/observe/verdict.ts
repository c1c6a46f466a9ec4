/**
 * Planted against reported: what the last report must name, and what it must not.
 *
 * A report of a block that was not planted as a leak is transient when a later report no longer has it (the design predicts
 * these while pointers move during a scan), else extra.
 */
import type { LeakReport, ReportedLeak } from "./leak-report.ts";
import type { PlantedBlock } from "./observation.ts";

export interface PlantedVerdict {
  readonly expected: number;
  readonly found: number;
  readonly missed: number;
  readonly extra: number;
  readonly transient: number;
  readonly foundBlocks: readonly PlantedBlock[];
  readonly missedBlocks: readonly PlantedBlock[];
  readonly extraLeaks: readonly ReportedLeak[];
  readonly transientLeaks: readonly ReportedLeak[];
}

export function plantedVerdict(
  plants: readonly PlantedBlock[],
  reports: readonly LeakReport[],
): PlantedVerdict {
  const planted = plants.filter((block) => block.kind === "leak");
  const plantedAt = new Set(planted.map((block) => block.address));
  const last = reports.at(-1)?.leaks ?? [];
  const lastAt = new Set(last.map((leak) => leak.address));
  const foundBlocks = planted.filter((block) => lastAt.has(block.address));
  const missedBlocks = planted.filter((block) => !lastAt.has(block.address));
  const extraLeaks = last.filter((leak) => !plantedAt.has(leak.address));
  const transientLeaks = new Map<number, ReportedLeak>();
  for (const report of reports.slice(0, -1)) {
    for (const leak of report.leaks) {
      if (!plantedAt.has(leak.address) && !lastAt.has(leak.address)) {
        transientLeaks.set(leak.address, leak);
      }
    }
  }
  return {
    expected: planted.length,
    found: foundBlocks.length,
    missed: missedBlocks.length,
    extra: extraLeaks.length,
    transient: transientLeaks.size,
    foundBlocks,
    missedBlocks,
    extraLeaks,
    transientLeaks: [...transientLeaks.values()],
  };
}
