/**
 * Snapshots of random machines: going back gives the same linear memory byte for byte and the same future, whatever was
 * run or restored in between. The programs race, write their own code, change page tables, trap and fire marks.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encode } from "../../isa/index.ts";
import { Program, RAM, createBench, type Bench } from "../engine/testing.ts";
import { HART, MARK_BUFFER, MARK_BYTES, MACHINE_WORD } from "../memory/layout.ts";
import type { Interleave, Timing } from "../types.ts";
import { copiedParts, ImageStore, type Image } from "./image.ts";
import type { Memory } from "./code.ts";

const CODE = RAM;
const DATA = RAM + 0x10_0000;
const DATA_PAGES = 24;
const ROOT = RAM + 0x20_0000;
const LEAVES = ROOT + 0x1000;
const RAM_USED = LEAVES + 0x1000 - RAM;
/** Where paged programs see their data, 4 KiB pages that they map anew themselves. */
const WINDOW = 0x4000_0000;
const REGISTERS = ["t0", "t1", "t2", "a2", "a3", "a4"];
const PATCHES = [
  encode("addi", { rd: 6, rs1: 6, imm: 3 })!,
  encode("xor", { rd: 7, rs1: 6, rs2: 5 })!,
  encode("addi", { rd: 0, rs1: 0, imm: 0 })!,
];

const item = fc.record({
  kind: fc.constantFrom("load", "load", "store", "store", "store", "amo", "lr", "sc", "patch", "repatch", "call", "mark", "map", "odd", "alu"),
  r: fc.constantFrom(...REGISTERS),
  s: fc.constantFrom(...REGISTERS),
  page: fc.nat(DATA_PAGES - 1),
  word: fc.nat(500),
});
type Item = typeof item extends fc.Arbitrary<infer T> ? T : never;

/** s0: data, s1: rounds, s2: patched code, s3: leaf page table; ends in a loop. Traps skip their instruction. */
function programOf(items: readonly Item[], paged: boolean): Program {
  const p = new Program();
  p.a("jal", "zero", "start");
  p.label("trap").a("csrrs", "t5", "zero", "mepc").a("addi", "t5", "t5", 4).a("csrrw", "zero", "t5", "mepc").a("mret");
  for (let i = 0; i < 3; i++) p.label(`function ${i}`).a("addi", "a5", "a5", i).a("jalr", "zero", "ra", 0);
  p.label("start").li("s0", paged ? WINDOW : DATA).li("s1", 60).li("s3", LEAVES);
  p.label("round");
  items.forEach(({ kind, r, s, page, word }, index) => {
    const at = (): Program => p.li("t6", page * 4096 + word * 4).a("add", "t6", "t6", "s0");
    if (kind === "load") at().a("lw", r, "t6", 0);
    else if (kind === "store") at().a("sw", "t6", s, 0);
    else if (kind === "odd") at().a("sw", "t6", s, 3).a("lhu", r, "t6", 2047);
    else if (kind === "amo") at().a("amoadd.w", r, "t6", s);
    else if (kind === "lr") at().a("lr.w", r, "t6");
    else if (kind === "sc") at().a("sc.w", r, "t6", s);
    else if (kind === "mark") p.a("sltu", "zero", r, s).a("slti", "zero", r, 9 + (index % 3));
    else if (kind === "call") p.a("jal", "ra", `function ${index % 3}`);
    else if (kind === "alu") p.a("mul", r, r, s).a("addi", r, r, index);
    else if (kind === "map" && paged) {
      // Maps a page of the window onto another frame, sometimes without telling the TLB.
      p.li("t6", ((DATA + (word % DATA_PAGES) * 4096) >>> 2) | 0x7).a("sw", "s3", "t6", page * 4);
      if (word % 3 !== 0) p.a("sfence.vma", "zero", "zero");
    } else if (kind === "patch") {
      // The word after the next two is written, then executed.
      p.li("t6", PATCHES[word % 3]!).a("auipc", "s2", 0).a("sw", "s2", "t6", 8).a("addi", "t1", "t1", 1);
    } else if (kind === "repatch") {
      // The second word is executed, then changed for the next round.
      p.a("auipc", "s2", 0).a("addi", "t1", "t1", 1).li("t6", PATCHES[0]!).a("andi", "t5", "s1", 7).a("slli", "t5", "t5", 20);
      p.a("add", "t6", "t6", "t5").a("sw", "s2", "t6", 4);
    }
  });
  return p.a("addi", "s1", "s1", -1).a("beq", "s1", "zero", "end").a("jal", "zero", "round").label("end").a("jal", "zero", "end");
}

