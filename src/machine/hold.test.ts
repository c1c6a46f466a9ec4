/** Breakpoints, held harts and interrupts from outside: what stops exactly where, and what everybody else makes of it. */
import { describe, expect, test } from "vitest";
import { CSR } from "../isa/index.ts";
import { createMachine } from "./machine.ts";
import { BOARD } from "./memory/layout.ts";
import { Assembler } from "./test-assembler.ts";
import { elfFile } from "./test-elf.ts";
import type { Machine, MachineConfig, Stop, Timing } from "./types.ts";

const TIMINGS: readonly Timing[] = ["functional", "cycle"];
const LIMITS = { maxInstructions: 100_000 };
const COUNTERS = 0x8010_0000;
const FLAG = 0x8010_1000;

function machineWith(code: Assembler, config: Partial<MachineConfig> = {}): Machine {
  const made = createMachine({
    harts: 2, memoryBytes: 16 << 20, timing: "functional", interleave: "exact", bootargs: "", lab: true, recordMarks: true, ...config,
  });
  if (!made.ok) throw new Error(made.problems[0]!.message);
  const loaded = made.value.loadElf(elfFile({ segments: [{ physical: code.base, bytes: code.bytes() }] }));
  if (!loaded.ok) throw new Error(loaded.problems[0]!.message);
  return made.value;
}

/** Each hart counts in a word of its own, for ever: s1 is its number of rounds. */
function counting(): Assembler {
  const code = new Assembler().csr("csrrs", "s0", CSR["mhartid"]!, "zero").op("slli", "s0", "s0", 8).li("t0", COUNTERS).op("add", "s0", "s0", "t0");
  code.label("round").op("addi", "s1", "s1", 1).label("store").store("sw", "s1", "s0").jal("zero", "round");
  return code;
}

const S1 = 9;
const rounds = (machine: Machine, hart: number): number => machine.hart(hart).x[S1]!;
const word = (machine: Machine, address: number): number => new DataView(machine.readPhysical(address, 4)!.buffer).getUint32(0, true);
const counted = (machine: Machine, hart: number): number => word(machine, COUNTERS + 256 * hart);

/** Runs until the hart stands at a breakpoint; stops of others go by. */
function runTo(machine: Machine, hart: number): Stop {
  for (;;) {
    const stop = machine.run(LIMITS);
    if (stop.kind !== "break" || stop.hart === hart) return stop;
  }
}

