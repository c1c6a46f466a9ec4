/**
 * What the debug sections of optimised code say of a variable is true: at every tick of random programs, in every frame,
 * a variable has the value that it has in a debug build, where all of them live in memory, or is optimised away.
 */
import { createRequire } from "node:module";
import { expect, test } from "vitest";
import { formatProblem } from "../../src/base/result.ts";
import { Availability } from "../../src/compiler/back/debug/availability.ts";
import { generate, type GenerateOptions } from "../../src/compiler/back/index.ts";
import { compileToIr, type TypeScript } from "../../src/compiler/front/index.ts";
import type { IrUnit } from "../../src/compiler/ir.ts";
import { link } from "../../src/compiler/link/index.ts";
import { OPT_PASSES } from "../../src/compiler/opt/index.ts";
import { generateProgram } from "../compiler-fuzz/generate.ts";
import { printDialect } from "../compiler-fuzz/print.ts";
import { readFileSync } from "node:fs";
import { Trace, type Tick } from "./trace.ts";

const COUNT = Number(process.env["FUZZ_COUNT"] ?? 100);
const SEED = Number(process.env["FUZZ_SEED"] ?? 1);
const TICKS_MAX = 300;
const ts = createRequire(import.meta.url)("typescript") as TypeScript;
const MATH = readFileSync(new URL("../../kernel/lib/math64.ts", import.meta.url), "utf8");

/** The program with a volatile store behind every statement of a function: both builds make all of them, in order. */
function withTicks(source: string, id: number): string {
  let ticks = 0;
  // Declarations of the module stand at column 0 and in one line each, outside of all braces; classes hold fields, not statements.
  let depth = 0;
  let fields = false;
  const ticked = source.replace(/\bclass \w+|[{}]|;\n/g, (found) => {
    if (found === "{") depth++;
    else if (found === "}") fields = --depth > 0 && fields;
    else if (found !== ";\n") fields = true;
    else if (depth > 0 && !fields) return `; WRITE_ONCE(ticks, u32(${++ticks}));\n`;
    return found;
  });
  return `export let ticks: u32 = 0;
export function _start(): void {
  "naked";
  asm\`
    li sp, 0x800f0000
    li s0, 0
    call \${main_${id}}
1:  j 1b\`;
}
${ticked}`;
}

function compile(source: string, debug: boolean, options: GenerateOptions, sabotage?: (unit: IrUnit) => void): Uint8Array {
  const files = new Map([["firmware/p.ts", source], ["kernel/lib/math64.ts", MATH]]);
  const unit = compileToIr(ts, { files, entries: ["firmware/p.ts"], workload: null, tasks: [], config: {}, debug });
  if (!unit.ok) throw new Error(unit.problems.map(formatProblem).join("\n"));
  sabotage?.(unit.value);
  const image = link(unit.value, generate(unit.value, options));
  if (!image.ok) throw new Error(image.problems.map(formatProblem).join("\n"));
  return image.value.elf;
}

interface Outcome {
  readonly wrong: string[];
  shown: number;
  lost: number;
}

/** Whether a value may be an address in the program or on its stack. */
function inRam(value: number | bigint): boolean {
  return value >= 0x8000_0000 && value < 0x8010_0000;
}

function compare(seed: number, optimised: readonly Tick[], kept: readonly Tick[], outcome: Outcome): void {
  const say = (text: string): void => {
    outcome.wrong.push(`seed ${seed}: ${text}`);
  };
  if (optimised.length !== kept.length) return say(`${optimised.length} ticks, not ${kept.length}`);
  optimised.forEach((tick, i) => {
    const other = kept[i]!;
    const names = (t: Tick): string => t.levels.map(({ name }) => name).join(" < ");
    if (tick.id !== other.id || names(tick) !== names(other)) return say(`tick ${i} is ${tick.id} in ${names(tick)}, not ${other.id} in ${names(other)}`);
    tick.levels.forEach((level, depth) => {
      const truth = new Map([...other.levels[depth]!.variables].reverse().map(({ name, value }) => [name, value]));
      const seen = new Set<string>();
      for (const { name, value } of level.variables) {
        const expected = truth.get(name);
        if (seen.has(name) || expected === undefined || expected === null) continue;
        seen.add(name);
        // Two builds place code and data differently: pointers cannot be compared.
        if (inRam(expected) && (value === null || inRam(value))) continue;
        if (value === null) outcome.lost++;
        else if (value === expected) outcome.shown++;
        else say(`tick ${i} (${tick.id}): ${name} in ${level.name} at depth ${depth} is ${expected}, shown as ${value}`);
      }
    });
  });
}

function check(seed: number, count: number, options: GenerateOptions = {}, sabotage?: (unit: IrUnit) => void): Outcome {
  const outcome: Outcome = { wrong: [], shown: 0, lost: 0 };
  for (let i = 0; i < count; i++) {
    const source = withTicks(printDialect(generateProgram(0, seed + i)), 0);
    const kept = new Trace(compile(source, true, {}), TICKS_MAX).run().ticks;
    const elf = compile(source, false, options, sabotage);
    try {
      compare(seed + i, new Trace(elf, TICKS_MAX).run().ticks, kept, outcome);
    } catch (error) {
      // A location that cannot be followed, such as a register that a callee may have changed.
      outcome.wrong.push(`seed ${seed + i}: ${(error as Error).message}`);
    }
  }
  return outcome;
}

const LEFT_OUT = [null, ...OPT_PASSES, "coalesce", "hoist-constants"] as const;
const BATCH = 20;
for (let at = 0; at < COUNT; at += BATCH) {
  const leftOut = LEFT_OUT[(at / BATCH) % LEFT_OUT.length]!;
  test(`programs from ${SEED + at}${leftOut === null ? "" : ` without ${leftOut}`}`, { timeout: 120_000 }, () => {
    const { wrong, shown, lost } = check(SEED + at, Math.min(BATCH, COUNT - at), leftOut === null ? {} : { disable: [leftOut] });
    expect(wrong, `reproduce: FUZZ_SEED=${SEED + at} FUZZ_COUNT=${BATCH} npx vitest run test/compiler-debug`).toEqual([]);
    expect(shown).toBeGreaterThan(lost);
    if (process.env["FUZZ_VERBOSE"]) console.log(`${shown} shown, ${lost} lost`);
  });
}

test("it is seen when a register that was given away still counts as the variable's", { timeout: 120_000 }, () => {
  const { forget } = Availability.prototype;
  Availability.prototype.forget = () => {};
  try {
    expect(check(1, 5).wrong.length).toBeGreaterThanOrEqual(5);
  } finally {
    Availability.prototype.forget = forget;
  }
});
