/** `hartlab compare`: one scenario with several values of a key, several numbers of harts and several seeds (docs/compare.md). */
import { createHash } from "node:crypto";
import { availableParallelism } from "node:os";
import { SingleBar } from "cli-progress";
import { failure, type Problem, type Result, success } from "../../base/result.ts";
import { type CellRuns, compare, comparisonExitCode, type Comparison, type RunSummary } from "../../lab/compare/comparison.ts";
import { type Cell, type Grid, parseGrid } from "../../lab/compare/grid.ts";
import type { Scenario } from "../../lab/scenario/schema.ts";
import { comparisonText } from "../../report/compare/text.ts";
import { versionOf } from "../cache.ts";
import { writeProblem, writeWhole } from "../files.ts";
import { elfOf } from "../image.ts";
import { EXIT, print, printProblems } from "../output.ts";
import { packageRoot } from "../package-root.ts";
import { imageRequest, readScenario } from "../scenario-file.ts";
import { VERSION } from "../version.ts";
import { endAll, runProcess, summaryOf } from "./run-process.ts";
import { openState, type StateFile } from "./state-file.ts";

export interface CompareOptions {
  readonly vary: readonly string[];
  readonly variant: readonly string[];
  readonly seeds: string;
  readonly harts?: string;
  readonly set: readonly string[];
  readonly lock: readonly string[];
  readonly jobs?: string;
  readonly resume?: string;
  readonly json?: boolean;
  readonly html?: string;
}

/** Precision and recall come from it; a comparison that does not want them says so by a --set of its own, which comes later. */
const TRUTH = "observe.truth=true";

/** A cell whose kernel is there. */
interface Ready {
  readonly cell: Cell;
  readonly scenario: Scenario;
  readonly image: string;
}

/** One run to be made, or made before. */
interface Job {
  readonly ready: Ready;
  readonly seed: number;
  readonly key: string;
}

const JOBS_MAX = 256;

export async function compareCommand(file: string, options: CompareOptions): Promise<number> {
  const grid = parseGrid({ vary: options.vary, variants: options.variant, harts: options.harts, seeds: options.seeds });
  if (!grid.ok) return printProblems(grid.problems);
  const jobs = jobsOf(options.jobs);
  if (!jobs.ok) return printProblems(jobs.problems);
  const own = options.set;
  options = { ...options, set: [TRUTH, ...own] };
  const unwritable = options.html === undefined ? null : writeProblem(options.html);
  if (unwritable) return printProblems([unwritable]);
  const cells = prepare(file, grid.value, options);
  if (!cells.ok) return printProblems(cells.problems);
  const state = openState(options.resume);
  if (!state.ok) return printProblems(state.problems);
  const all = cells.value.flatMap((ready) =>
    grid.value.seeds.map((seed): Job => ({ ready, seed, key: keyOf(ready, seed, options.lock) })),
  );
  const runs = await runAll(file, all, options, jobs.value, state.value);
  if (typeof runs === "number") return runs;
  const about = {
    hartlab: VERSION,
    scenario: cells.value[0].scenario.name,
    settings: own,
    timing: cells.value[0].scenario.machine.timing,
  };
  const comparison = compare(about, grid.value, collected(cells.value, all, runs));
  return output(comparison, file, { ...options, set: own });
}

async function output(comparison: Comparison, file: string, options: CompareOptions): Promise<number> {
  if (options.html !== undefined) {
    const { comparisonPage } = await import("../../report/compare/page.ts");
    const problem = writeWhole(options.html, comparisonPage(comparison, commandOf(comparison, file)));
    if (problem) return printProblems([problem]);
  }
  if (options.json) await print(`${JSON.stringify(comparison, null, 2)}\n`);
  else await print(comparisonText(comparison, file));
  return comparisonExitCode(comparison);
}

/** The command that makes this comparison again. */
function commandOf({ axes, harts, seeds, settings }: Comparison, file: string): string {
  const vary = axes
    .map(({ key, values, settings }) =>
      settings === undefined ? ` --vary ${key}=${values.join(",")}` : values.map((value, at) => ` --variant ${value}:${settings[at].join(",")}`).join(""),
    )
    .join("");
  const set = settings.map((one) => ` --set ${one}`).join("");
  return `hartlab compare ${file}${vary} --seeds ${seeds.join(",")} --harts ${harts.join(",")}${set}`;
}