interface Setting {
  readonly harts: number;
  readonly timing: Timing;
  readonly interleave: Interleave;
  readonly paged: boolean;
  /** Hot code is compiled soon. */
  readonly jit: boolean;
}

/** Mark records as they are handed out: the buffer has them hart by hart, as harts were run. */
function inOrder(marks: Uint8Array, harts: number): Uint8Array {
  const records = Array.from({ length: marks.length / MARK_BYTES }, (_, at) => marks.subarray(at * MARK_BYTES, (at + 1) * MARK_BYTES));
  const place = (record: Uint8Array): number => {
    const view = new DataView(record.buffer, record.byteOffset);
    const clock = view.getUint32(0, true);
    return clock * harts + ((view.getUint8(12) + clock) % harts);
  };
  return Buffer.concat(records.sort((a, b) => place(a) - place(b)));
}

class Subject {
  readonly bench: Bench;
  readonly memory: Memory;
  readonly store: ImageStore;

  constructor(items: readonly Item[], { harts, timing, interleave, paged, jit }: Setting) {
    const tuning = jit ? { hotSamples: 1, samplePeriod: 7, batchSlices: 1 } : undefined;
    this.bench = createBench(programOf(items, paged), { harts, timing, interleave, jit: tuning });
    const { words, engine } = this.bench;
    this.memory = {
      words, bytes: new Uint8Array(words.buffer), harts, ramOffset: engine.ramOffset, ramBytes: 8 << 20,
    };
    for (let hart = 0; hart < harts; hart++) {
      this.bench.set(hart, HART.MTVEC, (CODE + 4) | 0);
      this.bench.set(hart, HART.PMPCFG, 0x1f);
      this.bench.set(hart, HART.PMPADDR, -1);
      if (!paged) continue;
      this.bench.set(hart, HART.SATP, (1 << 31) | (ROOT >>> 12));
      this.bench.set(hart, HART.PRIV, 1);
    }
    if (paged) this.buildTables();
    engine.wroteRam(0, 8 << 20);
    this.store = new ImageStore(this.memory, engine);
  }

  /** Code and tables by a superpage of themselves, the window by 4 KiB pages. */
  private buildTables(): void {
    const write = (address: number, value: number): void => {
      this.memory.words[(this.memory.ramOffset + address - RAM) >>> 2] = value;
    };
    for (const top of [0, 1]) write(ROOT + ((RAM >>> 22) + top) * 4, ((RAM + top * 0x40_0000) >>> 2) | 0xcf);
    write(ROOT + (WINDOW >>> 22) * 4, (LEAVES >>> 2) | 1);
    for (let page = 0; page < DATA_PAGES; page++) write(LEAVES + page * 4, ((DATA + page * 4096) >>> 2) | 0x7);
  }

  run(until: number): void {
    this.bench.run(Number.MAX_SAFE_INTEGER, until);
  }

  /** Everything that decides how the machine goes on, by name. */
  model(): Map<string, Uint8Array> {
    const { bytes, words, ramOffset } = this.memory;
    const { tables } = this.bench.engine;
    const [harts, devices, loop] = copiedParts(this.memory, this.bench.engine);
    const marks = words[MACHINE_WORD.MARK_COUNT / 4]! * MARK_BYTES;
    const part = (from: number, length: number, end: number): Uint8Array => bytes.slice(from, Math.min(from + length, end));
    return new Map([
      ["harts", bytes.slice(harts!.from, harts!.to)],
      ["devices", bytes.slice(devices!.from, devices!.to)],
      ["loop", bytes.slice(loop!.from, loop!.to)],
      ["TLBs and L1", bytes.slice(tables.data, tables.copiedEnd)],
      ["L2", bytes.slice(tables.l2Tags, tables.directory)],
      ["directory", part(tables.directory, RAM_USED >>> 2, tables.executed)],
      ["executed", part(tables.executed, RAM_USED >>> 12, tables.codeBits)],
      ["code bits", part(tables.codeBits, RAM_USED >>> 5, tables.trackedEnd)],
      ["marks", inOrder(bytes.slice(MARK_BUFFER, MARK_BUFFER + marks), this.memory.harts)],
      ["RAM", bytes.slice(ramOffset, ramOffset + RAM_USED)],
    ]);
  }

