import { describe, expect, test } from "vitest";
import { CSR } from "../isa/index.ts";
import { findNode, findProperty, parseFdt } from "./fdt.ts";
import { createMachine } from "./machine.ts";
import { Assembler } from "./test-assembler.ts";
import { elfFile } from "./test-elf.ts";
import type { DiskConfig, Machine, MachineConfig, Stop } from "./types.ts";

const MIB = 1 << 20;
const CONFIG: MachineConfig = {
  harts: 1,
  memoryBytes: 16 * MIB,
  timing: "functional",
  interleave: "ahead",
  bootargs: "",
  lab: true,
  recordMarks: true,
};
const LIMITS = { maxInstructions: 1_000_000 };
const MTVEC = CSR["mtvec"]!;
const MSTATUS = CSR["mstatus"]!;
const MIE = CSR["mie"]!;
const MHARTID = CSR["mhartid"]!;

function machineWith(code: Assembler, config: Partial<MachineConfig> = {}): Machine {
  const made = createMachine({ ...CONFIG, ...config });
  if (!made.ok) throw new Error(made.problems[0]!.message);
  const loaded = made.value.loadElf(
    elfFile({ segments: [{ physical: code.base, bytes: code.bytes() }] }),
  );
  if (!loaded.ok) throw new Error(loaded.problems[0]!.message);
  return made.value;
}

function text(machine: Machine): string {
  return new TextDecoder().decode(machine.drainConsole());
}

function poweroff(code: Assembler, value = 0x5555): Assembler {
  return code.li("t0", 0x10_0000).li("t1", value).store("sw", "t1", "t0");
}

/** One PMP entry that opens everything to all modes. */
function openMemory(code: Assembler): Assembler {
  code.li("t0", -1).csr("csrrw", "zero", CSR["pmpaddr0"]!, "t0");
  return code.li("t0", 0x1f).csr("csrrw", "zero", CSR["pmpcfg0"]!, "t0");
}

/** mret to `label` in S mode. */
function enterSupervisor(code: Assembler, label: string): Assembler {
  code.la("t0", label).csr("csrrw", "zero", CSR["mepc"]!, "t0");
  code.li("t0", 0x1800).csr("csrrc", "zero", MSTATUS, "t0");
  return code.li("t0", 0x800).csr("csrrs", "zero", MSTATUS, "t0").emit("mret");
}

function setVector(code: Assembler, csr: number, label: string): Assembler {
  return code.la("t0", label).csr("csrrw", "zero", csr, "t0");
}

