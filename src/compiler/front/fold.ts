/** Constant folding and strength reduction while code is built. All numbers are signed 32-bit. */
import type { BinaryOp, Condition, Value } from "../ir.ts";

/** The parts of the builder that folding needs. */
export interface Folder {
  constant(value: number): Value;
  binary(op: BinaryOp, a: Value, b: Value): Value;
  symbol(name: string, offset: number): Value;
  frameAddress(slot: number, offset: number): Value;
}

export function foldBinary(op: BinaryOp, a: number, b: number): number {
  switch (op) {
    case "add":
      return (a + b) | 0;
    case "sub":
      return (a - b) | 0;
    case "mul":
      return Math.imul(a, b);
    case "mulh":
      return Number((BigInt(a) * BigInt(b)) >> 32n) | 0;
    case "mulhu":
      return Number(((BigInt(a >>> 0) * BigInt(b >>> 0)) >> 32n) & 0xffff_ffffn) | 0;
    case "mulhsu":
      return Number(((BigInt(a) * BigInt(b >>> 0)) >> 32n) & 0xffff_ffffn) | 0;
    case "div":
      return b === 0 ? -1 : a === -0x8000_0000 && b === -1 ? a : (a / b) | 0;
    case "divu":
      return b === 0 ? -1 : ((a >>> 0) / (b >>> 0)) | 0;
    case "rem":
      return b === 0 ? a : a === -0x8000_0000 && b === -1 ? 0 : (a % b) | 0;
    case "remu":
      return b === 0 ? a : ((a >>> 0) % (b >>> 0)) | 0;
    case "and":
      return a & b;
    case "or":
      return a | b;
    case "xor":
      return a ^ b;
    case "sll":
      return a << (b & 31);
    case "srl":
      return (a >>> (b & 31)) | 0;
    case "sra":
      return a >> (b & 31);
    case "slt":
      return a < b ? 1 : 0;
    case "sltu":
      return a >>> 0 < b >>> 0 ? 1 : 0;
  }
}

export function foldCondition(condition: Condition, a: number, b: number): boolean {
  switch (condition) {
    case "eq":
      return a === b;
    case "ne":
      return a !== b;
    case "lt":
      return a < b;
    case "ge":
      return a >= b;
    case "ltu":
      return a >>> 0 < b >>> 0;
    case "geu":
      return a >>> 0 >= b >>> 0;
  }
}

const COMMUTATIVE: ReadonlySet<BinaryOp> = new Set([
  "add",
  "mul",
  "and",
  "or",
  "xor",
  "mulh",
  "mulhu",
]);
const ZERO_IS_NEUTRAL: ReadonlySet<BinaryOp> = new Set([
  "add",
  "sub",
  "or",
  "xor",
  "sll",
  "srl",
  "sra",
]);

/** The exponent when `n` is a power of two, else -1. */
export function log2Of(n: number): number {
  return n !== 0 && (n & (n - 1)) === 0 ? 31 - Math.clz32(n) : -1;
}

/** A value equal to `op(a, b)` that exists already or is cheaper; null when there is none. Constants go to the right. */
export function simplify(f: Folder, op: BinaryOp, a: Value, b: Value): Value | null {
  if (a.op === "const" && b.op === "const") return f.constant(foldBinary(op, a.x.value, b.x.value));
  if (a.op === "const" && COMMUTATIVE.has(op)) return f.binary(op, b, a);
  if (b.op === "const") return simplifyRight(f, op, a, b, b.x.value);
  if (a === b) {
    if (op === "sub" || op === "xor" || op === "slt" || op === "sltu") return f.constant(0);
    if (op === "and" || op === "or") return a;
  }
  if (op === "sltu" && a.op === "const" && a.x.value === 0 && isTruth(b)) return b;
  return null;
}

