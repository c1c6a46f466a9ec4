/**
 * The tests of kernel/test run in the guest, here and on QEMU. One line for each test of each module must come, or the run fails.
 *
 * Not the full product: MATRIX covers every preemption model with 1 or 2 and with 4 or 8 harts, both kinds of spinlock in several models,
 * and a seed of its own for each run; QEMU sees every model once. Kernels with and without swap stand side by side.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { haveTool } from "../tools.ts";
import { bootargs, compile, FOLDER, judge, NAMES, namesOf, onOurs, replaceIn, SWAP_NAMES, tapOf } from "./guest-tests.ts";

const QEMU = "qemu-system-riscv32";

/** All tests on eight harts. */
const BUDGET = 8_000_000_000;

interface Kernel {
  readonly preempt: "none" | "voluntary" | "full" | "rt";
  readonly spinlock: "ticket" | "mcs";
  readonly spinOnOwner?: true;
  readonly swap?: true;
  readonly runs: readonly (readonly [harts: number, seed: number])[];
  readonly qemu?: true;
}

const MATRIX: readonly Kernel[] = [
  { preempt: "none", spinlock: "ticket", swap: true, runs: [[1, 1], [4, 2]], qemu: true },
  { preempt: "voluntary", spinlock: "mcs", runs: [[2, 3], [4, 4]], qemu: true },
  { preempt: "full", spinlock: "ticket", runs: [[1, 5], [2, 6], [4, 7], [8, 8]], qemu: true },
  { preempt: "full", spinlock: "mcs", spinOnOwner: true, swap: true, runs: [[4, 9]] },
  { preempt: "rt", spinlock: "ticket", swap: true, runs: [[2, 10], [4, 11]], qemu: true },
  { preempt: "rt", spinlock: "mcs", runs: [[1, 12], [8, 13]] },
];

test("there are tests", () => expect(NAMES.length).toBeGreaterThan(2));

/** On QEMU, where harts run at the same time. */
function onQemu(elf: Uint8Array, names: readonly string[], harts = 4): string {
  const folder = mkdtempSync(join(tmpdir(), "hartlab-guest-"));
  try {
    const file = join(folder, "kernel.elf");
    writeFileSync(file, elf);
    const machine = ["-M", "virt", "-m", "64M", "-smp", String(harts), "-bios", "none", "-accel", "tcg,thread=multi"];
    const quiet = ["-display", "none", "-monitor", "none", "-serial", "stdio"];
    const args = [...machine, ...quiet, "-kernel", file, "-append", bootargs(1, names)];
    const qemu = spawnSync(QEMU, args, { encoding: "utf8", timeout: 230_000 });
    expect(qemu.status, qemu.stdout).toBe(0);
    return qemu.stdout;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe.each(MATRIX)("preempt=$preempt, $spinlock spinlocks", ({ preempt, spinlock, spinOnOwner = false, swap = false, runs, qemu }) => {
  const names = swap ? [...NAMES, ...SWAP_NAMES] : NAMES;
  let elf: Uint8Array;
  beforeAll(() => {
    elf = compile({ preempt, "spinlock.kind": spinlock, "mutex.spin_on_owner": spinOnOwner, "debug.mutexes": true, "swap.enabled": swap });
  }, 120_000);

  test.each(runs)("%i harts, seed %i", { timeout: 240_000 }, (harts, seed) => judge(onOurs(elf, harts, seed, names, BUDGET), names));

  if (qemu && haveTool(QEMU)) {
    test("4 harts on QEMU", { timeout: 240_000 }, () => judge(onQemu(elf, NAMES), NAMES));
    // Reclaim on several harts of a host with fewer cores takes minutes (docs/kernel/memory.md).
    if (swap) test("swap, 1 hart on QEMU", { timeout: 240_000 }, () => judge(onQemu(elf, SWAP_NAMES, 1), SWAP_NAMES));
  }
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

test.each([
  ["a mutex", "", "mutex_lock(lock);", /^# mutex: mutexes held after the test: 2, expected 1$/],
  ["a page", 'import { alloc_pages } from "../mm/page_alloc.ts";', "alloc_pages(0, 0);", /^# mutex: free pages after the test: \d+, expected \d+$/],
  ["migrate_disable", 'import { migrate_disable } from "../sched/affinity.ts";', "migrate_disable();", /^# mutex: depth of migrate_disable after the test: 1, expected 0$/],
])("a test that leaves %s behind fails", { timeout: 60_000 }, (_what, more, statement, complaint) => {
  const elf = compile({ "debug.mutexes": true }, (files) => {
    const file = `${FOLDER}/mutex.ts`;
    const before = "  if (num_online_cpus() === 1) return;\n";
    replaceIn(files, file, before, `  ${statement}\n${before}`);
    files.set(file, `${more}\n${files.get(file)!}`);
  });
  expect(tapOf(onOurs(elf, 1, 1, namesOf("mutex")))).toContainEqual(expect.stringMatching(complaint));
});
