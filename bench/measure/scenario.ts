/**
 * The command itself on the kernel scenario, as a user runs it: build, run, observe, report. How much of it is the machine
 * shows the comparison with the row `kernel`, which is the same kernel without observers.
 */
import { rmSync } from "node:fs";
import { join } from "node:path";
import type { RunResult } from "../../src/lab/run/result.ts";
import { measure } from "./command.ts";
import { median, pairedRatio, rounded } from "../figures/statistics.ts";

/** What BENCH calls this part. */
export const SCENARIO_PART = "scenario";
const ROOT = join(import.meta.dirname, "../..");
const SCENARIO = "scenarios/kmemleak/lost-object.yaml";
const EXIT_BUDGET = 3;
const EXIT_FAILED = 1;

/** Figures of one process by name. */
type Figures = Record<string, number>;

export interface ScenarioFigures {
  readonly mips: Readonly<Record<string, { readonly whole: number; readonly net: number }>>;
  /** How much of a whole run's time marks and observers take. */
  readonly marksShareOfHostTime: number;
  readonly medians: Readonly<Record<string, Figures>>;
}

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

export function measureScenario(runs: number, say: (text: string) => void): ScenarioFigures {
  const samples = new Map<string, Figures[]>(Object.keys(KINDS).map((kind) => [kind, []]));
  // The image without marks is built once, outside of what is measured.
  KINDS.functionalWithoutMarks!();
  for (let turn = 1; turn <= runs; turn++) {
    for (const [kind, sample] of Object.entries(KINDS)) {
      say(`turn ${turn} of ${runs}: ${SCENARIO_PART}, ${kind}`);
      samples.get(kind)!.push(sample());
      // The cold build emptied the cache; the other image comes back here, unmeasured.
      if (kind === "coldBuild") KINDS.functionalWithoutMarks!();
    }
  }
  const medians = Object.fromEntries(
    [...samples].map(([kind, all]) => [
      kind,
      Object.fromEntries(
        Object.keys(all[0]!).map((name) => [name, rounded(median(all.map((one) => one[name]!)))]),
      ) as Figures,
    ]),
  );
  const mips = (kind: string): { whole: number; net: number } => {
    const { instructions, userSeconds } = medians[kind]!;
    const per = (seconds: number) => rounded(instructions! / 1e6 / seconds);
    return { whole: per(userSeconds!), net: per(userSeconds! - medians.warmStart!.userSeconds!) };
  };
  // Seconds an instruction, turn by turn: the two kernels do not execute the same number.
  const perInstruction = (kind: string) => samples.get(kind)!.map((one) => one.userSeconds! / one.instructions!);
  return {
    mips: { functional: mips("functional"), cycle: mips("cycle"), functionalWithoutMarks: mips("functionalWithoutMarks") },
    marksShareOfHostTime: rounded(1 - pairedRatio(perInstruction("functionalWithoutMarks"), perInstruction("functional"))),
    medians,
  };
}
