import { beforeAll, expect, test } from "vitest";
import { linuxFigures, measure, PRIMITIVES, type Row } from "./measure.ts";
import { TARGETS, verdicts } from "./targets.ts";

/** What only a second hart can be asked for. */
const NEEDS_TWO = ["smp_call_function_single", "cpu_down", "cpu_up"];
/** What several harts cannot do with the same thing at once, or what is about one hart. */
const ALONE = [...NEEDS_TWO, "percpu_down_write", "call_rcu", "synchronize_rcu", "timer", "yield", "wake_up_process"];

let one: readonly Row[];
let two: readonly Row[];
beforeAll(() => {
  one = [...measure("default", 1), ...measure("mcs, queued", 1)];
  two = measure("default", 2);
}, 120_000);

const names = (rows: readonly Row[], contended: boolean, variant = "default"): string[] =>
  rows.filter((row) => row.variant === variant && row.contended === contended).map((row) => row.primitive).sort();

test("the targets are met", () => {
  for (const { target, instructions, met } of verdicts(one)) expect(met, `${target.primitive}: ${instructions} > ${target.atMost}`).toBe(true);
  expect(TARGETS.length).toBeGreaterThan(3);
});

test("a primitive without a figure does not meet its target", () => {
  expect(verdicts(one.filter((row) => row.primitive !== "spin_lock")).filter(({ met }) => !met).map(({ target }) => target.primitive)).toEqual(["spin_lock"]);
});

test("every primitive has its figures, alone and contended", () => {
  const all = Object.keys(PRIMITIVES).sort();
  expect(names(two, false)).toEqual(all);
  expect(names(two, true)).toEqual(all.filter((name) => !ALONE.includes(name)));
  expect(names(one, false)).toEqual(all.filter((name) => !NEEDS_TWO.includes(name)));
  expect(names(one, false, "mcs, queued")).toEqual(["raw_spin_lock", "read_lock", "spin_lock", "write_lock"]);
  for (const row of [...one, ...two]) expect(row.instructions > 0 && row.cycles >= row.instructions, JSON.stringify(row)).toBe(true);
});

test("locks cost more when two harts want them", () => {
  for (const lock of ["spin_lock", "raw_spin_lock", "write_lock", "mutex"]) {
    const [alone, together] = [false, true].map((contended) => two.find((row) => row.primitive === lock && row.contended === contended)!.cycles);
    expect(together, lock).toBeGreaterThan(1.5 * alone!);
  }
});

test("Linux's figures are of primitives in the table, and ours are below them", () => {
  for (const [primitive, theirs] of Object.entries(linuxFigures().instructions)) {
    const ours = one.find((row) => row.primitive === primitive && !row.contended);
    expect(ours?.instructions, primitive).toBeLessThan(theirs);
  }
});

test("a run repeats itself", () => {
  expect(measure("mcs, queued", 1)).toEqual(one.filter((row) => row.variant === "mcs, queued"));
});
