/** The whole compiler: kernel TypeScript in, an ELF image out. Same input, same bytes. */
import type { Result } from "../base/result.ts";
import { generate } from "./back/index.ts";
import { compileToIr } from "./front/index.ts";
import type { CompileInput, TypeScript } from "./front/index.ts";
import { link } from "./link/index.ts";
import type { Image } from "./link/index.ts";

export type { CompileInput, Image };

/** `ts` is the module `typescript`, of which only the parser is used. */
export function build(ts: TypeScript, input: CompileInput): Result<Image> {
  const unit = compileToIr(ts, input);
  return unit.ok ? link(unit.value, generate(unit.value)) : unit;
}