function simplifyRight(f: Folder, op: BinaryOp, a: Value, b: Value, n: number): Value | null {
  if (n === 0) {
    if (ZERO_IS_NEUTRAL.has(op)) return a;
    if (op === "and" || op === "mul" || op === "mulhu" || op === "sltu") return f.constant(0);
  }
  switch (op) {
    case "add":
      if (a.op === "symbol") return f.symbol(a.x.name, (a.x.offset + n) | 0);
      if (a.op === "frame") return f.frameAddress(a.x.slot, a.x.offset + n);
      return nested(f, a, "add", (m) =>
        f.binary("add", (a.args as Value[])[0]!, f.constant((m + n) | 0)),
      );
    case "sub":
      return f.binary("add", a, f.constant(-n | 0));
    case "mul":
      return simplifyMultiply(f, a, n);
    case "divu":
      return log2Of(n) >= 0 ? f.binary("srl", a, f.constant(log2Of(n))) : null;
    case "remu":
      return log2Of(n) >= 0 ? f.binary("and", a, f.constant((n - 1) | 0)) : null;
    case "and":
      if (n === -1 || (n === 1 && isTruth(a)) || keepsNarrowLoad(a, n)) return a;
      return nested(f, a, "and", (m) =>
        f.binary("and", (a.args as Value[])[0]!, f.constant(m & n)),
      );
    case "or":
      return n === -1 ? b : null;
    case "srl":
      return nested(f, a, "and", (m) =>
        m >>> n === 0xffff_ffff >>> n ? f.binary("srl", (a.args as Value[])[0]!, b) : null,
      );
    case "xor":
      return n === 1 || n === -1
        ? nested(f, a, "xor", (m) => (m === n ? (a.args as Value[])[0]! : null))
        : null;
    case "sltu":
      // (x ^ 1) < 1 is x, for a truth value x
      return n === 1 &&
        a.op === "binary" &&
        a.x.op === "xor" &&
        isOne(a.args[1]!) &&
        isTruth(a.args[0]!)
        ? a.args[0]!
        : null;
    default:
      return null;
  }
}

function simplifyMultiply(f: Folder, a: Value, n: number): Value | null {
  if (n === 1) return a;
  const shift = log2Of(n);
  if (shift >= 0) return f.binary("sll", a, f.constant(shift));
  if (n < 0) return null;
  const trailing = log2Of(n & -n);
  const odd = n >> trailing;
  let product: Value | null = null;
  if (log2Of(odd + 1) > 0)
    product = f.binary("sub", f.binary("sll", a, f.constant(log2Of(odd + 1))), a);
  else if (log2Of(odd - 1) > 0)
    product = f.binary("add", f.binary("sll", a, f.constant(log2Of(odd - 1))), a);
  return product && trailing ? f.binary("sll", product, f.constant(trailing)) : product;
}

function nested(
  _f: Folder,
  a: Value,
  op: BinaryOp,
  make: (right: number) => Value | null,
): Value | null {
  if (a.op !== "binary" || a.x.op !== op) return null;
  const right = a.args[1]!;
  return right.op === "const" ? make(right.x.value) : null;
}

function keepsNarrowLoad(a: Value, mask: number): boolean {
  if (a.op !== "load" || a.x.signed) return false;
  return (
    (a.x.width === 1 && (mask & 0xff) === 0xff) || (a.x.width === 2 && (mask & 0xffff) === 0xffff)
  );
}

function isOne(v: Value): boolean {
  return v.op === "const" && v.x.value === 1;
}

/** A value that can only be 0 or 1. */
export function isTruth(v: Value): boolean {
  if (v.op === "const") return v.x.value === 0 || v.x.value === 1;
  if (v.op !== "binary") return false;
  if (v.x.op === "slt" || v.x.op === "sltu") return true;
  return (
    (v.x.op === "xor" || v.x.op === "and" || v.x.op === "or") &&
    isTruth(v.args[0]!) &&
    isTruth(v.args[1]!)
  );
}
