/**
 * The back end: optimizes each function of a unit and turns it into assembly.
 *
 * Naked functions are text already and go from the unit straight to `link/`.
 */
import type { AsmFunction } from "../assembly.ts";
import type { IrFunction, IrUnit } from "../ir.ts";
import type { OptimizeOptions } from "../opt/index.ts";
import { optimize } from "../opt/index.ts";
import { allocateRegisters } from "./allocate/allocate.ts";
import { perCpuOffsets } from "../link/layout.ts";
import { emitFunction } from "./emit.ts";
import { fitsImmediate } from "./machine.ts";
import { selectInstructions } from "./select.ts";

export type BackPass = "hoist-constants" | "coalesce";

export interface GenerateOptions extends Omit<OptimizeOptions, "disable"> {
  /** Passes to leave out, to find the one that is wrong; the code stays correct without any of them. */
  readonly disable?: readonly (BackPass | NonNullable<OptimizeOptions["disable"]>[number])[];
}

export function generate(unit: IrUnit, options: GenerateOptions = {}): AsmFunction[] {
  const offsets = perCpuOffsets(unit.data);
  const percpuFits = (symbol: string, addend: number): boolean => {
    const offset = offsets.get(symbol);
    return offset !== undefined && fitsImmediate(offset + addend);
  };
  return unit.functions.map((fn) => generateFunction(fn, percpuFits, options));
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
