/** The tasks a run may start: exported `(arg: u32): void`, in (or passed on by) the workload module or one of kernel/workload/. */
import type { Modules } from "./types/modules.ts";
import type { FunctionSymbol, Module, ModuleSymbol } from "./types/symbols.ts";
import type { Unit } from "./unit.ts";
import { functionTypeOf } from "./constants/statics.ts";
import { NO_TYPE_ARGS } from "./types/type-nodes.ts";

const WORKLOAD_FOLDER = "kernel/workload/";

export function loadWorkloads(
  modules: Modules,
  paths: Iterable<string>,
  workload: string | null,
): Module[] {
  const own = workload === null ? null : modules.load(workload);
  const shared = [...paths]
    .filter((p) => p.startsWith(WORKLOAD_FOLDER) && p.endsWith(".ts") && !p.endsWith(".d.ts"))
    .sort();
  return [own, ...shared.map((p) => modules.load(p))].filter((m): m is Module => m !== null);
}

function isTask(unit: Unit, symbol: ModuleSymbol): boolean {
  if (symbol.kind !== "function" || !symbol.exported || symbol.generator) return false;
  const type = unit.diagnostics.guarded(() => functionTypeOf(unit, symbol, symbol.node));
  return type?.key === "(u32)=>void";
}

/** The function of a task; null after reporting why there is none. */
export function findTask(
  unit: Unit,
  modules: readonly Module[],
  name: string,
): FunctionSymbol | null {
  const named = modules
    .map((m) => unit.modules.lookup(m, name))
    .find((s) => s?.kind === "function" && s.exported);
  if (named?.kind !== "function") {
    const known = modules.flatMap((m) => [...m.names.values()]).filter((s) => isTask(unit, s));
    const names = [...new Set(known.map((s) => s.name))];
    const list = names.length ? `there are ${names.join(", ")}` : "no module exports a task";
    unit.diagnostics.report(null, "K008", name, list);
    return null;
  }
  if (!isTask(unit, named)) {
    unit.diagnostics.report(named.node.name ?? named.node, "K009", name);
    return null;
  }
  return named;
}

/** Reaches the tasks and adds the `.tasks` table: two words each, name and function. */
export function addTasks(unit: Unit, modules: readonly Module[], names: readonly string[]): void {
  for (const name of names) {
    const fn = findTask(unit, modules, name);
    if (!fn) continue;
    const instance = unit.instance(fn, "kernel", NO_TYPE_ARGS, [], null);
    const text = unit.string(name, "kernel");
    unit.data.push({
      symbol: unit.linkName(`task.${name}`, false),
      name: `task.${name}`,
      section: ".tasks",
      align: 4,
      size: 8,
      bytes: new Uint8Array(8),
      type: "task",
      relocations: [
        { offset: 0, symbol: text, addend: 0 },
        { offset: 4, symbol: instance.symbol, addend: 0 },
      ],
      loc: unit.locateDeclaration(fn.node, name, fn.module),
    });
  }
}
