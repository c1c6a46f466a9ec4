/** The observed engine: a record for each access, in order, and a machine that is otherwise the same. */
import { expect, test } from "vitest";
import { ACCESS_CAPACITY, ACCESS_KIND, ACCESS_WORD, HART } from "../memory/layout.ts";
import { Assembler } from "../test-assembler.ts";
import type { Interleave, Timing } from "../types.ts";
import { RUN } from "./index.ts";
import { EXIT, RAM, createBench } from "./testing.ts";
import type { Bench, BenchOptions } from "./testing.ts";

const DATA = RAM + 0x4000;
const KINDS = Object.keys(ACCESS_KIND).map((name) => name.toLowerCase().replace("_", " "));

interface Access {
  readonly clock: number;
  readonly hart: number;
  readonly kind: string;
  readonly bytes: number;
  readonly pc: number;
  readonly virtual: number;
  readonly physical: number;
  readonly value: number;
  readonly written: number;
}

function drain(bench: Bench): Access[] {
  const all: Access[] = [];
  bench.engine.drainAccesses((words, places, count) => {
    for (let record = 0; record < count; record++) {
      const word = (index: number): number => words[places[record]! + index]! >>> 0;
      const head = word(ACCESS_WORD.HEAD);
      all.push({
        clock: word(ACCESS_WORD.CLOCK_LOW), hart: head & 0xff, bytes: (head >>> 8) & 15, kind: KINDS[(head >>> 12) & 15]!,
        pc: word(ACCESS_WORD.PC), virtual: word(ACCESS_WORD.VIRTUAL), physical: word(ACCESS_WORD.PHYSICAL),
        value: word(ACCESS_WORD.VALUE), written: word(ACCESS_WORD.WRITTEN),
      });
    }
  });
  return all;
}

const show = (at: number) => (access: Access): string => {
  const { kind, bytes, pc, virtual, physical, value, written } = access;
  const hex = (number: number): string => number.toString(16);
  return `${pc - at} ${kind} ${bytes} ${hex(virtual)} ${hex(physical)} ${hex(value)} ${hex(written)}`;
};

test.each(["functional", "cycle"] as const)("one record an access, on fast and slow paths (%s)", (timing: Timing) => {
  const code = new Assembler(RAM).li("s0", DATA).li("a1", -2).li("s1", 2).li("s2", EXIT).label("start");
  for (let round = 0; round < 2; round++) {
    code.store("sw", "a1", "s0").load("lb", "a2", "s0").load("lhu", "a3", "s0", 2).store("sh", "a1", "s0", 5);
    code.load("lw", "a4", "s0", 5).op("amoadd.w", "s0", "s0", "a1").li("s0", DATA).op("lr.w", "a5", "s0", 0);
    code.op("sc.w", "a6", "s0", "s1").op("sc.w", "a6", "s0", "s1").emit("fence", { imm: 0x31 });
    code.emit("c.sw", { rs1: 8, rs2: 9, imm: 16 }).emit("c.lw", { rd: 10, rs1: 8, imm: 16 });
  }
  code.load("lh", "a0", "s2").store("sw", "zero", "s2");
  const bench = createBench([...code.words()], { timing, observeAccesses: true });
  expect(bench.run()).toBe(RUN.STOPPED);
  const all = drain(bench);
  const start = code.addressOf("start");
  const round = 4 * 12 + 4;
  const lines = all.map(show(start));
  const again = all.slice(12, 24).map(show(start + round));
  expect(lines.slice(0, 12)).toMatchInlineSnapshot(`
    [
      "0 store 4 80004000 80004000 fffffffe 0",
      "4 load 1 80004000 80004000 fe 0",
      "8 load 2 80004002 80004002 ffff 0",
      "12 store 2 80004005 80004005 fffe 0",
      "16 load 4 80004005 80004005 fffe 0",
      "20 amo 4 80004000 80004000 fffffffe fffffffc",
      "32 lr 4 80004000 80004000 fffffffc 0",
      "36 sc 4 80004000 80004000 2 0",
      "40 sc failed 4 80004000 80004000 2 0",
      "44 fence 0 0 0 31 0",
      "48 store 4 80004010 80004010 2 0",
      "50 load 4 80004010 80004010 2 0",
    ]
  `);
  expect(again).toEqual(lines.slice(0, 12));
  expect(lines.slice(24)).toMatchInlineSnapshot(`
    [
      "104 load 2 100000 100000 8765 0",
      "108 store 4 100000 100000 0 0",
    ]
  `);
  expect(all.map(({ clock }) => clock)).toEqual(all.map(({ clock }) => clock).sort((a, b) => a - b));
});

/** Four harts that add to, store to and read the same few words, some of it misaligned, with a lock by LR and SC in between. */
function racy(): Assembler {
  const code = new Assembler(RAM).li("s0", DATA).li("s1", 400).op("addi", "s2", "a0", 1).label("loop");
  for (let at = 0; at < 12; at += 4) code.load("lw", "t0", "s0", at).op("add", "t0", "t0", "s2").store("sw", "t0", "s0", at);
  code.op("amoadd.w", "t1", "s0", "s2").load("lw", "t2", "s0", 62).store("sh", "t2", "s0", 63).load("lbu", "t3", "s0", 1);
  code.op("lr.w", "t4", "s0", 0).op("addi", "t4", "t4", 3).op("sc.w", "t5", "s0", "t4").emit("fence");
  code.op("addi", "s1", "s1", -1).branch("bne", "s1", "zero", "loop").label("end").shortJump("c.j", "end");
  return code;
}

