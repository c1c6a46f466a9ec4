/** Every command that README.md and the help texts show works as shown. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ROOT } from "../tidy/sources.ts";

function hartlab(...args: string[]) {
  return spawnSync(process.execPath, [join(ROOT, "dist/hartlab.js"), ...args], {
    cwd: ROOT,
    encoding: "utf8",
    maxBuffer: 1 << 28,
    env: { ...process.env, NO_COLOR: "1" },
  });
}

const README = readFileSync(join(ROOT, "README.md"), "utf8");
const commands = [...README.matchAll(/^npx hartlab (.*)$/gm)].map((match) => match[1]!);

test("README shows commands", () => {
  expect(commands.length).toBeGreaterThan(2);
  expect(README.split("\n").length).toBeLessThan(70);
});

test.each(commands)("README: hartlab %s", (command) => {
  const child = hartlab(...command.trim().split(/\s+/));
  expect(child.status, child.stderr).toBe(0);
});

test("run prints conditions on stderr, and on stdout the verdict first and last", () => {
  const child = hartlab("run", "scenarios/kmemleak/lost-object.yaml");
  expect(child.status).toBe(0);
  for (const word of ["scenario", "seed", "harts", "memory", "timing", "sequentially consistent", "configuration"]) {
    expect(child.stderr).toContain(word);
  }
  const lines = child.stdout.trimEnd().split("\n");
  expect(lines[0]).toMatch(/^PASS .*10 of 10/);
  expect(lines.at(-1)).toBe(lines[0]);
  for (const text of [
    "hartlab firmware",
    "smp: Brought up 4 of 4 CPUs",
    "---- kmemleak scan 2 ----",
    "unreferenced object 0x",
    "lost-object.ts:",
    "lock_stat version 0.4",
  ]) {
    expect(child.stdout).toContain(text);
  }
});

test("build writes the image and its listings", () => {
  const folder = mkdtempSync(join(tmpdir(), "hartlab-build-"));
  try {
    const child = hartlab("build", "--out", folder);
    expect(child.status, child.stderr).toBe(0);
    expect(readdirSync(folder).sort()).toEqual(["kernel.asm", "kernel.elf", "kernel.lines", "kernel.sizes", "kernel.sym"]);
    const again = mkdtempSync(join(tmpdir(), "hartlab-build-"));
    hartlab("build", "--out", again);
    expect(readFileSync(join(again, "kernel.elf"))).toEqual(readFileSync(join(folder, "kernel.elf")));
    const debug = hartlab("build", "--debug", "--out", again);
    expect(debug.status, debug.stderr).toBe(0);
    expect(readFileSync(join(again, "kernel.elf"))).not.toEqual(readFileSync(join(folder, "kernel.elf")));
    expect(readFileSync(join(folder, "kernel.sizes"), "utf8")).toMatch(/^subsystem.*\nkernel\/\w+ .*\ntotal +\d+/s);
    rmSync(again, { recursive: true });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("a pass that does not exist is a sentence with those that do", () => {
  const unknown = hartlab("build", "--disable-pass", "nosuch");
  expect(unknown.status).toBe(2);
  expect(unknown.stderr).toContain("--disable-pass nosuch: there is no such pass\n  The passes are inline, rotate, simplify");
});

test("a folder that cannot be made is a sentence", () => {
  const child = hartlab("build", "--out", "/proc/nope/deep");
  expect(child.status).toBe(2);
  expect(child.stderr).toContain("cannot write /proc/nope/deep/kernel.elf");
});

test("build --firmware writes what `hartlab boot --bios` and QEMU's -bios take", () => {
  const folder = mkdtempSync(join(tmpdir(), "hartlab-build-"));
  try {
    expect(hartlab("build", "--firmware", "--out", folder).status).toBe(0);
    expect(readdirSync(folder)).toEqual(["firmware.elf"]);
    expect(hartlab("build", "x.yaml", "--firmware", "--out", folder).status).toBe(2);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("help, version, config", () => {
  expect(hartlab("--help").stdout).toMatch(/run.*build.*config/s);
  expect(hartlab("run", "--help").stdout).toContain("Exit codes:");
  expect(hartlab("--version").stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  const { keys } = JSON.parse(hartlab("config", "--json").stdout) as { keys: { key: string }[] };
  expect(keys.map(({ key }) => key)).toContain("kmemleak.design");
});

test("the line after `reproduce:` runs the failure again", () => {
  const failing = ["run", "scenarios/kmemleak/lost-object.yaml", "--harts", "2", "--set", "expect.transient=some"];
  const first = hartlab(...failing);
  expect(first.status).toBe(1);
  const line = /^reproduce: hartlab (.*)$/m.exec(first.stdout)?.[1];
  expect(line).toBeDefined();
  const second = hartlab(...line!.split(" "));
  expect(second.status).toBe(1);
  expect(second.stdout).toBe(first.stdout);
});

test("doctor says what the installation can do", () => {
  const child = hartlab("doctor", "--json");
  expect(child.status, child.stdout).toBe(0);
  const { fit, findings } = JSON.parse(child.stdout) as { fit: boolean; findings: { what: string; state: string }[] };
  expect(fit).toBe(true);
  expect(findings.map(({ what }) => what)).toEqual(expect.arrayContaining(["Node.js", "TypeScript compiler", "image cache", "qemu-system-riscv32"]));
});

test("doctor --timing prints figures beside constants", () => {
  const text = hartlab("doctor", "--timing");
  expect(text.status, text.stdout).toBe(0);
  expect(text.stdout).toMatch(/^ {2}ok {2}load-bytes 4194304 +\d+\.\d\d +\d+\.\d\d {2}memory$/m);
  expect(text.stdout).toMatch(/^ {2}memory +120 .*estimate: /m);
  const json = JSON.parse(hartlab("doctor", "--timing", "--json").stdout) as { checks: unknown[]; constants: Record<string, { cycles: number }> };
  expect(json.checks.length).toBeGreaterThan(40);
  expect(json.constants.memory!.cycles).toBe(120);
});