describe.each(TIMINGS)("%s", (timing) => {
  test("a hart stops before the instruction, each time it comes there, and goes on with it", () => {
    const code = counting();
    const store = code.addressOf("store");
    const machine = machineWith(code, { timing });
    machine.setBreakpoints([store]);
    for (let round = 1; round <= 5; round++) {
      for (const hart of [0, 1]) {
        const stop = runTo(machine, hart);
        expect(stop).toEqual({ kind: "break", hart, pc: store });
        expect(machine.hart(hart).pc).toBe(store);
      }
      expect(rounds(machine, 0)).toBeGreaterThanOrEqual(round);
      // Counted, but not stored yet.
      expect(counted(machine, 1)).toBe(rounds(machine, 1) - 1);
    }
    machine.setBreakpoints([]);
    expect(machine.run({ maxInstructions: 1_000 })).toEqual({ kind: "budget" });
  });

  test.each([[2], [4]])("breakpoints change nothing in the machine: the same hash and clocks, %i harts", (harts) => {
    const run = (breaks: boolean): unknown => {
      const code = counting();
      const machine = machineWith(code, { timing, harts });
      if (breaks) machine.setBreakpoints([code.addressOf("round"), code.addressOf("store")]);
      let stops = 0;
      for (;;) {
        const { kind } = machine.run({ maxInstructions: 3_000 });
        if (kind !== "break") break;
        stops++;
      }
      expect(stops > 100).toBe(breaks);
      return { hash: machine.hash(), harts: Array.from({ length: harts }, (_, hart) => machine.hart(hart)) };
    };
    expect(run(true)).toEqual(run(false));
  });

  test("a held hart does nothing while the others go on; released, it goes on at their clock", () => {
    const code = counting();
    const machine = machineWith(code, { timing, harts: 3 });
    machine.setBreakpoints([code.addressOf("store")]);
    runTo(machine, 1);
    machine.setBreakpoints([]);
    machine.hold(1);
    const before = machine.hart(1);
    expect(before.held).toBe(true);
    machine.run({ maxInstructions: 10_000 });
    expect(machine.hart(1)).toEqual(before);
    expect(rounds(machine, 0)).toBeGreaterThan(1_000);
    expect(Math.abs(rounds(machine, 0) - rounds(machine, 2))).toBeLessThan(20);
    machine.release(1);
    expect(machine.hart(1).clock).toBe(Math.max(...[0, 1, 2].map((hart) => machine.hart(hart).clock)));
    machine.run({ maxInstructions: 20_000 });
    expect(rounds(machine, 1)).toBeGreaterThan(500);
  });

  test("who waits for a held hart waits: it spins until the release", () => {
    const code = new Assembler().csr("csrrs", "t0", CSR["mhartid"]!, "zero").li("t1", FLAG).branch("bne", "t0", "zero", "wait");
    code.op("addi", "t2", "zero", 1).label("set").store("sw", "t2", "t1").label("idle").jal("zero", "idle");
    code.label("wait").load("lw", "t2", "t1").branch("beq", "t2", "zero", "wait").label("seen").op("addi", "s1", "zero", 7).label("end").jal("zero", "end");
    const machine = machineWith(code, { timing });
    machine.setBreakpoints([code.addressOf("set")]);
    expect(runTo(machine, 0)).toMatchObject({ hart: 0 });
    machine.setBreakpoints([code.addressOf("seen")]);
    machine.hold(0);
    expect(machine.run({ maxInstructions: 5_000 })).toEqual({ kind: "budget" });
    expect(word(machine, FLAG)).toBe(0);
    machine.release(0);
    expect(machine.run({ maxInstructions: 6_000 })).toMatchObject({ kind: "break", hart: 1, pc: code.addressOf("seen") });
  });

  test("a limit by clocks passes a held hart by, and a run cut in pieces is the same run", () => {
    const run = (stops: readonly number[]): string => {
      const code = counting();
      const machine = machineWith(code, { timing });
      machine.setBreakpoints([code.addressOf("store")]);
      runTo(machine, 1);
      machine.setBreakpoints([]);
      machine.hold(1);
      for (const untilCycle of stops) expect(machine.run({ maxInstructions: 1e9, untilCycle })).toEqual({ kind: "cycle" });
      machine.release(1);
      machine.run({ maxInstructions: 1e9, untilCycle: 9_000 });
      expect(rounds(machine, 1)).toBeGreaterThan(100);
      return machine.hash();
    };
    expect(run([1_000, 1_001, 2_345, 5_000])).toBe(run([5_000]));
  });

  test("holding is part of a snapshot; breakpoints are those of now", () => {
    const code = counting();
    const machine = machineWith(code, { timing });
    machine.setBreakpoints([code.addressOf("store")]);
    runTo(machine, 1);
    machine.hold(1);
    machine.setBreakpoints([]);
    const snapshot = machine.snapshot();
    machine.run({ maxInstructions: 5_000 });
    const held = machine.hash();
    machine.release(1);
    machine.run({ maxInstructions: 9_000 });
    machine.restore(snapshot);
    expect(machine.hart(1).held).toBe(true);
    machine.run({ maxInstructions: 5_000 });
    expect(machine.hash()).toBe(held);
    // The instruction at which it stands is not stopped at again.
    machine.restore(snapshot);
    machine.release(1);
    machine.setBreakpoints([code.addressOf("store")]);
    const stood = rounds(machine, 1);
    expect(runTo(machine, 1)).toMatchObject({ hart: 1 });
    expect(rounds(machine, 1)).toBe(stood + 1);
  });

  test("all others wait for ever: a deadlock that names who is held", () => {
    const code = new Assembler().csr("csrrs", "t0", CSR["mhartid"]!, "zero").branch("bne", "t0", "zero", "sleep");
    code.label("here").jal("zero", "here").label("sleep").emit("wfi").jal("zero", "sleep");
    const machine = machineWith(code, { timing });
    machine.setBreakpoints([code.addressOf("here")]);
    expect(runTo(machine, 0)).toMatchObject({ kind: "break" });
    machine.hold(0);
    expect(machine.run(LIMITS)).toMatchObject({ kind: "deadlock", detail: expect.stringMatching(/hart 0 held before 0x800000.*hart 1 in wfi/) as string });
    machine.release(0);
    expect(machine.run(LIMITS)).toMatchObject({ kind: "break", hart: 0 });
  });

  describe("interrupts", () => {
    /** Hart 0 has a handler that leaves mcause in s2 and mepc in s3 and powers off; it counts in s1. */
    function interruptible(sleeps: boolean): Assembler {
      const code = new Assembler().la("t0", "handler").csr("csrrw", "zero", CSR["mtvec"]!, "t0").li("t0", 0x88).csr("csrrw", "zero", CSR["mie"]!, "t0");
      code.csr("csrrs", "t0", CSR["mhartid"]!, "zero").branch("bne", "t0", "zero", "other").li("t0", 8).csr("csrrs", "zero", CSR["mstatus"]!, "t0");
      code.label("go").op("addi", "s1", "s1", 1).label("here");
      if (sleeps) code.emit("wfi");
      else code.op("addi", "s1", "s1", 1);
      code.jal("zero", "go");
      code.label("handler").csr("csrrs", "s2", CSR["mcause"]!, "zero").csr("csrrs", "s3", CSR["mepc"]!, "zero");
      code.li("t0", 0x10_0000).li("t1", 0x5555).store("sw", "t1", "t0");
      // Hart 1 sends hart 0 an IPI at once.
      code.label("other").li("t0", BOARD.CLINT).op("addi", "t1", "zero", 1).label("send").store("sw", "t1", "t0").label("idle").jal("zero", "idle");
      return code;
    }
    const end = (machine: Machine): Stop => {
      for (;;) {
        const stop = machine.run(LIMITS);
        if (stop.kind !== "break") return stop;
      }
    };

    test.each([["timer", 7], ["software", 3]] as const)("a %s interrupt exactly here", (source, cause) => {
      const code = interruptible(false);
      const machine = machineWith(code, { timing, harts: 1, jit: false });
      machine.setBreakpoints([code.addressOf("here")]);
      expect(runTo(machine, 0)).toMatchObject({ pc: code.addressOf("here") });
      machine.interrupt(0, source);
      expect(end(machine)).toEqual({ kind: "poweroff" });
      const { x } = machine.hart(0);
      expect([x[18]! & 0xff, x[19]]).toEqual([cause, code.addressOf("here")]);
    });

    test("one sent to a held hart waits for its release, and comes before the next instruction", () => {
      const code = interruptible(false);
      const machine = machineWith(code, { timing });
      machine.setBreakpoints([code.addressOf("here"), code.addressOf("send")]);
      runTo(machine, 1);
      machine.hold(1);
      runTo(machine, 0);
      machine.hold(0);
      machine.release(1);
      expect(machine.run({ maxInstructions: 5_000 })).toEqual({ kind: "budget" });
      expect(machine.hart(0).pc).toBe(code.addressOf("here"));
      machine.setBreakpoints([]);
      machine.release(0);
      expect(end(machine)).toEqual({ kind: "poweroff" });
      expect(machine.hart(0).x[19]).toBe(code.addressOf("here"));
    });

    test("a held hart in WFI is not woken before its release", () => {
      const code = interruptible(true);
      const machine = machineWith(code, { timing });
      machine.setBreakpoints([code.addressOf("send")]);
      runTo(machine, 1);
      machine.hold(1);
      while (!machine.hart(0).waiting) machine.run({ maxInstructions: machine.hart(0).instructions + machine.hart(1).instructions + 1 });
      machine.hold(0);
      machine.release(1);
      machine.run({ maxInstructions: 5_000 });
      expect(machine.hart(0).waiting).toBe(true);
      machine.release(0);
      expect(end(machine)).toEqual({ kind: "poweroff" });
    });
  });
});
