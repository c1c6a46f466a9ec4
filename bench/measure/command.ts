/** Runs the built command as a whole process and reads what it used: the plain harness behind `make bench`. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";

const ROOT = join(import.meta.dirname, "../..");

export interface Usage {
  readonly userSeconds: number;
  readonly systemSeconds: number;
  readonly maxRssBytes: number;
  readonly wallSeconds: number;
}

/** `hartlab ARGS` in a fresh process; throws unless it exits as expected. */
export function measure(args: readonly string[], exits: readonly number[] = [0]): { usage: Usage; stdout: string } {
  const folder = mkdtempSync(join(tmpdir(), "hartlab-bench-"));
  try {
    const file = join(folder, "usage.json");
    const began = performance.now();
    const child = spawnSync(
      process.execPath,
      ["--import", join(ROOT, "bench/measure/usage.mjs"), join(ROOT, "dist/hartlab.js"), ...args],
      { cwd: ROOT, encoding: "utf8", maxBuffer: 1 << 28, env: { ...process.env, USAGE_FILE: file } },
    );
    const wallSeconds = (performance.now() - began) / 1000;
    if (!exits.includes(child.status ?? -1)) throw new Error(`hartlab ${args.join(" ")}: exit ${child.status}\n${child.stderr}`);
    return { usage: { ...JSON.parse(readFileSync(file, "utf8")), wallSeconds }, stdout: child.stdout };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
