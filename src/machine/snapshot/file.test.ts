/** The file form of a machine: it comes back as it was, or a sentence says why not; whatever the bytes are, nothing is thrown. */
import { sha256 } from "@noble/hashes/sha2.js";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatProblem, type Result } from "../../base/result.ts";
import { createMachine, loadMachine } from "../machine.ts";
import { Assembler } from "../test-assembler.ts";
import { elfFile } from "../test-elf.ts";
import type { Machine, MachineConfig } from "../types.ts";
import { HASH_BYTES, MAGIC, PREFIX_BYTES } from "./format.ts";

const CONFIG: MachineConfig = {
  harts: 2,
  memoryBytes: 8 << 20,
  timing: "cycle",
  interleave: "ahead",
  bootargs: "a=1",
  lab: true,
  recordMarks: true,
  disks: [{ bytes: new Uint8Array(5 * 512).fill(7), readOnly: false }],
};

/** Counts in two words that all harts share, prints a dot now and then, fires marks; for ever. */
function program(): Uint8Array {
  const code = new Assembler().li("s0", 0x8010_0000).li("s1", 0x1000_0000).li("t0", 0x2e).li("s2", 1).label("again");
  code.emit("amoadd.w", { rd: 5, rs1: 8, rs2: 18 }).load("lw", "t1", "s0", 64).op("addi", "t1", "t1", 1).store("sw", "t1", "s0", 64);
  code.op("andi", "t2", "t1", 63).emit("sltu", { rd: 0, rs1: 5, rs2: 6 }).emit("slti", { rd: 0, rs1: 7, imm: 5 });
  code.branch("bne", "t2", "x0", "again").li("t0", 0x2e).store("sb", "t0", "s1").jal("x0", "again");
  return elfFile({ segments: [{ physical: code.base, bytes: code.bytes() }] });
}

function value<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(result.problems.map(formatProblem).join("\n"));
  return result.value;
}

function started(config: Partial<MachineConfig> = {}): Machine {
  const machine = value(createMachine({ ...CONFIG, ...config }));
  value(machine.loadElf(program()));
  machine.run({ maxInstructions: 30_000 });
  return machine;
}

/** What a machine shows in some more steps. */
function future(machine: Machine): unknown {
  const before = machine.hash();
  const stop = machine.run({ maxInstructions: 50_000 });
  const records: number[] = [];
  machine.drainMarks((words) => records.push(...words));
  const harts = Array.from({ length: machine.config.harts }, (_, hart) => machine.hart(hart));
  return { before, stop, records, console: machine.drainConsole(), harts, after: machine.hash() };
}

function sentences(bytes: Uint8Array, wanted?: MachineConfig): string[] {
  const loaded = loadMachine(bytes, wanted);
  return loaded.ok ? [] : loaded.problems.map(({ message }) => message);
}

/** With a checksum that fits. */
function sealed(bytes: Uint8Array): Uint8Array {
  const copy = bytes.slice();
  copy.set(sha256(copy.subarray(0, -HASH_BYTES)), copy.length - HASH_BYTES);
  return copy;
}

describe("a machine comes back", () => {
  test.each([
    ["cycle", 2, {}],
    ["functional", 1, { timing: "functional", harts: 1 }],
    ["exact, 4 harts", 4, { interleave: "exact", harts: 4 }],
  ] as const)("%s", (_name, _harts, config) => {
    const machine = started(config);
    const bytes = machine.save();
    const loaded = value(loadMachine(bytes));
    expect(Buffer.compare(value(loadMachine(loaded.save())).save(), loaded.save())).toBe(0);
    // A view of something else, at an odd place.
    const inside = Buffer.concat([Uint8Array.of(1), bytes]).subarray(1);
    expect(value(loadMachine(inside)).hash()).toBe(machine.hash());
    expect(future(loaded)).toEqual(future(machine));
    expect(future(value(loadMachine(bytes, { ...machine.config, recordMarks: true })))).toMatchObject({ stop: { kind: "budget" } });
  });

  test("one that has ended, and one that has not begun", () => {
    const code = new Assembler().li("t0", 0x10_0000).li("t1", 0x2a_3333).store("sw", "t1", "t0");
    const machine = value(createMachine(CONFIG));
    value(machine.loadElf(elfFile({ segments: [{ physical: code.base, bytes: code.bytes() }] })));
    const fresh = value(loadMachine(machine.save()));
    expect(fresh.run({ maxInstructions: 1000 })).toEqual({ kind: "failure", code: 42 });
    machine.run({ maxInstructions: 1000 });
    const over = value(loadMachine(machine.save()));
    expect(over.hash()).toBe(machine.hash());
    expect(() => over.run({ maxInstructions: 2000 })).toThrow("has ended");
  });
});

