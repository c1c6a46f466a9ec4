/**
 * Runs one command as a process and reads what it and its children used, from the `times` of bash (to the millisecond;
 * other shells round to 10 ms): one way for QEMU and for us. A command that takes longer than its limit is ended.
 */
import { spawnSync } from "node:child_process";
import { performance } from "node:perf_hooks";

/** Ends what it runs after $1 seconds; file descriptor 3 gets two lines of `times`: the shell's own, its children's. */
const SCRIPT = 'limit=$1; shift; timeout -k 5 "$limit" "$@"; status=$?; times >&3; exit $status';
const STATUS_TIMEOUT = 124;

export interface Sample {
  readonly userSeconds: number;
  readonly systemSeconds: number;
  readonly wallSeconds: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Exit status, or null when the limit ended it. */
  readonly status: number | null;
}

/** `0m1.234s 0m0.010s` on the second line: user and system seconds of the children. */
export function parseTimes(text: string): { user: number; system: number } {
  const children = text.split("\n")[1] ?? "";
  const found = /^(\d+)m([\d.]+)s (\d+)m([\d.]+)s$/.exec(children.trim());
  if (!found) throw new Error(`this shell's \`times\` says ${JSON.stringify(text)}`);
  const [minutes, seconds, systemMinutes, systemSeconds] = found.slice(1).map(Number);
  return { user: minutes! * 60 + seconds!, system: systemMinutes! * 60 + systemSeconds! };
}

export function sample(command: readonly string[], limitSeconds: number): Sample {
  const began = performance.now();
  const child = spawnSync("bash", ["-c", SCRIPT, "bash", String(limitSeconds), ...command], {
    encoding: "utf8",
    maxBuffer: 1 << 28,
    stdio: ["ignore", "pipe", "pipe", "pipe"],
  });
  const wallSeconds = (performance.now() - began) / 1000;
  if (child.error) throw child.error;
  const { user, system } = parseTimes(child.output[3]!);
  const { stdout, stderr } = child;
  const status = child.status === STATUS_TIMEOUT ? null : child.status;
  return { userSeconds: user, systemSeconds: system, wallSeconds, stdout, stderr, status };
}
