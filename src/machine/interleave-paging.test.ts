/**
 * Page tables that harts rewrite under each other's feet, in cycle mode: both ways of interleaving give the same machine. Supervisor mode;
 * faults are stepped over and counted, translations go stale until somebody fences, A and D are set by walkers, entries are changed by
 * stores, atomics and LR/SC.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { CSR } from "../isa/index.ts";
import { createMachine } from "./machine.ts";
import { Assembler } from "./test-assembler.ts";
import { elfFile } from "./test-elf.ts";
import { DEFAULT_MODEL, timingModel, type TimingModel } from "./timing/model.ts";
import type { Interleave, Machine } from "./types.ts";

const ROOT = 0x8020_0000;
const TABLE = 0x8020_1000;
const DATA = 0x8021_0000;
const WINDOW = 0x4000_0000;
const PAGES = 6;
const SUPERPAGE = 0x2000_00cf;
/** Invalid; not accessed; accessed, not dirty; all; read-only. */
const FLAGS = [0, 0x07, 0x47, 0xc7, 0x43];

interface Action {
  readonly kind: "load" | "store" | "amo" | "lr sc" | "across" | "alias" | "entry" | "entry amo" | "entry lr sc" | "fence all" | "fence page" | "poll" | "work";
  readonly page: number;
  readonly n: number;
}

function emitAction(code: Assembler, { kind, page, n }: Action, name: string): void {
  const at = (base: number, offset: number): Assembler => code.li("t0", base + offset);
  const inPage = 4 * (n % 40);
  const leaf = (DATA + 4096 * (n % PAGES)) >>> 2;
  switch (kind) {
    case "load":
      at(WINDOW + 4096 * page, inPage).load("lw", "t1", "t0").op("add", "s2", "s2", "t1");
      break;
    case "store":
      at(WINDOW + 4096 * page, inPage).store("sw", "s2", "t0");
      break;
    case "amo":
      at(WINDOW + 4096 * page, inPage).op("amoadd.w", "t1", "t0", "s2").op("xor", "s2", "s2", "t1");
      break;
    case "lr sc":
      at(WINDOW + 4096 * page, inPage).op("lr.w", "t1", "t0", 0).op("addi", "t1", "t1", 3).op("sc.w", "t2", "t0", "t1").op("add", "s2", "s2", "t2");
      break;
    case "across":
      at(WINDOW + 4096 * page, 4094).store(n % 2 === 0 ? "sw" : "sh", "s2", "t0").load("lw", "t1", "t0", -1).op("add", "s2", "s2", "t1");
      break;
    case "alias":
      at(DATA + 4096 * page, inPage).load("lw", "t1", "t0").op("addi", "t1", "t1", 1).store("sw", "t1", "t0");
      break;
    case "entry":
      at(TABLE, 4 * page).li("t1", leaf | FLAGS[n % FLAGS.length]!).store("sw", "t1", "t0");
      break;
    case "entry amo":
      // Takes A and D away, as a kernel that ages pages does.
      at(TABLE, 4 * page).op("addi", "t1", "zero", n % 2 === 0 ? ~0x40 : ~0xc0).op("amoand.w", "t2", "t0", "t1").op("add", "s2", "s2", "t2");
      break;
    case "entry lr sc":
      at(TABLE, 4 * page).op("lr.w", "t1", "t0", 0).op("andi", "t1", "t1", ~0x80).op("sc.w", "t2", "t0", "t1").op("add", "s2", "s2", "t2");
      break;
    case "fence all":
      code.emit("sfence.vma");
      break;
    case "fence page":
      at(WINDOW + 4096 * page, 0).emit("sfence.vma", { rs1: 5, rs2: 0 });
      break;
    case "poll":
      // Until somebody changes the word: a loop that harts may leave the order in.
      at(DATA + 4096 * page, inPage).load("lw", "t1", "t0").label(name).load("lw", "t2", "t0").branch("beq", "t2", "t1", name);
      break;
    case "work":
      code.op("addi", "t0", "zero", 1 + (n % 30)).op("mul", "t1", "t0", "t0").op("mul", "t1", "t1", "t1").op("div", "t1", "t1", "t0");
      break;
  }
}

