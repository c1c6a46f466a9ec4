/**
 * The passes over the IR, in order. Each may be left out (`disable`); splitting edges may not, code generation needs it.
 */
import type { IrFunction } from "../ir.ts";
import { foldAddresses } from "./addresses.ts";
import { joinBlocks } from "./blocks.ts";
import { eliminateDeadCode } from "./dce.ts";
import { insertPreheaders, splitCriticalEdges } from "./edges.ts";
import { numberValues } from "./gvn.ts";
import { hoistInvariants } from "./licm.ts";
import { reduceInductions } from "./induction.ts";
import { lowerMasks } from "./masks.ts";
import { simplify } from "./simplify.ts";
import { threadJumps } from "./thread.ts";

export const OPT_PASSES = ["simplify", "thread", "join", "addresses", "gvn", "licm", "induction", "masks", "dce"] as const;
export type OptPass = (typeof OPT_PASSES)[number];

export interface OptimizeOptions {
  readonly disable?: readonly OptPass[];
}

/** Changes `fn`. */
export function optimize(fn: IrFunction, options: OptimizeOptions = {}): void {
  const run = (pass: OptPass, body: (fn: IrFunction) => void): void => {
    if (!(options.disable ?? []).includes(pass)) body(fn);
  };
  const shape = (pass: OptPass, body: (fn: IrFunction) => void): void => {
    if (fn.blocks.length > 1) run(pass, body);
  };
  run("simplify", simplify);
  shape("thread", threadJumps);
  shape("join", joinBlocks);
  run("addresses", foldAddresses);
  run("gvn", numberValues);
  run("simplify", simplify);
  shape("thread", threadJumps);
  shape("join", joinBlocks);
  run("dce", eliminateDeadCode);
  if (fn.blocks.length > 1) {
    insertPreheaders(fn);
    run("licm", hoistInvariants);
    run("induction", reduceInductions);
    splitCriticalEdges(fn);
  }
  run("masks", lowerMasks);
  run("dce", eliminateDeadCode);
}
