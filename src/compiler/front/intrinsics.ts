/** The names of lib.kernel.d.ts that are no types: memory access, atomics, CSRs, pointers, the rest of the machine. */
import type TS from "typescript";
import type { AmoOp, MemoryOrder, Op, Payloads, Value } from "../ir.ts";
import { configNumber } from "./config.ts";
import { evaluate } from "./consteval.ts";
import { convert } from "./convert.ts";
import { lowerExpression, NO_VALUE } from "./expressions.ts";
import { findField, fieldType } from "./layout.ts";
import { constContext, staticOperand, type Lowering, type Scope } from "./lowering.ts";
import type { Operand, Place } from "./operand.ts";
import {
  addressOf,
  assignPlace,
  checkAssignable,
  isAddressOperand,
  loadPlace,
  lowerAddressOf,
  lowerPlace,
  placeType,
} from "./places.ts";
import { ts } from "./typescript.ts";
import {
  BOOL,
  I32,
  LITERAL,
  STRING,
  U32,
  U64,
  classType,
  isAddress,
  pointerType,
  sameType,
  typeName,
  valueTypeOf,
  type Type,
} from "./types.ts";
import { resolveType } from "./type-nodes.ts";
import { constantNumber } from "./variables.ts";

interface Call {
  readonly f: Lowering;
  readonly node: TS.CallExpression;
  readonly args: readonly TS.Expression[];
  readonly scope: Scope;
  readonly dropped: boolean;
}

interface Intrinsic {
  readonly min: number;
  readonly max: number;
  readonly lower: (call: Call) => Operand;
}

/** Null when there is no intrinsic of this name. */
export function lowerIntrinsic(
  f: Lowering,
  name: string,
  node: TS.CallExpression,
  scope: Scope,
  dropped: boolean,
): Operand | null {
  const intrinsic = INTRINSICS.get(name);
  if (!intrinsic) return null;
  const given = node.arguments.length;
  if (given < intrinsic.min || given > intrinsic.max) {
    const expected =
      intrinsic.min === intrinsic.max
        ? `${intrinsic.min} arguments`
        : `${intrinsic.min} to ${intrinsic.max} arguments`;
    return f.diagnostics.fail(node, "K080", name, expected, given, "see kernel/lib.kernel.d.ts");
  }
  return intrinsic.lower({ f, node, args: node.arguments, scope, dropped });
}

// ---- helpers ----

function value(c: Call, index: number, want: Type | null = null): Operand {
  return lowerExpression(c.f, c.args[index]!, c.scope, want);
}

/** The argument as a u32; `loose` also takes an i32 or a negative number. */
function word(c: Call, index: number, loose = false): Value {
  const a = value(c, index, U32);
  const negative = a.literal !== undefined && a.literal.value < 0n;
  const type = loose && (negative || (a.type.kind === "int" && a.type.signed)) ? I32 : U32;
  return convert(c.f, a, type, c.args[index]!).words[0]!;
}

function emit<O extends Op>(c: Call, op: O, args: readonly Value[], payload: Payloads[O]): Value {
  c.f.at(c.node, c.scope);
  return c.f.b.emit(op, args, payload);
}

function effect<O extends Op>(
  c: Call,
  op: O,
  args: readonly Value[],
  payload: Payloads[O],
): Operand {
  emit(c, op, args, payload);
  return NO_VALUE;
}

function u32Of(v: Value): Operand {
  return { type: U32, words: [v] };
}

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

function typeArgument(c: Call): Type {
  const node = c.node.typeArguments?.[0];
  if (!node) return c.f.diagnostics.fail(c.node, "K028", "T", c.node.expression.getText());
  return resolveType(c.f.unit, node, c.scope.activation);
}

// ---- pointers ----

function lowerCast(c: Call): Operand {
  const type = typeArgument(c);
  const address = convert(c.f, value(c, 0, U32), U32, c.args[0]!);
  if (!isAddress(type))
    return c.f.diagnostics.fail(
      c.node,
      "K040",
      "an address",
      typeName(type),
      "cast<T> is for classes, Ptr, FixedArray and functions; integers convert by u32(x)",
    );
  const name = (c.node.expression as TS.Identifier).text;
  return {
    type: name === "castOrNull" && "nullable" in type ? { ...type, nullable: true } : type,
    words: address.words,
  };
}

function lowerAddr(c: Call): Operand {
  const a = value(c, 0);
  if (a.type.kind === "error") return c.f.diagnostics.stop();
  if (!isAddressOperand(a))
    return c.f.diagnostics.fail(
      c.args[0]!,
      "K040",
      typeName(a.type),
      "an address",
      "addr takes a structure, an array, a string or a function",
    );
  return u32Of(a.words[0]!);
}

