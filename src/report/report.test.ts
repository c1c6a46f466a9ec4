import { DEFAULT_MODEL } from "../machine/timing/model.ts";
import { expect, test } from "vitest";
import { leakGroups } from "../lab/run/leaks.ts";
import type { ResultLeak, RunResult } from "../lab/run/result.ts";
import { loadScenario } from "../lab/scenario/load.ts";
import { type Override, parseOverride } from "../lab/scenario/override.ts";
import { conditions, report, verdictLine } from "./index.ts";

const LEAK: ResultLeak = {
  address: "0xc1234560",
  size: 64,
  comm: "lose_one",
  pid: 17,
  jiffies: 345,
  ageCycles: 512_000_000,
  verdict: "planted",
  planted: "lost",
  backtrace: [
    {
      address: "0xc0003010",
      function: "kmemleak_alloc_recursive",
      file: "kernel/mm/kmemleak.ts",
      line: 63,
      symbol: "kmem_cache_alloc+0x10/0x188",
    },
    {
      address: "0xc0003010",
      function: "kmem_cache_alloc",
      file: "kernel/mm/slab.ts",
      line: 60,
      symbol: "kmem_cache_alloc+0x10/0x188",
    },
    { address: "0xc0004010", function: "again", file: "w.ts", line: 5, symbol: "again+0x10/0x20" },
    { address: "0xc0004010", function: "again", file: "w.ts", line: 5, symbol: "again+0x10/0x20" },
    { address: "0xc00ff000", function: "0xc00ff000", file: null, line: null, symbol: "" },
  ],
};

const REPORTED: readonly ResultLeak[] = [
  LEAK,
  { ...LEAK, address: "0xc2000000", verdict: "transient", planted: null, backtrace: [] },
];

const RESULT: RunResult = {
  schemaVersion: 1,
  hartlab: "0.1.0",
  scenario: "kmemleak/one",
  seed: 7,
  harts: 2,
  timing: "cycle",
  costs: DEFAULT_MODEL,
  outcome: "poweroff",
  instructions: 1_234_567,
  perHart: [1_000_000, 234_567],
  marks: 4321,
  cycles: 3_000_000,
  hash: "ab".repeat(32),
  console: "",
  consoleTruncated: false,
  bootInstructions: 250_000,
  lockdep: { reports: [], dropped: 0, dependencies: 3 },
  deadlock: [],
  progress: { reports: [], dropped: 0 },
  heap: null,
  races: null,
  scenarioStart: 1_000_000,
  leaks: {
    reported: REPORTED,
    groups: leakGroups(REPORTED),
    incomplete: [], references: null,
    planted: {
      expected: 3,
      found: 1,
      missed: 2,
      extra: 0,
      transient: 1,
      blocks: [
        { address: "0xc1234560", name: "lost", kind: "leak", reported: true },
        { address: "0xc1000000", name: "gone", kind: "leak", reported: false },
        { address: "0xc1000040", name: "gone", kind: "leak", reported: false },
        { address: "0xc1000080", name: "kept", kind: "nonleak", reported: false },
      ],
    },
  },
  truth: null,
  snapshots: null,
  heldLocks: [],
  locks: [],
  contention: {
    callers: [],
    locks: [],
    dropped: { callers: 0, locks: 0 },
    waiters: { startCycle: 0, bucketCycles: 1024, locks: [], dropped: 0 },
  },
  scans: [
    {
      number: 1,
      startCycle: 2_000_000,
      cycles: 500_000,
      instructions: 200_000,
      words: 20_000,
      lookups: 1200,
      hits: 300,
      objects: 90,
      bytes: 80_000,
      irqsOffMaxCycles: 0,
      metadataBytes: 0,
      hidden: null,
      newSuspects: 2,
    },
  ],
  latency: [{ call: "alloc", area: "slab", scanner: "active", count: 1234, p50: 900, p99: 4500, max: 12_000 }],
  longest: {
    irqsOff: { cycles: 11_724, at: { address: "0xc0003010", symbol: "scan+0x10/0x20" }, hart: 1, endCycle: 2_100_000 },
    preemptOff: { cycles: 0, at: null, hart: 0, endCycle: 0 },
  },
  events: [
    {
      cycle: 9_000_000,
      sinceStart: 8_000_000,
      kind: "hotplug",
      detail: "cpu 1 offline at 8ms",
      result: "ok",
      latencyCycles: 84_529,
    },
    {
      cycle: null,
      sinceStart: 20_000_000,
      kind: "scan",
      detail: "kmemleak scan at 20ms",
      result: "skipped: the run ended before it was due",
      latencyCycles: null,
    },
  ],
  steps: [],
  findings: [{ id: "warning-1", kind: "warning", summary: "an assertion failed" }],
  expect: [
    {
      name: "leaks",
      pass: false,
      detail: "1 of 3 planted leaks found, 2 missed, 0 extra, 1 transient",
    },
    { name: "transient", pass: true, detail: "1 in 2 reports" },
  ],
};