function pagingMachine(lists: readonly (readonly Action[])[], interleave: Interleave, model: TimingModel): Machine {
  const code = new Assembler();
  code.la("t0", "step").csr("csrrw", "zero", CSR["mtvec"]!, "t0").li("t0", -1).csr("csrrw", "zero", CSR["pmpaddr0"]!, "t0");
  code.li("t0", 0x1f).csr("csrrw", "zero", CSR["pmpcfg0"]!, "t0").csr("csrrs", "s6", CSR["mhartid"]!, "zero").op("addi", "s2", "s6", 1);
  // Every hart writes the same tables; they are all the same words.
  code.li("t0", ROOT + 4 * (0x8000_0000 >>> 22)).li("t1", SUPERPAGE).store("sw", "t1", "t0");
  code.li("t0", ROOT + 4 * (WINDOW >>> 22)).li("t1", (TABLE >>> 2) | 1).store("sw", "t1", "t0").li("t0", TABLE);
  for (let page = 0; page <= PAGES; page++) code.li("t1", ((DATA + 4096 * (page % PAGES)) >>> 2) | 0xc7).store("sw", "t1", "t0", 4 * page);
  code.li("t0", (0x8000_0000 | (ROOT >>> 12)) >>> 0).csr("csrrw", "zero", CSR["satp"]!, "t0").emit("sfence.vma");
  code.la("t0", "supervisor").csr("csrrw", "zero", CSR["mepc"]!, "t0").li("t0", 0x1800).csr("csrrc", "zero", CSR["mstatus"]!, "t0");
  code.li("t0", 0x800).csr("csrrs", "zero", CSR["mstatus"]!, "t0").emit("mret").label("supervisor");
  for (let hart = 0; hart < lists.length - 1; hart++) code.op("addi", "t0", "zero", hart).branch("beq", "s6", "t0", `hart${hart}`);
  code.jal("zero", `hart${lists.length - 1}`);
  for (const [hart, actions] of lists.entries()) {
    code.label(`hart${hart}`);
    for (const [index, action] of actions.entries()) emitAction(code, action, `h${hart}a${index}`);
    code.op("addi", "s3", "s3", 1).jal("zero", `hart${hart}`);
  }
  code.label("step").csr("csrrs", "t3", CSR["mepc"]!, "zero").op("addi", "t3", "t3", 4).csr("csrrw", "zero", CSR["mepc"]!, "t3");
  code.op("addi", "s7", "s7", 1).emit("mret");
  const made = createMachine({
    harts: lists.length, memoryBytes: 8 << 20, timing: "cycle", interleave, bootargs: "", lab: false, recordMarks: false, costs: model,
  });
  if (!made.ok) throw new Error(made.problems[0]!.message);
  const loaded = made.value.loadElf(elfFile({ segments: [{ physical: code.base, bytes: code.bytes() }] }));
  if (!loaded.ok) throw new Error(loaded.problems[0]!.message);
  return made.value;
}

const S3 = 19;
const S7 = 23;
const seen = { rounds: 0, faults: 0 };

function compare(lists: readonly (readonly Action[])[], model: TimingModel): void {
  const ahead = pagingMachine(lists, "ahead", model);
  const exact = pagingMachine(lists, "exact", model);
  for (const untilCycle of [3_000, 20_000]) {
    for (const machine of [ahead, exact]) expect(machine.run({ maxInstructions: 1e12, untilCycle }).kind).toBe("cycle");
    const views = (machine: Machine) => lists.map((_, hart) => machine.hart(hart));
    expect(views(ahead)).toEqual(views(exact));
    expect(ahead.hash()).toBe(exact.hash());
  }
  for (const hart of lists.keys()) {
    const { x } = ahead.hart(hart);
    seen.rounds += x[S3]!;
    seen.faults += x[S7]!;
  }
}

const action = fc.record<Action>({
  kind: fc.constantFrom<Action["kind"]>(
    "load", "load", "store", "store", "amo", "lr sc", "across", "alias", "alias", "entry", "entry amo", "entry lr sc", "fence all", "fence page", "fence page", "poll", "work",
  ),
  page: fc.nat({ max: PAGES - 1 }),
  n: fc.nat({ max: 200 }),
});
const lists = fc.array(fc.array(action, { minLength: 3, maxLength: 16 }), { minLength: 2, maxLength: 4 });

test("random guests (property)", () => {
  fc.assert(fc.property(lists, (all) => compare(all, DEFAULT_MODEL)), { numRuns: 40 });
  expect(seen.rounds).toBeGreaterThan(200);
  expect(seen.faults).toBeGreaterThan(200);
});

test("random guests under random constants (property)", () => {
  const costs = fc.record({
    transfer: fc.integer({ min: 1, max: 150 }), invalidate: fc.integer({ min: 1, max: 150 }), memory: fc.integer({ min: 1, max: 300 }), l2Hit: fc.integer({ min: 0, max: 60 }),
    walkHit: fc.integer({ min: 0, max: 20 }), div: fc.integer({ min: 1, max: 80 }), misaligned: fc.integer({ min: 0, max: 500 }), atomic: fc.integer({ min: 1, max: 30 }),
  });
  fc.assert(
    fc.property(lists, costs, (all, { l2Hit, memory, ...other }) => {
      const model = timingModel("u54-like", { ...other, l2Hit, memory: memory + l2Hit, interrupt: 200 });
      if (!model.ok) throw new Error(model.problems[0]!.message);
      compare(all, model.value);
    }),
    { numRuns: 30 },
  );
});
