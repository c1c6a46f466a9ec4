/** All subsystems at once: nothing is found; and one mistake beside all that has one finding, which names it. */
import { expect, test } from "vitest";
import { runInProcess } from "./in-process.ts";

const FILE = "scenarios/everything.yaml";
/** Less memory in use, so that the many runs are affordable. */
const SMALL = ["boot.everything.rounds=2", "boot.pressure.pages=300"];

test("nothing is found, every read is right, and pages have gone to zswap and come back", { timeout: 240_000 }, () => {
  const { status, result, reproduce } = runInProcess(FILE, { seed: 1, set: ["boot.everything.rounds=1", "observe.heap=false"] });
  expect(status, `${result.findings.map(({ summary }) => summary).join("\n")}\n${reproduce}`).toBe(0);
  expect(result.console).toContain("everything: 1 rounds");
  const [, pages, free] = /pressure: (\d+) pages in 2 address spaces for \d+ threads; (\d+) pages are free/.exec(result.console)!.map(Number);
  expect(pages).toBeGreaterThan(1.9 * free!);
  expect(result.locks.find((lock) => lock.class === "zswap_tree.lock")?.acquisitions).toBeGreaterThan(1000);
});

const ALL = process.env.SOAK_SEEDS !== undefined;
/** The others with `make soak`. */
const IN_CI: readonly (string | null)[] = ["use-after-free", "lock-order", "sleep", "hung", "mm-put"];

const MISTAKES: readonly (readonly [string | null, RegExp])[] = [
  ["use-after-free", /^slab-use-after-free in look /],
  ["overrun", /^vmalloc-out-of-bounds in write_behind /],
  ["lock-order", /^possible circular locking dependency detected: first --> second --> first/],
  ["sleep", /^conductor\/\d+ sleeps inside an RCU read section: sleep_while_reading /],
  ["section", /^forgetful\/\d+ ends inside an RCU read section/],
  ["deaf", /^hart \d+ has taken no interrupt .* in poll_deaf /],
  ["hung", /^conductor\/\d+ has slept for .* for first \(mutex\), held by keeper/],
  ["reader", /^grace period \d+ has not ended .* began in read_long /],
  ["online", /at put_counted /],
  ["mm-put", /^mm_ref: put inactive ref/],
  ["race", /count/],
  [null, /^possible circular locking dependency detected: .*slab_mutex/],
];

test.each(MISTAKES.filter(([bug]) => ALL || IN_CI.includes(bug)))("%s", { timeout: 120_000 }, (bug, names) => {
  const heap = bug === "use-after-free" || bug === "overrun";
  const key = bug === null ? "slab.destroy=barrier-inside" : `boot.everything.bug=${bug}`;
  const set = [...SMALL, key, `observe.heap=${heap}`, `observe.races=${bug === "race"}`];
  const { result, reproduce } = runInProcess(FILE, { seed: 1, set });
  const said = result.findings.map(({ summary }) => summary).filter((text) => text !== "Fatal exception");
  expect(said, reproduce).toHaveLength(1);
  expect(said[0]).toMatch(names);
  expect(result.leaks.planted.extra, reproduce).toBe(0);
});

test("leak", { timeout: 120_000 }, () => {
  const { status, result, reproduce } = runInProcess(FILE, { seed: 1, set: ["boot.pressure.pages=300", "boot.everything.bug=leak", "observe.heap=false"] });
  expect(status, reproduce).toBe(1);
  expect(result.findings).toEqual([]);
  expect(result.leaks.planted.extra).toBe(1);
});
