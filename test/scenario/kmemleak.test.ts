/**
 * Rows A1 to A15 and B1 to B19 of what is told about kmemleak, and findings SQ1 to SQ6 of its review: as it should be the run is clean,
 * and with the named defect it shows the named symptom.
 */
import { describe, expect, test } from "vitest";
import type { RunResult } from "../../src/lab/run/result.ts";
import { type Ran, runInProcess } from "./in-process.ts";

const run = (row: string, ...set: string[]): Ran => runInProcess(`scenarios/kmemleak/${row}.yaml`, { seed: 1, set });
const bug = (name: string): string => `kmemleak.bug=${name}`;

/** What was found, as `kind: text`. */
const findings = ({ result }: Ran): string => result.findings.map(({ kind, summary }) => `${kind}: ${summary}`).join("\n");
const extra = ({ leaks }: RunResult): number => leaks.planted.extra;
const missed = ({ leaks }: RunResult): number => leaks.planted.missed;

interface Row {
  readonly row: string;
  /** What is set to get the defect. */
  readonly set: readonly string[];
  readonly symptom: (ran: Ran) => void;
}
const says = (pattern: RegExp) => (ran: Ran): void => expect(findings(ran), ran.reproduce).toMatch(pattern);
const ends = (outcome: RunResult["outcome"]) => (ran: Ran): void => expect(ran.result.outcome, ran.reproduce).toBe(outcome);

/** The first scan misses the block, once, and reports it; the second one does neither. */
const reportedOnce = ({ result, reproduce }: Ran): void => {
  expect(result.scans.map(({ hidden }) => hidden), reproduce).toEqual([1, 0]);
  expect([result.leaks.planted.transient, extra(result), missed(result)], reproduce).toEqual([1, 0, 0]);
};

const ROWS: readonly Row[] = [
  { row: "A1", set: [bug("sq1")], symptom: says(/heap: slab-use-after-free in .*(seq|put_object|lock)/) },
  { row: "A2", set: [bug("sq2")], symptom: says(/heap: slab-use-after-free in /) },
  { row: "A3", set: [bug("sq3")], symptom: says(/panic: reading has lost \d+ objects of metadata/) },
  { row: "A4", set: [bug("sq5")], symptom: says(/heap: slab-use-after-free in /) },
  { row: "A5", set: ["kmemleak.free=immediate"], symptom: says(/deadlock: tear_down\/\d+ waits for kmem_cache.list_lock, which it holds itself/) },
  { row: "A6", set: [bug("no-scan-mutex")], symptom: says(/bug: .*scan/) },
  { row: "A7", set: [bug("no-object-lock")], symptom: says(/bug: Oops/) },
  { row: "A9", set: ["kmemleak.design=km19"], symptom: says(/kmemleak: .*two blocks in one place/) },
  { row: "A10", set: [bug("exact")], symptom: ({ result }) => expect(extra(result)).toBe(1) },
  { row: "A11", set: [bug("no-erase")], symptom: ({ result }) => expect(missed(result)).toBe(1) },
  { row: "A12", set: ["kmemleak.early_log=16"], symptom: says(/kmemleak: .*early log of 16 entries is full/) },
  ...["B1", "B2", "B3"].map((row) => ({ row, set: ["kmemleak.index=rcu-plain-erase"], symptom: reportedOnce })),
  { row: "B4", set: ["kmemleak.index=rcu-plain-erase"], symptom: says(/panic: scans have lost \d+ objects of metadata/) },
  { row: "B5", set: ["kmemleak.index=rcu-plain-erase"], symptom: says(/kmemleak: Trying to color grey unknown object/) },
  { row: "B6", set: [bug("rt-sleeps")], symptom: says(/bug: sleeping function called from invalid context/) },
  { row: "B7", set: [bug("single-lock")], symptom: says(/bug: Oops/) },
  { row: "B8", set: [bug("no-object-lock")], symptom: says(/bug: Oops/) },
  { row: "B9", set: [bug("dis")], symptom: says(/bug: Oops/) },
  { row: "B10", set: [bug("dl1")], symptom: ends("deadlock") },
  { row: "B11", set: ["kmemleak.walk=resched-ref"], symptom: says(/heap: slab-use-after-free in .*kmemleak_object/) },
  { row: "B12", set: [bug("no-checksum")], symptom: ({ result }) => expect(extra(result)).toBe(1) },
  { row: "B14", set: [bug("vmalloc-min-1")], symptom: ({ result }) => expect(missed(result)).toBe(1) },
  { row: "B15", set: [bug("no-excess-ref")], symptom: ({ result }) => expect(extra(result)).toBe(2) },
  { row: "B16", set: [bug("clear-black")], symptom: ({ result }) => expect(extra(result)).toBe(1) },
  { row: "filter-race", set: [bug("filter-clears")], symptom: ({ result }) => expect(result.leaks.planted).toMatchObject({ missed: 0, extra: 0 }) },
  { row: "B19", set: [bug("tracked-cache"), "limits.instructions=20000000"], symptom: ({ result }) => expect(result.outcome).not.toBe("poweroff") },
  { row: "pool", set: [bug("pool-free")], symptom: says(/bug: kmem_cache_free of \w+ to cache kmemleak_object: not the address of a slab object/) },
  { row: "SQ4", set: [bug("sq4")], symptom: says(/heap: slab-use-after-free in /) },
  { row: "SQ6", set: [bug("sq6")], symptom: says(/hung-task: scan_and_wait\/\d+ has slept for 50 ms for scan_mutex .* held by idle_reader/) },
];

