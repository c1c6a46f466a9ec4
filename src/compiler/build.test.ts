/** The real kernel through the compiler: well-formed IR, and the same bytes every time. */
import fs from "node:fs";
import { createRequire } from "node:module";
import { expect, test } from "vitest";
import { formatProblem } from "../base/result.ts";
import { build, type CompileInput, type TypeScript } from "./build.ts";
import { compileToIr, verifyIr } from "./front/index.ts";

const typescript = createRequire(import.meta.url)("typescript") as TypeScript;

function sources(): Map<string, string> {
  const files = new Map<string, string>();
  for (const folder of ["kernel", "firmware"]) {
    for (const name of fs.readdirSync(folder, { recursive: true, encoding: "utf8" }).sort()) {
      const path = `${folder}/${name}`;
      if (/\.ts$/.test(path) && !/\.(d|test)\.ts$/.test(path))
        files.set(path, fs.readFileSync(path, "utf8"));
    }
  }
  return files;
}

const ENTRIES = ["firmware/start.ts", "kernel/arch/head.ts", "kernel/init/main.ts"];
const input: CompileInput = {
  files: sources(),
  entries: ENTRIES,
  workload: null,
  tasks: ["churn"],
  config: {},
};

test("every function of kernel and firmware is well-formed IR", () => {
  const unit = compileToIr(typescript, input);
  if (!unit.ok) throw new Error(unit.problems.map(formatProblem).join("\n"));
  expect(unit.value.functions.length).toBeGreaterThan(100);
  expect(unit.value.functions.flatMap(verifyIr)).toEqual([]);
  const chain = (loc: number): number =>
    loc ? 1 + chain(unit.value.locations[loc]!.inlinedAt) : 0;
  expect(Math.max(...unit.value.locations.map((_, i) => chain(i)))).toBeGreaterThan(3);
});

test("marks leave no trace when they are switched off", () => {
  const unit = compileToIr(typescript, { ...input, config: { marks: false } });
  expect(unit.ok).toBe(true);
  if (!unit.ok) return;
  const ops = unit.value.functions.flatMap((f) =>
    f.blocks.flatMap((b) => b.values.map((v) => v.op)),
  );
  expect(ops).not.toContain("mark");
});

test("two builds give the same bytes, whatever the order of the files", () => {
  const first = build(typescript, input);
  const second = build(typescript, { ...input, files: new Map([...input.files].reverse()) });
  if (!first.ok) throw new Error(first.problems.map(formatProblem).join("\n"));
  expect(second.ok && Buffer.compare(second.value.elf, first.value.elf)).toBe(0);
});