describe("what does not fit is refused with a reason", () => {
  const bytes = started().save();
  const changed = (at: number, by: number): Uint8Array => {
    const copy = bytes.slice();
    copy[at]! ^= by;
    return copy;
  };

  test("truncated, longer, damaged, of another format, something else", () => {
    expect(sentences(bytes.subarray(0, 20))).toEqual(["the snapshot is truncated: it has 20 bytes"]);
    expect(sentences(bytes.subarray(0, 2000))).toEqual([`the snapshot is truncated: it has 2000 bytes and says ${bytes.length}`]);
    expect(sentences(Uint8Array.of(...bytes.subarray(0, 99)).subarray(0, 90))[0]).toContain("truncated");
    const longer = new Uint8Array(bytes.length + 1);
    longer.set(bytes);
    expect(sentences(longer)[0]).toContain("has something behind its end");
    expect(sentences(changed(bytes.length >> 1, 4))).toEqual(["the snapshot's checksum does not fit its contents"]);
    expect(sentences(changed(MAGIC.length, 3))).toEqual(["the snapshot has format 2; this hartlab reads format 1"]);
    expect(sentences(program())).toEqual(["this is no snapshot of a machine"]);
    expect(sentences(new Uint8Array(0))).toEqual(["this is no snapshot of a machine"]);
  });

  test("of another layout", () => {
    const text = new TextDecoder("latin1").decode(bytes);
    const at = text.indexOf('"shape":"') + 9;
    expect(sentences(sealed(changed(at, 1)))).toEqual(["the snapshot was written by a hartlab whose machine is laid out in another way"]);
  });

  test("of another configuration: each difference by name", () => {
    const wanted: MachineConfig = { ...CONFIG, harts: 3, timing: "functional", recordMarks: false, disks: [] };
    expect(sentences(bytes, wanted)).toEqual([
      "the snapshot is of a machine with harts 2, not 3",
      'the snapshot is of a machine with timing "cycle", not "functional"',
      'the snapshot is of a machine with disks [{"bytes":2560,"readOnly":false}], not []',
    ]);
    expect(sentences(bytes, { ...CONFIG, recordMarks: false })).toEqual([]);
  });
});

describe("hostile bytes", () => {
  const bytes = started().save();
  const headEnd = PREFIX_BYTES + new DataView(bytes.buffer).getUint32(MAGIC.length + 8, true);

  test("anything at all", () => {
    const refused = (file: Uint8Array): boolean => sentences(file).length === 1;
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), refused));
    const behindMagic = fc.uint8Array({ minLength: 60, maxLength: 300 }).map((random) => {
      random.set(bytes.subarray(0, MAGIC.length + 4));
      new DataView(random.buffer).setUint32(MAGIC.length + 4, random.length, true);
      return sealed(random);
    });
    fc.assert(fc.property(behindMagic, refused));
  });

  /** Loads it and, if that went well, lets it run; whether it did. */
  const survives = (file: Uint8Array): boolean => {
    const loaded = loadMachine(sealed(file));
    if (!loaded.ok) {
      expect(loaded.problems.length).toBeGreaterThan(0);
      return false;
    }
    const machine = loaded.value;
    expect(machine.hash()).toMatch(/^[0-9a-f]{64}$/);
    const ended = /"end":\{/.test(new TextDecoder("latin1").decode(file.subarray(0, headEnd)));
    if (!ended) machine.run({ maxInstructions: 2 ** 50, untilCycle: machine.snapshot().cycle + 5000 });
    return true;
  };

  const noise = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 20 });

  test.each([
    ["the header", PREFIX_BYTES, headEnd],
    ["harts", headEnd + 4, headEnd + 4 + 512],
    ["what is for parking", headEnd + 4 + 1024, headEnd + 4 + 1040],
    ["harts and devices", headEnd, headEnd + 0x2000 + 0x1_0000],
    ["loop, TLBs", headEnd + 0x1_2000, headEnd + 0x1_2400],
    ["all of it", PREFIX_BYTES, bytes.length - HASH_BYTES],
  ])("a checksum that fits over noise in %s", (_name, from, to) => {
    let ran = 0;
    fc.assert(
      fc.property(noise, (changes) => {
        const copy = bytes.slice();
        for (const [at, byte] of changes) copy[from + (at % (to - from))] = byte;
        if (survives(copy)) ran++;
      }),
      { numRuns: 30 },
    );
    // Else nothing was tried but the refusals.
    if (from > PREFIX_BYTES) expect(ran).toBeGreaterThan(0);
  });
});

test("harts that poll when they are saved go on polling", () => {
  // All wait for a word that nobody writes.
  const code = new Assembler().li("s0", 0x8010_0000).label("poll").load("lw", "t0", "s0").branch("beq", "t0", "x0", "poll");
  const machine = value(createMachine(CONFIG));
  value(machine.loadElf(elfFile({ segments: [{ physical: code.base, bytes: code.bytes() }] })));
  machine.run({ maxInstructions: 1e9, untilCycle: 20_000 });
  const loaded = value(loadMachine(machine.save()));
  for (const one of [machine, loaded]) one.run({ maxInstructions: 1e9, untilCycle: 40_000 });
  expect([loaded.hash(), loaded.hart(1)]).toEqual([machine.hash(), machine.hart(1)]);
});
