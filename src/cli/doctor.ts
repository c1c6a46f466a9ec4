/**
 * `hartlab doctor`: what this installation can do. `--timing`: runs the microbenchmarks of guests/timing on the cycle model and prints what
 * they measure beside the constants; exit code 1 when they differ.
 */
import { assert } from "../base/assert.ts";
import { checkLaws, checkTiming } from "../lab/timing/expect.ts";
import { measureTiming } from "../lab/timing/figures.ts";
import { createMachine } from "../machine/machine.ts";
import { PRESETS } from "../machine/timing/constants.ts";
import { DEFAULT_MODEL } from "../machine/timing/model.ts";
import { table } from "../report/text.ts";
import { timingReport } from "../report/timing.ts";
import { inspect } from "./doctor/installation.ts";
import { timingGuest } from "./doctor/timing-guest.ts";
import { EXIT, print, printProblems } from "./output.ts";
import { packageRoot } from "./package-root.ts";
import { VERSION } from "./version.ts";

export interface DoctorOptions {
  readonly timing?: boolean;
  readonly json?: boolean;
}

const SCHEMA_VERSION = 1;
const MARK = { ok: "ok", absent: "--", missing: "!!" } as const;

export async function doctor(options: DoctorOptions): Promise<number> {
  return options.timing ? timing(options) : installation(options);
}

async function installation(options: DoctorOptions): Promise<number> {
  const findings = inspect(packageRoot());
  const fit = findings.every(({ state }) => state !== "missing");
  if (options.json) {
    await print(`${JSON.stringify({ schemaVersion: SCHEMA_VERSION, hartlab: VERSION, fit, findings }, null, 2)}\n`);
  } else {
    const rows = findings.map(({ what, value, state }) => [MARK[state], what, value]);
    const verdict = fit ? "everything that hartlab needs is here" : "lines marked !! must be mended first";
    await print(`hartlab ${VERSION}\n${table(rows, ["left", "left", "left"]).join("\n")}\n${verdict}\n`);
  }
  return fit ? EXIT.ok : EXIT.failed;
}

async function timing(options: DoctorOptions): Promise<number> {
  const elf = timingGuest(packageRoot());
  if (!elf.ok) return printProblems(elf.problems);
  const model = DEFAULT_MODEL;
  const { figures, failed } = measureTiming(elf.value, model, (config) => {
    const machine = createMachine(config);
    assert(machine.ok, "doctor: the timing guest's machine can be made");
    return machine.value;
  });
  assert(failed === null, `doctor: the timing guest did not power off, ${failed}`);
  const checks = checkTiming(figures, model.costs);
  const laws = checkLaws(figures, model.costs);
  if (options.json) {
    const constants = PRESETS[model.preset];
    await print(`${JSON.stringify({ schemaVersion: SCHEMA_VERSION, hartlab: VERSION, preset: model.preset, constants, checks, laws, figures }, null, 2)}\n`);
  } else {
    await print(`${timingReport(model, figures, checks, laws)}\n`);
  }
  return [...checks, ...laws].every(({ pass }) => pass) ? EXIT.ok : EXIT.failed;
}