  /** As `model`, with the line tables that are derived from it. */
  all(): Map<string, Uint8Array> {
    const { tables } = this.bench.engine;
    return this.model().set("line tables", this.memory.bytes.slice(tables.contexts, tables.data));
  }
}

function expectSame(actual: ReadonlyMap<string, Uint8Array>, expected: ReadonlyMap<string, Uint8Array>, when: string): void {
  for (const [name, bytes] of expected) {
    const other = actual.get(name)!;
    if (Buffer.compare(bytes, other) === 0) continue;
    const at = bytes.findIndex((byte, index) => byte !== other[index]);
    expect.fail(`${when}: ${name} differs at byte 0x${at.toString(16)}: ${other[at]} instead of ${bytes[at]}`);
  }
}

/** Takes snapshots at 1, 2, 3 times `step` and goes back to them in every order; how many regions were compiled. */
function check(items: readonly Item[], step: number, setting: Setting, hide?: (subject: Subject) => void): number {
  const undisturbed = new Subject(items, setting);
  for (let at = 1; at <= 4; at++) undisturbed.run(at * step);
  const subject = new Subject(items, setting);
  const images: Image[] = [];
  const memories: Map<string, Uint8Array>[] = [];
  for (let at = 0; at < 3; at++) {
    if (at > 0) subject.run(at * step);
    images.push(subject.store.take());
    hide?.(subject);
    memories.push(subject.all());
  }
  subject.run(3 * step);
  const futures = [...memories.slice(1), subject.model()];
  subject.run(4 * step);
  expectSame(subject.model(), undisturbed.model(), "taking snapshots");
  for (const at of [1, 1, 0, 2, 0, 0, 1, 2]) {
    subject.store.restore(images[at]!);
    hide?.(subject);
    expectSame(subject.all(), memories[at]!, `after going back to snapshot ${at}`);
    subject.run((at + 1) * step);
    futures[at]!.delete("line tables");
    expectSame(subject.model(), futures[at]!, `one step after snapshot ${at}`);
  }
  subject.run(4 * step);
  expectSame(subject.model(), undisturbed.model(), "at the end");
  return subject.bench.engine.jit?.cache.compiledCount ?? 0;
}

const settings: Setting[] = (["functional", "cycle"] as const).flatMap((timing) =>
  (["exact", "ahead"] as const).flatMap((interleave) =>
    [1, 4].flatMap((harts) =>
      [false, true].flatMap((paged) =>
        // One instruction at a time is never compiled.
        [false, true].slice(0, interleave === "ahead" ? 2 : 1).map((jit) => ({ harts, timing, interleave, paged, jit })),
      ),
    ),
  ),
);

describe("random programs", () => {
  test.each(settings)("$timing $interleave, $harts harts, paged: $paged, jit: $jit", (setting) => {
    let compiled = 0;
    fc.assert(
      fc.property(fc.array(item, { minLength: 5, maxLength: 40 }), fc.integer({ min: 50, max: 8000 }), (items, step) => {
        compiled += check(items, step, setting);
      }),
      { numRuns: 6 },
    );
    expect(compiled > 0).toBe(setting.jit);
  });
});

describe("a mark left out is found", () => {
  const store: Item = { kind: "store", r: "t0", s: "s1" as "t0", page: 3, word: 5 };
  const items: Item[] = [store, { ...store, kind: "patch" }, { ...store, kind: "amo" }];
  const setting: Setting = { harts: 4, timing: "cycle", interleave: "ahead", paged: true, jit: false };
  // Addresses of linear memory by what lies there.
  const places: Record<string, (subject: Subject) => number> = {
    RAM: ({ memory }) => memory.ramOffset + DATA - RAM + 3 * 4096,
    "RAM, code": ({ memory }) => memory.ramOffset,
    "page table": ({ memory }) => memory.ramOffset + LEAVES - RAM,
    directory: ({ bench }) => bench.engine.tables.directory + ((DATA - RAM + 3 * 4096) >>> 2),
    "code bits": ({ bench }) => bench.engine.tables.codeBits,
  };

  test("nothing left out", () => void check(items, 1500, setting));

  test.each(Object.keys(places))("%s", (name) => {
    // As if the slow paths forgot to enter the page in the list.
    const hide = (subject: Subject): void => {
      subject.memory.bytes[subject.bench.engine.tables.dirty + (places[name]!(subject) >>> 12)] = 1;
    };
    expect(() => check(items, 1500, setting, hide)).toThrow(/differs at byte/);
  });
});
