/** Intrinsics for the processor: CSRs, fences, SBI calls, trace marks. */
import type { Payloads, Value } from "../../ir.ts";
import { configNumber } from "../config.ts";
import { convert } from "../lower/convert.ts";
import { NO_VALUE } from "../lower/expressions.ts";
import { type Call, type Intrinsic, effect, emit, u32Of, value, word } from "./intrinsics.ts";
import type { Operand } from "../lower/operand.ts";
import type { Unit } from "../unit.ts";
import { I32, U32, U64, typeName } from "../types/types.ts";
import { constantNumber } from "../lower/variables.ts";

/** An argument that is one word of whatever kind: an address, an integer, null. */
function anyWord(c: Call, index: number): Value {
  if (!c.args[index]) return c.f.b.constant(0);
  const a = value(c, index);
  if (a.literal) return convert(c.f, a, a.literal.value < 0n ? I32 : U32, c.args[index]!).words[0]!;
  if (a.words.length !== 1)
    return c.f.diagnostics.fail(
      c.args[index]!,
      "K040",
      typeName(a.type),
      "one word",
      "convert it: `u32(...)`",
    );
  return a.words[0]!;
}

export function lowerFence(c: Call): Operand {
  const side = (i: number): "r" | "w" | "rw" => {
    const { text } = value(c, i);
    if (text === "r" || text === "w" || text === "rw") return text;
    return c.f.diagnostics.fail(
      c.args[i]!,
      "K040",
      text ?? "this",
      "a side of a fence",
      'write "r", "w" or "rw"',
    );
  };
  return effect(c, "fence", [], { pred: side(0), succ: side(1) });
}

// ---- the processor ----
export function csr(op: "rw" | "rs" | "rc", kind: "read" | "write" | "both"): Intrinsic {
  return {
    min: kind === "read" ? 1 : 2,
    max: kind === "read" ? 1 : 2,
    lower: (c) => {
      const number = Number(constantNumber(c.f, c.args[0]!, c.scope, "a CSR number"));
      const operand = kind === "read" ? c.f.b.constant(0) : word(c, 1);
      const wantsOld = kind === "read" || (kind === "both" && !c.dropped);
      const old = emit(c, "csr", [operand], { op, csr: number, wantsOld });
      return kind === "write" ? NO_VALUE : u32Of(old);
    },
  };
}

export function lowerEcall(c: Call): Operand {
  const words = c.args.map((_, i) => word(c, i, true));
  const low = emit(c, "ecall", words, { results: 2 });
  return { type: U64, words: [low, c.f.b.emit("result1", [low], {})] };
}

/** Whether the image is built with marks. */
export function hasMarks({ config }: Unit): boolean {
  const marks = config.options.get("marks");
  return !marks || configNumber(config, marks) !== 0;
}

export function lowerMark(c: Call): Operand {
  if (!hasMarks(c.f.unit)) return NO_VALUE;
  const event = Number(constantNumber(c.f, c.args[0]!, c.scope, "the event of a mark"));
  if (event < 1 || event > 2047)
    c.f.diagnostics.fail(c.args[0]!, "K041", event, "an event number", "events are 1 to 2047");
  const [first, second, third] = [anyWord(c, 1), anyWord(c, 2), anyWord(c, 3)];
  return effect(c, "mark", [first, second, third], { event });
}

export function system(op: Payloads["system"]["op"]): Intrinsic {
  return {
    min: 0,
    max: op === "sfence.vma" ? 2 : 0,
    lower: (c) =>
      effect(
        c,
        "system",
        c.args.map((_, i) => word(c, i)),
        { op },
      ),
  };
}

export function lowerMulhu(c: Call): Operand {
  const a = word(c, 0);
  const b = word(c, 1);
  c.f.at(c.node, c.scope);
  return u32Of(c.f.b.binary("mulhu", a, b));
}
