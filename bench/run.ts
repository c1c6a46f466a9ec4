/**
 * `make bench [BENCH=mix,tree] [RUNS=5]`: measures our machine beside QEMU, prints a table and the targets, and appends one
 * JSON line to bench/history.ndjson when everything was measured. bench/README.md explains the figures.
 *
 * All rows and engines take turns, RUNS times over, so that a noisy host disturbs all alike. Each run must compute what
 * every other engine computed on that row.
 */
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { runOurs, run, runQemu, type Run } from "./engines.ts";
import { figuresOf, type Measured, type RowRuns } from "./figures.ts";
import { FORK_PART, type ForkFigures, forkTargets, measureForks } from "./fork.ts";
import { historyLine } from "./history.ts";
import { Images } from "./images.ts";
import { ENGINES, type EngineName, type Row, ROWS } from "./rows.ts";
import { measureScenario, SCENARIO_PART } from "./scenario.ts";
import { printRows, printVerdicts } from "./print.ts";
import { rowTargets, type Verdict } from "./targets.ts";

const HISTORY = join(import.meta.dirname, "history.ndjson");
const RUNS_USUAL = 5;

const say = (text: string): void => void process.stderr.write(`${text}\n`);

/** Rows and other parts that BENCH names; all without it. */
function wanted(): (name: string) => boolean {
  const names = (process.env.BENCH ?? "").split(",").filter((name) => name !== "");
  const known = [...ROWS.map((row) => row.name), FORK_PART, SCENARIO_PART];
  for (const name of names) {
    if (!known.includes(name)) throw new Error(`BENCH=${name}: there are ${known.join(", ")}`);
  }
  return (name) => names.length === 0 || names.includes(name);
}

function engineNames(row: Row): EngineName[] {
  return Object.keys(row.rounds) as EngineName[];
}

/** The same program in both kinds of interleaving: clocks and instructions of every hart must agree in cycle mode. */
function checkEqual(row: Row, images: Images): Verdict[] {
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

class Bench {
  readonly all: Record<string, RowRuns> = {};
  private readonly images: Images;
  private readonly proofs = new Map<string, string>();
  private qemuStart = 0;

  constructor(images: Images) {
    this.images = images;
  }

  turn(row: Row, engine: EngineName): void {
    const rounds = row.rounds[engine]!;
    const program = this.images.program(row.guest, rounds, row.harts);
    const before: Measured = this.all[row.name]?.[engine] ?? { rounds, runs: [], unfinished: 0 };
    if (before.unfinished > 0) return;
    const done = run(ENGINES[engine], program, row.harts, this.qemuStart);
    if (done) this.checkProof(`${row.name} of ${rounds} rounds`, engine, done);
    else say(`${row.name}: ${engine} was not done within its limit`);
    const after = done ? { ...before, runs: [...before.runs, done] } : { ...before, unfinished: 1 };
    this.all[row.name] = { ...this.all[row.name], [engine]: after };
  }

  private checkProof(what: string, engine: EngineName, { proof, instructions }: Run): void {
    const expected = this.proofs.get(what) ?? proof;
    if (proof !== expected) throw new Error(`${what}: ${engine} computed ${proof}, another engine ${expected}`);
    this.proofs.set(what, expected);
    const count = `${what}, ${engine}: ${instructions}`;
    const counted = this.proofs.get(`${what} ${engine}`) ?? count;
    if (count !== counted) throw new Error(`not deterministic: ${counted}, then ${count}`);
    this.proofs.set(`${what} ${engine}`, counted);
  }

  /** What QEMU uses until a guest runs: a guest of no rounds. */
  measureQemuStart(): void {
    const program = this.images.program("mix", 0, 1);
    const seconds = Array.from({ length: RUNS_USUAL }, () => runQemu(program, 1, false, 0)!.userSeconds);
    this.qemuStart = Math.min(...seconds);
  }
}

function main(): void {
  const runs = Number(process.env.RUNS ?? RUNS_USUAL);
  const isWanted = wanted();
  const rows = ROWS.filter((row) => isWanted(row.name));
  const images = new Images();
  const bench = new Bench(images);
  const verdicts: Verdict[] = [];
  let forks: ForkFigures | null = null;
  try {
    bench.measureQemuStart();
    for (let turn = 1; turn <= runs; turn++) {
      for (const row of rows) {
        say(`turn ${turn} of ${runs}: ${row.name}`);
        for (const engine of engineNames(row)) bench.turn(row, engine);
      }
    }
    verdicts.push(...rowTargets(bench.all), ...rows.flatMap((row) => checkEqual(row, images)));
    forks = isWanted(FORK_PART) ? measureForks(runs, images, say) : null;
    if (forks) verdicts.push(...forkTargets(forks));
  } finally {
    images.remove();
  }
  const scenario = isWanted(SCENARIO_PART) ? measureScenario(runs, say) : null;
  const figures = Object.fromEntries(
    rows.map((row) => [
      row.name,
      Object.fromEntries(engineNames(row).map((engine) => [engine, figuresOf(row, bench.all[row.name]!, engine)])),
    ]),
  );
  printRows(rows, bench.all);
  if (scenario) process.stdout.write(`${JSON.stringify(scenario, null, 2)}\n`);
  printVerdicts(verdicts);
  if (process.env.BENCH) say("not everything was measured: nothing is appended to the history");
  else appendFileSync(HISTORY, `${historyLine({ runs, rows: figures, forks, scenario, verdicts })}\n`);
}

main();
