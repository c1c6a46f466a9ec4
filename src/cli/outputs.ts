/** The files that `hartlab run` writes beside its report: the console, a trace, a page. What needs a library is loaded only when asked for. */
import { resolve } from "node:path";
import { assert } from "../base/assert.ts";
import type { Problem } from "../base/result.ts";
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
}

export interface Outputs {
  readonly result: RunResult;
  readonly scenario: Scenario;
  readonly text: ScenarioText;
  /** null: not asked for. */
  readonly timeline: TimelineView | null;
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

/** Why one of them cannot be written, asked before the run. */
export function outputProblem({ console, trace, html }: OutputOptions): Problem | null {
  const wanted = Object.entries({ "--console": console, "--trace": trace, "--html": html }).filter((one): one is [string, string] => one[1] !== undefined);
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
  return options.html === undefined ? null : writeWhole(options.html, await pageOf(outputs));
}

async function pageOf({ result, scenario, text, timeline, elf, sources, root, command }: Outputs): Promise<string> {
  const { runPage } = await import("../report/html/run/page.ts");
  assert(timeline !== null, "cli: the timeline that was asked for");
  const image = readImage(elf);
  assert(image.ok, "cli: what ran is an image");
  return runPage({
    result,
    scenario,
    scenarioText: text.text,
    timeline,
    sourceOf: (file) => sources.get(file) ?? null,
    command,
    config: image.value.section.config,
    defaults: allDefaults(root),
  });
}
