/** Parked harts: the machine is the one in which they poll, whatever wakes them. */
import { describe, expect, test } from "vitest";
import { HART, MACHINE_WORD } from "../memory/layout.ts";
import { Assembler } from "../test-assembler.ts";
import { DEFAULT_MODEL } from "../timing/model.ts";
import { RUN } from "./index.ts";
import { pollStep } from "./poll-loops.ts";
import { EXIT, RAM, createBench } from "./testing.ts";
import type { Bench } from "./testing.ts";

const FLAG = RAM + 0x4000;
const OTHER = RAM + 0x4040;
const HARTS = 4;

type Poll = (code: Assembler) => void;
const POLLS: Readonly<Record<string, Poll>> = {
  plain: (code) => code.label("poll").load("lw", "t1", "s0").branch("beq", "t1", "zero", "poll"),
  "with pause": (code) => code.label("poll").emit("pause").load("lhu", "t1", "s0").branch("beq", "t1", "zero", "poll"),
  compressed: (code) => code.label("poll").emit("c.lw", { rd: 9, rs1: 8 }).op("andi", "t1", "s1", 1).shortJump("c.beqz", "poll", "s1"),
  "entered in its middle": (code) =>
    code.li("t1", 0).jal("zero", "in").label("poll").load("lw", "t1", "s0").label("in").branch("beq", "t1", "zero", "poll"),
};

/** Hart 0 works and sets the flag; the others poll it, then add up in turn and poll for the next round. */
function rounds(poll: Poll, work: number): Assembler {
  const code = new Assembler(RAM).li("s0", FLAG).li("s2", OTHER).li("s3", 6).branch("bne", "a0", "zero", "other");
  code.label("round").li("t0", work).label("work").op("addi", "t0", "t0", -1).branch("bne", "t0", "zero", "work");
  code.li("t2", 1).store("sw", "t2", "s0").li("t3", 3);
  code.label("all").load("lw", "t1", "s2").branch("bne", "t1", "t3", "all");
  code.store("sw", "zero", "s2").store("sw", "zero", "s0").op("addi", "s3", "s3", -1).branch("bne", "s3", "zero", "round");
  code.label("end").shortJump("c.j", "end").align(4).label("other");
  poll(code);
  code.li("t2", 1).op("amoadd.w", "zero", "s2", "t2").label("down").load("lw", "t1", "s0").branch("bne", "t1", "zero", "down");
  return code.jal("zero", "other");
}

const state = (bench: Bench): unknown[] =>
  Array.from({ length: HARTS }, (_, hart) => [
    ...[HART.CLOCK, HART.INSTRET, HART.PC].map((field) => bench.get64(hart, field)),
    ...Array.from({ length: 31 }, (_, x) => bench.get(hart, 4 * (x + 1))),
  ]);
const parks = (bench: Bench): number => bench.words[MACHINE_WORD.PARKS / 4]!;

function machines(code: Assembler): { exact: Bench; ahead: Bench } {
  const words = [...code.words()];
  const [exact, ahead] = (["exact", "ahead"] as const).map((interleave) => createBench(words, { harts: HARTS, timing: "cycle", interleave }));
  return { exact: exact!, ahead: ahead! };
}

describe.each(Object.entries(POLLS))("%s polls", (_name, poll) => {
  test("equal the exact order at every stop", () => {
    for (const work of [40, 3000]) {
      const { exact, ahead } = machines(rounds(poll, work));
      for (let until = 700; until < 40_000; until += 977) {
        expect([exact, ahead].map((bench) => bench.run(1e9, until))).toEqual([RUN.CYCLE, RUN.CYCLE]);
        expect(state(ahead)).toEqual(state(exact));
      }
      if (work === 3000) expect(parks(ahead)).toBeGreaterThan(20);
    }
  });
});

test("another hart writes the loop of one that is parked", () => {
  const code = new Assembler(RAM).li("s0", FLAG).branch("bne", "a0", "zero", "other").li("t0", 2000);
  code.label("work").op("addi", "t0", "t0", -1).branch("bne", "t0", "zero", "work");
  // addi t2,t2,1 instead of addi t1,t1,0: the loop carries a register from then on.
  code.la("t3", "change").li("t4", 0x0013_8393).store("sw", "t4", "t3").label("end").shortJump("c.j", "end").align(4);
  code.label("other").load("lw", "t1", "s0").label("change").op("addi", "t1", "t1", 0).branch("beq", "t1", "zero", "other");
  const { exact, ahead } = machines(code);
  for (const until of [3000, 9000, 20_000]) {
    for (const bench of [exact, ahead]) bench.run(1e9, until);
    expect(state(ahead)).toEqual(state(exact));
  }
  expect(ahead.x(1, "t2")).toBeGreaterThan(1000);
});

