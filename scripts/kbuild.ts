/**
 * A developer's build driver: compiles kernel and firmware from disk and prints problems.
 *
 *   npx tsx scripts/kbuild.ts --entries firmware/start.ts,kernel/init/main.ts [--workload f.ts] [--task a]...
 *     [--config key=value]... [--debug] [--ir name] [--verify] [--time] [--problems n] [-o build/kernel.elf]
 *
 * Beside the ELF it writes .asm, .sym and .lines. `--ir name` prints the IR of one function (`all`: everything) and stops.
 */
import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { parseArgs } from "node:util";
import { formatProblem, type Problem } from "../src/base/result.ts";
import { generate } from "../src/compiler/back/index.ts";
import {
  compileToIr,
  verifyIr,
  type CompileInput,
  type TypeScript,
} from "../src/compiler/front/index.ts";
import { link } from "../src/compiler/link/index.ts";
import { printIr, printIrFunction } from "../src/compiler/print-ir.ts";

const ROOT = path.resolve(import.meta.dirname, "..");
const FOLDERS = ["kernel", "firmware"];
const DEFAULT_ENTRIES = "firmware/start.ts,kernel/arch/head.ts,kernel/init/main.ts";

export function readSources(
  root: string,
  folders: readonly string[] = FOLDERS,
): Map<string, string> {
  const files = new Map<string, string>();
  for (const folder of folders) {
    const names = fs
      .readdirSync(path.join(root, folder), { recursive: true, encoding: "utf8" })
      .sort();
    for (const name of names) {
      if (!name.endsWith(".ts") || name.endsWith(".test.ts") || name.endsWith(".d.ts")) continue;
      const file = `${folder}/${name.split(path.sep).join("/")}`;
      files.set(file, fs.readFileSync(path.join(root, file), "utf8"));
    }
  }
  return files;
}

function fail(problems: readonly Problem[]): never {
  for (const problem of problems) console.error(`${formatProblem(problem)}\n`);
  console.error(`${problems.length} problem${problems.length === 1 ? "" : "s"}`);
  process.exit(2);
}

function configValue(text: string): string | number | boolean {
  if (text === "true" || text === "false") return text === "true";
  return /^\d+$/.test(text) ? Number(text) : text;
}

const { values } = parseArgs({
  options: {
    entries: { type: "string", default: DEFAULT_ENTRIES },
    workload: { type: "string" },
    task: { type: "string", multiple: true, default: [] },
    config: { type: "string", multiple: true, default: [] },
    ir: { type: "string" },
    verify: { type: "boolean", default: false },
    debug: { type: "boolean", default: false },
    problems: { type: "string", default: "20" },
    time: { type: "boolean", default: false },
    output: { type: "string", short: "o", default: "build/kernel.elf" },
  },
});

const require = createRequire(import.meta.url);
const started = performance.now();
const ts = require("typescript") as TypeScript;
const files = readSources(ROOT);
const workload = values.workload
  ? path.relative(ROOT, path.resolve(values.workload)).split(path.sep).join("/")
  : null;
if (workload !== null && !files.has(workload))
  files.set(workload, fs.readFileSync(path.resolve(values.workload!), "utf8"));
const input: CompileInput = {
  files,
  entries: values.entries.split(",").filter((e) => e !== ""),
  workload,
  tasks: values.task,
  debug: values.debug,
  problemsMax: Number(values.problems),
  config: Object.fromEntries(
    values.config.map((c) => [
      c.slice(0, c.indexOf("=")),
      configValue(c.slice(c.indexOf("=") + 1)),
    ]),
  ),
};

const loaded = performance.now();
const unit = compileToIr(ts, input);
if (!unit.ok) fail(unit.problems);
const lowered = performance.now();
if (values.verify) {
  const wrong = unit.value.functions.flatMap(verifyIr);
  if (wrong.length) fail(wrong.map((message) => ({ message })));
}
if (values.ir !== undefined) {
  const wanted = unit.value.functions.filter((f) => f.symbol === values.ir || f.name === values.ir);
  console.log(values.ir === "all" ? printIr(unit.value) : wanted.map(printIrFunction).join("\n\n"));
  process.exit(wanted.length || values.ir === "all" ? 0 : 2);
}
const functions = generate(unit.value);
const generated = performance.now();
const image = link(unit.value, functions);
if (!image.ok) fail(image.problems);
const linked = performance.now();

fs.mkdirSync(path.dirname(path.resolve(values.output)), { recursive: true });
fs.writeFileSync(values.output, image.value.elf);
const base = values.output.replace(/\.elf$/, "");
const listing = image.value.listing(files);
fs.writeFileSync(`${base}.asm`, listing.asm);
fs.writeFileSync(`${base}.sym`, listing.sym);
fs.writeFileSync(`${base}.lines`, listing.lines);
console.log(
  `${values.output}: ${image.value.elf.length} bytes, ${unit.value.functions.length + unit.value.naked.length} functions`,
);
if (values.time) {
  const ms = (from: number, to: number) => `${(to - from).toFixed(0)} ms`;
  console.log(
    `parser ${ms(started, loaded)}, front ${ms(loaded, lowered)}, back ${ms(lowered, generated)}, link ${ms(generated, linked)}`,
  );
}
