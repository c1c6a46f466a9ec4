/**
 * Rounds of one instruction a hart are the same machine as turns of one instruction: a run in one piece (rounds), one that
 * stops at every clock (no rounds fit in between) and one cut by instruction counts anywhere.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { HART } from "../memory/layout.ts";
import { RUN } from "./index.ts";
import { Program, RAM, createBench } from "./testing.ts";
import type { Bench } from "./testing.ts";

const SHARED = RAM + 0x1_0000;
const REGISTERS = ["t0", "t1", "t2", "a2", "a3", "a4"];

const instruction = fc.record({
  mnemonic: fc.constantFrom(
    "lw", "lhu", "sw", "sw", "sb", "amoadd.w", "lr.w", "sc.w", "fence", "mul", "add", "xor", "bne", "wfi", "mark", "cycle", "far", "pause",
  ),
  rd: fc.constantFrom(...REGISTERS),
  rs: fc.constantFrom(...REGISTERS),
  offset: fc.integer({ min: 0, max: 200 }),
});
type Item = { mnemonic: string; rd: string; rs: string; offset: number };

function emit(p: Program, { mnemonic, rd, rs, offset }: Item, index: number): void {
  if (/^(am|lr|sc)/.test(mnemonic)) {
    p.a("addi", "t6", "s0", offset & ~3);
    p.a(mnemonic, rd, "t6", ...(mnemonic === "lr.w" ? [] : [rs]));
  } else if (mnemonic === "wfi" || mnemonic === "pause") p.a(mnemonic);
  else if (mnemonic === "mark") p.a("sltu", "zero", rd, rs).a("slti", "zero", rs, 5);
  else if (mnemonic === "cycle") p.a("csrrs", rd, "cycle", "zero");
  else if (mnemonic === "far") p.a("jal", "t5", `far${index}`).label(`back${index}`);
  else if (/^s/.test(mnemonic)) p.a(mnemonic, "s0", rs, offset);
  else if (/^l/.test(mnemonic)) p.a(mnemonic, rd, "s0", offset);
  else if (mnemonic === "fence") p.a("fence", 0xff);
  else if (mnemonic === "bne") p.a("bne", rd, rs, `skip${index}`).a("addi", rd, rd, 1).label(`skip${index}`);
  else p.a(mnemonic, rd, rs, rd);
}

/** The items 40 times, those called `far` by way of another page; then a loop. */
function program(items: readonly Item[]): Program {
  const p = new Program().li("s0", SHARED).li("s1", 40).label("round");
  items.forEach((item, index) => emit(p, item, index));
  p.a("addi", "s1", "s1", -1).a("bne", "s1", "zero", "round").label("end").a("jal", "zero", "end");
  for (let word = 0; word < 1024; word++) p.a("add", "zero", "zero", "zero");
  items.forEach(({ mnemonic }, index) => {
    if (mnemonic === "far") p.label(`far${index}`).a("addi", "a5", "a5", 1).a("jal", "zero", `back${index}`);
  });
  return p;
}

interface Seen {
  readonly state: unknown;
  readonly marks: number[][];
  readonly log: readonly string[];
}

function see(p: Program, harts: number, until: number, drive: (bench: Bench) => void): Seen {
  const bench = createBench(p, { harts, timing: "functional", interleave: "exact" });
  for (let hart = 0; hart < harts; hart++) bench.set64(hart, HART.TIMER_CLOCK, 300 + 217 * hart);
  drive(bench);
  expect(bench.run(1e9, until)).toBe(RUN.CYCLE);
  const marks: number[][] = [];
  bench.engine.drainMarks((words, count) => {
    for (let at = 0; at < count; at++) marks.push([...words.subarray(at * 12, at * 12 + 12)]);
  });
  const state = Array.from({ length: harts }, (_, hart) => [
    ...[HART.CLOCK, HART.INSTRET, HART.PC, HART.MARKS].map((field) => bench.get64(hart, field)),
    bench.get(hart, HART.WFI),
    ...Array.from({ length: 31 }, (__, x) => bench.get(hart, 4 * (x + 1))),
  ]);
  return { state: [state, Array.from({ length: 64 }, (_, word) => bench.read(SHARED + 4 * word))], marks, log: bench.log };
}

test("random programs (property)", () => {
  const cuts = fc.array(fc.integer({ min: 1, max: 150 }), { minLength: 1, maxLength: 12 });
  let rounds = 0;
  fc.assert(
    fc.property(fc.array(instruction, { minLength: 4, maxLength: 20 }), fc.integer({ min: 2, max: 5 }), cuts, (items, harts, lengths) => {
      const p = program(items);
      const until = 1500;
      const whole = see(p, harts, until, () => {});
      expect(see(p, harts, until, (bench) => {
        for (let clock = 1; clock < until; clock++) bench.run(1e9, clock);
      })).toEqual(whole);
      expect(see(p, harts, until, (bench) => {
        let limit = 0;
        for (let at = 0; limit < 2 * until; at++) bench.run((limit += lengths[at % lengths.length]!), until);
      })).toEqual(whole);
      rounds += whole.marks.length;
    }),
    { numRuns: 40 },
  );
  expect(rounds).toBeGreaterThan(0);
}, 60_000);
