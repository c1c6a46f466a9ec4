/** From sources to an image: the front end, the back end and the linker in a row. */
import type { Result } from "../base/result.ts";
import { generate, PASSES, type GenerateOptions, type Pass } from "./back/index.ts";
import { compileToIr, FRONT_PASSES, type CompileInput, type FrontPass, type TypeScript } from "./front/index.ts";
import { link, type Image } from "./link/index.ts";

export { formatProblem } from "../base/result.ts";
export type { CompileInput, Image, TypeScript };

/** Everything that can be left out, in the order in which it happens. */
export const ALL_PASSES: readonly (FrontPass | Pass)[] = [...FRONT_PASSES, ...PASSES];

export interface BuildOptions {
  /** Passes to leave out: the image is slower and does the same. */
  readonly disable?: readonly (FrontPass | Pass)[];
  /** Code of earlier builds; the image has the same bytes with and without. */
  readonly cache?: GenerateOptions["cache"];
}

export function build(ts: TypeScript, input: CompileInput, { disable = [], cache }: BuildOptions = {}): Result<Image> {
  const leftOut: ReadonlySet<string> = new Set(disable);
  const unit = compileToIr(ts, { ...input, disable: FRONT_PASSES.filter((pass) => leftOut.has(pass)) });
  if (!unit.ok) return unit;
  const passes = PASSES.filter((pass) => leftOut.has(pass));
  return link(unit.value, generate(unit.value, { disable: passes, ...(cache && { cache }) }));
}
