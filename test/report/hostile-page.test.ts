/** A guest that says the worst it can, and as much as it can, makes a page that is still only text, and of bounded size. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readScenario } from "../../src/cli/scenario-file.ts";
import { CODE } from "../../src/lab/observe/events.ts";
import { Timeline, type TimelineView } from "../../src/lab/observe/timeline.ts";
import type { RunResult } from "../../src/lab/run/result.ts";
import { PAGE_BYTES_MAX } from "../../src/report/html/run/limits.ts";
import { runPage } from "../../src/report/html/run/page.ts";
import { run } from "../scenario/run.ts";
import { ROOT } from "../tidy/sources.ts";
import { haveTool } from "../tools.ts";
import { CHROMIUM, openFile, startBrowser } from "./browser.ts";

const SCENARIO = "scenarios/lockdep/wrong-orders.yaml";
const HOSTILE = `</script></pre></title><script>alert(1)</script><img src=x onerror="alert(2)"><a href="javascript:alert(3)">x</a><!--\u202e\x1b[2J\0' onmouseover='alert(4)`;

/** Many short slices on many harts under hostile names, more than a page takes. */
function timeline(harts: number, events: number): TimelineView {
  const made = new Timeline();
  for (let i = 0; i < events; i++) {
    const hart = i % harts;
    const base = { clock: i * 37, hart, task: 64 + hart, a: 0, b: 0 };
    const round = Math.floor(i / harts) % 4;
    if (round === 0) made.add({ ...base, code: CODE.taskSwitch, lock: -1, c: Math.floor(i / harts) % 50 });
    else made.add({ ...base, code: [CODE.lockContended, CODE.lockAcquired, CODE.lockRelease][round - 1]!, lock: hart, c: 0 });
  }
  made.dropped = 12_345;
  return {
    scenario: HOSTILE, harts, timeline: made,
    taskName: (task) => `${HOSTILE}${task}/${task}`,
    taskAt: (address) => 64 + address,
    lockName: (lock) => `${HOSTILE} 0x0000000${lock % 10}`,
  };
}

function hostilePage(result: RunResult): string {
  const loaded = readScenario(join(ROOT, SCENARIO), {});
  if (!loaded.ok) throw new Error("the scenario is there");
  const [lockdep] = result.lockdep.reports;
  const worst = "\u202e".repeat(2 ** 21);
  const complaint = { kind: "bug", summary: `${HOSTILE}${"x".repeat(1e6)} (kernel/mm/slab.ts:1)` };
  const folded = Array.from({ length: 30_000 }, (_, i) => [`hart 0;${HOSTILE};f${i % 100};g${i}`, 1 + (i % 7)] as const);
  return runPage({
    result: {
      ...result,
      scenario: HOSTILE,
      console: `BUG: ${HOSTILE}\n${worst}`,
      harts: 32,
      cycles: 37e5,
      findings: [...Array.from({ length: 500 }, (_, i) => ({ ...complaint, id: `bug-${i + 1}` })), { id: "lockdep-1", kind: "lockdep", summary: HOSTILE }],
      lockdep: { ...result.lockdep, reports: [{ ...lockdep!, task: { comm: HOSTILE, pid: 1 } }] },
      locks: Array.from({ length: 900 }, () => ({ ...result.locks[0]!, class: HOSTILE })),
      expect: [{ name: HOSTILE, pass: false, detail: worst }],
    },
    scenario: loaded.value.scenario,
    scenarioText: HOSTILE,
    timeline: timeline(32, 100_000),
    profile: { by: "cycles", period: 9973, stacks: folded, sameRun: false },
    sourceOf: () => `${worst}\n`.repeat(3),
    command: HOSTILE,
    config: { [HOSTILE]: HOSTILE },
    defaults: {},
  });
}

test.skipIf(!haveTool(CHROMIUM))("hostile strings are text wherever they stand, and what is too much is cut and said to be", async () => {
  const { result } = run(SCENARIO);
  const made = hostilePage(result);
  const bytes = Buffer.byteLength(made);
  expect(bytes).toBeGreaterThan(2 ** 20);
  expect(bytes).toBeLessThan(PAGE_BYTES_MAX);
  for (const said of ["hatched blocks that stand for", "characters are left out here", "findings more are not on this page", "characters more]", "12,345 later events", "rows more are not shown", "are not drawn; --folded has them", "ended a little differently"])
    expect(made.includes(said), said).toBe(true);
  expect(made.includes("\u202e"), "text that turns").toBe(false);
  const folder = mkdtempSync(join(tmpdir(), "hartlab-hostile-"));
  const file = join(folder, "page.html");
  writeFileSync(file, made);
  const browser = await startBrowser();
  try {
    const { page, complaints, requests } = await openFile(browser, file);
    await page.locator("#timeline-view canvas").first().waitFor();
    await page.locator(".flame-box button").first().waitFor();
    expect(complaints).toEqual([]);
    expect(requests).toEqual([`file://${file}`]);
    const counts = "[document.images.length, document.querySelectorAll('a[href^=javascript], [onerror], [onmouseover]').length, document.scripts.length]";
    expect(await page.evaluate(counts)).toEqual([0, 0, 3]);
    expect(await page.locator("#reproduce").textContent()).toContain("</script></pre></title><script>alert(1)");
  } finally {
    await browser.close();
    rmSync(folder, { recursive: true, force: true });
  }
}, 120_000);
