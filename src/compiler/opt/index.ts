/**
 * The passes over the IR, in order. Each may be left out (`disable`); splitting edges may not, code generation needs it.
 */
import type { IrFunction } from "../ir.ts";
import { eliminateDeadCode } from "./dce.ts";
import { insertPreheaders, splitCriticalEdges } from "./edges.ts";

export const OPT_PASSES = ["dce"] as const;
export type OptPass = (typeof OPT_PASSES)[number];

export interface OptimizeOptions {
  readonly disable?: readonly OptPass[];
}

/** Changes `fn`. */
export function optimize(fn: IrFunction, options: OptimizeOptions = {}): void {
  const enabled = (pass: OptPass): boolean => !(options.disable ?? []).includes(pass);
  insertPreheaders(fn);
  splitCriticalEdges(fn);
  if (enabled("dce")) eliminateDeadCode(fn);
}
