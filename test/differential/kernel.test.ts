/**
 * The same kernel.elf on our machine and on QEMU finds the same planted leaks, by the function that lost them and the size.
 * Under QEMU guest time is host time and harts race for real, so ages are a second and more (ABI.md section 2); verdict only.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ConsoleReader, type LeakReport } from "../../src/lab/observe/leak-report.ts";
import { LOST_OBJECT, run } from "../scenario/run.ts";
import { ROOT } from "../tidy/sources.ts";
import { haveTool } from "../tools.ts";

const QEMU = "qemu-system-riscv32";
let folder = "";
let elf = "";

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "hartlab-kernel-"));
  const command = [join(ROOT, "dist/hartlab.js"), "build", LOST_OBJECT, "--out", folder];
  const built = spawnSync(process.execPath, command, { cwd: ROOT, encoding: "utf8" });
  expect(built.status, built.stderr).toBe(0);
  elf = join(folder, "kernel.elf");
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The scenario's tasks, with ages and times that fit a host's clock. */
const APPEND = [
  "seed=1 kmemleak.min_age=1s task=keep_on_stack@1",
  "task=lose_kmalloc@0 task=lose_registered@1 task=lose_vmalloc@2 task=lose_chain@3 task=lose_cycle@0",
  "task=keep_interior@1 task=keep_in_heap@2 task=keep_in_bss@3 task=keep_in_percpu@0",
  "task=keep_not_leak@1 task=keep_ignored@2 task=churn@all+200ms task=scan@0+2s task=scan@2+3s task=last_scan@1+4s",
].join(" ");

/**
 * `function size` of each block that any of the reports names: the innermost frame that belongs to the workload. One report
 * of a real race may lack a block: while the host holds back a virtual CPU between allocating a block and filling it, the
 * block's old contents are scanned, and may hold a stale address (seen in 1 of 24 scans).
 */
function leaks(...reports: LeakReport[]): string[] {
  const blocks = new Map(reports.flatMap((report) => report.leaks).map((leak) => [leak.address, leak]));
  return [...blocks.values()]
    .map(({ size, backtrace }) => {
      const frame = backtrace.find(({ symbol }) => symbol.startsWith("lose_"));
      return `${frame?.symbol.split("+")[0]} ${size}`;
    })
    .sort();
}

function read(text: string): ConsoleReader {
  const reader = new ConsoleReader();
  reader.push(new TextEncoder().encode(text));
  reader.finish();
  return reader;
}

test.skipIf(!haveTool(QEMU))("kernel.elf reports the same leaks on QEMU with 4 harts", () => {
  const machine = ["-M", "virt", "-m", "64M", "-smp", "4", "-bios", "none", "-seed", "1", "-accel", "tcg,thread=multi"];
  const quiet = ["-display", "none", "-monitor", "none", "-serial", "stdio"];
  const args = [...machine, ...quiet, "-kernel", elf, "-append", APPEND];
  const qemu = spawnSync(QEMU, args, { encoding: "utf8", timeout: 55_000, maxBuffer: 1 << 26 });
  expect(qemu.status, `${qemu.stdout}${qemu.stderr}`).toBe(0);
  const theirs = read(qemu.stdout);
  expect(theirs.complaints).toEqual([]);
  expect(theirs.reports).toHaveLength(3);

  const ours = read(run(LOST_OBJECT).result.console);
  expect(ours.reports).toHaveLength(2);
  const expected = leaks(ours.reports[1]!);
  expect(expected).toHaveLength(10);
  expect(leaks(...theirs.reports)).toEqual(expected);
});

test.skipIf(!haveTool("gdb-multiarch"))("gdb reads the ELF and lists TypeScript for kernel symbols", () => {
  const script = ["list kmemleak_scan", "info line create_object", "info address spin_lock"];
  const args = ["-batch", "-nx", ...script.flatMap((line) => ["-ex", line]), elf];
  const gdb = spawnSync("gdb-multiarch", args, { cwd: ROOT, encoding: "utf8", timeout: 50_000 });
  const source = readFileSync(join(ROOT, "kernel/mm/kmemleak/scan.ts"), "utf8");
  const line = source.split("\n").findIndex((text) => text.startsWith("export function kmemleak_scan("));
  expect(gdb.stdout).toContain(`${line + 1}\texport function kmemleak_scan(): u32 {`);
  expect(gdb.stdout).toMatch(/Line \d+ of ".*kernel\/mm\/kmemleak\/create\.ts" starts at address 0xc[0-9a-f]+/);
});
