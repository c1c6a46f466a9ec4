/** How soon a ready ELF gets to its first instruction: the whole command, stopped after one. */
import { join } from "node:path";
import type { Program } from "../images/images.ts";
import { median, rounded } from "../figures/statistics.ts";
import { atMost, type Verdict } from "../figures/targets.ts";
import { sample } from "./sample.ts";

/** What BENCH calls this part. */
export const BOOT_PART = "boot";
const ROOT = join(import.meta.dirname, "../..");
const EXIT_BUDGET = 3;
const LIMIT_SECONDS = 60;
const MILLISECONDS_MAX = 250;

export interface BootFigures {
  readonly wallMilliseconds: number;
  /** User and system: the wall time on a host that does nothing else. */
  readonly cpuMilliseconds: number;
}

/** Medians over the whole process, its end included. */
export function measureBoot(program: Program, runs: number): BootFigures {
  const command = ["boot", "--elf", program.file, "--bios", "none", "--max-instructions", "1"];
  const all = Array.from({ length: runs }, () => {
    const done = sample([process.execPath, join(ROOT, "dist/hartlab.js"), ...command], LIMIT_SECONDS);
    if (done.status !== EXIT_BUDGET) throw new Error(`hartlab ${command.join(" ")}: exit ${done.status}\n${done.stderr}`);
    return done;
  });
  return {
    wallMilliseconds: rounded(1000 * median(all.map((done) => done.wallSeconds))),
    cpuMilliseconds: rounded(1000 * median(all.map((done) => done.userSeconds + done.systemSeconds))),
  };
}

/** Judged by CPU time: the wall time of a busy host says nothing about us. */
export function bootTarget({ wallMilliseconds, cpuMilliseconds }: BootFigures): Verdict {
  const title = `hartlab boot to the first instruction, ms of CPU (wall: ${wallMilliseconds})`;
  return atMost(title, cpuMilliseconds, MILLISECONDS_MAX);
}
