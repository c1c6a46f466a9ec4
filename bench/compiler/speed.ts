/**
 * How long a build takes, in seconds of user CPU of the whole command: medians over TURNS, each with a kernel of its own in a
 * temporary folder, so that nobody's cache is touched.
 *
 *   cold      nothing is kept from earlier builds
 *   fresh     one file has changed since the last build, in a new process
 *   variant   one configuration key differs from everything built before, in a new process
 *   watch     one file has changed, in `hartlab build --watch` (Linux only: from /proc)
 *   yardstick TypeScript parses its own lib.dom.d.ts three times in a new process: other work of the same kind, no code of ours
 *
 * A busy machine inflates user CPU by half and more (two threads share a core and its caches); the yardstick as much. So goals
 * are seconds on a quiet machine, and goals.test.ts holds builds to multiples of the yardstick measured beside them.
 */
import { spawn, spawnSync } from "node:child_process";
import { appendFileSync, cpSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { median, rounded } from "../figures/statistics.ts";

const ROOT = join(import.meta.dirname, "../..");
const TURNS = 5;
/** The first builds of a process run code that V8 has not optimised. */
const WATCH_WARM_UP = 6;
/** The clock of /proc/PID/stat. */
const TICKS_PER_SECOND = 100;
const VARIANTS = ["preempt=none", "preempt=rt", "spinlock.kind=mcs", "rwlock.fairness=queued", "slab.debug=true"];

export const SPEED_GOALS = { cold: 3, fresh: 1.2, variant: 1, watch: 0.5 } as const;
export type Speed = Readonly<Record<keyof typeof SPEED_GOALS, number | null>> & { readonly sourceLines: number; readonly yardstick: number };

const YARDSTICK = `const ts = require("typescript");
const text = require("fs").readFileSync(require.resolve("typescript/lib/lib.dom.d.ts"), "utf8");
for (let i = 0; i < 3; i++) ts.createSourceFile("a" + i + ".ts", text, ts.ScriptTarget.Latest, true);`;

function copyOfPackage(): string {
  const folder = mkdtempSync(join(tmpdir(), "hartlab-speed-"));
  for (const name of ["dist", "kernel", "firmware", "package.json"]) cpSync(join(ROOT, name), join(folder, name), { recursive: true });
  symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
  return folder;
}

function sourceLines(folder: string): number {
  const texts = ["kernel", "firmware"].flatMap((name) =>
    readdirSync(join(folder, name), { recursive: true, encoding: "utf8" })
      .filter((path) => path.endsWith(".ts") && !path.endsWith(".d.ts"))
      .map((path) => readFileSync(join(folder, name, path), "utf8")),
  );
  return texts.reduce((sum, text) => sum + text.split("\n").length - 1, 0);
}

/** User seconds of one run of node, by the shell that waits for it. */
function userSeconds(folder: string, ...args: string[]): number {
  const script = 'TIMEFORMAT=%U; time "$@" > /dev/null';
  const ran = spawnSync("bash", ["-c", script, "node", process.execPath, ...args], { cwd: folder, encoding: "utf8" });
  const seconds = Number(ran.stderr.trim().split("\n").at(-1));
  if (ran.status !== 0 || !Number.isFinite(seconds)) throw new Error(`node ${args.join(" ")}: ${ran.stderr}`);
  return seconds;
}

const buildSeconds = (folder: string, ...more: string[]): number => userSeconds(folder, "dist/hartlab.js", "build", "--out", "out", ...more);
export const yardstickSeconds = (folder: string): number => userSeconds(folder, "-e", YARDSTICK);

/** A cold build and one after a change as multiples of a yardstick between them. */
export function relativeSpeed(): { cold: number; fresh: number } {
  const folder = copyOfPackage();
  try {
    const cold = buildSeconds(folder);
    const yardstick = yardstickSeconds(folder);
    editOneFile(folder);
    return { cold: cold / yardstick, fresh: buildSeconds(folder) / yardstick };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

let edits = 0;
/** Another line and another constant in a function that much of the kernel is made of. */
function editOneFile(folder: string): void {
  const path = join(folder, "kernel/lib/rbtree.ts");
  const text = readFileSync(path, "utf8").replace(/^\/\/ edit .*\n.*\n/, "");
  writeFileSync(path, `// edit ${++edits}\nexport const EDITED = ${edits};\n${text}`);
}

function turns(measure: (turn: number) => number): number {
  return rounded(median(Array.from({ length: TURNS }, (_, i) => measure(i))));
}

const userTicks = (pid: number): number => Number(readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ")[11]);

async function watchSeconds(folder: string): Promise<number | null> {
  if (!existsSync("/proc/self/stat")) return null;
  const child = spawn(process.execPath, ["dist/hartlab.js", "build", "--watch", "--out", "out"], { cwd: folder });
  let ready = (): void => {};
  child.stderr.on("data", (text: Buffer) => {
    if (text.toString().includes("waiting for changes")) ready();
  });
  const built = (): Promise<void> => new Promise((resolve) => (ready = resolve));
  const seconds: number[] = [];
  try {
    await built();
    for (let i = 0; i < WATCH_WARM_UP + TURNS; i++) {
      const before = userTicks(child.pid!);
      const done = built();
      editOneFile(folder);
      await done;
      seconds.push((userTicks(child.pid!) - before) / TICKS_PER_SECOND);
    }
  } finally {
    child.kill();
  }
  return rounded(median(seconds.slice(WATCH_WARM_UP)));
}

export async function measureSpeed(): Promise<Speed> {
  const folder = copyOfPackage();
  const cache = join(folder, "build/cache");
  const kept = join(folder, "kept");
  try {
    const cold = turns(() => {
      rmSync(cache, { recursive: true, force: true });
      return buildSeconds(folder);
    });
    const fresh = turns(() => {
      editOneFile(folder);
      return buildSeconds(folder);
    });
    cpSync(cache, kept, { recursive: true });
    const variant = turns((turn) => {
      rmSync(cache, { recursive: true });
      cpSync(kept, cache, { recursive: true });
      return buildSeconds(folder, "--set", `kernel.${VARIANTS[turn % VARIANTS.length]}`);
    });
    const yardstick = turns(() => yardstickSeconds(folder));
    return { sourceLines: sourceLines(folder), yardstick, cold, fresh, variant, watch: await watchSeconds(folder) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** One line of bench/compiler/history.ndjson. */
export function appendHistory(line: Readonly<Record<string, unknown>>): void {
  appendFileSync(join(import.meta.dirname, "history.ndjson"), `${JSON.stringify(line)}\n`);
}
