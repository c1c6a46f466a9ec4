/**
 * The TLB of the machine against a model of it: random changes of page tables, fences of every form, changes of address
 * space, loads and calls. Without the right fence the old page is seen, for ever and in both timings alike.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { CSR } from "../../isa/index.ts";
import { createMachine } from "../machine.ts";
import { Assembler } from "../test-assembler.ts";
import { elfFile } from "../test-elf.ts";
import type { Timing } from "../types.ts";

const RAM = 0x8000_0000;
const MIB = 0x10_0000;
const PAGE = 4096;
/** Two pages of a table, two addresses in one superpage; none shares a TLB entry with another one or with the code. */
const PLACES = [0x4000_1000, 0x4000_2000, 0x6040_3000, 0x6047_5000] as const;
const isSuper = (place: number): boolean => place >= 2;
/** Physical pages, or superpages; each holds a function at 0 that returns its number, and the number at 64. */
const TARGETS = 3;
const pageTarget = (target: number): number => RAM + 0x3_0000 + target * PAGE;
const superTarget = (target: number): number => RAM + (target + 1) * 4 * MIB;
const SPACES = [0, 5, 511] as const;
const rootOf = (space: number): number => RAM + 0x1_0000 + space * 2 * PAGE;
const RESULTS = RAM + 0x8_0000;
const PTE = { POINTER: 1, LEAF: 0xcf, GLOBAL: 0x20 } as const;

type Op =
  | { readonly kind: "map"; readonly space: number; readonly place: number; readonly target: number; readonly global: boolean }
  | { readonly kind: "fence"; readonly place: number | null; readonly space: number | null }
  | { readonly kind: "switch"; readonly space: number }
  | { readonly kind: "load" | "call"; readonly place: number };

const place = fc.nat({ max: PLACES.length - 1 });
const space = fc.nat({ max: SPACES.length - 1 });
const operation: fc.Arbitrary<Op> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("map" as const), space, place, target: fc.nat({ max: TARGETS - 1 }), global: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("fence" as const), place: fc.option(place), space: fc.option(space) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("switch" as const), space }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constantFrom("load" as const, "call" as const), place }) },
);

const leaf = (physical: number, global: boolean): number => ((physical >>> 12) << 10) | PTE.LEAF | (global ? PTE.GLOBAL : 0);
const entryOf = (at: number, target: number, global: boolean): number =>
  leaf(isSuper(at) ? superTarget(target) : pageTarget(target), global);
const slotOf = (of: number, at: number): number => {
  const va = PLACES[at]!;
  return isSuper(at) ? rootOf(of) + 4 * (va >>> 22) : rootOf(of) + PAGE + 4 * ((va >>> 12) & 1023);
};
const satpOf = (of: number): number => 0x8000_0000 | (SPACES[of]! << 22) | (rootOf(of) >>> 12);

/** What the operations leave in RESULTS, by a model of one entry for each place (those of a superpage share one). */
function modelled(ops: readonly Op[]): number[] {
  interface Entry { readonly space: number; readonly target: number; readonly global: boolean }
  const key = (at: number): number => (isSuper(at) ? 2 : at);
  const tables = SPACES.map(() => new Map(PLACES.map((_, at) => [key(at), { target: 0, global: false }])));
  const tlbs = { load: new Map<number, Entry>(), call: new Map<number, Entry>() };
  let current = 0;
  const results: number[] = [];
  for (const op of ops) {
    if (op.kind === "map") tables[op.space]!.set(key(op.place), { target: op.target, global: op.global });
    else if (op.kind === "switch") current = op.space;
    else if (op.kind === "fence") {
      for (const tlb of [tlbs.load, tlbs.call]) {
        for (const [at, entry] of tlb) {
          const spared = op.space !== null && (entry.global || entry.space !== op.space);
          if ((op.place === null || key(op.place) === at) && !spared) tlb.delete(at);
        }
      }
    } else {
      const tlb = tlbs[op.kind];
      let entry = tlb.get(key(op.place));
      if (!entry || (!entry.global && entry.space !== current)) {
        entry = { space: current, ...tables[current]!.get(key(op.place))! };
        tlb.set(key(op.place), entry);
      }
      results.push(entry.target + (isSuper(op.place) ? 0x100 : 0));
    }
  }
  return results;
}