function lowerFieldOf(c: Call): {
  readonly cls: Operand;
  readonly offset: number;
  readonly type: Type;
} {
  const cls = value(c, 0);
  const name = value(c, 1).text;
  if (!cls.cls)
    return c.f.diagnostics.fail(
      c.args[0]!,
      "K040",
      typeName(cls.type),
      "a class",
      "name the class",
    );
  if (name === undefined)
    return c.f.diagnostics.fail(c.args[1]!, "K040", "this", "a field name", "write it as a string");
  const type = classType(cls.cls);
  const field = findField(c.f.unit, type, name);
  if (!field)
    return c.f.diagnostics.fail(c.args[1]!, "K021", cls.cls.name, name, "check the spelling");
  return { cls, offset: field.offset, type: fieldType(c.f.unit, type, field) };
}

function lowerOffsetOf(c: Call): Operand {
  return {
    type: LITERAL,
    words: [],
    literal: { value: BigInt(lowerFieldOf(c).offset), bits: false },
  };
}

function lowerContainerOf(c: Call): Operand {
  const { cls, offset, type } = lowerFieldOf(c);
  const member = value(c, 2);
  if (member.type.kind === "error") return c.f.diagnostics.stop();
  const wanted = valueTypeOf(type);
  if (!sameType(member.type, wanted)) {
    c.f.diagnostics.fail(
      c.args[2]!,
      "K040",
      typeName(member.type),
      typeName(wanted),
      "the pointer must point to this very field",
    );
  }
  c.f.at(c.node, c.scope);
  return {
    type: classType(cls.cls!),
    words: [c.f.b.binary("add", member.words[0]!, c.f.b.constant(-offset))],
  };
}

/** An intrinsic whose value is known at compile time. */
function lowerConstant(c: Call): Operand {
  const known = evaluate(c.f.unit, c.node, constContext(c.scope));
  return known ? staticOperand(c.f, known) : c.f.diagnostics.fail(c.node, "K090", "the argument");
}

// ---- memory ----

function lowerReadOnce(c: Call): Operand {
  const place = lowerPlace(c.f, c.args[0]!, c.scope);
  c.f.at(c.node, c.scope);
  return loadPlace(c.f, place, "once");
}

function lowerWriteOnce(c: Call): Operand {
  const place = lowerPlace(c.f, c.args[0]!, c.scope);
  checkAssignable(c.f, place, c.args[0]!, c.scope);
  const stored = value(c, 1, placeType(place));
  c.f.at(c.node, c.scope);
  assignPlace(c.f, place, stored, c.args[1]!, "once");
  return NO_VALUE;
}

function wordPlace(c: Call, place: Place): Place & { kind: "memory" } {
  const type = placeType(place);
  const oneWord = (type.kind === "int" && type.bytes === 4) || isAddress(type);
  if (place.kind !== "memory" || !oneWord) {
    return c.f.diagnostics.fail(
      c.args[0]!,
      "K045",
      "CMPXCHG",
      typeName(type),
      "it works on words: u32, i32, usize and pointers",
    );
  }
  return place;
}

function lowerCmpxchg(c: Call): Operand {
  const place = wordPlace(c, lowerPlace(c.f, c.args[0]!, c.scope));
  const { type } = place;
  const old = convert(c.f, value(c, 1, type), type, c.args[1]!).words[0]!;
  const now = convert(c.f, value(c, 2, type), type, c.args[2]!).words[0]!;
  return {
    type,
    words: [emit(c, "cmpxchg", [addressOf(c.f, place), old, now], { order: "acquire-release" })],
  };
}

function amo(op: AmoOp, order: MemoryOrder): Intrinsic {
  return {
    min: 2,
    max: 2,
    lower: (c) => {
      const target = value(c, 0);
      const { type } = target;
      const words = type.kind === "pointer" && type.to.kind === "int" && type.to.bytes === 4;
      if (!words)
        c.f.diagnostics.fail(
          c.args[0]!,
          "K040",
          typeName(type),
          "Ptr<u32>",
          "pass addressOf(x.field) of a 32-bit field",
        );
      return u32Of(emit(c, "amo", [target.words[0]!, word(c, 1, true)], { op, order }));
    },
  };
}

