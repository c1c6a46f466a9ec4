/**
 * The measured process of a scenario and its observers: `node build/observed.js SCENARIO.yaml KERNEL.elf TIMES KIND`.
 *
 * Runs the scenario so many times, with the kernel from the file, and prints one JSON line. CPU time is of the whole process, the
 * compiling threads of V8 included, from the first guest instruction to the end of the last run.
 */
import { readFileSync } from "node:fs";
import { assert } from "../src/base/assert.ts";
import { readScenario } from "../src/cli/scenario-file.ts";
import { runScenario } from "../src/lab/run/run.ts";
import { createMachine } from "../src/machine/machine.ts";
import { MARK_BYTES, MARK_WORD } from "../src/machine/memory/layout.ts";
import type { Machine, MachineConfig } from "../src/machine/types.ts";
import type { Kind } from "./measure/observers.ts";

export interface ObservedReport {
  readonly outcome: string;
  readonly instructions: number;
  readonly hash: string;
  /** Findings of any kind: of a clean run none. */
  readonly findings: number;
  readonly userSeconds: number;
}

const SUPERVISOR = 1 << 24;

/** A machine without records: only that of the start, which the lab waits for, made up from where the machine stopped. */
function unobserved(config: MachineConfig): Machine {
  const machine = machineOf({ ...config, recordMarks: false });
  const run = machine.run.bind(machine);
  let event: number | null = null;
  machine.run = (limits) => {
    const stop = run(limits);
    if (stop.kind === "mark") event = stop.event;
    return stop;
  };
  machine.drainMarks = (consume) => {
    if (event === null) return;
    const record = new Int32Array(MARK_BYTES / 4);
    const clock = Math.max(...Array.from({ length: config.harts }, (_, hart) => machine.hart(hart).clock));
    record[MARK_WORD.CLOCK_LOW] = clock | 0;
    record[MARK_WORD.CLOCK_HIGH] = Math.floor(clock / 2 ** 32);
    record[MARK_WORD.HEAD] = (event << 8) | SUPERVISOR;
    event = null;
    consume(record, 1);
  };
  return machine;
}

function machineOf(config: MachineConfig): Machine {
  const made = createMachine(config);
  assert(made.ok, "bench: the scenario's machine can be made");
  return made.value;
}

function main(file: string, elf: Uint8Array, times: number, kind: Kind): ObservedReport {
  const set = kind === "heap" || kind === "races" ? [`observe.${kind}=true`] : [];
  const loaded = readScenario(file, { set });
  assert(loaded.ok, `bench: ${file} is a scenario`);
  let began = -1;
  const reports: ObservedReport[] = [];
  for (let time = 0; time < times; time++) {
    const ran = runScenario({
      version: "bench",
      ...loaded.value,
      compile: () => ({ ok: true, value: elf }),
      createMachine(config) {
        const machine = kind === "unobserved" ? unobserved(config) : machineOf(config);
        if (began < 0) began = process.cpuUsage().user;
        return machine;
      },
      observeLocks: kind !== "withoutLocks",
    });
    assert(ran.ok, "bench: the scenario runs");
    const { outcome, instructions, hash, findings } = ran.value;
    const userSeconds = (process.cpuUsage().user - began) / 1e6;
    reports.push({ outcome, instructions, hash, findings: findings.length, userSeconds });
  }
  return { ...reports.at(-1)!, instructions: reports.reduce((sum, one) => sum + one.instructions, 0) };
}

const [file, elf, times, kind] = process.argv.slice(2);
process.stdout.write(`${JSON.stringify(main(file!, readFileSync(elf!), Number(times), kind as Kind))}\n`);
