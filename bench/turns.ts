/**
 * The rows' runs, in turns: each engine of each row once, then all over again, so that a noisy host disturbs all alike.
 * Each run must compute what every other engine computed on that row and execute as many instructions as it did before.
 */
import type { Measured, RowRuns } from "./figures/figures.ts";
import type { Verdict } from "./figures/targets.ts";
import type { Images } from "./images/images.ts";
import { run, runOurs, runQemu, type Run } from "./measure/engines.ts";
import { ENGINES, type EngineName, engineNames, type Row } from "./rows.ts";

const STARTS = 5;

/** What QEMU uses until a guest runs: user seconds of a guest of no rounds. */
function qemuStart(images: Images): number {
  const program = images.program("mix", 0, 1);
  return Math.min(...Array.from({ length: STARTS }, () => runQemu(program, 1, false, 0)!.userSeconds));
}

class Turns {
  readonly all: Record<string, RowRuns> = {};
  private readonly images: Images;
  private readonly say: (text: string) => void;
  private readonly start: number;
  /** What was computed and counted, by what was run. */
  private readonly known = new Map<string, string>();

  constructor(images: Images, say: (text: string) => void) {
    this.images = images;
    this.say = say;
    this.start = qemuStart(images);
  }

  take(row: Row, engine: EngineName): void {
    const rounds = row.rounds[engine]!;
    const before: Measured = this.all[row.name]?.[engine] ?? { rounds, runs: [], unfinished: 0 };
    if (before.unfinished > 0) return;
    const done = run(ENGINES[engine], this.images.program(row.guest, rounds, row.harts), row.harts, this.start);
    if (done) this.check(`${row.name} of ${rounds} rounds`, engine, done);
    else this.say(`${row.name}: ${engine} was not done within its limit`);
    const after = done ? { ...before, runs: [...before.runs, done] } : { ...before, unfinished: 1 };
    this.all[row.name] = { ...this.all[row.name], [engine]: after };
  }

  private check(what: string, engine: EngineName, { proof, instructions }: Run): void {
    this.agree(what, `computed ${proof}`, engine);
    this.agree(`${what} by ${engine}`, `executed ${instructions}`, engine);
  }

  private agree(key: string, value: string, engine: EngineName): void {
    const expected = this.known.get(key) ?? value;
    if (value !== expected) throw new Error(`${key}: ${engine} ${value}, before ${expected}`);
    this.known.set(key, value);
  }
}

/** All runs of the rows, by row. */
export function takeTurns(
  rows: readonly Row[],
  runs: number,
  images: Images,
  say: (text: string) => void,
): Record<string, RowRuns> {
  const turns = new Turns(images, say);
  for (let turn = 1; turn <= runs; turn++) {
    for (const row of rows) {
      say(`turn ${turn} of ${runs}: ${row.name}`);
      for (const engine of engineNames(row)) turns.take(row, engine);
    }
  }
  return turns.all;
}

/** The same program in both kinds of interleaving: clocks and instructions of every hart must agree in cycle mode. */
export function equalEnds(row: Row, images: Images, say: (text: string) => void): Verdict[] {
  if (row.equalAt === undefined) return [];
  const program = images.program(row.guest, row.equalAt, row.harts);
  const ends = (["ahead", "exact"] as const).map((interleave) => {
    const { instructions, clocks } = runOurs(program, row.harts, { timing: "cycle", interleave });
    return JSON.stringify({ instructions, clocks });
  });
  const met = ends[0] === ends[1];
  if (!met) say(`${row.name}: ahead ${ends[0]}, exact ${ends[1]}`);
  return [{ target: `${row.name}: cycle and cycleExact end alike`, figure: Number(met), wanted: "= 1", met }];
}
