/** The firmware as its supervisor sees it: every SBI call of a small guest, on our machine. */
import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { expect, test } from "vitest";
import { formatProblem, type Result } from "../../src/base/result.ts";
import { build } from "../../src/compiler/build.ts";
import { createMachine } from "../../src/machine/machine.ts";

const ROOT = path.resolve(import.meta.dirname, "../..");
const ts = createRequire(import.meta.url)("typescript");

function value<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(result.problems.map(formatProblem).join("\n"));
  return result.value;
}

function sources(): Map<string, string> {
  const files = new Map<string, string>();
  for (const folder of ["kernel", "firmware"]) {
    for (const name of fs.readdirSync(path.join(ROOT, folder), {
      recursive: true,
      encoding: "utf8",
    })) {
      if (name.endsWith(".ts"))
        files.set(`${folder}/${name}`, fs.readFileSync(path.join(ROOT, folder, name), "utf8"));
    }
  }
  files.set(
    "kernel/guest/sbi.ts",
    fs.readFileSync(path.join(import.meta.dirname, "guests/sbi.ts"), "utf8"),
  );
  return files;
}

test("the firmware answers as the SBI specification says", () => {
  const image = value(
    build(ts, {
      files: sources(),
      entries: ["firmware/start.ts", "kernel/arch/head.ts", "kernel/guest/sbi.ts"],
      workload: null,
      tasks: [],
      config: {},
    }),
  );
  const machine = value(
    createMachine({
      harts: 2,
      memoryBytes: 16 << 20,
      timing: "functional",
      interleave: "exact",
      bootargs: "",
      lab: false,
      recordMarks: false,
    }),
  );
  value(machine.loadElf(image.elf));
  let console = "";
  for (;;) {
    const stop = machine.run({ maxInstructions: 5_000_000 });
    console += Buffer.from(machine.drainConsole()).toString();
    if (stop.kind === "drain") continue;
    expect(stop).toEqual({ kind: "failure", code: 1 });
    break;
  }
  expect(console).toMatchInlineSnapshot(`
    "hartlab firmware 0.1: 2 harts, SBI v2.0
    version: error 0 value 0x2000000
    probe DBCN: error 0 value 0x1
    probe PMU: error 0 value 0x0
    no such extension: error -2 value 0x0
    no such function: error -2 value 0x0
    status of hart 1: error 0 value 0x1
    status of hart 9: error -3 value 0x0
    start hart 9: error -3 value 0x0
    start hart 1: error 0 value 0x0
    start hart 1 again: error -6 value 0x0
    status of hart 1: error 0 value 0x0
    ipi: error 0 value 0x0
    ipi to nobody: error -3 value 0x0
    fence.i: error 0 value 0x0
    fences that failed: 0
    hart 1 stopped, done 3
    start it anew: error 0 value 0x0
    suspend: error 0 value 0x0
    timer pending 1, not early 1
    timer pending 0
    suspend without state: error -2 value 0x0
    *
    reset of no kind: error -3 value 0x0
    "
  `);
});