const UNTIL = 500_000;
function runRacy(options: BenchOptions): { state: number[]; accesses: Access[]; drains: number } {
  const bench = createBench([...racy().words()], { harts: 4, ...options });
  const accesses: Access[] = [];
  let drains = 0;
  while (bench.run(1e9, UNTIL) === RUN.DRAIN) {
    drains++;
    accesses.push(...drain(bench));
  }
  if (options.observeAccesses) accesses.push(...drain(bench));
  const state = [0, 1, 2, 3].flatMap((hart) =>
    [HART.CLOCK, HART.INSTRET, ...Array.from({ length: 33 }, (_, word) => 4 * word)].map((field) => bench.get64(hart, field)));
  return { state: [...state, ...Array.from({ length: 32 }, (_, at) => bench.read(DATA + 4 * at))], accesses, drains };
}

/** The first record that memory as the records before it leave it does not explain. */
function unexplained(accesses: readonly Access[]): Access | undefined {
  const memory = new Map<number, number>();
  const read = (at: number, bytes: number): number => {
    let value = 0;
    for (let byte = 0; byte < bytes; byte++) value += (memory.get(at + byte) ?? 0) * 2 ** (8 * byte);
    return value;
  };
  const write = (at: number, bytes: number, value: number): void => {
    for (let byte = 0; byte < bytes; byte++) memory.set(at + byte, Math.floor(value / 2 ** (8 * byte)) & 0xff);
  };
  return accesses.find(({ kind, physical, bytes, value, written }) => {
    const reads = kind === "load" || kind === "amo" || kind === "lr";
    if (reads && read(physical, bytes) !== value) return true;
    if (kind === "store" || kind === "sc") write(physical, bytes, value);
    if (kind === "amo") write(physical, bytes, written);
    return false;
  });
}

test.each([["functional", "exact"], ["cycle", "exact"], ["cycle", "ahead"]] as const)(
  "records in order explain every value that was read, and change nothing (%s, %s)",
  (timing: Timing, interleave: Interleave) => {
    const { state, accesses, drains } = runRacy({ timing, interleave, observeAccesses: true });
    expect(accesses.length).toBeGreaterThan(10_000);
    expect(unexplained(accesses)).toBeUndefined();
    // A store made up is found, when somebody reads it before it is overwritten.
    const broken = (wrong: number) =>
      accesses.map((access, at) => (at === wrong ? { ...access, kind: "store", value: access.value ^ 1 } : access));
    expect([5000, 5001, 5002, 5003].some((wrong) => unexplained(broken(wrong)) !== undefined)).toBe(true);
    expect(runRacy({ timing, interleave }).state).toEqual(state);
    expect(drains).toBeLessThan(2);
  },
);

test("both interleavings of cycle mode leave the same records", () => {
  const [exact, ahead] = (["exact", "ahead"] as const).map((interleave) =>
    runRacy({ timing: "cycle", interleave, observeAccesses: true }).accesses.filter(({ clock }) => clock < UNTIL));
  expect(ahead).toEqual(exact);
});

test("a full buffer ends the run and loses nothing", () => {
  const code = new Assembler(RAM).li("s0", DATA).li("s1", 60_000).label("loop").store("sw", "s1", "s0").load("lw", "a0", "s0");
  code.op("addi", "s1", "s1", -1).branch("bne", "s1", "zero", "loop").li("t0", EXIT).store("sw", "zero", "t0");
  const bench = createBench([...code.words()], { observeAccesses: true });
  const all: Access[] = [];
  let drains = 0;
  while (bench.run(1e7) === RUN.DRAIN) {
    drains++;
    const part = drain(bench);
    expect(part.length).toBeLessThanOrEqual(ACCESS_CAPACITY);
    all.push(...part);
  }
  all.push(...drain(bench));
  expect(drains).toBe(1);
  expect(all.length).toBe(120_001);
  expect(all.filter(({ kind, value }, at) => at < 120_000 && (value !== 60_000 - (at >> 1) || kind !== (at & 1 ? "load" : "store")))).toEqual([]);
});

test("sections with interrupts off fill the mark buffer and end the run, with no mark in the program", () => {
  const code = new Assembler(RAM).la("t0", "supervisor").csr("csrrw", "zero", 0x341, "t0").li("t0", 0x1800).csr("csrrc", "zero", 0x300, "t0");
  code.li("t0", 0x800).csr("csrrs", "zero", 0x300, "t0").emit("mret").label("supervisor").li("s1", 20_000).label("loop");
  code.emit("csrrci", { csr: 0x100, imm: 2 }).op("addi", "t1", "zero", 150).label("wait").op("addi", "t1", "t1", -1);
  code.branch("bne", "t1", "zero", "wait").emit("csrrsi", { csr: 0x100, imm: 2 }).op("addi", "s1", "s1", -1);
  code.branch("bne", "s1", "zero", "loop").li("t0", EXIT).store("sw", "zero", "t0");
  const bench = createBench([...code.words()]);
  let records = 0;
  let drains = 0;
  const count = (): void => bench.engine.drainMarks((_words, part) => {
    records += part;
  });
  for (let reason = bench.run(1e8); reason === RUN.DRAIN; reason = bench.run(1e8)) {
    drains++;
    count();
  }
  count();
  expect(bench.exit).toBe(0);
  expect(drains).toBeGreaterThan(0);
  // Before the first one they were off already.
  expect(records).toBe(19_999);
  expect(bench.get64(0, HART.MARKS)).toBe(19_999);
});
