/** Every guest of the bench computes the same on our machine, whatever the mode, and on QEMU. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { MachineConfig } from "../../src/machine/types.ts";
import { haveTool } from "../../test/tools.ts";
import { qemuCommand } from "../measure/engines.ts";
import { flatSource } from "./flat-source.ts";
import { buildGuest } from "./guest.ts";
import { boot, runToEnd } from "./machine.ts";
import { ROWS } from "../rows.ts";
import { sample } from "../measure/sample.ts";

const QEMU = "qemu-system-riscv32";
const CHECKSUM = /^checksum [0-9a-f]{8}$/m;

/** Rounds of a short run. */
const SHORT: Readonly<Record<string, number>> = {
  mix: 3,
  tree: 1,
  flat: 2000,
  lock: 100,
  ticket: 400,
  ttas: 400,
  sharing: 200,
  ring: 3,
};

const CONFIGS: readonly Partial<MachineConfig>[] = [
  { timing: "functional", jit: false },
  { timing: "functional", jit: true },
  { timing: "cycle", jit: false },
  { timing: "cycle", jit: true },
  { timing: "functional", interleave: "exact" },
  { timing: "cycle", interleave: "exact" },
];

test("every guest of the bench has a short run here", () => {
  const guests = new Set(ROWS.map(({ guest }) => guest));
  guests.delete("kernel");
  expect([...guests].sort()).toEqual(Object.keys(SHORT).sort());
});

describe.each(Object.entries(SHORT))("%s", (name, rounds) => {
  const harts = ROWS.find(({ guest }) => guest === name)!.harts;
  let folder = "";
  let file = "";
  let elf: Uint8Array;
  let ours: string[];

  beforeAll(() => {
    const more: Record<string, string> = name === "flat" ? { "flat.ts": flatSource(200) } : {};
    elf = buildGuest(name, { rounds, harts }, more).elf;
    folder = mkdtempSync(join(tmpdir(), "hartlab-guest-"));
    file = join(folder, "guest.elf");
    writeFileSync(file, elf);
    ours = CONFIGS.map((config) => {
      const { stop, console } = runToEnd(boot(elf, { ...config, harts }), 1e8);
      return `${stop} ${CHECKSUM.exec(console)?.[0]}`;
    });
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test("one checksum in all modes", () => {
    expect(ours[0]).toMatch(/^poweroff checksum [0-9a-f]{8}$/);
    expect(ours).toEqual(CONFIGS.map(() => ours[0]));
  });

  test.skipIf(!haveTool(QEMU))("QEMU agrees", () => {
    const run = sample(qemuCommand({ file, bootargs: "", proof: CHECKSUM }, harts, false), 30);
    expect(`poweroff ${CHECKSUM.exec(run.stdout)?.[0]}`).toBe(ours[0]);
    expect(run.status).toBe(0);
  });
});

test("a guest that computes something else has another checksum", () => {
  const checksum = (rounds: number) =>
    runToEnd(boot(buildGuest("mix", { rounds, harts: 1 }).elf, {}), 1e8).console;
  expect(checksum(2)).not.toBe(checksum(3));
});
