import { expect, test } from "vitest";
import type { LeakReport } from "../observe/leak-report.ts";
import { plantedVerdict } from "../observe/verdict.ts";
import type { Expectation } from "../scenario/schema.ts";
import { type Evidence, judge } from "./expect.ts";
import type { ResultLeak } from "./result.ts";

const complete: LeakReport = { scan: 1, complete: true, cutAfter: null, leaks: [] };
const leak = (name: string, size: number): ResultLeak => ({
  address: "0xc0001000",
  size,
  comm: "",
  pid: 1,
  jiffies: 0,
  ageCycles: 0,
  verdict: "extra",
  planted: null,
  backtrace: [
    {
      address: "0xc0000000",
      function: "kmalloc",
      file: null,
      line: null,
      symbol: "kmalloc+0x0/0x4",
    },
    { address: "0xc0000010", function: name, file: null, line: null, symbol: `${name}+0x0/0x4` },
  ],
});

function judged(expectation: Expectation, evidence: Partial<Evidence>): string[] {
  const results = judge(expectation, {
    steps: [],
    kept: [],
    verdict: plantedVerdict([], []),
    reports: [complete],
    leaks: [],
    findings: [],
    outcome: "poweroff",
    marks: true,
    ...evidence,
  });
  return results.map(
    (one) =>
      `${one.undecided ? "undecided" : one.pass ? "ok" : "failed"} ${one.name}: ${one.detail}`,
  );
}

const plant = { address: 1, name: "x", kind: "leak", cycle: 0 } as const;
const found: LeakReport = {
  scan: 1,
  complete: true, cutAfter: null,
  leaks: [{ address: 1, size: 8, comm: "", pid: 0, jiffies: 0, ageCycles: 0, backtrace: [] }],
};

test("planted leaks: found or not, and never passed by a checker that saw nothing", () => {
  const planted = { leaks: "planted" } as const;
  expect([
    ...judged(planted, { verdict: plantedVerdict([plant], [found]), reports: [found] }),
    ...judged(planted, { verdict: plantedVerdict([plant], [complete]) }),
    ...judged(planted, {}),
    ...judged(planted, { verdict: plantedVerdict([plant], []), reports: [] }),
    ...judged(planted, {
      verdict: plantedVerdict([plant], [found]),
      reports: [found, { ...complete, complete: false }],
    }),
    ...judged(planted, { marks: false }),
    ...judged(planted, { verdict: plantedVerdict([plant], []), reports: [], outcome: "budget" }),
  ]).toMatchInlineSnapshot(`
    [
      "ok leaks: 1 of 1 planted leaks found, 0 missed, 0 extra, 0 transient",
      "failed leaks: 0 of 1 planted leaks found, 1 missed, 0 extra, 0 transient",
      "failed leaks: no planted leak was seen",
      "failed leaks: no complete kmemleak report was seen",
      "failed leaks: no complete kmemleak report was seen",
      "failed leaks: the kernel was built without marks, so nothing tells which blocks were planted",
      "undecided leaks: the instruction budget ended first (no complete kmemleak report was seen)",
    ]
  `);
});

test("leaks by function, count and size, and no others", () => {
  const leaks = [leak("lose_a", 64), leak("lose_a", 64), leak("lose_a", 128), leak("lose_b", 8)];
  expect(
    judged(
      {
        leaks: [
          { in: "lose_a", count: 2, size: 64 },
          { in: "lose_a", count: 1 },
          { in: "lose_b", count: 1 },
        ],
      },
      { leaks },
    ),
  ).toMatchInlineSnapshot(`
    [
      "ok leaks in lose_a of 64 bytes: 2 reported, 2 expected",
      "ok leaks in lose_a: 1 reported, 1 expected",
      "ok leaks in lose_b: 1 reported, 1 expected",
      "ok no other leaks: none",
    ]
  `);
  expect(judged({ leaks: [{ in: "lose_a", count: 2 }] }, { leaks })).toMatchInlineSnapshot(`
    [
      "failed leaks in lose_a: 3 reported, 2 expected",
      "failed no other leaks: 0xc0001000",
    ]
  `);
  expect(judged({ leaks: "none" }, { leaks: [] })).toEqual(["ok no other leaks: none"]);
  expect(judged({ leaks: "none" }, { leaks: [leak("lose_a", 64)] })).toEqual(["failed no other leaks: 0xc0001000"]);
  expect(judged({ leaks: [] }, { reports: [] })).toEqual([
    "failed leaks: no complete kmemleak report was seen",
  ]);
});

test("transient reports and findings", () => {
  expect(judged({ transient: "some" }, {})).toEqual(["failed transient: 0 in 1 reports"]);
  expect(judged({ transient: "none" }, {})).toEqual(["ok transient: 0 in 1 reports"]);
  const findings = [{ id: "warning-1", kind: "warning", summary: "x" }];
  // Findings are decided whenever the run ended.
  expect(judged({ findings: "none" }, { findings, outcome: "budget" })).toEqual([
    "failed findings: warning-1",
  ]);
  expect(judged({ findings: "none" }, {})).toEqual(["ok findings: none"]);
});

test("findings that a seeded bug must make, and no others; the outcome", () => {
  const findings = [
    { id: "lockdep-1", kind: "lockdep", summary: "possible circular locking dependency: a --> b" },
    { id: "panic-1", kind: "panic", summary: "no memory" },
  ];
  const circular = { kind: "lockdep", says: "circular", count: 1 };
  expect([
    ...judged({ findings: [circular, { kind: "panic", count: 1 }] }, { findings }),
    ...judged({ findings: [circular] }, { findings }),
    ...judged({ findings: [{ ...circular, count: 2 }] }, { findings: findings.slice(0, 1) }),
    ...judged({ findings: [circular] }, {}),
    ...judged({ outcome: "panic" }, { outcome: "panic" }),
    ...judged({ outcome: "deadlock" }, { outcome: "budget" }),
  ]).toMatchInlineSnapshot(`
    [
      "ok lockdep "circular": 1 found, 1 expected",
      "ok panic: 1 found, 1 expected",
      "ok no other findings: none",
      "ok lockdep "circular": 1 found, 1 expected",
      "failed no other findings: panic-1",
      "failed lockdep "circular": 1 found, 2 expected",
      "ok no other findings: none",
      "failed lockdep "circular": 0 found, 1 expected",
      "ok no other findings: none",
      "ok outcome: panic, panic expected",
      "failed outcome: budget, deadlock expected",
    ]
  `);
});
