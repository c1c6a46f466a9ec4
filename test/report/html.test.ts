/** The page of a run as a reader has it: opened from a file in Chromium, clicked, sorted, zoomed, printed; and what the command does about it. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RunResult } from "../../src/lab/run/result.ts";
import { LOST_OBJECT, run } from "../scenario/run.ts";
import { ROOT } from "../tidy/sources.ts";
import { haveTool } from "../tools.ts";
import { CHROMIUM, openFile, startBrowser } from "./browser.ts";

const WRONG_ORDERS = "scenarios/lockdep/wrong-orders.yaml";
const folder = mkdtempSync(join(tmpdir(), "hartlab-html-"));
const clean = join(folder, "clean.html");
const faulty = join(folder, "faulty.html");
let lost: RunResult;
let wrong: RunResult;
let browser: Browser | null = null;
const inBrowser = test.skipIf(!haveTool(CHROMIUM));

beforeAll(async () => {
  lost = run(LOST_OBJECT, "--html", clean).result;
  wrong = run(WRONG_ORDERS, "--html", faulty).result;
  if (haveTool(CHROMIUM)) browser = await startBrowser();
}, 120_000);

afterAll(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true, force: true });
});

describe("in Chromium", () => {
  inBrowser("opens without a complaint and asks nobody for anything, by day and by night, wide and narrow", async () => {
    for (const file of [clean, faulty]) {
      for (const look of [{ width: 1440 }, { width: 400, dark: true }]) {
        const { page, complaints, requests } = await openFile(browser!, file, look);
        await page.locator("#timeline-view canvas").first().waitFor();
        expect(complaints).toEqual([]);
        expect(requests).toEqual([`file://${file}`]);
        expect(await page.evaluate("document.documentElement.scrollWidth - innerWidth"), "nothing hangs out").toBeLessThanOrEqual(0);
        await page.context().close();
      }
    }
  });

  inBrowser("verdict, how to run it again, findings with their whole text and lines of source", async () => {
    const { page } = await openFile(browser!, faulty);
    expect(await page.locator("h1").textContent()).toMatch(/^PASS lockdep\/wrong-orders, seed 1, 2 harts: poweroff/);
    expect(await page.locator("#reproduce").textContent()).toBe(`hartlab run ${WRONG_ORDERS} --seed 1 --harts 2`);
    expect(await page.locator("#hash").textContent()).toBe(wrong.hash);
    const texts = await page.locator(".finding").allTextContents();
    expect(texts).toHaveLength(wrong.findings.length);
    wrong.findings.forEach(({ summary }, i) => expect(texts[i]).toContain(summary));
    expect(texts[0]).toContain("Possible unsafe locking scenario:");
    const marked = page.locator("#finding-lockdep-1 details[open] mark").first();
    const line = Number((await marked.locator(".ln").textContent())!.trim());
    const source = readFileSync(join(ROOT, "scenarios/lockdep/wrong-orders.ts"), "utf8").split("\n")[line - 1]!;
    expect(await marked.textContent()).toContain(source);
    // A link to a line opens its excerpt.
    const closed = page.locator("#finding-lockdep-1 details:not([open])").first();
    const id = await closed.getAttribute("id");
    await page.locator(`a[href="#${id}"]`).first().click();
    expect(await page.locator(`details#${id}`).getAttribute("open")).toBe("");
  });

  inBrowser("the lock table sorts by click and by key", async () => {
    const { page } = await openFile(browser!, clean);
    const column = async (): Promise<number[]> => {
      const cells = await page.locator("#lock-table tbody tr td:nth-child(9)").allTextContents();
      return cells.map((text) => Number(text.replaceAll(",", "")));
    };
    const head = page.locator("#lock-table th:nth-child(9)");
    await head.locator("button").click();
    const down = await column();
    expect(down).toHaveLength(lost.locks.length);
    expect(down).toEqual([...down].sort((a, b) => b - a));
    await head.locator("button").press("Enter");
    expect(await head.getAttribute("aria-sort")).toBe("ascending");
    expect(await column()).toEqual([...down].reverse().sort((a, b) => a - b));
  });

  inBrowser("the timeline zooms and moves by button, key, wheel and link, and tells what is chosen", async () => {
    const { page, complaints } = await openFile(browser!, clean);
    const box = page.locator(".canvas-box");
    const seen = async (): Promise<[number, number]> => {
      await page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))");
      return [Number(await box.getAttribute("data-from")), Number(await box.getAttribute("data-to"))];
    };
    expect(await seen()).toEqual([0, lost.cycles]);
    await page.locator("button[data-do=in]").click();
    const [from, to] = await seen();
    expect(to - from).toBeCloseTo(lost.cycles / 2, 0);
    await box.focus();
    await page.keyboard.press("ArrowRight");
    expect((await seen())[0]).toBeCloseTo(from + (to - from) / 4, 0);
    await page.keyboard.press("0");
    expect(await seen()).toEqual([0, lost.cycles]);
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press(".");
    await page.keyboard.press(".");
    expect(await page.locator(".detail").textContent()).toMatch(/^hart 0: /);
    await page.locator(".canvas-box canvas").hover({ position: { x: 700, y: 30 } });
    await page.keyboard.down("Control");
    await page.mouse.wheel(0, -400);
    await page.keyboard.up("Control");
    expect((await seen())[1] - (await seen())[0]).toBeCloseTo(lost.cycles / 4, -2);
    const cell = page.locator(".heat.waiters rect[data-from]").first();
    await cell.click();
    const tens = (all: readonly unknown[]): number[] => all.map((one) => Math.round(Number(one) / 10));
    expect(tens(await seen())).toEqual(tens([await cell.getAttribute("data-from"), await cell.getAttribute("data-to")]));
    await page.locator("input[data-do=find]").fill("churn");
    expect(complaints).toEqual([]);
  });

  inBrowser("without a script verdict, findings, tables and charts are there; on paper the tools are not", async () => {
    const bare = await openFile(browser!, faulty, { script: false });
    expect(await bare.page.locator(".finding").first().isVisible()).toBe(true);
    expect(await bare.page.locator("#lock-table").isVisible()).toBe(true);
    expect(await bare.page.locator("#timeline-view").isVisible()).toBe(false);
    const { page } = await openFile(browser!, clean, { dark: true });
    expect(await page.locator("svg.heatmap").first().isVisible()).toBe(true);
    await page.emulateMedia({ media: "print" });
    expect(await page.locator("nav").isVisible()).toBe(false);
    expect(await page.evaluate("getComputedStyle(document.body).backgroundColor")).toBe("rgb(255, 255, 255)");
    expect((await page.pdf({ format: "A4" })).length).toBeGreaterThan(20_000);
  });
});

describe("the command", () => {
  const hartlab = (...args: string[]) =>
    spawnSync(process.execPath, [join(ROOT, "dist/hartlab.js"), "run", WRONG_ORDERS, ...args], { cwd: ROOT, encoding: "utf8" });

  test("makes the same bytes again, and the same run as without a page", () => {
    const again = join(folder, "again.html");
    expect(run(WRONG_ORDERS, "--html", again).result.hash).toBe(run(WRONG_ORDERS).result.hash);
    expect(readFileSync(again).equals(readFileSync(faulty))).toBe(true);
  });

  test("what cannot be written is said before the run, and nothing is left behind", () => {
    const place = mkdtempSync(join(folder, "bad-"));
    writeFileSync(join(place, "file"), "");
    for (const path of [join(place, "file/page.html"), place, "/proc/page.html", ""]) {
      const { status, stderr, stdout } = hartlab("--html", path);
      expect([status, stdout]).toEqual([2, ""]);
      expect(stderr).toMatch(/^cannot write .*\n {2}\S.*\n$/);
    }
    const twice = hartlab("--html", join(place, "one"), "--trace", join(place, "one"));
    expect([twice.status, twice.stderr]).toEqual([2, `--trace and --html name the same file, ${join(place, "one")}\n  Give each a file of its own.\n`]);
    expect(readdirSync(place)).toEqual(["file"]);
    expect(existsSync(join(place, "one"))).toBe(false);
  });
});
