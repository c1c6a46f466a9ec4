/** Arithmetic of the generated interpreter against JavaScript's, operand by operand. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { Program, createBench } from "./testing.ts";

const big = (a: bigint): number => Number(BigInt.asIntN(32, a));
const wide = (a: number): bigint => BigInt(a >>> 0);

const ORACLE: Readonly<Record<string, (a: number, b: number) => number>> = {
  add: (a, b) => (a + b) | 0,
  sub: (a, b) => (a - b) | 0,
  sll: (a, b) => a << (b & 31),
  slt: (a, b) => (a < b ? 1 : 0),
  sltu: (a, b) => (a >>> 0 < b >>> 0 ? 1 : 0),
  xor: (a, b) => a ^ b,
  srl: (a, b) => (a >>> (b & 31)) | 0,
  sra: (a, b) => a >> (b & 31),
  or: (a, b) => a | b,
  and: (a, b) => a & b,
  mul: (a, b) => Math.imul(a, b),
  mulh: (a, b) => big((BigInt(a) * BigInt(b)) >> 32n),
  mulhsu: (a, b) => big((BigInt(a) * wide(b)) >> 32n),
  mulhu: (a, b) => big((wide(a) * wide(b)) >> 32n),
  div: (a, b) => (b === 0 ? -1 : a === -0x8000_0000 && b === -1 ? a : Math.trunc(a / b) | 0),
  divu: (a, b) => (b === 0 ? -1 : Math.trunc((a >>> 0) / (b >>> 0)) | 0),
  rem: (a, b) => (b === 0 ? a : a === -0x8000_0000 && b === -1 ? 0 : (a % b) | 0),
  remu: (a, b) => (b === 0 ? a : ((a >>> 0) % (b >>> 0)) | 0),
};
const NAMES = Object.keys(ORACLE);
const IMMEDIATE: readonly string[] = ["add", "slt", "sltu", "xor", "or", "and"];
const SHIFTS: readonly string[] = ["sll", "srl", "sra"];

const corner = fc.constantFrom(0, 1, -1, 2, 31, 32, 0x7fff_ffff, -0x8000_0000, 0x8000, 0xffff);
const word = fc.oneof(corner, fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff }));

/** Each operation into a register of its own, from x26 and x27; then a loop. */
function registerForms(): Program {
  const p = new Program();
  NAMES.forEach((name, index) => p.a(name, registerOf(index), "s10", "s11"));
  return p.label("end").a("jal", "zero", "end");
}
const REGISTERS = ["ra", "sp", "gp", "tp", "t0", "t1", "t2", "s0", "s1", "a1", "a2", "a3", "a4", "a5", "a6", "a7", "s2", "s3"];
const registerOf = (index: number): string => REGISTERS[index]!;

test.each(["functional", "cycle"] as const)("register operations (%s, property)", (timing) => {
  const bench = createBench(registerForms(), { timing });
  let instructions = 0;
  fc.assert(
    fc.property(word, word, (a, b) => {
      bench.setX(0, "s10", a);
      bench.setX(0, "s11", b);
      bench.set(0, 128, 0x8000_0000 | 0);
      bench.run((instructions += NAMES.length));
      expect(NAMES.map((_, index) => bench.x(0, registerOf(index)))).toEqual(NAMES.map((name) => ORACLE[name]!(a, b)));
    }),
    { numRuns: 300 },
  );
});

test("immediate operations (property)", () => {
  fc.assert(
    fc.property(word, fc.integer({ min: -2048, max: 2047 }), (a, immediate) => {
      const p = new Program();
      IMMEDIATE.forEach((name, index) => p.a(name === "sltu" ? "sltiu" : `${name}i`, registerOf(index), "s10", immediate));
      SHIFTS.forEach((name, index) => p.a(`${name}i`, registerOf(index + 6), "s10", immediate & 31));
      const bench = createBench(p, {});
      bench.setX(0, "s10", a);
      bench.run(9);
      const expected = [...IMMEDIATE.map((name) => ORACLE[name]!(a, immediate)), ...SHIFTS.map((name) => ORACLE[name]!(a, immediate & 31))];
      expect(expected.map((_, index) => bench.x(0, registerOf(index)))).toEqual(expected);
    }),
    { numRuns: 40 },
  );
});

const TAKEN: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  beq: (a, b) => a === b,
  bne: (a, b) => a !== b,
  blt: (a, b) => a < b,
  bge: (a, b) => a >= b,
  bltu: (a, b) => a >>> 0 < b >>> 0,
  bgeu: (a, b) => a >>> 0 >= b >>> 0,
};

test("branches (property)", () => {
  const p = new Program();
  Object.keys(TAKEN).forEach((name, index) => {
    p.a("addi", registerOf(index), "zero", 1).a(name, "s10", "s11", `skip${index}`).a("addi", registerOf(index), "zero", 0).label(`skip${index}`);
  });
  const bench = createBench(p.label("end").a("jal", "zero", "end"), {});
  let instructions = 0;
  fc.assert(
    fc.property(word, fc.option(word), (a, other) => {
      bench.setX(0, "s10", a);
      bench.setX(0, "s11", other ?? a);
      bench.set(0, 128, 0x8000_0000 | 0);
      bench.run((instructions += 30));
      expect(Object.keys(TAKEN).map((_, index) => bench.x(0, registerOf(index)) === 1)).toEqual(
        Object.values(TAKEN).map((taken) => taken(a, other ?? a)),
      );
    }),
    { numRuns: 300 },
  );
});
