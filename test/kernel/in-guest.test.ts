/**
 * The tests of kernel/test run in the guest: all of them on several hart counts and seeds, here and on QEMU. One line for each
 * test of each module must come, or the run fails.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { haveTool } from "../tools.ts";
import { bootargs, compile, FOLDER, judge, NAMES, onOurs, tapOf } from "./guest-tests.ts";

const QEMU = "qemu-system-riscv32";

let elf: Uint8Array;
beforeAll(() => {
  elf = compile();
}, 60_000);

test("there are tests", () => expect(NAMES.length).toBeGreaterThan(2));

describe.each([1, 2, 4])("%i harts", (harts) => {
  test.each([1, 2, 3])("seed %i", (seed) => judge(onOurs(elf, harts, seed)), 60_000);
});

test("a test that loses an object fails, and says how many there were", { timeout: 60_000 }, () => {
  const forgetful = compile({}, (files) => {
    const slab = files.get(`${FOLDER}/slab.ts`)!;
    files.set(`${FOLDER}/slab.ts`, slab.replace("  kfree(zeroed);\n", ""));
  });
  const tap = tapOf(onOurs(forgetful, 2, 1));
  expect(tap).toContainEqual(expect.stringMatching(/^# kmalloc: objects in use after the test: \d+, expected \d+$/));
  expect(tap).toContainEqual(expect.stringMatching(/^not ok \d+ - kmalloc /));
});

test.skipIf(!haveTool(QEMU))("4 harts on QEMU", { timeout: 120_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), "hartlab-guest-"));
  try {
    const file = join(folder, "kernel.elf");
    writeFileSync(file, elf);
    const machine = ["-M", "virt", "-m", "64M", "-smp", "4", "-bios", "none", "-accel", "tcg,thread=multi"];
    const quiet = ["-display", "none", "-monitor", "none", "-serial", "stdio"];
    const args = [...machine, ...quiet, "-kernel", file, "-append", bootargs(1)];
    const qemu = spawnSync(QEMU, args, { encoding: "utf8", timeout: 110_000 });
    expect(qemu.status, qemu.stdout).toBe(0);
    judge(qemu.stdout);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
