import { expect, test } from "vitest";
import { ConsoleReader } from "./leak-report.ts";

function read(text: string, piece = text.length): ConsoleReader {
  const reader = new ConsoleReader();
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length; at += piece) reader.push(bytes.slice(at, at + piece));
  reader.finish();
  return reader;
}

const REPORT = `[    0.054000] before
---- kmemleak scan 1 ----
unreferenced object 0xc1234560 (size 64):
  comm "lose_one", pid 17, jiffies 345 (age 0.512s)
  backtrace:
    [<c0012345>] kmemleak_alloc+0x34/0x80
[    0.055000] cpu: CPU3 is offline
    [<c0012400>] lose_one+0x10/0x40
unreferenced object 0xa0001000 (size 12288):
[    0.055100] WARNING: an assertion failed
  comm "a "quoted" name", pid 18, jiffies 0 (age 1.000s)
  backtrace:
---- end ----
[    0.056000] reboot: Power down
`;

test("a report, with other CPUs' lines between its own", () => {
  const { reports, complaints } = read(REPORT);
  expect(reports).toEqual([
    {
      scan: 1,
      complete: true,
      cutAfter: null,
      leaks: [
        {
          address: 0xc1234560,
          size: 64,
          comm: "lose_one",
          pid: 17,
          jiffies: 345,
          ageCycles: 512_000_000,
          backtrace: [
            { address: 0xc0012345, symbol: "kmemleak_alloc+0x34/0x80" },
            { address: 0xc0012400, symbol: "lose_one+0x10/0x40" },
          ],
        },
        {
          address: 0xa0001000,
          size: 12288,
          comm: 'a "quoted" name',
          pid: 18,
          jiffies: 0,
          ageCycles: 1_000_000_000,
          backtrace: [],
        },
      ],
    },
  ]);
  expect(complaints).toEqual([{ kind: "warning", summary: "an assertion failed", trace: [] }]);
});

test("the console may come in pieces of any size, with carriage returns", () => {
  const whole = read(REPORT);
  for (const piece of [1, 7, 64]) {
    expect(read(REPORT, piece).reports).toEqual(whole.reports);
    expect(read(REPORT.replaceAll("\n", "\r\n"), piece).reports).toEqual(whole.reports);
  }
});

test("a report that the run cut off is not complete", () => {
  expect(read(REPORT.slice(0, 300)).reports).toMatchObject([{ scan: 1, complete: false }]);
  expect(read(`${REPORT}---- kmemleak scan 2 ----`).reports).toMatchObject([
    { complete: true },
    { scan: 2, complete: false },
  ]);
});

test("what the guest complains about, and what is no complaint", () => {
  const complaints = (text: string) =>
    read(text).complaints.map(({ kind, summary }) => `${kind}: ${summary}`);
  expect(
    complaints(
      [
        "[    0.010000] Kernel panic - not syncing: move: no memory",
        "[    0.010000] kernel BUG: the list is broken",
        "[    0.010000] Oops: load page fault at kfree+0x10/0x80, address 00000010 [#1]",
        "[    0.010000] page allocation failure: order 3, 12 pages free",
        "[    0.010000] slab error in kmem_cache_destroy(): cache `foo': Can't free all objects",
        "[    0.010000] kmemleak: unknown object at 0xc0001000",
        "[    0.010000] kmemleak: early log of 256 entries is full, kmemleak is disabled",
        "report cut after 100 leaks",
      ].join("\n"),
    ),
  ).toMatchInlineSnapshot(`
    [
      "panic: move: no memory",
      "bug: the list is broken",
      "bug: Oops: load page fault at kfree+0x10/0x80, address 00000010 [#1]",
      "warning: page allocation failure: order 3, 12 pages free",
      "bug: slab error in kmem_cache_destroy(): cache \`foo': Can't free all objects",
      "kmemleak: unknown object at 0xc0001000",
      "kmemleak: early log of 256 entries is full, kmemleak is disabled",
      "kmemleak: report cut after 100 leaks",
    ]
  `);
  expect(
    complaints(
      [
        "[    0.001401] kmemleak: enabled, design km08-fix, 26 early records replayed",
        "[    0.001401] kmemleak: disabled",
        "[    0.001401] kmemleak: disabled, nothing to report",
        "[    0.001837] smp: Brought up 4 of 4 CPUs",
        "[    0.038945] scan while moving: 1 suspected leaks",
        "[    0.106126] reboot: Power down",
      ].join("\n"),
    ),
  ).toEqual([]);
});

test("a complaint keeps the call trace that follows it", () => {
  const text = [
    "[    0.001559] WARNING: an assertion failed",
    "[    0.001566] CPU: 1 PID: 7 Comm: do_warn",
    "[    0.001572] Call Trace:",
    "[    0.001579]  [<c00038a8>] dump_stack+0x3c/0xa8",
    "[    0.001595]  [<c0000624>] do_warn+0x14/0x24",
    "[    0.001627] ---[ end trace ]---",
  ];
  expect(read(text.join("\n")).complaints).toEqual([
    { kind: "warning", summary: "an assertion failed", trace: [0xc00038a8, 0xc0000624] },
  ]);
});

test("what kmemleak says of itself: reports cut, tracking that ended, lookups that missed", () => {
  const { reports, trackingEnds, hiddenLookups } = read(`[    0.001000] kmemleak: kmemleak is disabled since jiffies 12: early log buffer exceeded
[    0.002000] kmemleak: scan 3 missed live blocks in 17 lookups
---- kmemleak scan 3 ----
unreferenced object 0xc1234560 (size 64):
report cut after 50 leaks
---- end ----
---- kmemleak scan 4 ----
---- end ----
`);
  expect(reports.map(({ scan, cutAfter }) => [scan, cutAfter])).toEqual([[3, 50], [4, null]]);
  expect(trackingEnds).toEqual([{ jiffies: 12, why: "early log buffer exceeded" }]);
  expect([...hiddenLookups]).toEqual([[3, 17]]);
  expect(read("[    0.000100] kmemleak: disabled\n").trackingEnds).toEqual([{ jiffies: null, why: "switched off at boot (kmemleak=off)" }]);
});
