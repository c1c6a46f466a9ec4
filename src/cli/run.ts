/** `hartlab run`: builds the scenario's kernel, runs it, prints console and report. */
import { SingleBar } from "cli-progress";
import { assert } from "../base/assert.ts";
import type { Result } from "../base/result.ts";
import { exitCode, type RunResult } from "../lab/run/result.ts";
import type { TimelineView } from "../lab/observe/timeline.ts";
import { runScenario } from "../lab/run/run.ts";
import { createMachine } from "../machine/machine.ts";
import { conditions, explain, report, verdictLine } from "../report/index.ts";
import { configDefaults } from "./config.ts";
import { elfOf, lineIn } from "./image.ts";
import { paintVerdict, print, printProblems, wantsColour } from "./output.ts";
import { outputProblem, type OutputOptions, type Outputs, profileWish, wantsTimeline, writeOutputs } from "./outputs.ts";
import { packageRoot } from "./package-root.ts";
import { imageRequest, readScenario, type ScenarioOptions } from "./scenario-file.ts";
import { VERSION } from "./version.ts";

export interface RunOptions extends ScenarioOptions, OutputOptions {
  readonly json?: boolean;
  readonly explain?: boolean;
  readonly contention?: boolean;
  readonly color: boolean;
}

/** The command that runs this again. */
function reproduce(file: string, options: RunOptions, { seed, harts }: { readonly seed: number; readonly harts: number }): string {
  const settings = (options.set ?? []).map((setting) => ` --set ${quoted(setting)}`).join("");
  const order = options.interleave === undefined ? "" : ` --interleave ${options.interleave}`;
  return `hartlab run ${quoted(file)} --seed ${seed} --harts ${harts}${order}${settings}`;
}

/** As a shell takes it back. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

function progressBar(): { update(done: number, all: number): void; stop(): void } {
  if (process.stderr.isTTY !== true) return { update() {}, stop() {} };
  const bar = new SingleBar({ format: "{bar} {value} of at most {total} M instructions", clearOnComplete: true });
  let started = false;
  return {
    update(done, all) {
      if (!started) bar.start(Math.ceil(all / 1e6), 0);
      started = true;
      bar.update(Math.floor(done / 1e6));
    },
    stop: () => bar.stop(),
  };
}

export async function run(file: string, options: RunOptions): Promise<number> {
  const loaded = readScenario(file, options);
  if (!loaded.ok) return printProblems(loaded.problems);
  const { scenario, text } = loaded.value;
  if (options.explain && scenario.steps.length === 0) {
    return printProblems([{ message: `${file} has no steps to explain`, hint: "docs/scenario.md, steps." }]);
  }
  const unwritable = outputProblem(options);
  if (unwritable) return printProblems([unwritable]);
  const root = packageRoot();
  const bar = progressBar();
  let timeline: TimelineView | null = null;
  let profile: Outputs["profile"] = null;
  const sampling = profileWish(options);
  let elf: Uint8Array | null = null;
  let sources: Outputs["sources"] = new Map();
  const outcome: Result<RunResult> = runScenario({
    version: VERSION,
    scenario,
    text,
    compile(wanted) {
      const made = elfOf(imageRequest(wanted, file, root), (files) => void (sources = files));
      const defaults = configDefaults(root, Object.keys(wanted.kernel));
      if (made.ok) process.stderr.write(`${conditions(wanted, wanted.kernel, defaults)}\n`);
      if (made.ok) elf = made.value;
      return made;
    },
    createMachine(config) {
      const machine = createMachine(config);
      assert(machine.ok, "cli: the scenario's schema lets through what the machine refuses");
      return machine.value;
    },
    ...(wantsTimeline(options) ? { onTimeline: (view) => void (timeline = view) } : {}),
    lineText: (at, line) => lineIn(sources, at, line),
    ...(sampling === null ? {} : { profile: { ...sampling, take: (made) => void (profile = made) } }),
    onProgress: ({ instructions, maxInstructions }) => bar.update(instructions, maxInstructions),
  });
  bar.stop();
  if (!outcome.ok) return printProblems(outcome.problems);
  const result = outcome.value;
  assert(elf !== null, "cli: what ran was built");
  const command = reproduce(file, options, result);
  const problem = await writeOutputs(options, { result, scenario, text, timeline, profile, elf, sources, root, command });
  if (problem) return printProblems([problem]);
  await printResult(result, file, options);
  return exitCode(result);
}

const again = (result: RunResult, file: string, options: RunOptions): string =>
  exitCode(result) === 0 ? "" : `reproduce: ${reproduce(file, options, result)}\n`;

async function printResult(result: RunResult, file: string, options: RunOptions): Promise<void> {
  if (options.json) {
    await print(`${JSON.stringify(result, null, 2)}\n`);
    return;
  }
  const verdict = paintVerdict(verdictLine(result), wantsColour(options.color));
  const console = options.console === undefined ? `${result.console.trimEnd()}\n\n` : "";
  if (options.explain) {
    await print(`${verdict}\n\n${explain(result)}\n\n${again(result, file, options)}${verdict}\n`);
    return;
  }
  await print(`${verdict}\n\n${console}${report(result, options).trimEnd()}\n\n${again(result, file, options)}${verdict}\n`);
}