test("the whole report", () => {
  const text = report(RESULT);
  expect(text.slice(0, text.indexOf("lock_stat version"))).toMatchInlineSnapshot(`
    "kmemleak: 1 unreferenced in the last report
    unreferenced object 0xc1234560 (size 64):
      comm "lose_one", pid 17, jiffies 345 (age 0.512s)
      backtrace:
        [<c0003010>] kmem_cache_alloc+0x10/0x188  kernel/mm/kmemleak.ts:63 kmemleak_alloc_recursive (inlined)
                                                  kernel/mm/slab.ts:60
        [<c0004010>] again+0x10/0x20              w.ts:5
        [<c0004010>] again+0x10/0x20              w.ts:5
        [<c00ff000>]
      planted: lost

    transient: 1 in an earlier report and gone from the last
    unreferenced object 0xc2000000 (size 64):
      comm "lose_one", pid 17, jiffies 345 (age 0.512s)
      backtrace:
      transient: not planted as a leak

    planted leaks found: 1 of 3: lost
    planted leaks missed: gone x 2

    "
  `);
  expect(text.slice(text.indexOf("Times in us"))).toMatchInlineSnapshot(`
    "Times in us of guest time: 1 us = 1000 cycles.

    kmemleak scans
        scan     time  instructions    read   lookups          hits  objects  scanned  irqs off max         cost
      number   cycles       retired   words  in index  blocks found     live    bytes        cycles  cycles/word
           1  500,000       200,000  20,000     1,200           300       90   80,000         < 256        25.00

    allocator calls, cycles
      call   memory  scanner  calls  p50    p99     max
      alloc  slab    active   1,234  900  4,500  12,000

    longest sections, cycles
      interrupts off  11,724, begun at scan+0x10/0x20 on hart 1, until cycle 2,100,000
      preemption off  none seen

    events
      event                  injected at cycle  result                                    latency in cycles
      cpu 1 offline at 8ms           9,000,000  ok                                                   84,529
      kmemleak scan at 20ms                  -  skipped: the run ended before it was due                  -

    findings
      warning-1: an assertion failed

    expectations
      failed  leaks      1 of 3 planted leaks found, 2 missed, 0 extra, 1 transient
      ok      transient  1 in 2 reports

    totals
      instructions             1,234,567 (marks not counted)
      by hart                  1,000,000 + 234,567
      until the first kthread  250,000
      marks                    4,321
      cycles                   3,000,000 (1 cycle = 1 ns of guest time)
      hash                     abababababababababababababababababababababababababababababababab
      costs                    cycles follow a cost model (preset u54-like), not measured hardware; docs/timing.md has its constants
    "
  `);
});

test("a run that did not end says who holds what", () => {
  const heldLocks = [{ class: "zone.lock", kind: "spin", hart: 1, since: 1_234_567 }];
  expect(report({ ...RESULT, heldLocks })).not.toContain("locks held");
  expect(report({ ...RESULT, heldLocks, outcome: "budget" })).toContain(
    "locks held at the end\n  zone.lock (spin) on hart 1 since cycle 1,234,567\n",
  );
});

test("an empty run", () => {
  const text = report({
    ...RESULT,
    leaks: {
      reported: [],
      groups: [],
      incomplete: [], references: null,
      planted: { expected: 0, found: 0, missed: 0, extra: 0, transient: 0, blocks: [] },
    },
    scans: [],
    events: [],
    findings: [],
    expect: [],
  });
  expect(text.split("\n").filter((line) => /none|unreferenced/.test(line))).toEqual([
    "kmemleak: 0 unreferenced in the last report",
    "planted leaks: none",
    "kmemleak scans: none seen",
    "  preemption off  none seen",
    "events: none",
    "findings: none",
    "expectations: none",
  ]);
});

