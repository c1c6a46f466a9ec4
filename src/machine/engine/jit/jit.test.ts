/** What becomes a region, where time is checked in it, and when regions go. */
import { describe, expect, test } from "vitest";
import { encode } from "../../../isa/index.ts";
import { Assembler } from "../../test-assembler.ts";
import { DEFAULT_MODEL } from "../../timing/model.ts";
import { RAM, createBench } from "../testing.ts";
import type { Bench } from "../testing.ts";
import { PAGE_DROPS_MAX } from "./cache.ts";
import type { JitTuning } from "./jit.ts";
import { REGION_OPS_MAX, formRegion } from "./region.ts";
import type { Region } from "./region.ts";
import { edgesOf, structure } from "./structure.ts";
import type { Structure } from "./structure.ts";

const EAGER: JitTuning = { hotSamples: 1, samplePeriod: 7, batchSlices: 1 };
const MODEL = { timing: "functional", costs: DEFAULT_MODEL.costs } as const;

/** Runs it, so that it is decoded, and forms the region at a label. */
function regionAt(code: Assembler, label: string, instructions = 200): Region {
  const bench = createBench([...code.words()]);
  bench.run(instructions);
  const { tables } = bench.engine;
  const region = formRegion(bench.words, bench.words[tables.codeOf >>> 2]!, (code.addressOf(label) - RAM) / 2);
  if (!region) throw new Error("no region");
  return region;
}
const structureAt = (code: Assembler, label: string): Structure => structure(regionAt(code, label), MODEL, 48);
const shapeOf = ({ nodes }: Structure): string[] =>
  nodes.map(({ block, isLoop, isMerge, isCheck, path }) =>
    `${block.ops.length} ${block.end.kind}${isLoop ? " loop" : ""}${isMerge ? " merge" : ""}${isCheck ? " check" : ""} ${path}`);

const loop = (): Assembler =>
  new Assembler(RAM).label("head").op("addi", "a0", "a0", 1).branch("beq", "a0", "a1", "skip").op("addi", "a2", "a2", 1)
    .label("skip").branch("bne", "a2", "a3", "head");

describe("regions", () => {
  test("a loop with a condition is a loop with a merge, and what comes behind it is checked apart", () => {
    const code = loop().op("addi", "a4", "zero", 1).label("end").jal("zero", "end");
    expect(shapeOf(structureAt(code, "head"))).toMatchInlineSnapshot(`
      [
        "1 branch loop check 4",
        "1 goto 2",
        "0 branch merge 1",
      ]
    `);
  });

  test("a call is followed, and its return goes on behind it", () => {
    const code = new Assembler(RAM).label("head").jal("ra", "f").op("addi", "a0", "a0", 1).jal("zero", "head");
    code.label("f").op("addi", "a1", "a1", 1).emit("jalr", { rd: 0, rs1: 1, imm: 0 });
    expect(shapeOf(structureAt(code, "head"))).toMatchInlineSnapshot(`
      [
        "1 goto loop check 5",
        "1 return 4",
        "2 goto 2",
      ]
    `);
  });

  test("a loop that is entered in two places is left where it would be entered again", () => {
    const code = new Assembler(RAM).label("head").branch("beq", "a0", "a1", "two").label("one").op("addi", "a2", "a2", 1)
      .label("two").op("addi", "a3", "a3", 1).branch("bne", "a3", "a4", "one").jal("zero", "head");
    const { nodes } = structureAt(code, "head");
    expect(nodes.some((node) => node.isLoop)).toBe(false);
    expect(nodes.flatMap(({ block }) => edgesOf(block)).filter((edge) => edge.block === null)).toHaveLength(2);
  });

  test("what was not executed is not in it", () => {
    const code = new Assembler(RAM).label("head").branch("bne", "zero", "zero", "never").op("addi", "a0", "a0", 1).jal("zero", "head");
    code.label("never").op("addi", "a1", "a1", 1).jal("zero", "head");
    expect(regionAt(code, "head").opCount).toBe(3);
  });

  test("a long stretch ends at the limit", () => {
    const code = new Assembler(RAM).label("head");
    for (let i = 0; i < 600; i++) code.op("addi", "a0", "a0", 1);
    expect(regionAt(code.jal("zero", "head"), "head", 1000).opCount).toBe(REGION_OPS_MAX);
  });

  test("no path between checks is longer than the limit, but for a block by itself", () => {
    const code = new Assembler(RAM).label("head");
    for (let i = 0; i < 200; i++) {
      code.op("addi", "a0", "a0", 1);
      if (i % 5 === 4) code.branch("beq", "a0", "zero", `on${i}`).op("addi", "a1", "a1", 1).label(`on${i}`);
    }
    const { nodes } = structure(regionAt(code.jal("zero", "head"), "head", 400), MODEL, 48);
    expect(Math.max(...nodes.map((node) => node.path))).toBeLessThanOrEqual(48);
    expect(nodes.filter((node) => node.isCheck).length).toBeGreaterThan(4);
  });
});