test("a timer interrupt comes at its clock", () => {
  const code = new Assembler(RAM).li("s0", FLAG).la("t0", "other");
  code.label("other").load("lw", "t1", "s0").branch("beq", "t1", "zero", "other");
  const { exact, ahead } = machines(code);
  for (const bench of [exact, ahead]) {
    for (const hart of [0, 2]) bench.set64(hart, HART.TIMER_CLOCK, 5003 + hart);
    bench.run(1e9, 12_000);
  }
  expect(state(ahead)).toEqual(state(exact));
  const interrupts = (bench: Bench): string[] => bench.log.filter((line) => line.startsWith("interrupts"));
  expect(interrupts(exact).length).toBe(2);
  expect(interrupts(ahead)).toEqual(interrupts(exact));
});

test("instructions end a run exactly, and polling for ever uses them up", () => {
  const code = new Assembler(RAM).li("s0", FLAG).label("other").load("lw", "t1", "s0").branch("beq", "t1", "zero", "other");
  const { ahead } = machines(code);
  for (const limit of [100, 10_001, 5_000_003, 2_000_000_007]) {
    expect(ahead.run(limit)).toBe(RUN.BUDGET);
    const counts = [0, 1, 2, 3].map((hart) => ahead.get64(hart, HART.INSTRET));
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(limit);
  }
  expect(parks(ahead)).toBeGreaterThan(HARTS);
});

test("a device is reached when all have come up to it", () => {
  const code = new Assembler(RAM).li("s0", FLAG).li("s1", EXIT).branch("bne", "a0", "zero", "other").li("t0", 500);
  code.label("work").op("addi", "t0", "t0", -1).branch("bne", "t0", "zero", "work").load("lw", "t2", "s1").store("sw", "zero", "s1");
  code.label("other").load("lw", "t1", "s0").branch("beq", "t1", "zero", "other");
  const { exact, ahead } = machines(code);
  for (const bench of [exact, ahead]) {
    expect(bench.run(1e9)).toBe(RUN.STOPPED);
    bench.engine.settle();
  }
  expect(state(ahead)).toEqual(state(exact));
});

describe("what is a poll loop", () => {
  const step = (body: (code: Assembler) => void): number | null => {
    const code = new Assembler(RAM).label("poll");
    body(code);
    const halves = new Uint16Array(code.words().buffer);
    const at = code.here - RAM - 4;
    return pollStep((byte) => halves[byte >> 1]!, at, halves[at >> 1]! | (halves[(at >> 1) + 1]! << 16), DEFAULT_MODEL.costs);
  };
  const ends = (code: Assembler): Assembler => code.branch("bne", "t1", "a0", "poll");
  test.each<[string, (code: Assembler) => void]>([
    ["a load and a branch", (code) => ends(code.load("lw", "t1", "s0"))],
    ["a pause, a mask", (code) => ends(code.emit("pause").load("lbu", "t1", "s0").op("andi", "t1", "t1", 7))],
    ["constants", (code) => ends(code.emit("lui", { rd: 5, imm: 4096 }).load("lw", "t1", "s0").op("xor", "t1", "t1", "t0"))],
  ])("%s: yes", (_what, body) => expect(step(body)).not.toBeNull());
  test.each<[string, (code: Assembler) => void]>([
    ["two loads", (code) => ends(code.load("lw", "t1", "s0").load("lw", "t2", "s0", 4))],
    ["no load", (code) => ends(code.op("addi", "t2", "zero", 1))],
    ["a store", (code) => ends(code.load("lw", "t1", "s0").store("sw", "t1", "s0"))],
    ["a count", (code) => ends(code.load("lw", "t1", "s0").op("addi", "t2", "t2", 1))],
    ["a chase", (code) => code.load("lw", "t1", "t1").branch("bne", "t1", "a0", "poll")],
    ["an address made in the loop", (code) => ends(code.op("addi", "t2", "s0", 4).load("lw", "t1", "t2"))],
    ["a mark", (code) => ends(code.load("lw", "t1", "s0").op("slti", "zero", "t1", 5))],
    ["an AMO", (code) => ends(code.op("amoadd.w", "t1", "s0", "zero"))],
    ["a csr", (code) => ends(code.load("lw", "t1", "s0").csr("csrrs", "t2", 0xc00, "zero"))],
    ["a jump", (code) => ends(code.load("lw", "t1", "s0").jal("zero", "next").label("next"))],
    ["too long", (code) => {
      code.load("lw", "t1", "s0");
      for (let i = 0; i < 8; i++) code.emit("pause");
      ends(code);
    }],
  ])("%s: no", (_what, body) => expect(step(body)).toBeNull());
});
