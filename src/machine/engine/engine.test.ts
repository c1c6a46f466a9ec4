/** What the engine does beyond arithmetic: memory, reservations, marks, budgets, waiting, code, translation. */
import { describe, expect, test } from "vitest";
import { encode } from "../../isa/index.ts";
import { HART, MACHINE_WORD, MARK_WORD } from "../memory/layout.ts";
import type { Timing } from "../types.ts";
import { RUN } from "./index.ts";
import { Program, RAM, createBench } from "./testing.ts";

const DATA = RAM + 0x1_0000;
const TIMINGS: readonly Timing[] = ["functional", "cycle"];

describe.each(TIMINGS)("%s", (timing) => {
  test("misaligned loads and stores go byte by byte, over lines and pages; atomics trap", () => {
    const p = new Program().li("s0", DATA + 0xffe).li("t0", 0x1122_3344).a("sw", "s0", "t0", 0).a("lw", "t1", "s0", 0);
    p.a("lhu", "t2", "s0", 1).a("lh", "a1", "s0", -1).a("sh", "s0", "t0", 61).a("lhu", "a2", "s0", 61);
    p.a("amoadd.w", "a3", "s0", "t0");
    const bench = createBench(p, { timing });
    expect(bench.run(100)).toBe(RUN.STOPPED);
    expect([bench.x(0, "t1"), bench.x(0, "t2"), bench.x(0, "a1"), bench.x(0, "a2")]).toEqual([0x1122_3344, 0x2233, 0x4400, 0x3344]);
    expect(bench.read(DATA + 0xffc) >>> 16).toBe(0x3344);
    expect(bench.read(DATA + 0x1000) & 0xffff).toBe(0x1122);
    expect(bench.log.at(-1)).toContain("cause 6 tval 80010ffe");
  });

  test("an atomic may overwrite itself", () => {
    const p = new Program().a("auipc", "s0", 0).a("addi", "t0", "zero", 1).a("amoadd.w", "a3", "s0", "t0").a("amoadd.w", "a4", "s1", "t0");
    const bench = createBench(p, { timing });
    const [, , first, second] = p.words();
    bench.setX(0, "s1", RAM + 12);
    bench.run(4);
    expect([bench.x(0, "a3") | 0, bench.x(0, "a4") | 0, bench.x(0, "zero")]).toEqual([p.words()[0]! | 0, second! | 0, 0]);
    expect([bench.read(RAM + 8), bench.read(RAM + 12)]).toEqual([first! | 0, (second! + 1) | 0]);
  });

  test("another hart's store takes a reservation, its store to another line does not", () => {
    const program = (offset: number): Program => {
      const p = new Program().li("s0", DATA).a("bne", "a0", "zero", "other");
      p.a("lr.w", "t0", "s0").li("t1", 1500).label("wait").a("addi", "t1", "t1", -1).a("bne", "t1", "zero", "wait");
      p.a("addi", "t2", "zero", 7).a("sc.w", "t3", "s0", "t2").label("end").a("jal", "zero", "end");
      // Later than a hart may run ahead.
      p.label("other").li("t1", 600).label("delay").a("addi", "t1", "t1", -1).a("bne", "t1", "zero", "delay");
      return p.a("sw", "s0", "t1", offset).a("jal", "zero", "end");
    };
    for (const interleave of ["exact", "ahead"] as const) {
      const lost = createBench(program(4), { harts: 2, timing, interleave });
      lost.run(1e6, 5000);
      expect(lost.x(0, "t3")).toBe(1);
      const kept = createBench(program(256), { harts: 2, timing, interleave });
      kept.run(1e6, 5000);
      expect([kept.x(0, "t3"), kept.read(DATA)]).toEqual([0, 7]);
    }
  });

  test("a budget ends the run at exactly that instruction, however it is cut", () => {
    const p = new Program().label("loop").a("addi", "t0", "t0", 1).a("mul", "t1", "t0", "t0").a("jal", "zero", "loop");
    const whole = createBench(p, { harts: 3, timing });
    expect(whole.run(10_000)).toBe(RUN.BUDGET);
    const cut = createBench(p, { harts: 3, timing });
    for (let n = 1; n <= 10_000; n += 37) {
      cut.run(n);
      expect([0, 1, 2].reduce((sum, hart) => sum + cut.get64(hart, HART.INSTRET), 0)).toBe(n);
    }
    cut.run(10_000);
    for (const hart of [0, 1, 2]) {
      expect([cut.x(hart, "t1"), cut.get64(hart, HART.CLOCK), cut.get64(hart, HART.INSTRET)]).toEqual([
        whole.x(hart, "t1"), whole.get64(hart, HART.CLOCK), whole.get64(hart, HART.INSTRET),
      ]);
    }
  });

  test("a mark takes no time and no instruction; its record has event, operands, clock", () => {
    const p = new Program().a("addi", "a1", "zero", 11).a("addi", "a2", "zero", 22).a("addi", "a3", "zero", 33);
    p.a("sltu", "zero", "a1", "a2").a("slti", "zero", "a3", 5).label("end").a("jal", "zero", "end");
    const bench = createBench(p, { timing });
    bench.engine.setAttentionMarks([5]);
    expect(bench.run(100)).toBe(RUN.MARK);
    expect(bench.words[MACHINE_WORD.MARK_EVENT / 4]).toBe(5);
    expect([bench.get64(0, HART.CLOCK), bench.get64(0, HART.INSTRET), bench.get64(0, HART.MARKS)]).toEqual([3, 3, 1]);
    const records: number[][] = [];
    bench.engine.drainMarks((words, count) => records.push([count, ...words.subarray(0, 9)]));
    expect(records).toHaveLength(1);
    const at = (word: number): number => records[0]![word + 1]!;
    expect([at(MARK_WORD.CLOCK_LOW), at(MARK_WORD.INSTRET_LOW), at(MARK_WORD.PC) >>> 0]).toEqual([3, 3, RAM + 16]);
    expect([at(MARK_WORD.A), at(MARK_WORD.B), at(MARK_WORD.C), (at(MARK_WORD.HEAD) >>> 8) & 0x7ff]).toEqual([11, 22, 33, 5]);
  });

  test.each([["first", "sltu"], ["second", "slti"]])("%s halves of marks in a row take little time, and the same wherever the run is cut", (_, half) => {
    const p = new Program();
    for (let at = 0; at < 3000; at++) p.a(half, "zero", "a1", half === "sltu" ? "a2" : 5);
    p.a("addi", "a1", "a1", 1).a("jal", "zero", "end").label("end").a("jal", "zero", "end");
    const [whole, cut] = [false, true].map((stops) => {
      const bench = createBench(p, { timing });
      bench.engine.setAttentionMarks(stops ? [5] : []);
      while (bench.run(3) === RUN.MARK) {}
      return [bench.get64(0, HART.CLOCK), bench.get64(0, HART.INSTRET), bench.get(0, HART.PC) >>> 0];
    });
    expect(cut).toEqual(whole);
    // Two of the halves counted as instructions, the third one is behind them.
    expect(whole!.slice(1)).toEqual([3, RAM + 4 * 3001]);
  });

  test("no interrupt comes between the two instructions of a mark", () => {
    const p = new Program().a("addi", "a1", "zero", 1).a("sltu", "zero", "a1", "a1").a("slti", "zero", "a1", 9);
    const bench = createBench(p.label("end").a("jal", "zero", "end"), { timing });
    bench.set64(0, HART.EVENT_CLOCK, 1);
    bench.run(3);
    // The event is due at clock 1, when the mark begins or after it; the record is whole either way.
    expect(bench.log).toContain("interrupts 0 at 1");
    bench.engine.drainMarks((words) => expect([words[MARK_WORD.A], words[MARK_WORD.C]]).toEqual([1, 1]));
    expect(bench.get64(0, HART.MARKS)).toBe(1);
  });

  test("a waiting hart is passed over until its timer, and all waiting for nothing is a deadlock", () => {
    const p = new Program().a("wfi").a("addi", "t0", "t0", 1).a("wfi").label("end").a("jal", "zero", "end");
    const bench = createBench(p, { harts: 2, timing });
    bench.set64(0, HART.TIMER_CLOCK, 5_000_000_000);
    expect(bench.run(1000)).toBe(RUN.DEADLOCK);
    expect([bench.x(0, "t0"), bench.x(1, "t0")]).toEqual([1, 0]);
    expect(bench.log).toEqual(["interrupts 0 at 5000000000"]);
  });

  test("code that JavaScript overwrites is decoded again", () => {
    const p = new Program().label("top").a("addi", "a1", "zero", 5).a("jal", "zero", "top");
    const bench = createBench(p);
    bench.run(100);
    expect(bench.x(0, "a1")).toBe(5);
    bench.words[bench.engine.ramOffset / 4] = encode("addi", { rd: 11, rs1: 0, imm: 77 })!;
    bench.engine.wroteRam(2, 1);
    bench.run(200);
    expect(bench.x(0, "a1")).toBe(77);
  });

  test("stores to code are seen, by the hart itself and by another one", () => {
    const word = encode("addi", { rd: 11, rs1: 0, imm: 77 })!;
    const p = new Program().li("t0", word).a("auipc", "s0", 0).a("jal", "ra", "function");
    p.a("sw", "s0", "t0", 24).a("fence.i").a("jal", "ra", "function").label("end").a("jal", "zero", "end");
    // s0 + 24 is `function`.
    p.label("function").a("addi", "a1", "zero", 1).a("jalr", "zero", "ra", 0);
    const bench = createBench(p, { timing, harts: 2, interleave: "ahead" });
    bench.run(1e5, 3000);
    expect([bench.x(0, "a1"), bench.x(1, "a1")]).toEqual([77, 77]);
  });
});

