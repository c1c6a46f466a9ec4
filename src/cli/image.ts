/**
 * The kernel image of a scenario, built or taken from the cache (cache.ts). `typescript` is loaded when something must be
 * compiled, and only then.
 */
import { type Problem, type Result, success } from "../base/result.ts";
import { build, type BuildOptions, type CompileInput, type Image } from "../compiler/build.ts";
import { checkTypes } from "../compiler/check-types.ts";
import { cacheFile, functionCache, readCache, saveFunctionCache, writeCache } from "./cache.ts";
import { guestDeclarations, guestSources, readWorkload } from "./files.ts";
import { asShortJob } from "./short-job.ts";
import { loadTypeScript } from "./typescript.ts";

const ENTRIES = ["firmware/start.ts", "kernel/arch/head.ts", "kernel/init/main.ts"];

export interface ImageRequest {
  readonly root: string;
  /** Path of the workload's module, or null for the stock tasks alone. */
  readonly workload: string | null;
  readonly tasks: readonly string[];
  readonly config: CompileInput["config"];
}

interface Inputs {
  readonly compile: CompileInput;
  readonly shown: ReadonlyMap<string, string>;
}

function inputs(request: ImageRequest): Result<Inputs> {
  const files = guestSources(request.root);
  let shown: ReadonlyMap<string, string> = new Map();
  let entry: string | null = null;
  if (request.workload !== null) {
    const workload = readWorkload(request.workload, request.root);
    if (!workload.ok) return workload;
    for (const [path, text] of workload.value.files) files.set(path, text);
    shown = workload.value.shown;
    entry = workload.value.entry;
  }
  const tasks = [...new Set(request.tasks)];
  return success({ compile: { files, entries: ENTRIES, workload: entry, tasks, config: request.config }, shown });
}

/** The text of a line of an image's sources, trimmed; null where there is none. */
export function lineIn(sources: ReadonlyMap<string, string>, file: string, line: number): string | null {
  return sources.get(file)?.split("\n")[line - 1]?.trim() ?? null;
}

/** Problems name files as the user knows them. */
function rename(problem: Problem, shown: ReadonlyMap<string, string>): Problem {
  const file = problem.place && shown.get(problem.place.file);
  return problem.place && file ? { ...problem, place: { ...problem.place, file } } : problem;
}

function renamed(result: Result<unknown>, shown: ReadonlyMap<string, string>): Result<never> {
  return { ok: false, problems: result.ok ? [] : result.problems.map((problem) => rename(problem, shown)) };
}

export function compileImage(root: string, compile: CompileInput, { disable, watch }: BuildMode = {}): Result<Image> {
  const ts = loadTypeScript(root);
  const cache = functionCache(root, import.meta.url);
  const job = () => build(ts, compile, { cache, ...(disable && { disable }) });
  const image = watch ? job() : asShortJob(job);
  saveFunctionCache(root, cache);
  return image;
}

/** What compiled may still dereference null: the modules of a workload go through TypeScript's checker too. */
function checkWorkload(root: string, { compile, shown }: Inputs): Result<null> {
  if (shown.size === 0) return success(null);
  const check = { files: compile.files, declarations: guestDeclarations(root), modules: [...shown.keys()] };
  return asShortJob(() => checkTypes(loadTypeScript(root), check));
}

export interface BuildMode {
  /** Keep every variable where a debugger finds it. */
  readonly debug?: boolean;
  /** One of many builds in this process: worth V8's optimizing. */
  readonly watch?: boolean;
  readonly disable?: BuildOptions["disable"];
}

/** Compiles; also gives the sources, for listings. */
export function buildImage(request: ImageRequest, mode: BuildMode = {}): Result<{ image: Image; files: ReadonlyMap<string, string> }> {
  const input = inputs(request);
  if (!input.ok) return input;
  const { compile, shown } = input.value;
  const image = compileImage(request.root, { ...compile, debug: mode.debug ?? false }, mode);
  const checked = image.ok ? checkWorkload(request.root, input.value) : image;
  if (!image.ok || !checked.ok) return renamed(checked, shown);
  return success({ image: image.value, files: compile.files });
}

/** The ELF of a request, from the cache when it is there. `seen` gets the sources it is made of, by their paths in the image. */
export function elfOf(request: ImageRequest, seen?: (files: ReadonlyMap<string, string>) => void): Result<Uint8Array> {
  const input = inputs(request);
  if (!input.ok) return input;
  seen?.(input.value.compile.files);
  const kept = cacheFile(request.root, input.value.compile, import.meta.url);
  const known = readCache(kept);
  if (known) return success(known);
  const image = compileImage(request.root, input.value.compile);
  const checked = image.ok ? checkWorkload(request.root, input.value) : image;
  if (!image.ok || !checked.ok) return renamed(checked, input.value.shown);
  writeCache(kept, image.value.elf);
  return success(image.value.elf);
}
