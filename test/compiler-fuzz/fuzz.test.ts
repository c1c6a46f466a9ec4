/**
 * Random programs mean the same on our machine, on QEMU and, as C, to gcc. Each batch is compiled with another pass of the
 * optimiser left out, so that every pass is also tested by its absence.
 *
 * FUZZ_COUNT programs from FUZZ_SEED on (default 2000 from 1; a batch is 200). A difference is reduced and printed as source.
 */
import { expect, test } from "vitest";
import { OPT_PASSES } from "../../src/compiler/opt/index.ts";
import type { IrUnit } from "../../src/compiler/ir.ts";
import { QEMU } from "../differential/machines.ts";
import { haveTool } from "../tools.ts";
import { generateProgram } from "./generate.ts";
import { printDialect } from "./print.ts";
import type { Program } from "./program.ts";
import { reduceProgram } from "./reduce.ts";
import { compileBatch, onHost, onOurMachine, onQemu, type CompileOptions } from "./run.ts";

const COUNT = Number(process.env["FUZZ_COUNT"] ?? 2000);
const SEED = Number(process.env["FUZZ_SEED"] ?? 1);
const BATCH = 200;
const LEFT_OUT = [null, ...OPT_PASSES, "coalesce", "hoist-constants"] as const;

interface Difference {
  readonly seed: number;
  readonly results: string;
  readonly source: string;
}

/** Whether one program alone is compiled wrongly; a program that does not compile is not. */
function isWrong(program: Program, options: CompileOptions): boolean {
  try {
    return onOurMachine(compileBatch([program], options))[0] !== onHost([program])[0];
  } catch {
    return false;
  }
}

function differences(seed: number, count: number, options: CompileOptions, qemu: boolean): { found: Difference[]; distinct: number } {
  const programs = Array.from({ length: count }, (_, i) => generateProgram(i, seed + i));
  const elf = compileBatch(programs, options);
  const expected = onHost(programs);
  const results = [onOurMachine(elf), ...(qemu ? [onQemu(elf)] : [])];
  const wrong = programs.filter((_, i) => results.some((words) => words[i] !== expected[i]));
  const found = wrong.slice(0, 1).map((program) => {
    const smallest = reduceProgram(program, (p) => isWrong(p, options));
    const words = [...results.map((all) => all[program.id]), expected[program.id]].join(", ");
    return { seed: seed + program.id, results: `${words} (ours, QEMU if it ran, gcc)`, source: printDialect(smallest) };
  });
  return { found, distinct: new Set(expected).size };
}

const tools = [haveTool("gcc"), haveTool(QEMU)];
for (let at = 0; at < COUNT; at += BATCH) {
  const leftOut = LEFT_OUT[(at / BATCH) % LEFT_OUT.length]!;
  const count = Math.min(BATCH, COUNT - at);
  const name = `programs ${SEED + at} to ${SEED + at + count - 1}${leftOut === null ? "" : ` without ${leftOut}`}`;
  test.skipIf(!tools.every(Boolean))(name, { timeout: 120_000 }, () => {
    const options = leftOut === null ? {} : { disable: [leftOut] };
    const { found, distinct } = differences(SEED + at, count, options, true);
    const reproduce = found.map((d) => `reproduce: FUZZ_SEED=${d.seed} FUZZ_COUNT=1 npx vitest run test/compiler-fuzz`);
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

test.skipIf(!tools.every(Boolean))("a planted bug is found and reduced to a few lines", { timeout: 120_000 }, () => {
  const { found } = differences(1, 50, { sabotage: compareSigned }, false);
  expect(found).toHaveLength(1);
  const lines = found[0]!.source.split("\n").filter((line) => !line.startsWith("sum = sum"));
  expect(lines.length, lines.join("\n")).toBeLessThan(16);
});
