/**
 * Runs one ELF on our machine and on QEMU, and collects what it sent and the state after each
 * instruction.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createMachine } from "../../src/machine/machine.ts";
import type { Machine, MachineConfig, Stop } from "../../src/machine/types.ts";

export const QEMU = "qemu-system-riscv32";
const MEMORY_MIB = 16;
const QEMU_TIMEOUT_MS = 20_000;

const CONFIG: MachineConfig = {
  harts: 1,
  memoryBytes: MEMORY_MIB << 20,
  timing: "functional",
  interleave: "ahead",
  bootargs: "",
  lab: false,
  recordMarks: false,
};

export function bootOurs(elf: Uint8Array, config: Partial<MachineConfig> = {}): Machine {
  const machine = createMachine({ ...CONFIG, ...config });
  if (!machine.ok) throw new Error(machine.problems.map((problem) => problem.message).join("; "));
  const loaded = machine.value.loadElf(elf);
  if (!loaded.ok) throw new Error(loaded.problems.map((problem) => problem.message).join("; "));
  return machine.value;
}

export interface OurRun {
  readonly stop: Stop;
  readonly sent: Uint8Array;
  readonly instructions: number;
}

/** Runs to the end, collecting the console. */
export function runOurs(
  elf: Uint8Array,
  maxInstructions = 20_000_000,
  config: Partial<MachineConfig> = {},
): OurRun {
  const machine = bootOurs(elf, config);
  const sent: number[] = [];
  for (;;) {
    const stop = machine.run({ maxInstructions });
    for (const byte of machine.drainConsole()) sent.push(byte);
    if (config.observeAccesses) machine.drainAccesses(() => {});
    if (stop.kind === "drain") continue;
    let instructions = 0;
    for (let hart = 0; hart < machine.config.harts; hart++) {
      instructions += machine.hart(hart).instructions;
    }
    return { stop, sent: Uint8Array.from(sent), instructions };
  }
}

/** Runs QEMU with extra arguments in a directory of its own; `read` gets a file's bytes from it. */
function withQemu<T>(
  elf: Uint8Array,
  harts: number,
  args: readonly string[],
  use: (read: (name: string) => Buffer) => T,
  file?: { readonly name: string; readonly contents: Uint8Array },
): T {
  const directory = mkdtempSync(join(tmpdir(), "hartlab-differential-"));
  try {
    writeFileSync(join(directory, "program.elf"), elf);
    if (file) writeFileSync(join(directory, file.name), file.contents);
    const machine = [
      "-M",
      "virt",
      "-m",
      String(MEMORY_MIB),
      "-smp",
      String(harts),
      "-bios",
      "none",
    ];
    const quiet = ["-display", "none", "-monitor", "none", "-serial", "file:sent"];
    const result = spawnSync(QEMU, [...machine, ...quiet, ...args, "-kernel", "program.elf"], {
      cwd: directory,
      encoding: "utf8",
      timeout: QEMU_TIMEOUT_MS,
    });
    if (result.status === null)
      throw new Error(`${QEMU} did not end: ${result.error ?? result.signal}`);
    return use((name) => readFileSync(join(directory, name)));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** What the program sent over the UART under QEMU. */
export function runQemu(elf: Uint8Array, harts = 1, args: readonly string[] = []): Uint8Array {
  return withQemu(elf, harts, args, (read) => Uint8Array.from(read("sent")));
}

/** State before an instruction: pc, then x0..x31. */
export type Step = readonly number[];

/** Steps of the whole run under QEMU, each instruction translated alone. */
export function traceQemu(elf: Uint8Array, args: readonly string[] = []): Step[] {
  const log = [...args, "-singlestep", "-d", "cpu,nochain", "-D", "trace"];
  return withQemu(elf, 1, log, (read) => {
    const steps: Step[] = [];
    let step: number[] = [];
    for (const line of read("trace").toString("latin1").split("\n")) {
      const pc = /^ pc +([0-9a-f]+)/.exec(line);
      if (pc) {
        if (step.length === 33) steps.push(step);
        step = [Number.parseInt(pc[1]!, 16)];
        continue;
      }
      for (const [, value] of line.matchAll(/ x\d+\/\w+ +([0-9a-f]{8})/g)) {
        step.push(Number.parseInt(value!, 16));
      }
    }
    if (step.length === 33) steps.push(step);
    return steps;
  });
}

/** Steps of our machine up to `end` (a pc) or `limit` instructions. */
export function traceOurs(elf: Uint8Array, end: number, limit: number): Step[] {
  const machine = bootOurs(elf);
  const steps: Step[] = [];
  for (let count = 0; count < limit; count++) {
    const { pc, x } = machine.hart(0);
    steps.push([pc, ...x]);
    if (pc === end || machine.run({ maxInstructions: count + 1 }).kind !== "budget") break;
  }
  return steps;
}

/** Runs QEMU with a file beside the program: what the guest sent, and the file afterwards. */
export function runQemuWithFile(
  elf: Uint8Array,
  args: readonly string[],
  file: string,
  contents: Uint8Array,
): { sent: Uint8Array; after: Uint8Array } {
  return withQemu(
    elf,
    1,
    args,
    (read) => ({ sent: Uint8Array.from(read("sent")), after: Uint8Array.from(read(file)) }),
    { name: file, contents },
  );
}