/** The operations as S-mode code that runs in a global superpage onto itself. */
function guest(ops: readonly Op[]): Uint8Array {
  const code = new Assembler(RAM);
  const write = (csr: string, value: number): unknown => code.li("t0", value).csr("csrrw", "zero", CSR[csr]!, "t0");
  write("pmpaddr0", -1);
  write("pmpcfg0", 0x1f);
  write("satp", satpOf(0));
  code.la("t0", "start").csr("csrrw", "zero", CSR["mepc"]!, "t0").la("t0", "wrong").csr("csrrw", "zero", CSR["mtvec"]!, "t0");
  code.li("t0", 0x800).csr("csrrs", "zero", CSR["mstatus"]!, "t0").li("s0", RESULTS).emit("mret").label("start");
  for (const op of ops) {
    if (op.kind === "map") {
      code.li("t0", slotOf(op.space, op.place)).li("t1", entryOf(op.place, op.target, op.global)).store("sw", "t1", "t0");
    } else if (op.kind === "switch") write("satp", satpOf(op.space));
    else if (op.kind === "fence") {
      code.li("t0", op.place === null ? 0 : PLACES[op.place]! + 0x123).li("t1", op.space === null ? 0 : SPACES[op.space]!);
      code.emit("sfence.vma", { rs1: op.place === null ? 0 : 5, rs2: op.space === null ? 0 : 6 });
    } else {
      code.li("t0", PLACES[op.place]!);
      if (op.kind === "load") code.load("lw", "a0", "t0", 64);
      else code.op("jalr", "ra", "t0", 0);
      code.store("sw", "a0", "s0").op("addi", "s0", "s0", 4);
    }
  }
  code.label("end").li("t0", 0x10_0000).li("t1", 0x5555).emit("ecall").align(4).label("wrong");
  code.li("t0", 0x10_0000).li("t1", 0x5555).store("sw", "t1", "t0");
  const words = new Map<number, number>();
  SPACES.forEach((_, of) => {
    words.set(rootOf(of) + 4 * (RAM >>> 22), leaf(RAM, true));
    words.set(rootOf(of) + 4 * (PLACES[0] >>> 22), (((rootOf(of) + PAGE) >>> 12) << 10) | PTE.POINTER);
    PLACES.forEach((_place, at) => words.set(slotOf(of, at), entryOf(at, 0, false)));
  });
  for (let target = 0; target < TARGETS; target++) {
    for (const base of [pageTarget(target), superTarget(target) + 0x3000, superTarget(target) + 0x7_5000]) {
      const number = target + (base >= RAM + 4 * MIB ? 0x100 : 0);
      const body = new Assembler().op("addi", "a0", "zero", number).emit("jalr", { rd: 0, rs1: 1, imm: 0 }).words();
      words.set(base, body[0]!).set(base + 4, body[1]!).set(base + 64, number);
    }
  }
  const segments = [...words].map(([physical, word]) => ({ physical, bytes: new Uint8Array(Uint32Array.of(word).buffer) }));
  return elfFile({ segments: [{ physical: RAM, bytes: code.bytes() }, ...segments] });
}

function seen(ops: readonly Op[], timing: Timing): number[] {
  const made = createMachine({
    harts: 1, memoryBytes: 16 * MIB, timing, interleave: "ahead", bootargs: "", lab: false, recordMarks: false,
  });
  if (!made.ok) throw new Error("no machine");
  const loaded = made.value.loadElf(guest(ops));
  if (!loaded.ok) throw new Error(loaded.problems[0]?.message);
  const stop = made.value.run({ maxInstructions: 100_000 });
  expect(stop).toEqual({ kind: "poweroff" });
  const count = ops.filter(({ kind }) => kind === "load" || kind === "call").length;
  const bytes = made.value.readPhysical(RESULTS, 4 * count)!;
  return [...new Uint32Array(bytes.buffer)];
}

test.each(["functional", "cycle"] as const)("%s: what the TLB holds is seen until a fence that concerns it", (timing) => {
  const property = fc.property(fc.array(operation, { minLength: 20, maxLength: 60 }), (ops) => {
    expect(seen(ops, timing)).toEqual(modelled(ops));
  });
  fc.assert(property, { numRuns: 150 });
});

test("a forgotten fence is visible, twice alike", () => {
  const map: Op = { kind: "map", space: 0, place: 0, target: 1, global: false };
  const load: Op = { kind: "load", place: 0 };
  const fence: Op = { kind: "fence", place: 0, space: null };
  for (const timing of ["functional", "cycle"] as const) {
    expect(seen([load, map, load, load], timing)).toEqual([0, 0, 0]);
    expect(seen([load, map, fence, load], timing)).toEqual([0, 1]);
  }
});
