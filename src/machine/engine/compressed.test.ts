/** Compressed instructions in the engine: lengths, links, code written at every halfword, instructions over a page's end. */
import { expect, test } from "vitest";
import { encode, encodeCompressed } from "../../isa/index.ts";
import { HART } from "../memory/layout.ts";
import { Assembler } from "../test-assembler.ts";
import { EXIT, RAM, createBench } from "./testing.ts";
import type { BenchOptions } from "./testing.ts";

const WAYS: readonly BenchOptions[] = [
  { timing: "functional", interleave: "exact" },
  { timing: "functional", interleave: "ahead" },
  { timing: "cycle", interleave: "exact" },
  { timing: "cycle", interleave: "ahead" },
];
const C_NOP = { rd: 0, imm: 0 };
const A0 = 10;

const start = (): Assembler => new Assembler(RAM).la("t0", "end").csr("csrrw", "zero", 0x305, "t0");
/** The store that ends it; also what a trap runs into. */
function end(code: Assembler): Assembler {
  if (code.here % 4 !== 0) code.emit("c.addi", C_NOP);
  return code.label("end").li("t0", EXIT).store("sw", "zero", "t0");
}
const run = (code: Assembler, options: BenchOptions = {}) => {
  const bench = createBench([...code.words()], options);
  bench.run(10_000);
  expect(bench.exit).toBe(0);
  return bench;
};

test("links and jumps count two bytes", () => {
  const code = start().shortJump("c.jal", "one").label("back").shortJump("c.j", "past").half(0);
  code.label("one").emit("c.mv", { rd: A0, rs2: 1 }).la("a1", "two").emit("c.jalr", { rs1: 11 });
  code.half(0).label("two").emit("c.mv", { rd: 12, rs2: 1 }).emit("c.jr", { rs1: A0 }).half(0).label("past");
  const bench = run(end(code));
  expect(bench.x(0, "a0") >>> 0).toBe(code.addressOf("back"));
  expect(bench.x(0, "a2") >>> 0).toBe(code.addressOf("two") - 2);
  expect(bench.log.filter((line) => line.startsWith("trap"))).toEqual([]);
});

test("a compressed load and store of a device end behind themselves", () => {
  const code = start().li("s0", EXIT).emit("c.lw", { rd: A0, rs1: 8 }).emit("c.addi", { rd: A0, imm: 1 });
  const bench = run(end(code.li("s1", 0).emit("c.sw", { rs1: 8, rs2: 9 })));
  expect(bench.x(0, "a0")).toBe(0x1234_8766);
  expect(bench.log.at(-1)).toBe("store 4 0");
});

const ADD = (imm: number): number => encode("addi", { rd: A0, rs1: A0, imm })!;
const C_ADD = (imm: number): number => encodeCompressed("c.addi", { rd: A0, imm })!;

/** What is written over a loop that has run once: where, and what the second round adds up to. */
const WRITES: readonly (readonly [what: string, store: string, at: number, value: number, sum: number])[] = [
  ["the second half of an instruction", "sh", 4, ADD(100) >>> 16, 1 + 100 + 10],
  // The second half stays behind as c.addi ra,9.
  ["its first half, now a short one", "sh", 2, C_ADD(3), 1 + 3 + 10],
  ["one byte of a second half", "sb", 5, 0x7f, 1 + 0x7fa + 10],
  ["a word over the end of one and a short one", "sw", 4, ((C_ADD(5) << 16) | (ADD(20) >>> 16)) >>> 0, 1 + 20 + 5],
  ["a misaligned word", "sw", 2, ADD(30), 1 + 30 + 10],
];

test.each(WRITES)("code is decoded again after a store to %s", (_what, store, at, value, sum) => {
  for (const way of WAYS) {
    const code = start().la("a2", "code").li("a3", value).li("a4", 2).shortJump("c.j", "code").align(4);
    // Halfword 0 a short one, 1 and 2 a long one, 3 a short one.
    code.label("code").half(C_ADD(1)).word(ADD(10)).half(C_ADD(10));
    code.op("addi", "a4", "a4", -1).branch("beq", "a4", "zero", "end").store(store, "a3", "a2", at);
    code.li("a0", 0).jal("zero", "code");
    const bench = run(end(code), way);
    expect(bench.x(0, "a0")).toBe(sum);
  }
});

/** A long instruction whose second half is the first of the next page. */
function overPage(body: (code: Assembler) => void, instruction: number): Assembler {
  const code = start();
  body(code);
  code.jal("zero", "before");
  while (code.here < RAM + 0xffe) code.emit("c.addi", C_NOP);
  return code.label("before").word(instruction);
}

test("an instruction over the end of a page", () => {
  for (const way of WAYS) {
    const code = overPage((c) => c.li("a4", 3), ADD(10));
    code.op("addi", "a4", "a4", -1).branch("bne", "a4", "zero", "before");
    expect(run(end(code), way).x(0, "a0")).toBe(30);
  }
});

test("its second half is read each time", () => {
  for (const way of WAYS) {
    const code = overPage((c) => c.li("a4", 2).li("a2", RAM + 0x1000).li("a3", ADD(100) >>> 16), ADD(10));
    code.store("sh", "a3", "a2").op("addi", "a4", "a4", -1).branch("bne", "a4", "zero", "before");
    expect(run(end(code), way).x(0, "a0")).toBe(110);
  }
});

test.each([
  ["a jump", encode("jal", { rd: A0, imm: 8 })!],
  ["a branch", encode("beq", { imm: 8 })!],
])("%s over the end of a page goes from its first half", (_what, instruction) => {
  const code = overPage(() => {}, instruction);
  code.emit("c.addi", { rd: 11, imm: 1 }).emit("c.addi", { rd: 11, imm: 2 }).emit("c.addi", { rd: 11, imm: 4 });
  const bench = run(end(code));
  expect(bench.x(0, "a1")).toBe(4);
  if (instruction === encode("jal", { rd: A0, imm: 8 })) expect(bench.x(0, "a0") >>> 0).toBe(RAM + 0x1002);
});

test("an illegal halfword is the trap's value", () => {
  const code = start().half(0x8002, 0x1234);
  const bench = run(end(code));
  expect(bench.log[0]).toBe("trap 0 cause 2 tval 8002 pc 8000000c");
});

test("four harts over the end of a page, one of them writing there: both interleavings agree", () => {
  const states = (["exact", "ahead"] as const).map((interleave) => {
    const code = overPage((c) => c.li("a4", 300).li("a2", RAM + 0x1000).op("addi", "a5", "a0", 0).li("a0", 0), ADD(10));
    code.op("slli", "a3", "a4", 20).op("srli", "a3", "a3", 16).op("ori", "a3", "a3", 5);
    code.branch("bne", "a5", "zero", "on").store("sh", "a3", "a2").label("on");
    code.op("addi", "a4", "a4", -1).branch("bne", "a4", "zero", "before").label("hang").shortJump("c.j", "hang");
    const bench = createBench([...end(code).words()], { harts: 4, timing: "cycle", interleave });
    bench.run(1e9, 20_000);
    return [0, 1, 2, 3].flatMap((hart) => [bench.x(hart, "a0"), bench.get64(hart, HART.CLOCK), bench.get64(hart, HART.INSTRET)]);
  });
  expect(states[1]).toEqual(states[0]);
});
