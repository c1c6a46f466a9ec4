/** Random integer expressions as source text, and what they mean on big integers. */
import fc from "fast-check";

export type Width = { readonly name: string; readonly bits: number; readonly signed: boolean };
export const WIDTHS: readonly Width[] = [
  { name: "u32", bits: 32, signed: false },
  { name: "i32", bits: 32, signed: true },
  { name: "u64", bits: 64, signed: false },
  { name: "i64", bits: 64, signed: true },
];

export interface Expression {
  readonly text: string;
  value(x: bigint, y: bigint): bigint;
}

export function wrapTo(w: Width): (v: bigint) => bigint {
  return (v) => (w.signed ? BigInt.asIntN(w.bits, v) : BigInt.asUintN(w.bits, v));
}

/** Expressions over two variables `x` and `y` of the same type. */
export function expressionOf(w: Width): fc.Arbitrary<Expression> {
  const wrap = wrapTo(w);
  const suffix = w.bits === 64 ? "n" : "";
  const literal = fc.bigInt(w.signed ? -100n : 0n, 200n).map<Expression>((n) => ({
    text: n < 0n ? `(-${-n}${suffix})` : `${n}${suffix}`,
    value: () => n,
  }));
  const variable = fc.constantFrom<Expression>(
    { text: "x", value: (x) => x },
    { text: "y", value: (_, y) => y },
  );
  const { tree } = fc.letrec<{ tree: Expression }>((tie) => ({
    tree: fc.oneof(
      { depthSize: "medium", withCrossShrink: true },
      variable,
      fc.oneof(
        fc
          .record({
            op: fc.constantFrom("+", "-", "*", "&", "|", "^"),
            a: tie("tree"),
            b: fc.oneof(tie("tree"), literal),
          })
          .map(
            ({ op, a, b }): Expression => ({
              text: `(${a.text} ${op} ${b.text})`,
              value: (x, y) => wrap(apply(op, a.value(x, y), b.value(x, y))),
            }),
          ),
        fc
          .record({
            op: fc.constantFrom("<<", ">>", ">>>"),
            a: tie("tree"),
            n: fc.integer({ min: 0, max: w.bits - 1 }),
          })
          .map(
            ({ op, a, n }): Expression => ({
              text: `(${a.text} ${op} ${n}${suffix})`,
              value: (x, y) => wrap(shift(op, a.value(x, y), BigInt(n), w)),
            }),
          ),
        fc
          .record({
            op: fc.constantFrom("<", "<=", ">", ">=", "===", "!=="),
            a: tie("tree"),
            b: fc.oneof(tie("tree"), literal),
          })
          .map(
            ({ op, a, b }): Expression => ({
              text: `${w.name}(${a.text} ${op} ${b.text})`,
              value: (x, y) => (compare(op, a.value(x, y), b.value(x, y)) ? 1n : 0n),
            }),
          ),
        fc.record({ c: tie("tree"), a: tie("tree"), b: tie("tree") }).map(
          ({ c, a, b }): Expression => ({
            text: `(${c.text} !== 0${suffix} && x !== y ? ${a.text} : ${b.text})`,
            value: (x, y) => (c.value(x, y) !== 0n && x !== y ? a : b).value(x, y),
          }),
        ),
        tie("tree").map(
          (a): Expression => ({ text: `(~${a.text})`, value: (x, y) => wrap(~a.value(x, y)) }),
        ),
        tie("tree").map(
          (a): Expression => ({ text: `(-${a.text})`, value: (x, y) => wrap(-a.value(x, y)) }),
        ),
        tie("tree").map(
          (a): Expression => ({
            text: `${w.name}(i8(${a.text}))`,
            value: (x, y) => wrap(BigInt.asIntN(8, a.value(x, y))),
          }),
        ),
        tie("tree").map(
          (a): Expression => ({
            text: `${w.name}(u16(${a.text}))`,
            value: (x, y) => wrap(BigInt.asUintN(16, a.value(x, y))),
          }),
        ),
      ),
    ),
  }));
  return tree;
}

function apply(op: string, a: bigint, b: bigint): bigint {
  return op === "+"
    ? a + b
    : op === "-"
      ? a - b
      : op === "*"
        ? a * b
        : op === "&"
          ? a & b
          : op === "|"
            ? a | b
            : a ^ b;
}

function shift(op: string, a: bigint, n: bigint, w: Width): bigint {
  return op === "<<" ? a << n : (op === ">>>" ? BigInt.asUintN(w.bits, a) : a) >> n;
}

function compare(op: string, a: bigint, b: bigint): boolean {
  return op === "<"
    ? a < b
    : op === "<="
      ? a <= b
      : op === ">"
        ? a > b
        : op === ">="
          ? a >= b
          : op === "==="
            ? a === b
            : a !== b;
}

const EDGES = [
  0n,
  1n,
  -1n,
  2n,
  0x7fffn,
  0x7fff_ffffn,
  0x8000_0000n,
  0xffff_ffffn,
  0x1_0000_0000n,
  1n << 63n,
];

/** A value of this type, often one where something happens. */
export function numberOf(w: Width): fc.Arbitrary<bigint> {
  return fc
    .oneof(fc.constantFrom(...EDGES), fc.bigInt(-(1n << 63n), (1n << 63n) - 1n))
    .map(wrapTo(w));
}

/** Low word first, signed. */
export function wordsOf(w: Width, value: bigint): number[] {
  const low = Number(BigInt.asIntN(32, value));
  return w.bits === 64 ? [low, Number(BigInt.asIntN(32, value >> 32n))] : [low];
}

export function functionOf(w: Width, e: Expression): string {
  return `export function test(x: ${w.name}, y: ${w.name}): ${w.name} { return ${e.text}; }`;
}
