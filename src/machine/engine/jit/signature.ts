/** Parameters and result of a region: hart block, context, time; time. */
import { I32, I64 } from "../../../isa/wasm/code.ts";
import type { ValueType } from "../../../isa/wasm/code.ts";
import type { Timing } from "../../types.ts";

export function regionSignature(timing: Timing): { readonly params: readonly ValueType[]; readonly results: readonly ValueType[] } {
  const time = timing === "cycle" ? I64 : I32;
  return { params: [I32, I32, time], results: [time] };
}
