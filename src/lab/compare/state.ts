/**
 * The file that a comparison is resumed from: one JSON line a run, written when the run has ended, in whatever order runs end.
 *
 * A run's key is a hash of all it is a function of: the kernel image, the scenario with everything set in it, and the program that
 * looks at it. A file may therefore serve several comparisons, and lines of older images are simply never asked for. A
 * last line that was cut off is as though it were not there.
 */
import { failure, type Result, success } from "../../base/result.ts";
import type { RunSummary } from "./comparison.ts";

const HEAD = { hartlab: "compare", version: 1 } as const;

export const STATE_HEAD = `${JSON.stringify(HEAD)}\n`;

export function stateLine(key: string, run: RunSummary): string {
  return `${JSON.stringify({ key, run })}\n`;
}

/** Where the whole lines of the text end, and the runs in them by key. */
export interface State {
  readonly runs: ReadonlyMap<string, RunSummary>;
  readonly wholeBytes: number;
}

/** `name` is the file's, for the problem that it is none of ours. */
export function parseState(name: string, text: string): Result<State> {
  const lines = text.split("\n");
  // What follows the last newline was cut off, or is nothing.
  lines.pop();
  const wholeBytes = lines.reduce((sum, line) => sum + new TextEncoder().encode(line).length + 1, 0);
  if (lines.length === 0 && STATE_HEAD.startsWith(text)) return success({ runs: new Map(), wholeBytes });
  if (lines[0] !== JSON.stringify(HEAD)) {
    return failure({
      message: `${name} was not written by hartlab compare, or by another version of it`,
      hint: "Name another file for --resume; one that does not exist is made.",
    });
  }
  const runs = new Map<string, RunSummary>();
  for (const line of lines.slice(1)) {
    const entry = parseLine(line);
    // A line that cannot be read is a run that must be made again.
    if (entry !== null) runs.set(entry.key, entry.run);
  }
  return success({ runs, wholeBytes });
}

function parseLine(line: string): { key: string; run: RunSummary } | null {
  try {
    const value = JSON.parse(line) as Partial<{ key: string; run: RunSummary }> | null;
    return value?.key !== undefined && typeof value.run?.figures === "object" ? { key: value.key, run: value.run } : null;
  } catch {
    return null;
  }
}
