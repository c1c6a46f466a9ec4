/**
 * Snapshots: what a restore costs by the number of changed pages, and how many forks of 20,000 instructions (restore, run,
 * again) a minute of CPU gives. `npx tsx bench/measure/fork.ts [RUNS]` measures and prints them; bench/run.ts keeps them.
 *
 * Restores are timed alone, in wall-clock time (they are too short for the clock of user CPU), the fastest half of many.
 * Fork loops count user CPU of the process, the compiling threads of V8 included, after a second of warming up.
 */
import { readFileSync } from "node:fs";
import { performance } from "node:perf_hooks";
import { Assembler } from "../../src/machine/test-assembler.ts";
import { elfFile } from "../../src/machine/test-elf.ts";
import type { Machine, MachineConfig } from "../../src/machine/types.ts";
import { Images } from "../images/images.ts";
import { boot } from "../images/machine.ts";
import { median, rounded } from "../figures/statistics.ts";
import { atLeast, atMost, type Verdict } from "../figures/targets.ts";

/** What BENCH calls this part. */
export const FORK_PART = "fork";
const FORK_INSTRUCTIONS = 20_000;
const RESTORES = 400;
const FORKS = 10_000;
const WARM_UP_SECONDS = 1;
const DATA = 0x8010_0000;
/** The kernel is at work by then, every hart of it. */
const KERNEL_CYCLE = 12_000_000;

/** By name; medians of the runs. */
export type ForkFigures = Readonly<Record<string, number>>;
type Timing = MachineConfig["timing"];

const totalInstructions = (machine: Machine): number =>
  Array.from({ length: machine.config.harts }, (_, hart) => machine.hart(hart).instructions).reduce((a, b) => a + b);

/** Stores one word in each of so many pages, then does nothing for ever. */
function storesToPages(pages: number): Uint8Array {
  const code = new Assembler().li("t0", DATA).li("t1", pages).li("t2", 4096).label("next");
  code.store("sw", "t1", "t0", 0).op("add", "t0", "t0", "t2").op("addi", "t1", "t1", -1).branch("bne", "t1", "x0", "next");
  code.label("end").jal("x0", "end");
  return elfFile({ segments: [{ physical: code.base, bytes: code.bytes() }] });
}

/** Microseconds of one restore that brings back so many pages. */
function restoreMicroseconds(pages: number, timing: Timing): number {
  const machine = boot(storesToPages(pages), { timing });
  const snapshot = machine.snapshot();
  const samples = Array.from({ length: RESTORES }, () => {
    machine.run({ maxInstructions: 6 + 4 * pages });
    const began = performance.now();
    machine.restore(snapshot);
    return (performance.now() - began) * 1000;
  });
  return median(samples.sort((a, b) => a - b).slice(0, RESTORES / 2));
}

/** Forks a minute of user CPU. */
function forksAMinute(machine: Machine): number {
  const snapshot = machine.snapshot();
  const maxInstructions = totalInstructions(machine) + FORK_INSTRUCTIONS;
  const fork = (): void => {
    machine.restore(snapshot);
    const { kind } = machine.run({ maxInstructions });
    if (kind !== "budget") throw new Error(`a fork ended by ${kind}`);
  };
  const warm = performance.now();
  while (performance.now() - warm < WARM_UP_SECONDS * 1000) fork();
  const began = process.cpuUsage().user;
  for (let n = 0; n < FORKS; n++) fork();
  return (FORKS / ((process.cpuUsage().user - began) / 1e6)) * 60;
}

/** Microseconds of taking a snapshot after 20,000 instructions since the last one. */
function snapshotMicroseconds(machine: Machine): number {
  machine.snapshot();
  const samples = Array.from({ length: RESTORES }, () => {
    machine.run({ maxInstructions: totalInstructions(machine) + FORK_INSTRUCTIONS });
    const began = performance.now();
    machine.snapshot();
    return (performance.now() - began) * 1000;
  });
  return median(samples.sort((a, b) => a - b).slice(0, RESTORES / 2));
}

function mixAtWork(images: Images, timing: Timing): Machine {
  const machine = boot(readFileSync(images.program("mix", 1000, 1).file), { timing });
  machine.run({ maxInstructions: 3_000_000 });
  return machine;
}

function kernelAtWork(images: Images, timing: Timing): Machine {
  const { file, bootargs } = images.program("kernel", 300, 4);
  const machine = boot(readFileSync(file), { timing, harts: 4, bootargs, lab: true });
  machine.run({ maxInstructions: 1e9, untilCycle: KERNEL_CYCLE });
  return machine;
}

export function measureForks(runs: number, images: Images, say: (text: string) => void): ForkFigures {
  const kinds: Readonly<Record<string, () => number>> = {
    restore64: () => restoreMicroseconds(64, "functional"),
    restore64Cycle: () => restoreMicroseconds(64, "cycle"),
    restore1024: () => restoreMicroseconds(1024, "functional"),
    restore1024Cycle: () => restoreMicroseconds(1024, "cycle"),
    mix: () => forksAMinute(mixAtWork(images, "functional")),
    mixCycle: () => forksAMinute(mixAtWork(images, "cycle")),
    kernel: () => forksAMinute(kernelAtWork(images, "functional")),
    kernelCycle: () => forksAMinute(kernelAtWork(images, "cycle")),
    snapshotKernel: () => snapshotMicroseconds(kernelAtWork(images, "functional")),
    snapshotKernelCycle: () => snapshotMicroseconds(kernelAtWork(images, "cycle")),
  };
  const samples: Record<string, number[]> = {};
  for (let turn = 1; turn <= runs; turn++) {
    for (const [name, measure] of Object.entries(kinds)) {
      say(`turn ${turn} of ${runs}: ${FORK_PART}, ${name}`);
      samples[name] = [...(samples[name] ?? []), measure()];
    }
  }
  return Object.fromEntries(Object.entries(samples).map(([name, all]) => [name, rounded(median(all))]));
}

export function forkTargets(figures: ForkFigures): Verdict[] {
  const modes = ["", "Cycle"] as const;
  return modes.flatMap((mode) => {
    const of = (what: string): string => `${what}${mode === "" ? "" : ", cycle mode"}`;
    return [
      atMost(of("restore of 64 pages, µs"), figures[`restore64${mode}`]!, 20),
      atMost(of("restore of 1024 pages, µs"), figures[`restore1024${mode}`]!, 600),
      atLeast(of("mix: forks of 20k instructions a CPU minute"), figures[`mix${mode}`]!, 600_000),
      atLeast(of("kernel, 4 harts: forks of 20k instructions a CPU minute"), figures[`kernel${mode}`]!, 200_000),
    ];
  });
}

if (process.argv[1] === import.meta.filename) {
  const images = new Images();
  try {
    const figures = measureForks(Number(process.argv[2] ?? 1), images, () => {});
    process.stdout.write(`${JSON.stringify(figures)}\n`);
    for (const verdict of forkTargets(figures)) process.stdout.write(`${JSON.stringify(verdict)}\n`);
  } finally {
    images.remove();
  }
}
