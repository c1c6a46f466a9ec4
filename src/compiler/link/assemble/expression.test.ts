import { expect, test } from "vitest";
import { evaluate, highPart, lowPart, parseExpression, SyntaxProblem } from "./expression.ts";
import type { Expression, Scope } from "./expression.ts";

const names = (name: string): Expression => ({ kind: "symbol", name });
const scope: Scope = {
  symbol: (name) => ({ start: 0xc0001000, x: 0xfff })[name] ?? 0,
  label: () => 0,
  here: 0xc0000040,
  perCpuStart: 0xc0001000,
};
const value = (text: string): number => evaluate(parseExpression(text, names), scope) >>> 0;

test("constants, C's operators and precedence", () => {
  expect([
    value("0x80400000"),
    value("0b101"),
    value("-1"),
    value("~7"),
    value("'A'"),
    value("'\\n'"),
    value("1 << 5 | 1 << 1"),
    value("(1 << 5) | 3"),
    value("2 + 3 * 4"),
    value("7 / 2 + 9 % 4"),
    value("6 & 3 ^ 1"),
    value("- (2 - 5)"),
    value("0xffffffff >> 28"),
    value("4294967295"),
  ]).toEqual([0x80400000, 5, 0xffffffff, 0xfffffff8, 65, 10, 34, 35, 14, 4, 3, 3, 15, 0xffffffff]);
});

test("symbols, parts and the place itself", () => {
  expect(value("start + 4")).toBe(0xc0001004);
  expect(value("%hi(start + x)")).toBe(0xc0002000);
  expect(value("%lo(start + x)")).toBe(0xffffffff);
  expect(value("%percpu(start + 8)")).toBe(8);
  expect(value("start - .")).toBe(0xfc0);
});

test("upper and lower part add up again", () => {
  for (const v of [0, 1, 0x7ff, 0x800, 0xfff, 0x7fffffff, 0x80000000, 0xfffff800, 0xffffffff]) {
    expect((highPart(v) + lowPart(v)) >>> 0).toBe(v);
  }
});

test("what cannot be read is refused", () => {
  for (const text of ["", "1 +", "(1", "1 2", "%hi 3", "0x1ffffffff", "a ? b", "1)"]) {
    expect(() => parseExpression(text, names), text).toThrow(SyntaxProblem);
  }
});
