/** What every command prints the same way: problems, and colour only where a terminal wants it. */
import pc from "picocolors";
import { formatProblem, type Problem } from "../base/result.ts";

export const EXIT = { ok: 0, failed: 1, input: 2, budget: 3, diverged: 4, bug: 70 } as const;

/** To stderr, and the exit code for bad input. */
export function printProblems(problems: readonly Problem[]): number {
  for (const problem of problems) process.stderr.write(`${formatProblem(problem)}\n`);
  return EXIT.input;
}

/** A verdict in green or red. */
export function paintVerdict(line: string, colour: boolean): string {
  const colours = pc.createColors(colour);
  return line.startsWith("PASS") ? colours.bold(colours.green(line)) : colours.bold(colours.red(line));
}

/** Whether stdout shows colours: a terminal, unless NO_COLOR or --no-color say otherwise. */
export function wantsColour(flag: boolean): boolean {
  return flag && process.stdout.isTTY === true && !process.env.NO_COLOR;
}

let listening = false;
let gone = false;

/** Whether nobody reads stdout any more. */
export function readerHasGone(): boolean {
  return gone;
}

/** Writes to stdout and waits until it is out, so that a long report is not cut when the process ends. */
export function print(text: string | Uint8Array): Promise<void> {
  // A reader that has gone is no error of ours; a full device is one, and it ends as a sentence in main.ts.
  if (!listening) process.stdout.on("error", () => {});
  listening = true;
  return new Promise((done, fail) => {
    process.stdout.write(text, (error: NodeJS.ErrnoException | null | undefined) => {
      gone ||= error?.code === "EPIPE";
      if (error && error.code !== "EPIPE") fail(error);
      else done();
    });
  });
}
