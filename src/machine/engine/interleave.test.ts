/**
 * Both ways of interleaving give the same machine: registers, clocks, counts and memory at a clock, in cycle mode. The
 * guests race on purpose; nothing here is protected by more than what the program does. test/kernel/interleave.test.ts has
 * the kernel.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { HART } from "../memory/layout.ts";
import type { Interleave } from "../types.ts";
import { Program, RAM, createBench } from "./testing.ts";
import type { Bench } from "./testing.ts";

const SHARED = RAM + 0x1_0000;
const SHARED_WORDS = 64;
const COUNTER = 64;

/** s0: shared memory; a0: hart; s1: rounds to go; ends in a loop. */
function guest(rounds: number, body: (p: Program) => void): Program {
  const p = new Program().li("s0", SHARED).li("s1", rounds).label("round");
  body(p);
  return p.a("addi", "s1", "s1", -1).a("bne", "s1", "zero", "round").label("end").a("jal", "zero", "end");
}

/** counter++ by plain loads and stores. */
const increment = (p: Program): Program =>
  p.a("lw", "t2", "s0", COUNTER).a("addi", "t2", "t2", 1).a("sw", "s0", "t2", COUNTER);

const GUESTS: Readonly<Record<string, Program>> = {
  "ticket lock": guest(300, (p) => {
    p.li("t0", 0x1_0000).a("amoadd.w", "t1", "s0", "t0").a("srli", "t1", "t1", 16);
    p.label("wait").a("lhu", "t2", "s0", 0).a("bne", "t2", "t1", "wait");
    increment(p).a("fence", 0x33).a("addi", "t1", "t1", 1).a("sh", "s0", "t1", 0);
  }),
  "test and set": guest(300, (p) => {
    p.a("addi", "t0", "zero", 1).label("try").a("amoswap.w.aq", "t1", "s0", "t0").a("bne", "t1", "zero", "try");
    increment(p).a("amoswap.w.rl", "zero", "s0", "zero");
  }),
  "LR/SC counter": guest(300, (p) => {
    p.a("addi", "t0", "s0", COUNTER).label("again").a("lr.w", "t1", "t0").a("addi", "t1", "t1", 1);
    p.a("sc.w", "t2", "t0", "t1").a("bne", "t2", "zero", "again");
  }),
  "ring passed on by plain stores": guest(200, (p) => {
    // The word at s0 says whose turn it is: wait for a0, write the next one modulo the number of harts (in a1).
    p.label("mine").a("lw", "t0", "s0", 0).a("bne", "t0", "a0", "mine");
    increment(p).a("addi", "t0", "a0", 1).a("bne", "t0", "a1", "pass").a("addi", "t0", "zero", 0);
    p.label("pass").a("sw", "s0", "t0", 0);
  }),
  "false sharing": guest(1000, (p) => {
    p.a("slli", "t0", "a0", 2).a("add", "t0", "t0", "s0").a("lw", "t1", "t0", 0).a("addi", "t1", "t1", 3);
    p.a("sw", "t0", "t1", 0).a("amoadd.w", "t2", "t0", "t1");
  }),
  "unprotected counter": guest(1000, (p) => void increment(p)),
};

function run(program: Program, harts: number, interleave: Interleave, until: number): Bench {
  const bench = createBench(program, { harts, timing: "cycle", interleave, recordMarks: false });
  for (let hart = 0; hart < harts; hart++) bench.setX(hart, "a1", harts);
  bench.run(Number.MAX_SAFE_INTEGER, until);
  return bench;
}

/** All that a guest could see, and the clocks. */
function stateOf(bench: Bench, harts: number): unknown {
  return {
    harts: Array.from({ length: harts }, (_, hart) => ({
      x: Array.from({ length: 31 }, (__, at) => bench.get(hart, HART.X + 4 * (at + 1))),
      pc: bench.get(hart, HART.PC) >>> 0,
      clock: bench.get64(hart, HART.CLOCK),
      instructions: bench.get64(hart, HART.INSTRET),
    })),
    memory: Array.from({ length: SHARED_WORDS }, (_, word) => bench.read(SHARED + 4 * word)),
  };
}

describe.each([2, 4])("%i harts", (harts) => {
  test.each(Object.keys(GUESTS))("%s", (name) => {
    for (const until of [700, 5_000, 400_000]) {
      const ahead = run(GUESTS[name]!, harts, "ahead", until);
      expect(stateOf(ahead, harts)).toEqual(stateOf(run(GUESTS[name]!, harts, "exact", until), harts));
    }
  });
});

test("locks lose no increment", () => {
  const counted = (name: string): number => run(GUESTS[name]!, 4, "ahead", 2_000_000).read(SHARED + COUNTER);
  expect(counted("ticket lock")).toBe(1200);
  expect(counted("test and set")).toBe(1200);
  expect(counted("LR/SC counter")).toBe(1200);
  expect(counted("ring passed on by plain stores")).toBe(800);
  // Without a lock some are lost, else the harts did not run side by side.
  expect(counted("unprotected counter")).toBeLessThan(4000);
});

const REGISTERS = ["t0", "t1", "t2", "a2", "a3", "a4"];

/** One instruction on shared memory or between registers; addresses lie in four lines, some of them misaligned. */
const instruction = fc.record({
  mnemonic: fc.constantFrom("lw", "lw", "lhu", "lb", "sw", "sw", "sh", "sb", "amoadd.w", "amoswap.w", "lr.w", "sc.w", "fence", "mul", "add", "xor", "bne"),
  rd: fc.constantFrom(...REGISTERS),
  rs: fc.constantFrom(...REGISTERS),
  offset: fc.integer({ min: 0, max: 200 }),
});

function emit(p: Program, all: readonly { mnemonic: string; rd: string; rs: string; offset: number }[]): void {
  all.forEach(({ mnemonic, rd, rs, offset }, index) => {
    if (/^(am|lr|sc)/.test(mnemonic)) {
      p.a("addi", "t6", "s0", offset & ~3);
      p.a(mnemonic, rd, "t6", ...(mnemonic === "lr.w" ? [] : [rs]));
    } else if (/^s/.test(mnemonic)) p.a(mnemonic, "s0", rs, offset);
    else if (/^l/.test(mnemonic)) p.a(mnemonic, rd, "s0", offset);
    else if (mnemonic === "fence") p.a("fence", 0xff);
    else if (mnemonic === "bne") p.a("bne", rd, rs, `skip${index}`).a("addi", rd, rd, 1).label(`skip${index}`);
    else p.a(mnemonic, rd, rs, rd);
  });
}

test("random racy programs (property)", () => {
  fc.assert(
    fc.property(fc.array(instruction, { minLength: 4, maxLength: 24 }), fc.integer({ min: 2, max: 5 }), (all, harts) => {
      const program = guest(40, (p) => emit(p, all));
      const until = 20_000;
      const ahead = stateOf(run(program, harts, "ahead", until), harts);
      expect(ahead).toEqual(stateOf(run(program, harts, "exact", until), harts));
      expect(ahead).toEqual(stateOf(run(program, harts, "ahead", until), harts));
    }),
    { numRuns: 60 },
  );
}, 60_000);
