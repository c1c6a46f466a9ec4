/** The firmware as its supervisor sees it: every SBI call of a small guest, on our machine and on QEMU. */
import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { expect, test } from "vitest";
import { formatProblem, type Result } from "../../src/base/result.ts";
import { guestSources } from "../../src/cli/files.ts";
import { build } from "../../src/compiler/build.ts";
import { QEMU, runOurs, runQemu } from "../differential/machines.ts";
import { haveTool } from "../tools.ts";

const ROOT = path.resolve(import.meta.dirname, "../..");
const ts = createRequire(import.meta.url)("typescript");

function value<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(result.problems.map(formatProblem).join("\n"));
  return result.value;
}

function sources(): Map<string, string> {
  const files = guestSources(ROOT);
  files.set(
    "kernel/guest/sbi.ts",
    fs.readFileSync(path.join(import.meta.dirname, "guests/sbi.ts"), "utf8"),
  );
  return files;
}

const IMAGE = value(
  build(ts, {
    files: sources(),
    entries: ["firmware/start.ts", "kernel/arch/head.ts", "kernel/guest/sbi.ts"],
    workload: null,
    tasks: [],
    config: {},
  }),
);

test("the firmware answers as the SBI specification says", () => {
  const { sent, stop } = runOurs(IMAGE.elf, 5_000_000, { harts: 2, interleave: "exact" });
  expect(Buffer.from(sent).toString()).toMatchInlineSnapshot(`
    "hartlab firmware 0.1: 2 harts, SBI v2.0
    version: error 0 value 0x2000000
    probe DBCN: error 0 value 0x1
    probe legacy sfence: error 0 value 0x1
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
    ipi to all, mask ignored: error 0 value 0x0
    my own ipi pending: 1
    fence.i: error 0 value 0x0
    fences that failed: 0
    fence of a guest: error -2 value 0x0
    fence by an asid: error 0 value 0x0
    hart 1 reads 12
    fence over a page's end: error 0 value 0x0
    hart 1 reads 23
    fence by its asid: error 0 value 0x0
    hart 1 reads 33
    start a suspended hart: error -6 value 0x0
    hart 1 resumed, ipi pending 1
    ipi to a stopped hart: error 0 value 0x0
    fence of a stopped hart: error 0 value 0x0
    start it anew: error 0 value 0x0
    hart 1 started, ipi pending 0
    suspend: error 0 value 0x0
    timer pending 1, not early 1
    timer pending 0
    legacy timer pending 1
    suspend of a reserved kind: error -3 value 0x0
    suspend of a platform's kind: error -2 value 0x0
    clear ipi: 0
    ipi to myself: 0
    clear ipi: 1
    fence.i: 0
    fence of all harts: 0
    fence by asid: 0
    ipi to nobody: -3
    mask at a bad address: cause 13 value 0x40000000
    getchar: -1
    no such call: -2
    write from nowhere: error -3 value 0x0
    write from above 4 GiB: error -3 value 0x0
    write from the firmware: error -3 value 0x0
    write past the end: error -3 value 0x0
    read into the firmware: error -3 value 0x0
    read: error 0 value 0x0
    *
    reset of no kind: error -3 value 0x0
    reset for no reason: error -3 value 0x0
    reset of a platform's kind: error -2 value 0x0
    "
  `);
  expect(stop).toEqual({ kind: "failure", code: 1 });
});

test.skipIf(!haveTool(QEMU))("it answers the same under QEMU, with and without stimecmp", () => {
  const ours = runOurs(IMAGE.elf, 5_000_000, { harts: 2, interleave: "exact" }).sent;
  for (const cpu of ["rv32", "rv32,sstc=off"]) {
    const theirs = runQemu(IMAGE.elf, 2, ["-cpu", cpu]);
    expect(Buffer.from(theirs).toString(), cpu).toBe(Buffer.from(ours).toString());
  }
});
