/**
 * The back end: optimizes each function of a unit and turns it into assembly.
 *
 * Naked functions are text already and go from the unit straight to `link/`.
 */
import type { AsmFunction } from "../assembly.ts";
import type { IrFunction, IrUnit } from "../ir.ts";
import type { OptimizeOptions } from "../opt/index.ts";
import { optimize } from "../opt/index.ts";
import { allocateRegisters } from "./allocate.ts";
import { emitFunction } from "./emit.ts";
import { selectInstructions } from "./select.ts";

export type BackPass = "hoist-constants" | "coalesce";

export interface GenerateOptions extends Omit<OptimizeOptions, "disable"> {
  /** Passes to leave out, to find the one that is wrong; the code stays correct without any of them. */
  readonly disable?: readonly (BackPass | NonNullable<OptimizeOptions["disable"]>[number])[];
}

/** tp-relative offsets beyond this do not fit an instruction. */
const PERCPU_NEAR_BYTES = 2048;

export function generate(unit: IrUnit, options: GenerateOptions = {}): AsmFunction[] {
  let percpuBytes = 0;
  for (const object of unit.data) {
    if (object.section === ".data..percpu") percpuBytes += object.size + object.align - 1;
  }
  const percpuNear = percpuBytes <= PERCPU_NEAR_BYTES;
  return unit.functions.map((fn) => generateFunction(fn, percpuNear, options));
}

/** Changes `fn`. */
export function generateFunction(fn: IrFunction, percpuNear: boolean, options: GenerateOptions = {}): AsmFunction {
  const disabled = new Set<string>(options.disable ?? []);
  optimize(fn, options as OptimizeOptions);
  const machine = selectInstructions(fn, { hoistConstants: !disabled.has("hoist-constants"), percpuNear });
  const allocation = allocateRegisters(machine, { coalesce: !disabled.has("coalesce") });
  return emitFunction(machine, allocation);
}
