/**
 * Random programs mean the same on our machine, on QEMU, to gcc (as C) and to an interpreter of their trees. The interpreter is
 * always there; QEMU and gcc are asked where they are installed. Each batch is compiled with other passes left out, and some
 * as a debug build, so that every pass is also tested by its absence.
 *
 * FUZZ_PROGRAMS programs from FUZZ_SEED on (default 2000 from 1; a batch is 200). A difference is reduced and printed as source.
 */
import { expect, test } from "vitest";
import { ALL_PASSES } from "../../src/compiler/build.ts";
import type { IrUnit } from "../../src/compiler/ir.ts";
import { QEMU } from "../differential/machines.ts";
import { haveTool } from "../tools.ts";
import { generateProgram } from "./generate.ts";
import { interpretProgram } from "./interpret.ts";
import { printDialect } from "./print.ts";
import type { Program } from "./program.ts";
import { reduceProgram } from "./reduce.ts";
import { compileBatch, onHost, onOurMachine, onQemu, type CompileOptions } from "./run.ts";

const COUNT = Number(process.env["FUZZ_PROGRAMS"] ?? 2000);
const SEED = Number(process.env["FUZZ_SEED"] ?? 1);
const BATCH = 200;

interface Difference {
  readonly seed: number;
  readonly results: string;
  readonly source: string;
}

/** Whether one program alone is compiled wrongly; a program that does not compile is not. */
function isWrong(program: Program, options: CompileOptions): boolean {
  try {
    return onOurMachine(compileBatch([program], options))[0] !== interpretProgram(program);
  } catch {
    return false;
  }
}

interface Others {
  readonly qemu: boolean;
  readonly gcc: boolean;
}

function differences(seed: number, count: number, options: CompileOptions, others: Others): { found: Difference[]; distinct: number } {
  const programs = Array.from({ length: count }, (_, i) => generateProgram(i, seed + i));
  const expected = programs.map(interpretProgram);
  const elf = compileBatch(programs, options);
  const results = [onOurMachine(elf), ...(others.qemu ? [onQemu(elf)] : []), ...(others.gcc ? [onHost(programs)] : [])];
  const wrong = programs.filter((_, i) => results.some((words) => words[i] !== expected[i]));
  const found = wrong.slice(0, 1).map((program) => {
    const smallest = reduceProgram(program, (p) => isWrong(p, options));
    const words = [...results.map((all) => all[program.id]), expected[program.id]].join(", ");
    return { seed: seed + program.id, results: `${words} (ours, QEMU and gcc where they are installed, the interpreter)`, source: printDialect(smallest) };
  });
  return { found, distinct: new Set(expected).size };
}

/** Of the batch that begins with this program: nothing is left out of the first; each pass of a quarter of the others. */
function optionsOf(seed: number): CompileOptions {
  if (seed === SEED) return {};
  let state = Math.imul(seed, 0x9e37_79b1) | 1;
  const quarter = (): boolean => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state & 0x300) === 0;
  };
  return { disable: ALL_PASSES.filter(quarter), debug: quarter() };
}

const others: Others = { qemu: haveTool(QEMU), gcc: haveTool("gcc") };
for (let seed = SEED; seed < SEED + COUNT; seed += BATCH) {
  const count = Math.min(BATCH, SEED + COUNT - seed);
  const options = optionsOf(seed);
  const without = options.disable?.length ? ` without ${options.disable.join(", ")}` : "";
  test(`programs ${seed} to ${seed + count - 1}${without}${options.debug ? ", debug build" : ""}`, { timeout: 240_000 }, () => {
    const { found, distinct } = differences(seed, count, options, others);
    const reproduce = found.map((d) => `reproduce: FUZZ_SEED=${d.seed} FUZZ_PROGRAMS=1 npx vitest run test/compiler-fuzz (with the passes of this batch)`);
    expect(found, reproduce.join("\n")).toEqual([]);
    expect(distinct).toBeGreaterThan(count * 0.9 - 1);
  });
}

/** Unsigned comparisons become signed ones. */
function compareSigned(unit: IrUnit): void {
  for (const fn of unit.functions)
    for (const block of fn.blocks) {
      const { end } = block;
      if (end.kind === "branch" && end.condition === "ltu") end.condition = "lt";
    }
}

test("a planted bug is found and reduced to a few lines", { timeout: 120_000 }, () => {
  const { found } = differences(1, 50, { sabotage: compareSigned }, { qemu: false, gcc: false });
  expect(found).toHaveLength(1);
  const lines = found[0]!.source.split("\n").filter((line) => !line.startsWith("sum = sum"));
  expect(lines.length, lines.join("\n")).toBeLessThan(16);
});