describe("configuration and images", () => {
  test("what cannot be built is said in sentences", () => {
    const messages = (config: Partial<MachineConfig>): string[] => {
      const made = createMachine({ ...CONFIG, ...config });
      return made.ok ? [] : made.problems.map((problem) => problem.message);
    };
    const all = [
      messages({ harts: 0 }),
      messages({ harts: 65, memoryBytes: 8 * MIB + 1 }),
      messages({ harts: 1.5, memoryBytes: 4096 * MIB }),
      messages({ bootargs: "a\nb", memoryBytes: Number.NaN }),
    ];
    expect(all).toMatchInlineSnapshot(`
      [
        [
          "a machine has 1 to 64 harts, not 0",
        ],
        [
          "a machine has 1 to 64 harts, not 65",
          "RAM is a whole number of MiB, not 8388609 bytes",
        ],
        [
          "a machine has 1 to 64 harts, not 1.5",
          "RAM is 8 MiB to 2 GiB, not 4294967296 bytes",
        ],
        [
          "RAM is 8 MiB to 2 GiB, not NaN bytes",
          "the boot arguments contain a control character",
        ],
      ]
    `);
  });

  test("disks that are none, and too many of them", () => {
    const disk = (length: number): DiskConfig => ({ bytes: new Uint8Array(length), readOnly: false });
    const made = createMachine({
      ...CONFIG,
      virtioConsole: true,
      disks: [disk(0), disk(1000), ...Array.from({ length: 6 }, () => disk(512))],
    });
    expect(made.ok ? [] : made.problems.map((problem) => problem.message)).toMatchInlineSnapshot(`
      [
        "the board has room for 7 disks, not 8",
        "a disk is a whole number of 512-byte sectors; disk 0 has 0 bytes",
        "a disk is a whole number of 512-byte sectors; disk 1 has 1000 bytes",
      ]
    `);
  });

  test("segments outside RAM or over the device tree are refused, and nothing is written", () => {
    const made = createMachine(CONFIG);
    if (!made.ok) throw new Error("no machine");
    const before = made.value.hash();
    const loadAt = (...addresses: number[]): unknown => {
      const segments = addresses.map((physical) => ({
        physical,
        bytes: Uint8Array.of(1, 2, 3, 4),
      }));
      const loaded = made.value.loadElf(elfFile({ segments }));
      return loaded.ok ? null : loaded.problems.map((problem) => problem.message);
    };
    expect([
      loadAt(0x8000_0000, 0x1000),
      loadAt(0x80e0_0000),
      loadAt(0xffff_fffe),
    ]).toMatchInlineSnapshot(`
      [
        [
          "a segment of the ELF file is to be loaded at [0x00001000, 0x00001003], outside RAM [0x80000000, 0x80dfffff]",
        ],
        [
          "a segment of the ELF file is to be loaded at [0x80e00000, 0x80e00003], outside RAM [0x80000000, 0x80dfffff]",
        ],
        [
          "a segment of the ELF file is to be loaded at [0xfffffffe, 0x00000001], outside RAM [0x80000000, 0x80dfffff]",
        ],
      ]
    `);
    expect(made.value.hash()).toBe(before);
  });

  test("reset: every hart at the start of RAM in M mode, hart id and device tree in a0 and a1", () => {
    const machine = machineWith(new Assembler().word(0), { harts: 3, bootargs: "seed=9" });
    for (const hart of [0, 1, 2]) {
      const { pc, privilege, x, clock } = machine.hart(hart);
      expect([pc, privilege, x[10], x[11], clock]).toEqual([0x8000_0000, 3, hart, 0x80e0_0000, 0]);
    }
    const tree = parseFdt(machine.readPhysical(0x80e0_0000, 0x4000)!)!;
    const bootargs = findProperty(findNode(tree, "/chosen")!, "bootargs")!;
    expect(new TextDecoder().decode(bootargs)).toBe("seed=9\0");
  });
});

