/** The names of lib.kernel.d.ts that are no types: memory access, atomics, CSRs, pointers, the rest of the machine. */
import { EXCLUSIVE_MARK } from "../../../base/hartlab-section.ts";
import type { AmoOp, MemoryOrder, Op, Payloads, Value } from "../../ir.ts";
import { sizeOf } from "../types/layout.ts";
import { BIT_FIELDS } from "./intrinsics-bits.ts";
import { evaluate } from "../constants/consteval.ts";
import { convert } from "../lower/convert.ts";
import { NO_VALUE, lowerExpression } from "../lower/expressions.ts";
import { csr, hasMarks, lowerEcall, lowerFence, lowerMark, lowerMulhu, system } from "./intrinsics-cpu.ts";
import { lowerAddr, lowerCast, lowerContainerOf, lowerOffsetOf } from "./intrinsics-pointer.ts";
import { type Lowering, type Scope, constContext, staticOperand } from "../lower/lowering.ts";
import type { Operand, Place } from "../lower/operand.ts";
import {
  addressOf,
  assignPlace,
  checkAssignable,
  loadPlace,
  lowerAddressOf,
  lowerPlace,
  placeType,
} from "../lower/places.ts";
import {
  BOOL,
  I32,
  STRING,
  type Type,
  U32,
  isAddress,
  pointerType,
  typeName,
} from "../types/types.ts";
import type TS from "typescript";

export interface Call {
  readonly f: Lowering;
  readonly node: TS.CallExpression;
  readonly args: readonly TS.Expression[];
  readonly scope: Scope;
  readonly dropped: boolean;
}

export interface Intrinsic {
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
    return f.diagnostics.fail(node, "K080", name, expected, given, intrinsic.max === 0 ? `none; is a type meant? ${name}<T>()` : "see kernel/lib.kernel.d.ts");
  }
  return intrinsic.lower({ f, node, args: node.arguments, scope, dropped });
}

// ---- helpers ----
export function value(c: Call, index: number, want: Type | null = null): Operand {
  return lowerExpression(c.f, c.args[index]!, c.scope, want);
}

/** The argument as a u32; `loose` also takes an i32 or a negative number. */
export function word(c: Call, index: number, loose = false): Value {
  const a = value(c, index, U32);
  const negative = a.literal !== undefined && a.literal.value < 0n;
  const type = loose && (negative || (a.type.kind === "int" && a.type.signed)) ? I32 : U32;
  return convert(c.f, a, type, c.args[index]!).words[0]!;
}

export function emit<O extends Op>(
  c: Call,
  op: O,
  args: readonly Value[],
  payload: Payloads[O],
): Value {
  c.f.at(c.node, c.scope);
  return c.f.b.emit(op, args, payload);
}

export function effect<O extends Op>(
  c: Call,
  op: O,
  args: readonly Value[],
  payload: Payloads[O],
): Operand {
  emit(c, op, args, payload);
  return NO_VALUE;
}

export function u32Of(v: Value): Operand {
  return { type: U32, words: [v] };
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

/** Whatever the expression reads and writes itself, inlined calls included, is a race that is meant. */
function lowerDataRace(c: Call): Operand {
  const { access } = c.f;
  c.f.access = "race";
  const result = value(c, 0);
  c.f.access = access;
  return result;
}

/** A mark that says so; the place itself is not touched. */
function lowerExclusive(event: number): Intrinsic {
  return fixed(1, (c) => {
    const place = lowerPlace(c.f, c.args[0]!, c.scope);
    if (place.kind !== "memory") return c.f.diagnostics.fail(c.args[0]!, "K040", "a local variable", "a place in memory", "nobody else can reach it");
    if (!hasMarks(c.f.unit)) return NO_VALUE;
    c.f.at(c.node, c.scope);
    const size = c.f.b.constant(sizeOf(c.f.unit, place.type, c.node));
    return effect(c, "mark", [addressOf(c.f, place), size, c.f.b.constant(0)], { event });
  });
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
  ["data_race", fixed(1, lowerDataRace)],
  ["ASSERT_EXCLUSIVE_WRITER", lowerExclusive(EXCLUSIVE_MARK.WRITER)],
  ["ASSERT_EXCLUSIVE_ACCESS", lowerExclusive(EXCLUSIVE_MARK.ACCESS)],
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
  ["GENMASK", fixed(2, lowerConstant)],
  ...BIT_FIELDS,
]);

/** For suggestions. */
export function intrinsicNames(): Iterable<string> {
  return INTRINSICS.keys();
}
