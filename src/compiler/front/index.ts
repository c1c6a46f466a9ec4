/**
 * The front end: kernel TypeScript in, verified-by-construction SSA out.
 *
 * Roots are the exported functions of the entries and the tasks; only what they reach is compiled. All functions of the
 * workload are checked, reached or not, because its author should hear of a mistake before running it.
 */
import { failure, success, type Result } from "../../base/result.ts";
import type { IrUnit } from "../ir.ts";
import {
  CONFIG_PATH,
  configDeclaration,
  readOptions,
  resolveConfig,
  type ConfigValue,
  type Option,
} from "./config.ts";
import { enumValues } from "./constants/consteval.ts";
import { Diagnostics } from "./diagnostics.ts";
import { compileInstance } from "./lower/functions.ts";
import { Modules } from "./types/modules.ts";
import { buildStatic } from "./constants/image.ts";
import type { Module } from "./types/symbols.ts";
import { addTasks, loadWorkloads } from "./tasks.ts";
import { NO_TYPE_ARGS } from "./types/type-nodes.ts";
import { useTypeScript, type TypeScript } from "./typescript.ts";
import { Unit } from "./unit.ts";

export { verifyIr } from "./verify.ts";
export type { TypeScript } from "./typescript.ts";

/** What lowering does for speed alone: bodies in place of calls that do not say "inline", conditions at the end of loops. */
export const FRONT_PASSES = ["inline", "rotate"] as const;
export type FrontPass = (typeof FRONT_PASSES)[number];

export interface CompileInput {
  /** Path -> text, with paths such as `kernel/mm/slab.ts`. */
  readonly files: ReadonlyMap<string, string>;
  readonly entries: readonly string[];
  readonly workload: string | null;
  readonly tasks: readonly string[];
  readonly config: Readonly<Record<string, ConfigValue>>;
  /** Keeps every variable in memory and inlines only what says "inline": slower code that a debugger shows whole. */
  readonly debug?: boolean;
  /** Passes to leave out, to find the one that is wrong. */
  readonly disable?: readonly FrontPass[];
  /** Where to stop looking for problems; 20 when absent. */
  readonly problemsMax?: number;
}

const ABI_FOLDER = "kernel/abi/";

export function compileToIr(ts: TypeScript, input: CompileInput): Result<IrUnit> {
  useTypeScript(ts);
  const diagnostics = new Diagnostics(input.problemsMax);
  const unit = diagnostics.outermost(() => compile(input, diagnostics));
  return unit && !diagnostics.problems.length ? success(unit) : failure(...diagnostics.problems);
}

/** The configuration keys that the text of kernel/config.ts declares, in its order. */
export function readConfigOptions(ts: TypeScript, text: string): Result<readonly Option[]> {
  useTypeScript(ts);
  const diagnostics = new Diagnostics();
  const options = diagnostics.outermost(() => readOptions(text, diagnostics));
  return options && !diagnostics.problems.length
    ? success([...options.values()])
    : failure(...diagnostics.problems);
}

/** Contents of kernel/config.generated.d.ts for the text of kernel/config.ts. */
export function generateConfigDeclaration(ts: TypeScript, text: string): Result<string> {
  useTypeScript(ts);
  const diagnostics = new Diagnostics();
  const options = diagnostics.outermost(() => readOptions(text, diagnostics));
  return options && !diagnostics.problems.length
    ? success(configDeclaration(options))
    : failure(...diagnostics.problems);
}

function compile(input: CompileInput, diagnostics: Diagnostics): IrUnit {
  const { files } = input;
  const text = files.get(CONFIG_PATH);
  const options =
    text === undefined
      ? new Map<string, Option>()
      : (readOptions(text, diagnostics) ?? new Map<string, Option>());
  const config = resolveConfig(options, input.config, diagnostics);
  const modules = new Modules(files, diagnostics);
  const unit = new Unit(diagnostics, modules, config, input.debug, input.disable);
  const entries = loadEntries(input, modules, diagnostics);
  const abi = [...files.keys()]
    .filter((p) => p.startsWith(ABI_FOLDER) && !p.endsWith(".d.ts"))
    .sort();
  for (const path of abi) modules.load(path);
  const workloads =
    input.tasks.length || input.workload !== null
      ? loadWorkloads(modules, files.keys(), input.workload)
      : [];
  if (modules.syntaxErrors) diagnostics.stop();
  modules.checkImports();

  for (const module of entries) reachExports(unit, module);
  addTasks(unit, workloads, input.tasks);
  drain(unit);
  const result = resultOf(unit, input);
  const workload = input.workload === null ? null : modules.byPath.get(input.workload);
  if (workload) checkAll(unit, workload);
  unit.callGraph.check(diagnostics);
  return result;
}

function loadEntries(input: CompileInput, modules: Modules, diagnostics: Diagnostics): Module[] {
  const loaded: Module[] = [];
  for (const path of [...input.entries, ...(input.workload === null ? [] : [input.workload])]) {
    const module = modules.load(path);
    if (!module) diagnostics.report(null, "K007", path);
    else if (path !== input.workload) loaded.push(module);
  }
  return loaded;
}

function reachExports(unit: Unit, module: Module): void {
  for (const symbol of module.names.values()) {
    if (
      symbol.kind !== "function" ||
      !symbol.exported ||
      symbol.generator ||
      symbol.typeParams.length
    )
      continue;
    unit.instance(symbol, module.domain, NO_TYPE_ARGS, [], null);
  }
}

/** Compiles what has been reached until nothing new comes up. */
function drain(unit: Unit): void {
  for (;;) {
    const instance = unit.pendingFunctions.shift();
    if (instance) {
      unit.diagnostics.guarded(() => compileInstance(unit, instance));
      continue;
    }
    const pending = unit.pendingStatics.shift();
    if (!pending) return;
    unit.diagnostics.guarded(() => buildStatic(unit, pending));
  }
}

function resultOf(unit: Unit, input: CompileInput): IrUnit {
  const enums: Record<string, Record<string, number>> = {};
  for (const module of unit.modules.all) {
    if (!module.path.startsWith(ABI_FOLDER)) continue;
    for (const symbol of module.names.values()) {
      if (symbol.kind !== "enum") continue;
      enums[symbol.name] = Object.fromEntries(
        [...enumValues(unit, symbol)].map(([name, value]) => [name, Number(value)]),
      );
    }
  }
  return {
    locations: [...unit.locations],
    functions: [...unit.functions],
    naked: [...unit.naked],
    data: [...unit.data],
    structs: Object.fromEntries(unit.structs),
    enums,
    config: unit.config.values,
    tasks: input.tasks,
    files: unit.modules.all.map((m) => m.path),
  };
}

/** Compiles every function of a module for its problems only. */
function checkAll(unit: Unit, module: Module): void {
  for (const symbol of module.names.values()) {
    if (symbol.kind !== "function" || symbol.typeParams.length || symbol.generator) continue;
    unit.diagnostics.guarded(() => unit.instance(symbol, module.domain, NO_TYPE_ARGS, [], null));
  }
  drain(unit);
}