describe.each(ROWS)("$row", ({ row, set, symptom }) => {
  test("as it should be", () => {
    const ran = run(row);
    expect(ran.status, `${findings(ran)}\nreproduce: ${ran.reproduce}`).toBe(0);
  });

  test(`${set.join(" ")}: the symptom`, () => {
    const ran = run(row, ...set);
    expect(ran.status, ran.reproduce).not.toBe(0);
    symptom(ran);
  });
});

// The scenario expects what it names; nothing else is wrong with it.
test.each(["classes", "free-part", "A8", "A14", "A15", "B17", "B18"])("%s", (row) => {
  const ran = run(row);
  expect(ran.status, `${findings(ran)}\nreproduce: ${ran.reproduce}`).toBe(0);
});

test("classes: the design of 2008 gives the same verdicts", () => {
  const ran = run("classes", "kmemleak.design=km08-fix");
  expect(ran.status, ran.reproduce).toBe(0);
});

test("A2: interrupts off hold a grace period up as long as each CPU speaks for itself", () => {
  const ran = run("A2", bug("sq2"), "rcu.quiescent=own");
  expect(ran.status, ran.reproduce).toBe(0);
});

test("A7: vfree waits as long as the scan takes for the rest of the block", () => {
  const lock = run("A7").result.locks.find((one) => one.class === "kmemleak_object.lock")!;
  expect(lock.contentions).toBe(1);
  // 2 MiB are half a million words.
  expect(lock.waitMax).toBeGreaterThan(2_000_000);
});

test("A9: the design of 2008 accepts an overlap in silence, and works on", () => {
  expect(run("A9").result.console).toContain("overlap: scan gives 0\n");
});

test("A8: the design of 5.0 has no inversion", () => {
  expect(findings(run("A8", "kmemleak.design=km19"))).not.toContain("lockdep");
});

test("A13: interrupts are off for a piece of a block, or for all of it", () => {
  const off = (ran: Ran): number => ran.result.scans[0]!.irqsOffMaxCycles;
  expect(off(run("A13"))).toBeLessThan(100_000);
  for (const whole of ["kmemleak.chunk=0", "kmemleak.design=km08-fix"]) expect(off(run("A13", whole)), whole).toBeGreaterThan(1_000_000);
});

test("B18: with a pool a failed allocation does not matter; an empty pool does", () => {
  expect(findings(run("B18", "kmemleak.metadata=pool", "expect.findings=none"))).toBe("");
  const ran = run("pool", "kmemleak.pool=16");
  expect(findings(ran), ran.reproduce).toMatch(/kmemleak: .*no memory for a kmemleak_object/);
  expect(ran.result.console).toContain("kmemleak: Memory pool empty");
});

test("control: the file says since when and why it is incomplete", () => {
  const ran = run("control");
  expect(ran.status, `${findings(ran)}\nreproduce: ${ran.reproduce}`).toBe(0);
  const [before, off] = ran.result.console.split("---- kmemleak scan 6 ----\n").slice(1);
  expect(before).not.toMatch(/^tracking incomplete/m);
  expect(off).toMatch(/^tracking incomplete since jiffies \d+: as asked$/m);
});

test("kmemleak=off: nothing is tracked, and no command works", () => {
  expect(run("A12", "boot.kmemleak=off").result.console).toMatch(/scan gives -16[\s\S]*kmemleak: disabled, nothing to report/);
});

test("B13: an all-zero block is named by the first scan, another one by the second", () => {
  const { result } = run("B13");
  const reports = result.console.split("---- kmemleak scan ").slice(1).map((text) => [...text.matchAll(/\(size (\d+)\)/g)].map((match) => match[1]));
  expect(reports).toEqual([["96"], expect.arrayContaining(["96"])]);
  expect(reports[1]).toHaveLength(2);
});

test.each(["seqcount", "latch", "optimistic"])("B1: index=%s looks again", (index) => {
  const ran = run("B1", `kmemleak.index=${index}`);
  expect(ran.status, ran.reproduce).toBe(0);
  // Unlike under a lock, the writer has not waited.
  expect(ran.result.steps.slice(0, 3).map(({ status }) => status)).toEqual(["done", "done", "done"]);
});

test("B1 to B3: lookups without a lock miss live blocks, and only with the tree changed in place", () => {
  const hidden = (index: string): number => {
    const { console } = run("hidden-nodes", `kmemleak.index=${index}`).result;
    return [...console.matchAll(/missed live blocks in (\d+) lookups/g)].reduce((sum, match) => sum + Number(match[1]), 0);
  };
  expect(hidden("rcu-plain-erase")).toBeGreaterThan(0);
  for (const index of ["rwlock", "latch"]) expect(hidden(index), index).toBe(0);
});