describe("programs in M mode", () => {
  test("hello over the UART, then power off", () => {
    const code = new Assembler().la("a0", "text").li("a2", 0x1000_0000);
    code.label("next").load("lbu", "a1", "a0").branch("beq", "a1", "zero", "done");
    code.label("poll").load("lbu", "a3", "a2", 5).op("andi", "a3", "a3", 0x20);
    code.branch("beq", "a3", "zero", "poll").store("sb", "a1", "a2");
    code.op("addi", "a0", "a0", 1).jal("zero", "next").label("done");
    poweroff(code).label("text").word(0x6c6c_6568, 0x000a_216f);
    const machine = machineWith(code);
    expect(machine.run(LIMITS)).toEqual({ kind: "poweroff" });
    expect([text(machine), text(machine)]).toEqual(["hello!\n", ""]);
  });

  test("the other ways to end", () => {
    expect(machineWith(poweroff(new Assembler(), 0x7777)).run(LIMITS)).toEqual({ kind: "reboot" });
    const failing = machineWith(poweroff(new Assembler(), 0x2a_3333));
    expect(failing.run(LIMITS)).toEqual({ kind: "failure", code: 42 });
    expect(() => failing.run(LIMITS)).toThrow("after the machine has ended");
    const lost = machineWith(new Assembler().word(0));
    const stop = lost.run(LIMITS);
    expect(stop.kind === "fault" && stop.detail).toMatch(/^exception 1 .*first instruction/);
    const asleep = machineWith(new Assembler().label("a").emit("wfi").jal("zero", "a"));
    const deadlock = asleep.run(LIMITS) as Stop & { detail: string };
    expect([deadlock.kind, deadlock.detail]).toEqual([
      "deadlock",
      "no timer or event is to come: hart 0 in wfi before 0x80000004 (mie 0x00000000)",
    ]);
  });

  test("budgets are exact and slices make no difference", () => {
    const code = new Assembler().li("s0", 0);
    code.label("loop").op("addi", "s0", "s0", 1).op("mul", "s1", "s0", "s0").jal("zero", "loop");
    const whole = machineWith(code);
    const sliced = machineWith(code);
    expect(whole.run({ maxInstructions: 10_000 })).toEqual({ kind: "budget" });
    for (let n = 7; n < 10_000; n += 7) sliced.run({ maxInstructions: n });
    sliced.run({ maxInstructions: 10_000 });
    expect(whole.hart(0).instructions).toBe(10_000);
    expect(sliced.hash()).toBe(whole.hash());
    whole.run({ maxInstructions: 10_001 });
    expect(sliced.hash()).not.toBe(whole.hash());
  });

  test("an access that nothing answers is an access fault with its address", () => {
    const code = setVector(new Assembler(), MTVEC, "handler").li("a0", 0x3000_0000);
    code.load("lw", "a1", "a0", 8).jal("zero", "handler").align(4).label("handler");
    code.csr("csrrs", "s0", CSR["mcause"]!, "zero").csr("csrrs", "s1", CSR["mtval"]!, "zero");
    const machine = machineWith(poweroff(code));
    machine.run(LIMITS);
    expect(Array.from(machine.hart(0).x.slice(8, 10))).toEqual([5, 0x3000_0008]);
  });

  test("the timer wakes WFI and interrupts, and sleeping costs no instructions", () => {
    const code = setVector(new Assembler(), MTVEC, "handler").li("t0", 0x0200_4000);
    code.store("sw", "zero", "t0", 4).li("t1", 2000).store("sw", "t1", "t0", 0);
    code.li("t0", 1 << 7).csr("csrrs", "zero", MIE, "t0");
    code.emit("csrrsi", { csr: MSTATUS, imm: 8 });
    code.label("idle").emit("wfi").op("addi", "s1", "s1", 1).jal("zero", "idle");
    code.align(4).label("handler").csr("csrrs", "s0", CSR["mcause"]!, "zero");
    const machine = machineWith(poweroff(code));
    expect(machine.run(LIMITS)).toEqual({ kind: "poweroff" });
    const { x, clock, instructions } = machine.hart(0);
    expect([x[8], x[9]]).toEqual([0x8000_0007, 0]);
    expect(clock).toBeGreaterThanOrEqual(200_000);
    expect(clock).toBeLessThan(200_200);
    expect(instructions).toBeLessThan(40);
  });

  test("received bytes interrupt through the PLIC", () => {
    const code = setVector(new Assembler(), MTVEC, "handler").li("t0", 0x0c00_0000);
    code
      .li("t1", 1)
      .store("sw", "t1", "t0", 40)
      .li("t0", 0x0c00_2000)
      .li("t1", 1 << 10);
    code.store("sw", "t1", "t0").li("t0", 0x1000_0000).li("t1", 1).store("sb", "t1", "t0", 1);
    code
      .li("t0", 1 << 11)
      .csr("csrrs", "zero", MIE, "t0")
      .emit("csrrsi", { csr: MSTATUS, imm: 8 });
    code.label("idle").emit("wfi").jal("zero", "idle").align(4).label("handler");
    code.li("t0", 0x0c20_0004).load("lw", "s0", "t0").li("t1", 0x1000_0000);
    code.load("lbu", "s1", "t1").op("addi", "s1", "s1", 1).store("sb", "s1", "t1");
    code.store("sw", "s0", "t0").emit("mret");
    const machine = machineWith(code);
    expect(machine.run(LIMITS).kind).toBe("deadlock");
    machine.sendConsole(new TextEncoder().encode("HAL"));
    expect(machine.run(LIMITS).kind).toBe("deadlock");
    expect(text(machine)).toBe("IBM");
  });

  test("lab requests arrive, are answered, and the results come out", () => {
    const code = new Assembler().li("s0", 0x1020_0000);
    code.label("poll").load("lw", "a0", "s0", 8).branch("beq", "a0", "zero", "poll");
    code.load("lw", "a1", "s0", 16).op("sub", "a1", "zero", "a1").store("sw", "a1", "s0", 28);
    code.load("lw", "a2", "s0", 20).store("sw", "a2", "s0", 24).jal("zero", "poll");
    const machine = machineWith(code);
    machine.run({ maxInstructions: 100 });
    expect([machine.requestLab(3, 5), machine.requestLab(2, 6)]).toEqual([1, 2]);
    machine.run({ maxInstructions: 1000 });
    const results = machine.drainLabResults();
    expect(results.map(({ sequence, op, arg, result }) => [sequence, op, arg, result])).toEqual([
      [1, 3, 5, -5],
      [2, 2, 6, -6],
    ]);
    expect(results[0]!.cycle).toBeGreaterThan(100);
    expect(machine.drainLabResults()).toEqual([]);
  });
});

