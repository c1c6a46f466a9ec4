/**
 * `make bench`: measures the kernel scenario and the build as whole processes and appends one JSON line to
 * bench/history.ndjson. Medians of RUNS, the kinds of run in turn, so that a noisy machine disturbs all alike.
 * MIPS are million instructions per user-CPU second: `whole` of the whole process, `net` without what a run of one
 * instruction costs (start of node, cache, WebAssembly, report).
 */
import { appendFileSync, rmSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import type { RunResult } from "../src/lab/run/result.ts";
import { measure, median } from "./measure.ts";

const RUNS = 5;
const ROOT = join(import.meta.dirname, "..");
const SCENARIO = "scenarios/kmemleak/lost-object.yaml";
const HISTORY = join(ROOT, "bench/history.ndjson");
const EXIT_BUDGET = 3;
const EXIT_FAILED = 1;

/** Figures of one process by name. */
type Figures = Record<string, number>;

/** Up to the first instruction of the guest; cold: with the kernel to be built. */
function start(cold: boolean): Figures {
  if (cold) rmSync(join(ROOT, "build/cache"), { recursive: true, force: true });
  const { usage } = measure(["run", SCENARIO, "--json", "--set", "limits.instructions=1"], [EXIT_BUDGET, EXIT_FAILED]);
  return {
    cpuSeconds: usage.userSeconds + usage.systemSeconds,
    userSeconds: usage.userSeconds,
    wallSeconds: usage.wallSeconds,
  };
}

function scenario(...settings: string[]): Figures {
  const set = settings.flatMap((setting) => ["--set", setting]);
  // Without marks nobody sees what was planted: that run's verdict is a failure by design.
  const { usage, stdout } = measure(["run", SCENARIO, "--json", ...set], [0, EXIT_FAILED]);
  const result = JSON.parse(stdout) as RunResult;
  if (result.outcome !== "poweroff") throw new Error(`${SCENARIO} ended with ${result.outcome}`);
  return {
    instructions: result.instructions,
    marks: result.marks,
    bootInstructions: result.bootInstructions ?? 0,
    userSeconds: usage.userSeconds,
    wallSeconds: usage.wallSeconds,
    maxRssMiB: usage.maxRssBytes / 2 ** 20,
  };
}

const KINDS: Readonly<Record<string, () => Figures>> = {
  coldBuild: () => start(true),
  warmStart: () => start(false),
  functional: () => scenario("machine.timing=functional"),
  cycle: () => scenario("machine.timing=cycle"),
  functionalWithoutMarks: () => scenario("machine.timing=functional", "kernel.marks=false"),
};

const samples = new Map<string, Figures[]>(Object.keys(KINDS).map((kind) => [kind, []]));
// The image without marks is built once, outside of what is measured.
KINDS.functionalWithoutMarks!();
for (let round = 1; round <= RUNS; round++) {
  for (const [kind, sample] of Object.entries(KINDS)) {
    process.stderr.write(`round ${round} of ${RUNS}: ${kind}\n`);
    samples.get(kind)!.push(sample());
    // The cold build emptied the cache; the other image comes back here, unmeasured.
    if (kind === "coldBuild") KINDS.functionalWithoutMarks!();
  }
}

const medians = Object.fromEntries(
  [...samples].map(([kind, all]) => [
    kind,
    Object.fromEntries(
      Object.keys(all[0]!).map((name) => [name, Number(median(all.map((one) => one[name]!)).toPrecision(4))]),
    ) as Figures,
  ]),
);

function mips(kind: string): { whole: number; net: number } {
  const { instructions, userSeconds } = medians[kind]!;
  const startUp = medians.warmStart!.userSeconds!;
  const per = (seconds: number) => Number((instructions! / 1e6 / seconds).toPrecision(4));
  return { whole: per(userSeconds!), net: per(userSeconds! - startUp) };
}

const withMarks = mips("functional");
const withoutMarks = mips("functionalWithoutMarks");
const line = {
  date: new Date().toISOString(),
  node: process.version,
  cpu: cpus()[0]?.model ?? "unknown",
  runs: RUNS,
  mips: { functional: withMarks, cycle: mips("cycle"), functionalWithoutMarks: withoutMarks },
  marksShareOfHostTime: Number((1 - withMarks.net / withoutMarks.net).toPrecision(3)),
  bootInstructions: medians.cycle!.bootInstructions,
  medians,
};
appendFileSync(HISTORY, `${JSON.stringify(line)}\n`);
process.stdout.write(`${JSON.stringify(line, null, 2)}\n`);
