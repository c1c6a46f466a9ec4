/** The machine needs nothing of Node: bundled for a browser it runs a guest in a context that has only the language and the
 * web's text codecs. */
import { createContext, runInContext } from "node:vm";
import { build } from "esbuild";
import { expect, test } from "vitest";
import { createMachine } from "../src/machine/machine.ts";
import type { Machine, MachineConfig } from "../src/machine/types.ts";
import { Assembler } from "../src/machine/test-assembler.ts";
import { elfFile } from "../src/machine/test-elf.ts";
import { ROOT } from "./tidy/sources.ts";

const CONFIG: MachineConfig = {
  harts: 2, memoryBytes: 8 << 20, timing: "cycle", interleave: "ahead", bootargs: "", lab: false, recordMarks: false,
};

function guest(): Uint8Array {
  const code = new Assembler().li("s0", 0x8001_0000).li("t0", 5000).label("again").op("addi", "t1", "zero", 1);
  code.op("amoadd.w", "t2", "s0", "t1").op("addi", "t0", "t0", -1).branch("bne", "t0", "zero", "again").label("wait");
  code.load("lw", "t0", "s0").li("t1", 10_000).branch("bne", "t0", "t1", "wait").li("t0", 0x10_0000).li("t1", 0x5555);
  return elfFile({ segments: [{ physical: 0x8000_0000, bytes: code.store("sw", "t1", "t0").bytes() }] });
}

function outcome(machine: Machine): string {
  const loaded = machine.loadElf(guest());
  return `${loaded.ok} ${machine.run({ maxInstructions: 1e6 }).kind} ${machine.hash()}`;
}

test("without any global of Node or the browser the same guest gives the same machine", async () => {
  const bundled = await build({
    absWorkingDir: ROOT, entryPoints: ["src/machine/machine.ts"], bundle: true, format: "iife", globalName: "machine",
    platform: "browser", target: "es2022", write: false, logLevel: "silent",
  });
  const source = bundled.outputFiles[0]!.text;
  const context = createContext({ TextDecoder, TextEncoder });
  expect(runInContext("typeof process + typeof require + typeof Buffer + typeof setTimeout", context)).toBe("undefined".repeat(4));
  runInContext(source, context);
  const isolated = runInContext("machine", context) as { createMachine: typeof createMachine };
  const [inside, here] = [isolated.createMachine(CONFIG), createMachine(CONFIG)];
  if (!inside.ok || !here.ok) throw new Error("no machine");
  expect(outcome(inside.value)).toBe(outcome(here.value));
  expect(outcome(createdAnew())).toContain("true poweroff");
});

function createdAnew(): Machine {
  const made = createMachine(CONFIG);
  if (!made.ok) throw new Error("no machine");
  return made.value;
}

test("sixty-four harts count together and stop", () => {
  const made = createMachine({ ...CONFIG, harts: 64 });
  if (!made.ok) throw new Error("no machine");
  const code = new Assembler().li("s0", 0x8001_0000).op("addi", "t1", "zero", 1).op("amoadd.w", "t2", "s0", "t1");
  code.label("wait").load("lw", "t0", "s0").op("addi", "t1", "zero", 64).branch("bne", "t0", "t1", "wait").label("end");
  code.branch("bne", "a0", "zero", "end").li("t0", 0x10_0000).li("t1", 0x5555).store("sw", "t1", "t0");
  expect(made.value.loadElf(elfFile({ segments: [{ physical: 0x8000_0000, bytes: code.bytes() }] })).ok).toBe(true);
  expect(made.value.run({ maxInstructions: 1e6 })).toEqual({ kind: "poweroff" });
  expect(made.value.readPhysical(0x8001_0000, 4)![0]).toBe(64);
});
