/** Runs a scenario without the command's process: each variant of the kernel is compiled once for a test file. */
import { join } from "node:path";
import { formatProblem, type Result } from "../../src/base/result.ts";
import { elfOf, type ImageRequest, lineIn } from "../../src/cli/image.ts";
import { imageRequest, readScenario } from "../../src/cli/scenario-file.ts";
import type { LoadedScenario } from "../../src/lab/scenario/load.ts";
import { exitCode, type RunResult } from "../../src/lab/run/result.ts";
import { runScenario } from "../../src/lab/run/run.ts";
import { createMachine } from "../../src/machine/machine.ts";
import { ROOT } from "../tidy/sources.ts";

export interface Settings {
  readonly seed: number;
  readonly harts?: number;
  /** As `--set`, without the seed and the number of harts. */
  readonly set?: readonly string[];
}

export interface Ran {
  readonly status: 0 | 1 | 3;
  readonly result: RunResult;
  /** The command that runs it again. */
  readonly reproduce: string;
}

function value<T>(result: Result<T>, reproduce: string): T {
  if (!result.ok) throw new Error([...result.problems.map(formatProblem), `reproduce: ${reproduce}`].join("\n"));
  return result.value;
}

interface Made {
  readonly elf: Result<Uint8Array>;
  readonly sources: ReadonlyMap<string, string>;
}

const images = new Map<string, Made>();

function imageOf(request: ImageRequest): Made {
  const name = JSON.stringify(request);
  const known = images.get(name);
  if (known) return known;
  let sources: ReadonlyMap<string, string> = new Map();
  const elf = elfOf(request, (files) => void (sources = files));
  images.set(name, { elf, sources });
  return { elf, sources };
}

/** `file` is relative to the repository. */
export function runInProcess(file: string, { seed, harts, set = [] }: Settings): Ran {
  const where = harts === undefined ? "" : ` --harts ${harts}`;
  const reproduce = `hartlab run ${file} --seed ${seed}${where}${set.map((one) => ` --set ${one}`).join("")}`;
  const path = join(ROOT, file);
  const options = { seed: String(seed), set, ...(harts === undefined ? {} : { harts: String(harts) }) };
  const result = value(runLoaded(path, value(readScenario(path, options), reproduce)), reproduce);
  return { status: exitCode(result), result, reproduce };
}

/** `path` is where the scenario's file is, or would be. */
export function runLoaded(path: string, { scenario, text }: LoadedScenario): Result<RunResult> {
  return runScenario({
    version: "test",
    scenario,
    text,
    lineText: (file, line) => lineIn(imageOf(imageRequest(scenario, path, ROOT)).sources, file, line),
    compile: (wanted) => imageOf(imageRequest(wanted, path, ROOT)).elf,
    createMachine: (config) => value(createMachine(config), path),
  });
}