describe("S mode", () => {
  test("without a PMP entry S mode cannot even fetch", () => {
    const code = setVector(new Assembler(), MTVEC, "handler");
    enterSupervisor(code, "supervisor").label("supervisor").emit("wfi").align(4);
    code.label("handler").csr("csrrs", "s0", CSR["mcause"]!, "zero");
    code.csr("csrrs", "s1", CSR["mepc"]!, "zero");
    const machine = machineWith(poweroff(code));
    machine.run(LIMITS);
    expect(Array.from(machine.hart(0).x.slice(8, 10))).toEqual([1, code.addressOf("supervisor")]);
  });

  /**
   * Sv32: RAM mapped onto itself, 0xc0000000 onto 0x80400000 by a superpage, 0xd0001000 to the page
   * `data`.
   */
  function pagedProgram(): Assembler {
    const code = openMemory(new Assembler());
    setVector(code, CSR["stvec"]!, "trap");
    code.li("t0", 0xb3ff).csr("csrrw", "zero", CSR["medeleg"]!, "t0");
    code
      .la("t0", "root")
      .op("srli", "t0", "t0", 12)
      .li("t1", 0x8000_0000 | 0);
    code.op("or", "t0", "t0", "t1").csr("csrrw", "zero", CSR["satp"]!, "t0");
    enterSupervisor(code, "supervisor")
      .label("supervisor")
      .li("a0", 0xd000_1000 | 0);
    code
      .load("lw", "s0", "a0", 4)
      .li("a1", 0xc000_0000 | 0)
      .store("sw", "s0", "a1", 0x40);
    code.label("faulting").store("sw", "s0", "a0", 0).emit("ebreak");
    code.align(4).label("trap").csr("csrrs", "s1", CSR["scause"]!, "zero");
    code.csr("csrrs", "s2", CSR["stval"]!, "zero").csr("csrrs", "s3", CSR["sepc"]!, "zero");
    code.li("t0", 0x10_0000).li("t1", 0x5555).store("sw", "t1", "t0", 0).jal("zero", "trap");
    const pte = (physical: number, flags: number): number => ((physical >>> 12) << 10) | flags;
    const table = (name: string, entries: Record<number, number>): void => {
      code.label(name);
      for (let i = 0; i < 1024; i++) code.word(entries[i] ?? 0);
    };
    code.align(4096);
    const root = code.here;
    table("root", {
      0: pte(0, 0xc7),
      0x200: pte(0x8000_0000, 0xcf),
      0x300: pte(0x8040_0000, 0xc7),
      0x340: pte(root + 4096, 1),
    });
    table("leaf", { 1: pte(root + 8192, 0x43) });
    return code.label("data").word(0x1111, 0x2222);
  }

  test("Sv32 translates, superpages too, and a store to a read-only page faults into S mode", () => {
    const code = pagedProgram();
    const machine = machineWith(code);
    expect(machine.run(LIMITS)).toEqual({ kind: "poweroff" });
    const { x, privilege } = machine.hart(0);
    expect([x[8], x[9], x[18], x[19], privilege]).toEqual([
      0x2222,
      15,
      0xd000_1000,
      code.addressOf("faulting"),
      1,
    ]);
    expect([...machine.readPhysical(0x8040_0040, 4)!]).toEqual([0x22, 0x22, 0, 0]);
    expect([...machine.readVirtual(0xc000_0040, 2)!]).toEqual([0x22, 0x22]);
    expect(machine.readVirtual(0xd000_1ffc, 8)).toBeNull();
    expect([...machine.readVirtual(0xd000_1004, 1)!]).toEqual([0x22]);
    expect(machine.readVirtual(0x4000_0000, 4)).toBeNull();
  });

  test("reading from outside changes nothing", () => {
    const machine = machineWith(pagedProgram());
    machine.run({ maxInstructions: 30 });
    const before = machine.hash();
    machine.readVirtual(0xd000_1000, 16);
    machine.readPhysical(0x8000_0000, 4096);
    machine.hart(0);
    machine.drainConsole();
    expect(machine.hash()).toBe(before);
    expect(machine.readPhysical(0x8100_0000, 1)).toBeNull();
    expect(machine.readPhysical(0x80ff_ffff, 1)).not.toBeNull();
    expect(machine.readPhysical(0x1000_0000, 4)).toBeNull();
  });
});

