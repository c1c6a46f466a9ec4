/** Reports of progress, contexts and quiescence: the sentence, then everybody who has a part in it with a whole stack. */
import { nameOf, progressSummary, waitWords } from "../lab/run/progress-summary.ts";
import type { ResultProgress } from "../lab/run/resolve.ts";
import { stackLines } from "./stack.ts";
import { grouped } from "./text.ts";

const RULE = "=".repeat(66);

export function progressText(report: ResultProgress, release: string): string {
  const { kind, task, hart, since, clock } = report;
  return [
    RULE,
    `PROGRESS: ${kind}`,
    progressSummary(report),
    `since cycle ${grouped(since)}, known at cycle ${grouped(clock)}`,
    ...report.scenes.flatMap((scene) => ["", ...sceneLines(scene)]),
    "",
    `CPU: ${hart} PID: ${task.pid} Comm: ${task.comm} Not tainted ${release}`,
    RULE,
  ].join("\n");
}

function sceneLines(scene: ResultProgress["scenes"][number]): string[] {
  const { stack, role, waitsFor } = scene;
  const wait = waitsFor === null ? "" : ` ${waitWords(scene)}`;
  return [`${nameOf(scene)} ${role}${wait}, on hart ${stack.hart} at cycle ${grouped(stack.cycle)}:`, ...stackLines(stack, " ")];
}