function collected(cells: readonly Ready[], jobs: readonly Job[], runs: ReadonlyMap<string, RunSummary>): CellRuns[] {
  return cells.map((ready) => ({
    cell: ready.cell,
    harts: ready.scenario.machine.harts,
    image: ready.image,
    runs: jobs.filter((job) => job.ready === ready).map(({ key }) => runs.get(key)!),
  }));
}

function jobsOf(text: string | undefined): Result<number> {
  if (text === undefined) return success(Math.min(JOBS_MAX, availableParallelism()));
  if (/^\d{1,4}$/.test(text) && Number(text) >= 1 && Number(text) <= JOBS_MAX) return success(Number(text));
  return failure({ message: `--jobs ${text}: must be a whole number from 1 to ${JOBS_MAX}`, hint: "That many runs go on at a time." });
}

/** Every cell's scenario is checked and its kernel built before anything runs. */
function prepare(file: string, { cells }: Grid, { set }: CompareOptions): Result<Ready[]> {
  const root = packageRoot();
  const images = new Map<string, string>();
  const ready: Ready[] = [];
  for (const cell of cells) {
    const harts = cell.harts === null ? {} : { harts: String(cell.harts) };
    const loaded = readScenario(file, { ...harts, set: [...set, ...cell.settings] });
    if (!loaded.ok) return loaded;
    const { scenario } = loaded.value;
    const request = imageRequest(scenario, file, root);
    const name = JSON.stringify(request);
    let image = images.get(name);
    if (image === undefined) {
      const elf = elfOf(request);
      if (!elf.ok) return failure(...elf.problems.map((problem) => of(problem, cell)));
      image = createHash("sha256").update(elf.value).digest("hex");
      images.set(name, image);
    }
    ready.push({ cell, scenario, image });
  }
  return success(ready);
}

const of = (problem: Problem, { settings }: Cell): Problem =>
  settings.length === 0 ? problem : { ...problem, message: `${problem.message} (with ${settings.join(" ")})` };

/** All that a run and what is kept of it are functions of. */
function keyOf({ scenario, image }: Ready, seed: number, locks: readonly string[]): string {
  const program = versionOf(import.meta.url);
  const text = JSON.stringify({ program, image, scenario: { ...scenario, seed }, locks });
  return createHash("sha256").update(text).digest("hex");
}

/** The runs by key, or the exit code with which the comparison ends without them. */
async function runAll(
  file: string,
  all: readonly Job[],
  options: CompareOptions,
  jobs: number,
  state: StateFile,
): Promise<ReadonlyMap<string, RunSummary> | number> {
  const runs = new Map<string, RunSummary>();
  for (const { key } of all) {
    const known = state.known.get(key);
    if (known !== undefined) runs.set(key, known);
  }
  const waiting = all.filter(({ key }) => !runs.has(key));
  if (runs.size > 0) process.stderr.write(`${runs.size} of ${all.length} runs were made before\n`);
  const bar = progressBar(all.length, runs.size);
  let broken: number | null = null;
  const work = async (): Promise<void> => {
    for (let job = waiting.shift(); job !== undefined && broken === null; job = waiting.shift()) {
      const args = argumentsOf(file, job, options);
      const ended = await runProcess(args);
      if (ended.kind === "broken") {
        if (broken !== null) return;
        broken = ended.code === EXIT.input ? EXIT.input : EXIT.bug;
        endAll();
        process.stderr.write(`a run of the comparison ended without a result${ended.code === null ? "" : ` (exit code ${ended.code})`}:\n`);
        process.stderr.write(`${ended.said}\nreproduce: hartlab run ${args.join(" ")}\n`);
        return;
      }
      const summary = summaryOf(ended.result, options.lock);
      runs.set(job.key, summary);
      state.add(job.key, summary);
      bar.update(runs.size);
    }
  };
  await Promise.all(Array.from({ length: jobs }, work));
  bar.stop();
  return broken ?? runs;
}

/** For `hartlab run`. */
function argumentsOf(file: string, { ready, seed }: Job, { set }: CompareOptions): string[] {
  const { cell } = ready;
  const harts = cell.harts === null ? [] : ["--harts", String(cell.harts)];
  return [file, "--seed", String(seed), ...harts, ...[...set, ...cell.settings].flatMap((setting) => ["--set", setting])];
}

function progressBar(total: number, done: number): { update(done: number): void; stop(): void } {
  if (process.stderr.isTTY !== true) return { update() {}, stop() {} };
  const bar = new SingleBar({ format: "{bar} {value} of {total} runs, {eta_formatted} left", clearOnComplete: true });
  bar.start(total, done);
  return bar;
}