describe("several harts", () => {
  /** Hart 0 rings hart 1, which sleeps; hart 1 answers; each counts in its own register. */
  function pingPong(rounds: number): Assembler {
    const code = setVector(new Assembler(), MTVEC, "handler").li("t0", 8);
    code.csr("csrrs", "zero", MIE, "t0").csr("csrrs", "s0", MHARTID, "zero").li("s1", 0x0200_0000);
    code.op("slli", "t0", "s0", 2).op("add", "s2", "s1", "t0").op("xori", "t0", "s0", 1);
    code
      .op("slli", "t0", "t0", 2)
      .op("add", "s3", "s1", "t0")
      .li("s4", 0)
      .li("s5", rounds)
      .li("t1", 1);
    code.branch("bne", "s0", "zero", "wait").store("sw", "t1", "s3");
    code
      .label("wait")
      .emit("wfi")
      .csr("csrrs", "t2", CSR["mip"]!, "zero")
      .op("andi", "t2", "t2", 8);
    code.branch("beq", "t2", "zero", "wait").store("sw", "zero", "s2").op("addi", "s4", "s4", 1);
    code.store("sw", "t1", "s3").branch("bne", "s4", "s5", "wait");
    return poweroff(code).align(4).label("handler").jal("zero", "handler");
  }

  test("interrupts between harts wake them in turn", () => {
    const machine = machineWith(pingPong(50), { harts: 2 });
    expect(machine.run(LIMITS)).toEqual({ kind: "poweroff" });
    const counts = [machine.hart(0).x[20]!, machine.hart(1).x[20]!];
    expect(Math.max(...counts)).toBe(50);
    expect(Math.min(...counts)).toBeGreaterThanOrEqual(49);
  });

  /**
   * All harts add to one word by LR/SC and to another by AMO, then to a third without any order.
   */
  function counters(): Assembler {
    const code = new Assembler().la("s0", "words").li("s1", 200).op("addi", "s2", "s0", 64);
    code.label("loop").label("retry").op("lr.w", "t0", "s0", 0).op("addi", "t0", "t0", 1);
    code.op("sc.w", "t1", "s0", "t0").branch("bne", "t1", "zero", "retry");
    code.li("t0", 1).op("amoadd.w", "zero", "s2", "t0").op("addi", "s1", "s1", -1);
    code.branch("bne", "s1", "zero", "loop").op("addi", "t2", "s2", 64);
    code.op("amoadd.w", "t3", "t2", "t0").op("addi", "t3", "t3", 1).li("t4", 4);
    code.label("hang").branch("bne", "t3", "t4", "hang");
    return poweroff(code).align(64).label("words").space(48);
  }

  test.each(["functional", "cycle"] as const)(
    "atomics count right, in both orders alike (%s)",
    (timing) => {
      const ends = (["exact", "ahead"] as const).map((interleave) => {
        const code = counters();
        const machine = machineWith(code, { harts: 4, timing, interleave });
        expect(machine.run(LIMITS)).toEqual({ kind: "poweroff" });
        const words = new Uint32Array(machine.readPhysical(code.addressOf("words"), 192)!.buffer);
        expect([words[0], words[16], words[32]]).toEqual([800, 800, 4]);
        const last = [0, 1, 2, 3].map((hart) => machine.hart(hart)).find(({ x }) => x[28] === 4)!;
        return [last.clock, last.instructions];
      });
      if (timing === "cycle") expect(ends[0]).toEqual(ends[1]);
    },
  );

  test.each(["functional", "cycle"] as const)(
    "at a clock all slicings and repetitions have the same hash, in cycle mode both orders too (%s)",
    (timing) => {
      const until = timing === "cycle" ? 4000 : 1200;
      const hash = (interleave: "exact" | "ahead", slice: (machine: Machine) => void): string => {
        const machine = machineWith(counters(), { harts: 4, timing, interleave });
        slice(machine);
        expect(machine.run({ ...LIMITS, untilCycle: until })).toEqual({ kind: "cycle" });
        return machine.hash();
      };
      const byInstructions = (machine: Machine): void => {
        for (
          let n = 97;
          machine.run({ maxInstructions: n, untilCycle: until }).kind !== "cycle";
          n += 97
        );
      };
      const byCycles = (machine: Machine): void => {
        for (let n = 13; n < until; n += 13) machine.run({ ...LIMITS, untilCycle: n });
      };
      const whole = (): void => {};
      const hashes = [hash("ahead", whole), hash("ahead", byInstructions), hash("ahead", byCycles)];
      if (timing === "cycle") hashes.push(hash("exact", whole), hash("exact", byInstructions));
      expect(new Set(hashes).size).toBe(1);
    },
  );

  test("idle harts reach a clock, and a request from outside wakes them at it", () => {
    const code = setVector(new Assembler(), MTVEC, "handler").li("t0", 1 << 11);
    code
      .csr("csrrs", "zero", MIE, "t0")
      .li("t0", 0x0c00_0000)
      .li("t1", 1)
      .store("sw", "t1", "t0", 160);
    code
      .li("t0", 0x0c00_2004)
      .li("t1", 1 << 8)
      .store("sw", "t1", "t0");
    code.emit("csrrsi", { csr: MSTATUS, imm: 8 }).label("idle").emit("wfi").jal("zero", "idle");
    code.align(4).label("handler").csr("csrrs", "s0", CSR["mcycle"]!, "zero").label("hang");
    code.emit("wfi").jal("zero", "hang");
    const machine = machineWith(code, { harts: 2 });
    expect(machine.run({ ...LIMITS, untilCycle: 5000 })).toEqual({ kind: "cycle" });
    expect([machine.hart(0).clock, machine.hart(1).clock]).toEqual([5000, 5000]);
    machine.requestLab(1, 1);
    expect(machine.run({ ...LIMITS, untilCycle: 9000 })).toEqual({ kind: "cycle" });
    expect([machine.hart(0).x[8], machine.hart(1).x[8]]).toEqual([5000, 0]);
  });

  test("the same run twice has the same hash, recorded or not", () => {
    const hashes = [true, false, true].map((recordMarks) => {
      const machine = machineWith(counters(), { harts: 4, recordMarks });
      machine.run(LIMITS);
      return machine.hash();
    });
    expect(new Set(hashes).size).toBe(1);
  });
});