describe("translation", () => {
  const TABLE = DATA + 0x1000;
  const RWX_AD = 0xcf;
  const pte = (physical: number, flags: number): number => ((physical >>> 12) << 10) | flags;

  /** M mode maps RAM to itself by a superpage and 0x40000000 to DATA, enters S mode at `body` with t1 = 0x40000000. */
  function supervised(body: (p: Program) => void): { p: Program; prepare(bench: ReturnType<typeof createBench>): void } {
    const p = new Program().li("t0", (0x8000_0000 | (TABLE >>> 12)) >>> 0).a("csrrw", "zero", "t0", "satp");
    p.a("auipc", "t0", 0).a("addi", "t0", "t0", 28).a("csrrw", "zero", "t0", "mepc").li("t0", 0x800);
    p.a("csrrw", "zero", "t0", "mstatus").a("mret").li("t1", 0x4000_0000);
    body(p);
    return {
      p: p.label("end").a("jal", "zero", "end"),
      prepare(bench) {
        bench.load(TABLE + 4 * 0x200, [pte(RAM, RWX_AD)]);
        bench.load(TABLE + 4 * 0x100, [pte(TABLE + 0x1000, 1)]);
        bench.load(TABLE + 0x1000, [pte(DATA, RWX_AD)]);
      },
    };
  }

  test.each(TIMINGS)("a changed page-table entry is seen after sfence.vma, and only then (%s)", (timing) => {
    const { p, prepare } = supervised((body) => {
      body.a("lw", "a1", "t1", 0).li("t2", TABLE + 0x1000).li("t3", pte(DATA + 0x4000, RWX_AD) >>> 0);
      body.a("sw", "t2", "t3", 0).a("lw", "a2", "t1", 0).a("sfence.vma", "zero", "zero").a("lw", "a3", "t1", 0);
    });
    const bench = createBench(p, { timing });
    prepare(bench);
    bench.load(DATA, [111]);
    bench.load(DATA + 0x4000, [222]);
    bench.run(1e5, 3000);
    expect([bench.x(0, "a1"), bench.x(0, "a2"), bench.x(0, "a3")]).toEqual([111, 111, 222]);
  });

  test.each(TIMINGS)("a load sets A, a store sets D, a missing permission faults (%s)", (timing) => {
    const { p, prepare } = supervised((body) => {
      body.a("lw", "a1", "t1", 0).li("t2", TABLE + 0x1000).a("lw", "a2", "t2", 0).a("sw", "t1", "a1", 0).a("lw", "a3", "t2", 0);
      body.li("t1", 0x4000_1000).a("lw", "a4", "t1", 0);
    });
    const bench = createBench(p, { timing });
    prepare(bench);
    bench.load(TABLE + 0x1000, [pte(DATA, 0x0f)]);
    expect(bench.run(1e5, 3000)).toBe(RUN.STOPPED);
    expect([bench.x(0, "a2") & 0xff, bench.x(0, "a3") & 0xff]).toEqual([0x4f, 0xcf]);
    expect(bench.log.at(-1)).toContain("cause 13 tval 40001000");
  });

  test("page tables written by another hart: both interleavings agree", () => {
    // Hart 0 remaps the page back and forth; hart 1 flushes and reads it.
    const { p, prepare } = supervised((body) => {
      body.li("t2", TABLE + 0x1000).li("t3", pte(DATA, 0x0f) >>> 0).li("t4", pte(DATA + 0x4000, 0x0f) >>> 0).li("s1", 300);
      body.a("bne", "a0", "zero", "reader").label("writer").a("sw", "t2", "t3", 0).a("sw", "t2", "t4", 0);
      body.a("lw", "t5", "t2", 0).a("add", "a5", "a5", "t5").a("addi", "s1", "s1", -1).a("bne", "s1", "zero", "writer");
      body.a("jal", "zero", "end").label("reader").a("sfence.vma", "zero", "zero").a("lw", "t5", "t1", 0);
      body.a("add", "a5", "a5", "t5").a("addi", "s1", "s1", -1).a("bne", "s1", "zero", "reader");
    });
    const sums = (["exact", "ahead"] as const).map((interleave) => {
      const bench = createBench(p, { timing: "cycle", interleave, harts: 2 });
      prepare(bench);
      bench.load(DATA, [1]);
      bench.load(DATA + 0x4000, [1000]);
      bench.run(1e9, 60_000);
      return [0, 1].flatMap((hart) => [bench.x(hart, "a5"), bench.get64(hart, HART.CLOCK), bench.get64(hart, HART.INSTRET)]);
    });
    expect(sums[1]).toEqual(sums[0]);
    // The reader saw both pages.
    expect(sums[0]![3]).toBeGreaterThan(1000);
    expect(sums[0]![3]! % 1000).not.toBe(0);
  });
});
