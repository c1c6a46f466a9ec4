/** From sources to an image: the front end, the back end and the linker in a row. */
import type { Result } from "../base/result.ts";
import { generate } from "./back/index.ts";
import { compileToIr, type CompileInput, type TypeScript } from "./front/index.ts";
import { link, type Image } from "./link/index.ts";

export type { CompileInput, Image, TypeScript };

export function build(ts: TypeScript, input: CompileInput): Result<Image> {
  const unit = compileToIr(ts, input);
  if (!unit.ok) return unit;
  return link(unit.value, generate(unit.value));
}
