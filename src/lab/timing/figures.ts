/**
 * Runs the timing guest (guests/timing) and reads its figures: lines of name, parameter, cycles and operations. The guest measures with
 * its own cycle counter; nothing here knows what anything costs.
 */
import type { Machine, MachineConfig } from "../../machine/types.ts";
import type { TimingModel } from "../../machine/timing/model.ts";

export interface Figure {
  readonly name: string;
  readonly harts: number;
  readonly parameter: number;
  readonly cycles: number;
  readonly operations: number;
  /** Cycles an operation. */
  readonly each: number;
}

/** Harts of the machines that the guest is run on; what needs no second hart is measured on one. */
export const TIMING_HARTS = [1, 2, 4, 8] as const;
const MEMORY_BYTES = 32 << 20;
const INSTRUCTIONS_MAX = 50_000_000;

export interface TimingRun {
  readonly figures: readonly Figure[];
  /** How the guest ended, when not by powering off. */
  readonly failed: string | null;
}

function parse(text: string, harts: number): Figure[] {
  return text.split("\n").flatMap((line) => {
    const match = /^(\S+) (\d+) (\d+) (\d+)$/.exec(line);
    if (!match) return [];
    const [parameter, cycles, operations] = [Number(match[2]), Number(match[3]), Number(match[4])];
    return [{ name: match[1]!, harts, parameter, cycles, operations, each: cycles / operations }];
  });
}

/** The figures of one machine. */
export function runTimingGuest(
  elf: Uint8Array, harts: number, model: TimingModel, createMachine: (config: MachineConfig) => Machine, config: Partial<MachineConfig> = {},
): TimingRun {
  const machine = createMachine({
    harts, memoryBytes: MEMORY_BYTES, timing: "cycle", interleave: "ahead", bootargs: "", lab: false, recordMarks: false, costs: model, ...config,
  });
  const loaded = machine.loadElf(elf);
  if (!loaded.ok) return { figures: [], failed: loaded.problems[0]!.message };
  let text = "";
  for (;;) {
    const stop = machine.run({ maxInstructions: INSTRUCTIONS_MAX });
    text += new TextDecoder("latin1").decode(machine.drainConsole());
    if (stop.kind === "drain") continue;
    return { figures: parse(text, harts), failed: stop.kind === "poweroff" ? null : `${stop.kind}${"detail" in stop ? `: ${stop.detail}` : ""}` };
  }
}

/** All figures, of machines with one hart and more. */
export function measureTiming(
  elf: Uint8Array, model: TimingModel, createMachine: (config: MachineConfig) => Machine, config: Partial<MachineConfig> = {},
): TimingRun {
  const figures: Figure[] = [];
  for (const harts of TIMING_HARTS) {
    const run = runTimingGuest(elf, harts, model, createMachine, config);
    if (run.failed !== null) return { figures, failed: `on ${harts} harts: ${run.failed}` };
    figures.push(...run.figures);
  }
  return { figures, failed: null };
}
