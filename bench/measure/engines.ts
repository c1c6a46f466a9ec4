/** Runs one program on QEMU or on our machine and tells what it cost and computed. */
import { join } from "node:path";
import type { MachineConfig } from "../../src/machine/types.ts";
import type { Program } from "../images/images.ts";
import type { ProcessReport } from "../process.ts";
import type { Engine } from "../rows.ts";
import { sample, type Sample } from "./sample.ts";

const ROOT = join(import.meta.dirname, "../..");
const QEMU = "qemu-system-riscv32";
const MEMORY_MIB = 64;
const LIMIT_SECONDS = 120;
/**
 * With several harts QEMU may spend minutes on a lock: the host takes the processor from a hart that holds it, and the
 * others poll. Such a run is ended and counts as unfinished.
 */
const QEMU_HARTS_LIMIT_SECONDS = 10;

/** One run. Of QEMU only seconds and the proof are known. */
export interface Run {
  readonly userSeconds: number;
  readonly systemSeconds: number;
  readonly wallSeconds: number;
  /** User seconds up to the first instruction of the guest. */
  readonly startSeconds: number;
  readonly proof: string;
  readonly instructions?: number;
  readonly clocks?: readonly number[];
  readonly maxRssMiB?: number;
}

function proofOf(program: Program, console: string, what: string): string {
  const found = program.proof.exec(console);
  if (!found) throw new Error(`${what}: the console does not show ${program.proof}:\n${console.slice(-2000)}`);
  return found[1]!;
}

function finished(what: string, run: Sample): Sample {
  if (run.status !== 0) throw new Error(`${what}: exit ${run.status ?? "by the time limit"}\n${run.stderr}`);
  return run;
}

export function qemuCommand(program: Program, harts: number, icount: boolean): string[] {
  const machine = ["-M", "virt", "-bios", "none", "-m", String(MEMORY_MIB), "-smp", String(harts), "-seed", "1"];
  const quiet = ["-display", "none", "-monitor", "none", "-serial", "stdio"];
  const append = program.bootargs === "" ? [] : ["-append", program.bootargs];
  return [QEMU, ...machine, ...quiet, ...(icount ? ["-icount", "shift=0"] : []), "-kernel", program.file, ...append];
}

function seconds({ userSeconds, systemSeconds, wallSeconds }: Sample): Pick<Run, "userSeconds" | "systemSeconds" | "wallSeconds"> {
  return { userSeconds, systemSeconds, wallSeconds };
}

/** Null: not finished within the limit. */
export function runQemu(program: Program, harts: number, icount: boolean, startSeconds: number): Run | null {
  const what = `${QEMU}${icount ? " -icount shift=0" : ""} ${program.file}`;
  const limit = harts === 1 ? LIMIT_SECONDS : QEMU_HARTS_LIMIT_SECONDS;
  const done = sample(qemuCommand(program, harts, icount), limit);
  if (done.status === null && harts > 1) return null;
  return { ...seconds(finished(what, done)), startSeconds, proof: proofOf(program, done.stdout, what) };
}

export function runOurs(
  program: Program,
  harts: number,
  config: Partial<MachineConfig>,
  limitSeconds = LIMIT_SECONDS,
): Run {
  const whole = { ...config, harts, memoryBytes: MEMORY_MIB << 20, bootargs: program.bootargs };
  const command = [process.execPath, join(ROOT, "build/bench.js"), program.file, JSON.stringify(whole)];
  const what = `build/bench.js ${JSON.stringify(whole)} ${program.file}`;
  const done = finished(what, sample(command, limitSeconds));
  const report = JSON.parse(done.stdout) as ProcessReport;
  if (report.stop !== "poweroff") throw new Error(`${what}: ended with ${report.stop}`);
  const { instructions, clocks, maxRssMiB, startUserSeconds: startSeconds } = report;
  const proof = proofOf(program, report.console, what);
  return { ...seconds(done), startSeconds, proof, instructions, clocks, maxRssMiB };
}

export function run(engine: Engine, program: Program, harts: number, qemuStart: number): Run | null {
  return engine.kind === "qemu"
    ? runQemu(program, harts, engine.icount, qemuStart)
    : runOurs(program, harts, engine.config);
}
