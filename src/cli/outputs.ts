/** The files that `hartlab run` writes beside its report: the console, a trace, folded stacks, a page. What needs a library is loaded only when asked for. */
import { resolve } from "node:path";
import { assert } from "../base/assert.ts";
import type { Problem } from "../base/result.ts";
import { FOLD_BY, type FoldBy, foldedText } from "../lab/profile/folded.ts";
import type { FoldedProfile } from "../lab/profile/folded.ts";
import { readImage } from "../lab/image/elf.ts";
import type { TimelineView } from "../lab/observe/timeline.ts";
import type { RunResult } from "../lab/run/result.ts";
import type { ScenarioText } from "../lab/scenario/places.ts";
import type { Scenario } from "../lab/scenario/schema.ts";
import { allDefaults } from "./config.ts";
import { writeProblem, writeWhole } from "./files.ts";

export interface OutputOptions {
  readonly console?: string;
  readonly trace?: string;
  readonly html?: string;
  readonly folded?: string;
  readonly foldedBy?: string;
  readonly foldedPeriod?: string;
}

export interface Outputs {
  readonly result: RunResult;
  readonly scenario: Scenario;
  readonly text: ScenarioText;
  /** null: not asked for. */
  readonly timeline: TimelineView | null;
  /** null: not asked for. */
  readonly profile: FoldedProfile | null;
  readonly elf: Uint8Array;
  /** What the image was built of. */
  readonly sources: ReadonlyMap<string, string>;
  readonly root: string;
  /** The command that runs this again. */
  readonly command: string;
}

export function wantsTimeline({ trace, html }: OutputOptions): boolean {
  return trace !== undefined || html !== undefined;
}

export const PERIOD_CYCLES_MIN = 100;
const PERIOD_CYCLES_MAX = 1e12;

/** How to sample; null: nobody asked. */
export function profileWish({ folded, foldedBy = "cycles", foldedPeriod = "" }: OutputOptions): { by: FoldBy; period: number } | null {
  if (folded === undefined) return null;
  return { by: foldedBy as FoldBy, period: Number(foldedPeriod) };
}

function profileProblem({ folded, foldedBy, foldedPeriod }: OutputOptions): Problem | null {
  if (folded === undefined) return null;
  if (!FOLD_BY.includes(foldedBy as FoldBy)) return { message: `--folded-by is one of ${FOLD_BY.join(", ")}, not ${foldedBy}`, hint: "Leave it out for cycles." };
  const period = /^\d+$/.test(foldedPeriod ?? "") ? Number(foldedPeriod) : Number.NaN;
  if (period >= PERIOD_CYCLES_MIN && period <= PERIOD_CYCLES_MAX) return null;
  return { message: `--folded-period is a number of cycles from ${PERIOD_CYCLES_MIN} to ${PERIOD_CYCLES_MAX}, not ${foldedPeriod}`, hint: "A prime keeps out of step with the guest's timers." };
}

/** Why one of them cannot be written, asked before the run. */
export function outputProblem(options: OutputOptions): Problem | null {
  const { console, trace, folded, html } = options;
  const wrong = profileProblem(options);
  if (wrong) return wrong;
  const wanted = Object.entries({ "--console": console, "--trace": trace, "--folded": folded, "--html": html }).filter((one): one is [string, string] => one[1] !== undefined);
  const taken = new Map<string, string>();
  for (const [option, path] of wanted) {
    const problem = writeProblem(path);
    if (problem) return problem;
    const other = taken.get(resolve(path));
    if (other !== undefined) return { message: `${other} and ${option} name the same file, ${path}`, hint: "Give each a file of its own." };
    taken.set(resolve(path), option);
  }
  return null;
}

/** Each whole or not at all; the first that fails ends it. */
export async function writeOutputs(options: OutputOptions, outputs: Outputs): Promise<Problem | null> {
  const { result, timeline } = outputs;
  if (options.console !== undefined) {
    const problem = writeWhole(options.console, result.console);
    if (problem) return problem;
  }
  if (options.trace !== undefined) {
    const { perfettoTrace } = await import("../report/perfetto/trace.ts");
    assert(timeline !== null, "cli: the timeline that was asked for");
    const problem = writeWhole(options.trace, perfettoTrace(timeline));
    if (problem) return problem;
  }
  if (options.folded !== undefined) {
    assert(outputs.profile !== null, "cli: the profile that was asked for");
    const problem = writeWhole(options.folded, foldedText(outputs.profile.stacks));
    if (problem) return problem;
  }
  return options.html === undefined ? null : writeWhole(options.html, await pageOf(outputs));
}

async function pageOf({ result, scenario, text, timeline, profile, elf, sources, root, command }: Outputs): Promise<string> {
  const { runPage } = await import("../report/html/run/page.ts");
  assert(timeline !== null, "cli: the timeline that was asked for");
  const image = readImage(elf);
  assert(image.ok, "cli: what ran is an image");
  return runPage({
    result,
    scenario,
    scenarioText: text.text,
    timeline,
    profile,
    sourceOf: (file) => sources.get(file) ?? null,
    command,
    config: image.value.section.config,
    defaults: allDefaults(root),
  });
}