describe("trace marks", () => {
  /** sltu x0, a, b; slti x0, c, event */
  function mark(code: Assembler, event: number): Assembler {
    return code
      .emit("sltu", { rd: 0, rs1: 11, rs2: 12 })
      .emit("slti", { rd: 0, rs1: 13, imm: event });
  }

  function marking(): Assembler {
    const code = new Assembler().li("a1", 0x11).li("a2", 0x22).li("a3", 0x33);
    mark(code, 30);
    mark(code, 31);
    return poweroff(code);
  }

  test("are recorded, not counted as instructions, and stop a run that asks for them", () => {
    const machine = machineWith(marking());
    expect(machine.run({ ...LIMITS, attention: [31] })).toEqual({ kind: "mark", event: 31 });
    expect(machine.run(LIMITS)).toEqual({ kind: "poweroff" });
    const records: number[][] = [];
    machine.drainMarks((words, count) => {
      for (let i = 0; i < count; i++) {
        const [clock, , , head, , a, b, c] = words.subarray(12 * i, 12 * i + 8);
        records.push([clock!, (head! >>> 8) & 0x7ff, a!, b!, c!]);
      }
    });
    expect(records).toEqual([
      [6, 30, 0x11, 0x22, 0x33],
      [6, 31, 0x11, 0x22, 0x33],
    ]);
    expect([machine.hart(0).marks, machine.hart(0).instructions]).toEqual([2, 11]);
  });
});
