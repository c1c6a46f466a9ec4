/** A machine of ours that runs one ELF to its end; nothing here is measured (process.ts is). */
import { createMachine } from "../../src/machine/machine.ts";
import type { Machine, MachineConfig } from "../../src/machine/types.ts";

const DEFAULTS: MachineConfig = {
  harts: 1,
  memoryBytes: 64 << 20,
  timing: "functional",
  interleave: "ahead",
  bootargs: "",
  lab: false,
  recordMarks: false,
};

export function boot(elf: Uint8Array, config: Partial<MachineConfig>): Machine {
  const made = createMachine({ ...DEFAULTS, ...config });
  if (!made.ok) throw new Error(made.problems[0]!.message);
  const loaded = made.value.loadElf(elf);
  if (!loaded.ok) throw new Error(loaded.problems[0]!.message);
  return made.value;
}

/** Runs until the guest ends or the limit is reached: the kind of stop, and what the guest said. */
export function runToEnd(machine: Machine, maxInstructions: number): { stop: string; console: string } {
  let console = "";
  for (;;) {
    const { kind } = machine.run({ maxInstructions });
    console += Buffer.from(machine.drainConsole()).toString("latin1");
    if (kind !== "drain") return { stop: kind, console };
  }
}