test("blocks allocated along one way stand together, and what reports lack is said", () => {
  const one = { ...LEAK, backtrace: LEAK.backtrace.slice(2, 3) };
  const reported: ResultLeak[] = [
    { ...LEAK, size: 32, verdict: "extra", planted: null },
    one,
    { ...one, address: "0xc1234600", size: 128, pid: 18, jiffies: 350, ageCycles: 507_000_000, planted: "other" },
    { ...one, address: "0xc1234700", verdict: "extra", planted: null },
  ];
  const incomplete = [
    { kind: "not tracking", sinceJiffies: 1204, scan: null, detail: "no memory for metadata" },
    { kind: "not tracking", sinceJiffies: null, scan: null, detail: "switched off" },
    { kind: "report cut", sinceJiffies: null, scan: 2, detail: "the guest shows 50 leaks and no more" },
  ] as const;
  const text = report({ ...RESULT, leaks: { ...RESULT.leaks, reported, groups: leakGroups(reported), incomplete } });
  expect(text.slice(0, text.indexOf("\n\nplanted leaks found"))).toMatchInlineSnapshot(`
    "kmemleak: 4 unreferenced in the last report, by 3 backtraces
    incomplete: nothing has been tracked since jiffies 1204 (1.204s after power on): no memory for metadata
    incomplete: nothing is tracked: switched off
    incomplete: the report of scan 2 is cut: the guest shows 50 leaks and no more
    unreferenced object 0xc1234700 (size 64):
      comm "lose_one", pid 17, jiffies 345 (age 0.512s)
      backtrace:
        [<c0004010>] again+0x10/0x20  w.ts:5
      extra: not planted as a leak
    unreferenced object 0xc1234560 (size 32):
      comm "lose_one", pid 17, jiffies 345 (age 0.512s)
      backtrace:
        [<c0003010>] kmem_cache_alloc+0x10/0x188  kernel/mm/kmemleak.ts:63 kmemleak_alloc_recursive (inlined)
                                                  kernel/mm/slab.ts:60
        [<c0004010>] again+0x10/0x20              w.ts:5
        [<c0004010>] again+0x10/0x20              w.ts:5
        [<c00ff000>]
      extra: not planted as a leak
    2 unreferenced objects, 192 bytes (size 64..128):
      0xc1234560 0xc1234600
      by lose_one/17, lose_one/18, jiffies 345..350 (age 0.507s..0.512s)
      backtrace:
        [<c0004010>] again+0x10/0x20  w.ts:5
      planted: lost, other"
  `);
  expect(leakGroups(reported).map(({ count, bytes, verdict }) => [count, bytes, verdict])).toEqual([[1, 64, "extra"], [1, 32, "extra"], [2, 192, "planted"]]);
});

test("the verdict in one line", () => {
  const planted = { ...RESULT.leaks.planted, found: 3, missed: 0, transient: 0 };
  const good: RunResult = { ...RESULT, findings: [], expect: [], leaks: { reported: [], groups: [], incomplete: [], references: null, planted } };
  expect(verdictLine(good)).toBe(
    "PASS kmemleak/one, seed 7, 2 harts: poweroff, 3 of 3 planted leaks found, 0 missed, 0 extra, 0 transient",
  );
  expect(verdictLine(RESULT)).toMatchInlineSnapshot(
    `"FAIL kmemleak/one, seed 7, 2 harts: poweroff, 1 of 3 planted leaks found, 2 missed, 0 extra, 1 transient; not as expected: leaks"`,
  );
  expect(verdictLine({ ...good, outcome: "panic" })).toMatch(/^FAIL .* 2 harts: panic, /);
  const undecided = [{ name: "leaks", pass: false, detail: "-", undecided: true as const }];
  expect(verdictLine({ ...RESULT, outcome: "budget", expect: undecided })).toBe(
    "UNDECIDED kmemleak/one, seed 7, 2 harts: the instruction budget ended, 1 of 3 planted leaks found so far",
  );
});

test("conditions name what differs from the default", () => {
  const sets = ["marks=false", "kmemleak.design=km08-fix", "machine.timing=functional"];
  const overrides = sets
    .map(parseOverride)
    .flatMap((one): Override[] => (one.ok ? [one.value] : []));
  const loaded = loadScenario("s.yaml", "name: a/b\nboot: { kmemleak.min_age: 40ms }", overrides);
  if (!loaded.ok) throw new Error("bad scenario");
  const { scenario } = loaded.value;
  expect(
    conditions(scenario, scenario.kernel, { marks: true, "kmemleak.design": "km08-fix" }),
  ).toMatchInlineSnapshot(`
    "scenario:              a/b
    seed:                  1
    harts:                 4
    memory:                64 MiB
    timing:                functional (one cycle an instruction, 1 cycle = 1 ns), harts interleaved ahead
    memory model:          sequentially consistent; missing barriers are not found
    kernel configuration:  marks=false (default true)
    boot parameters:       kmemleak.min_age=40ms"
  `);
  expect(conditions(scenario, {}, {})).toContain("kernel configuration:  default");
});
