/**
 * `make bench-long`: ten billion instructions of code without locality, the worst for what keeps translated code, and of hot
 * code; the process's largest resident set may exceed the guest's RAM by 200 MB. Minutes, so not part of `make bench`.
 */
import { printVerdicts } from "./figures/print.ts";
import { atMost, type Verdict } from "./figures/targets.ts";
import { Images } from "./images/images.ts";
import { runOurs } from "./measure/engines.ts";
import { ENGINES, type EngineName, ROWS } from "./rows.ts";

const INSTRUCTIONS = 1e10;
const LIMIT_SECONDS = 1200;
const GUEST_RAM_MIB = 64;
const MORE_THAN_RAM_MB_MAX = 200;
const MODES: readonly EngineName[] = ["functionalJit", "cycleJit"];

function longRun(guest: string, mode: EngineName, images: Images): Verdict {
  const row = ROWS.find(({ name }) => name === guest)!;
  const engine = ENGINES[mode];
  if (engine.kind !== "ours") throw new Error(`${mode} is not ours`);
  const short = row.rounds[mode]!;
  // How many instructions a round has, from the usual length.
  const usual = runOurs(images.program(guest, short, row.harts), row.harts, engine.config);
  const rounds = Math.ceil(short * (INSTRUCTIONS / usual.instructions!));
  const run = runOurs(images.program(guest, rounds, row.harts), row.harts, engine.config, LIMIT_SECONDS);
  process.stderr.write(`${guest}, ${mode}: ${run.instructions} instructions in ${run.userSeconds} s of user CPU\n`);
  const megabytes = ((run.maxRssMiB! - GUEST_RAM_MIB) * 2 ** 20) / 1e6;
  return atMost(`${guest}, ${mode}: resident set beyond RAM, MB`, megabytes, MORE_THAN_RAM_MB_MAX);
}

const images = new Images();
try {
  printVerdicts(["flat", "mix"].flatMap((guest) => MODES.map((mode) => longRun(guest, mode, images))));
} finally {
  images.remove();
}
