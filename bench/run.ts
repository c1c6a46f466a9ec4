/**
 * `make bench [BENCH=mix,tree] [RUNS=5]`: measures our machine beside QEMU, prints a table and the targets, and appends one
 * JSON line to bench/history.ndjson when everything was measured. bench/README.md explains the figures.
 */
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { figuresOf } from "./figures/figures.ts";
import { historyLine, type Measurements } from "./figures/history.ts";
import { printRows, printVerdicts } from "./figures/print.ts";
import { rowTargets } from "./figures/targets.ts";
import { Images } from "./images/images.ts";
import { BOOT_PART, bootTarget, measureBoot } from "./measure/boot.ts";
import { FORK_PART, forkTargets, measureForks } from "./measure/fork.ts";
import { KMEMLEAK_PART, kmemleakTargets, measureKmemleakVariants } from "./measure/kmemleak.ts";
import { measureObservers, observerTargets, OBSERVERS_PART } from "./measure/observers.ts";
import { measureScenario, SCENARIO_PART } from "./measure/scenario.ts";
import { engineNames, ROWS } from "./rows.ts";
import { equalEnds, takeTurns } from "./turns.ts";

const HISTORY = join(import.meta.dirname, "history.ndjson");
const RUNS_USUAL = 5;

const say = (text: string): void => void process.stderr.write(`${text}\n`);

/** Rows and other parts that BENCH names; all without it. */
function wanted(): (name: string) => boolean {
  const names = (process.env.BENCH ?? "").split(",").filter((name) => name !== "");
  const known = [...ROWS.map((row) => row.name), BOOT_PART, FORK_PART, KMEMLEAK_PART, OBSERVERS_PART, SCENARIO_PART];
  for (const name of names) {
    if (!known.includes(name)) throw new Error(`BENCH=${name}: there are ${known.join(", ")}`);
  }
  return (name) => names.length === 0 || names.includes(name);
}

function measureAll(runs: number, isWanted: (name: string) => boolean, images: Images): Measurements {
  const rows = ROWS.filter((row) => isWanted(row.name));
  const all = rows.length === 0 ? {} : takeTurns(rows, runs, images, say);
  printRows(rows, all);
  const figures = rows.map((row) => {
    const engines = engineNames(row).map((engine) => [engine, figuresOf(row, all[row.name]!, engine)] as const);
    return [row.name, Object.fromEntries(engines)] as const;
  });
  const boot = isWanted(BOOT_PART) ? measureBoot(images.program("mix", 1, 1), runs) : null;
  const forks = isWanted(FORK_PART) ? measureForks(runs, images, say) : null;
  const observers = isWanted(OBSERVERS_PART) ? measureObservers(runs, images.folder, say) : null;
  const kmemleak = isWanted(KMEMLEAK_PART) ? measureKmemleakVariants() : null;
  const scenario = isWanted(SCENARIO_PART) ? measureScenario(runs, say) : null;
  const verdicts = [
    ...rowTargets(all),
    ...rows.flatMap((row) => equalEnds(row, images, say)),
    ...(boot ? [bootTarget(boot)] : []),
    ...(forks ? forkTargets(forks) : []),
    ...(observers ? observerTargets(observers) : []),
    ...(kmemleak ? kmemleakTargets(kmemleak) : []),
  ];
  return { runs, rows: Object.fromEntries(figures), boot, forks, observers, scenario, kmemleak, verdicts };
}

function main(): void {
  const images = new Images();
  try {
    const measured = measureAll(Number(process.env.RUNS ?? RUNS_USUAL), wanted(), images);
    if (measured.observers) process.stdout.write(`${JSON.stringify(measured.observers, null, 2)}\n`);
    if (measured.scenario) process.stdout.write(`${JSON.stringify(measured.scenario, null, 2)}\n`);
    printVerdicts(measured.verdicts);
    if (process.env.BENCH || measured.runs < RUNS_USUAL)
      say(`not everything was measured ${RUNS_USUAL} times: nothing is appended to the history`);
    else appendFileSync(HISTORY, `${historyLine(measured)}\n`);
  } finally {
    images.remove();
  }
}

main();