/** A loop at RAM that runs for ever. */
const forEver = (): Assembler => new Assembler(RAM).label("head").op("addi", "a0", "a0", 1).op("addi", "a1", "a1", 2).jal("zero", "head");
const hot = (code: Assembler): Bench => {
  const bench = createBench([...code.words()], { interleave: "ahead", jit: EAGER });
  for (let limit = 100; limit <= 400; limit += 100) bench.run(limit);
  return bench;
};

describe("the cache", () => {
  test("a region is made of what is hot, and executed", () => {
    const bench = hot(forEver());
    expect(bench.engine.jit!.cache.regionCount).toBe(1);
    bench.run(90_000);
    expect([bench.x(0, "a0"), bench.x(0, "a1")]).toEqual([30_000, 60_000]);
  });

  test("JavaScript that writes its code drops it; another word leaves it", () => {
    const bench = hot(forEver());
    bench.engine.wroteRam(64, 4);
    expect(bench.engine.jit!.cache.regionCount).toBe(1);
    bench.words[(bench.engine.ramOffset + 4) >>> 2] = encode("addi", { rd: 11, rs1: 11, imm: 3 })!;
    bench.engine.wroteRam(4, 4);
    expect(bench.engine.jit!.cache.regionCount).toBe(0);
    const before = bench.x(0, "a1");
    bench.run(403);
    expect(bench.x(0, "a1") - before).toBe(3);
  });

  test("a page whose code is written all the time is left to tier 1", () => {
    const bench = hot(forEver());
    const { cache } = bench.engine.jit!;
    let limit = 400;
    for (let i = 0; i < 2 * PAGE_DROPS_MAX; i++) {
      bench.engine.wroteRam(4, 4);
      for (let k = 0; k < 4; k++) bench.run((limit += 100));
    }
    expect(cache.regionCount).toBe(0);
    expect(cache.compiledCount).toBeGreaterThanOrEqual(PAGE_DROPS_MAX);
  });

  test("the oldest go when there is no room, and their entries are what they were", () => {
    const tuning = { ...EAGER, hotSamples: 1e9, moduleBytesMax: 700 };
    const bench = createBench([...forEver().words()], { interleave: "ahead", jit: tuning });
    bench.run(300);
    const { cache } = bench.engine.jit!;
    const page = bench.words[bench.engine.tables.codeOf >>> 2]!;
    const entries = (): number[] => [...bench.words.slice(page >>> 2, (page >>> 2) + 12)];
    const before = entries();
    const install = (at: number): void => {
      const region = formRegion(bench.words, page, at)!;
      cache.install([{ region, structure: structure(region, MODEL, 48), page, at }]);
      expect(cache.moduleBytes).toBeLessThanOrEqual(700);
    };
    for (const at of [0, 2, 4, 0, 2, 4, 0]) if (!cache.holds(page, at)) install(at);
    expect(cache.compiledCount).toBeGreaterThan(cache.regionCount);
    expect(cache.regionCount).toBeGreaterThan(0);
    bench.run(90_000);
    expect([bench.x(0, "a0"), bench.x(0, "a1")]).toEqual([30_000, 60_000]);
    cache.dropAll();
    expect(entries()).toEqual(before);
  });
});
