/**
 * The tests of kernel/test run in the guest: all of them on several hart counts and seeds, here and on QEMU. One line for each
 * test of each module must come, or the run fails.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { formatProblem } from "../../src/base/result.ts";
import { build } from "../../src/compiler/build.ts";
import type { CompileInput } from "../../src/compiler/front/index.ts";
import { runOurs } from "../differential/machines.ts";
import { ROOT } from "../tidy/sources.ts";
import { haveTool } from "../tools.ts";

const QEMU = "qemu-system-riscv32";
const FOLDER = "kernel/test";
const ALL = `${FOLDER}/all.ts`;
const ts = createRequire(import.meta.url)("typescript");

/** Names of the tests by module. */
const TESTS: ReadonlyMap<string, readonly string[]> = new Map(
  readdirSync(join(ROOT, FOLDER))
    .filter((name) => name.endsWith(".ts"))
    .map((name) => {
      const text = readFileSync(join(ROOT, FOLDER, name), "utf8");
      return [name, [...text.matchAll(/^export function (test_\w+)\(_arg: u32\)/gm)].map((match) => match[1]!)] as const;
    })
    .filter(([, names]) => names.length > 0),
);
const NAMES = [...TESTS.values()].flat();

function sources(): Map<string, string> {
  const files = new Map<string, string>();
  for (const folder of ["kernel", "firmware"])
    for (const name of readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" }))
      if (name.endsWith(".ts")) files.set(`${folder}/${name}`, readFileSync(join(ROOT, folder, name), "utf8"));
  const lines = [...TESTS].map(([file, names]) => `export { ${names.join(", ")} } from "./${file}";\n`);
  return files.set(ALL, lines.join(""));
}

function compile(config: CompileInput["config"] = {}, change: (files: Map<string, string>) => void = () => {}): Uint8Array {
  const files = sources();
  change(files);
  const entries = ["firmware/start.ts", "kernel/arch/head.ts", "kernel/init/main.ts"];
  const image = build(ts, { files, entries, workload: ALL, tasks: NAMES, config });
  if (!image.ok) throw new Error(image.problems.map(formatProblem).join("\n"));
  return image.value.elf;
}

const bootargs = (seed: number): string => `seed=${seed} ${NAMES.map((name, i) => `task=${name}@${i}`).join(" ")}`;

/** Lines of the kernel's log that are TAP, without the time stamp. */
const tapOf = (console: string): string[] =>
  console.split("\n").flatMap((line) => /^\[ *\d+\.\d+\] ((?:not )?ok .*|# .*)$/.exec(line.trim())?.[1] ?? []);

function judge(console: string): void {
  const tap = tapOf(console);
  expect(tap.filter((line) => !line.startsWith("ok ")), console).toEqual([]);
  expect(tap, console).toHaveLength(NAMES.length);
  expect(console).not.toMatch(/WARNING|BUG|Oops|panic/);
}

const onOurs = (elf: Uint8Array, harts: number, seed: number): string => {
  const config = { harts, memoryBytes: 64 << 20, bootargs: bootargs(seed) };
  const { stop, sent } = runOurs(elf, 2_000_000_000, config);
  const text = Buffer.from(sent).toString();
  expect(stop, text).toEqual({ kind: "poweroff" });
  return text;
};

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