function lowerFence(c: Call): Operand {
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

function csr(op: "rw" | "rs" | "rc", kind: "read" | "write" | "both"): Intrinsic {
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

function lowerEcall(c: Call): Operand {
  const words = c.args.map((_, i) => word(c, i, true));
  const low = emit(c, "ecall", words, { results: 2 });
  return { type: U64, words: [low, c.f.b.emit("result1", [low], {})] };
}

function lowerMark(c: Call): Operand {
  const marks = c.f.unit.config.options.get("marks");
  if (marks && configNumber(c.f.unit.config, marks) === 0) return NO_VALUE;
  const event = Number(constantNumber(c.f, c.args[0]!, c.scope, "the event of a mark"));
  if (event < 1 || event > 2047)
    c.f.diagnostics.fail(c.args[0]!, "K041", event, "an event number", "events are 1 to 2047");
  const [first, second, third] = [anyWord(c, 1), anyWord(c, 2), anyWord(c, 3)];
  return effect(c, "mark", [first, second, third], { event });
}

function system(op: Payloads["system"]["op"]): Intrinsic {
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

function lowerMulhu(c: Call): Operand {
  const a = word(c, 0);
  const b = word(c, 1);
  c.f.at(c.node, c.scope);
  return u32Of(c.f.b.binary("mulhu", a, b));
}

function lowerVaWords(c: Call): Operand {
  const args = value(c, 0);
  if (args.type.kind !== "varargs")
    c.f.diagnostics.fail(
      c.args[0]!,
      "K040",
      typeName(args.type),
      "vararg[]",
      "pass the rest parameter",
    );
  return { type: pointerType(U32), words: [args.words[0]!] };
}

function lowerLikely(c: Call): Operand {
  const a = value(c, 0, BOOL);
  return convert(c.f, a, BOOL, c.args[0]!);
}

function fixed(count: number, lower: (c: Call) => Operand): Intrinsic {
  return { min: count, max: count, lower };
}

const AMO_NAMES: readonly (readonly [string, AmoOp])[] = [
  ["Swap", "swap"],
  ["Add", "add"],
  ["And", "and"],
  ["Or", "or"],
  ["Xor", "xor"],
];
const AMO_ORDERS: readonly (readonly [string, MemoryOrder])[] = [
  ["", "acquire-release"],
  ["Relaxed", "relaxed"],
  ["Acquire", "acquire"],
  ["Release", "release"],
];

const INTRINSICS: ReadonlyMap<string, Intrinsic> = new Map<string, Intrinsic>([
  ["addressOf", fixed(1, (c) => lowerAddressOf(c.f, c.args[0]!, c.scope))],
  ["addr", fixed(1, lowerAddr)],
  ["cast", fixed(1, lowerCast)],
  ["castOrNull", fixed(1, lowerCast)],
  ["sizeof", fixed(0, lowerConstant)],
  ["offsetOf", fixed(2, lowerOffsetOf)],
  ["containerOf", fixed(3, lowerContainerOf)],
  ["stringAt", fixed(1, (c) => ({ type: STRING, words: [word(c, 0)] }))],
  ["linkerSymbol", fixed(1, lowerConstant)],
  ["READ_ONCE", fixed(1, lowerReadOnce)],
  ["WRITE_ONCE", fixed(2, lowerWriteOnce)],
  ["CMPXCHG", fixed(3, lowerCmpxchg)],
  ...AMO_NAMES.flatMap(([n, op]) =>
    AMO_ORDERS.map(([o, order]) => [`amo${n}${o}`, amo(op, order)] as const),
  ),
  ["fence", fixed(2, lowerFence)],
  ["barrier", fixed(0, (c) => effect(c, "barrier", [], {}))],
  ["fenceI", system("fence.i")],
  ["sfenceVma", system("sfence.vma")],
  ["wfi", system("wfi")],
  ["pause", system("pause")],
  ["ebreak", system("ebreak")],
  ["csrRead", csr("rs", "read")],
  ["csrWrite", csr("rw", "write")],
  ["csrSwap", csr("rw", "both")],
  ["csrReadSet", csr("rs", "both")],
  ["csrReadClear", csr("rc", "both")],
  ["ecall", { min: 2, max: 7, lower: lowerEcall }],
  ["framePointer", fixed(0, (c) => u32Of(emit(c, "framepointer", [], {})))],
  ["likely", fixed(1, lowerLikely)],
  ["unlikely", fixed(1, lowerLikely)],
  ["traceMark", { min: 1, max: 4, lower: lowerMark }],
  ["mulhu", fixed(2, lowerMulhu)],
  ["vaWords", fixed(1, lowerVaWords)],
]);

/** Whether a name belongs to the compiler, for suggestions. */
export function isIntrinsic(name: string): boolean {
  return INTRINSICS.has(name) || (ts !== undefined && name === "asm");
}
