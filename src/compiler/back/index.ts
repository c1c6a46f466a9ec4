/**
 * The back end: optimizes each function of a unit and turns it into assembly.
 *
 * Naked functions are text already and go from the unit straight to `link/`.
 */
import type { AsmFunction } from "../assembly.ts";
import type { FunctionCache } from "../cache/function-cache.ts";
import type { IrFunction, IrUnit } from "../ir.ts";
import type { OptimizeOptions } from "../opt/index.ts";
import { OPT_PASSES, optimize } from "../opt/index.ts";
import { allocateRegisters } from "./allocate/allocate.ts";
import { perCpuOffsets } from "../link/layout.ts";
import { emitFunction } from "./emit.ts";
import { fitsImmediate } from "./machine.ts";
import { selectInstructions } from "./select.ts";

/** In the order in which they run. */
export const PASSES = [...OPT_PASSES, "hoist-constants", "coalesce"] as const;
export type Pass = (typeof PASSES)[number];

export interface GenerateOptions extends Omit<OptimizeOptions, "disable"> {
  /** Passes to leave out, to find the one that is wrong; the code stays correct without any of them. */
  readonly disable?: readonly Pass[];
  /** Code of earlier builds. */
  readonly cache?: FunctionCache;
}

export function generate(unit: IrUnit, options: GenerateOptions = {}): AsmFunction[] {
  const offsets = perCpuOffsets(unit.data);
  const percpuFits = (symbol: string, addend: number): boolean => {
    const offset = offsets.get(symbol);
    return offset !== undefined && fitsImmediate(offset + addend);
  };
  const { cache } = options;
  if (!cache) return unit.functions.map((fn) => generateFunction(fn, percpuFits, options));
  const passes = [...(options.disable ?? [])].sort().join(" ");
  return unit.functions.map((fn) => {
    const context = `${passes}\n${percpuContext(fn, offsets)}`;
    return cache.code(fn, context, () => generateFunction(fn, percpuFits, options));
  });
}

/** Where the per-CPU variables lie that a function uses. */
function percpuContext(fn: IrFunction, offsets: ReadonlyMap<string, number>): string {
  let text = "";
  for (const { values } of fn.blocks)
    for (const value of values) if (value.op === "percpu") text += `${value.x.name}=${offsets.get(value.x.name)} `;
  return text;
}

/** Changes `fn`. */
export function generateFunction(
  fn: IrFunction, percpuFits: (symbol: string, addend: number) => boolean, options: GenerateOptions = {},
): AsmFunction {
  const disabled = new Set<string>(options.disable ?? []);
  optimize(fn, options as OptimizeOptions);
  const machine = selectInstructions(fn, { hoistConstants: !disabled.has("hoist-constants"), percpuFits });
  const allocation = allocateRegisters(machine, { coalesce: !disabled.has("coalesce") });
  return emitFunction(machine, allocation);
}
