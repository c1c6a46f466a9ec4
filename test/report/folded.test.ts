/** Folded stacks: the run stays what it is, the lines are what flamegraph.pl and speedscope read, and callers are callers. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readScenario } from "../../src/cli/scenario-file.ts";
import { readImage } from "../../src/lab/image/elf.ts";
import { Symbols } from "../../src/lab/image/symbols.ts";
import { Unwinder } from "../../src/lab/profile/unwind.ts";
import { machineConfig } from "../../src/lab/run/again.ts";
import { createMachine } from "../../src/machine/machine.ts";
import { LOST_OBJECT, type Outcome, run } from "../scenario/run.ts";
import { ROOT } from "../tidy/sources.ts";
import { haveTool } from "../tools.ts";
import { CHROMIUM, openFile, startBrowser } from "./browser.ts";

const PERIOD = 9973;
const folder = mkdtempSync(join(tmpdir(), "hartlab-folded-"));
const page = join(folder, "page.html");
let plain: Outcome;
let cycles: Outcome;
let instructions: Outcome;

function lines(name: string): { stack: string; value: number }[] {
  const text = readFileSync(join(folder, name), "utf8");
  expect(text.endsWith("\n")).toBe(true);
  return text.trimEnd().split("\n").map((line) => {
    // As flamegraph.pl and speedscope take a line apart.
    const [, stack, value] = /^(.*)\s+?(\d+(?:\.\d*)?)$/.exec(line)!;
    expect(/^(.*) (\d+)$/.exec(line)!.slice(1)).toEqual([stack, value]);
    return { stack: stack!, value: Number(value) };
  });
}

const sum = (all: readonly { readonly value: number }[]): number => all.reduce((total, { value }) => total + value, 0);

beforeAll(() => {
  plain = run(LOST_OBJECT);
  cycles = run(LOST_OBJECT, "--folded", join(folder, "cycles"), "--html", page);
  instructions = run(LOST_OBJECT, "--folded", join(folder, "instructions"), "--folded-by", "instructions");
}, 120_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("a sampled run is the same run", () => {
  expect(cycles.result).toEqual(plain.result);
  expect(instructions.result.hash).toBe(plain.result.hash);
});

test("all time is somebody's: harts, then tasks and interrupts, then functions", () => {
  const all = lines("cycles");
  const { harts, cycles: end } = plain.result;
  expect(sum(all)).toBe(Math.floor(end / PERIOD) * PERIOD * harts);
  expect(all.map(({ stack }) => stack)).toEqual([...new Set(all.map(({ stack }) => stack))].sort());
  expect(new Set(all.map(({ stack }) => stack.split(";")[0]))).toEqual(new Set(["hart 0", "hart 1", "hart 2", "hart 3"]));
  const of = (pattern: RegExp): number => sum(all.filter(({ stack }) => pattern.test(stack)));
  expect(of(/^hart 0;churn\/\d+;ret_from_fork;kthread;scenario_thread;churn;/)).toBeGreaterThan(10e6);
  expect(of(/^hart \d;scan\/\d+;.*;kmemleak_scan;.*scan_block/)).toBeGreaterThan(1e6);
  expect(of(/^hart \d;interrupt;trap_entry;/)).toBeGreaterThan(0);
  expect(of(/;trap_entry;/)).toBe(of(/^hart \d;interrupt;trap_entry;/));
  expect(of(/^hart \d;swapper\/0;.*;cpu_idle/)).toBeGreaterThan(end);
});

test("by instructions: those that were retired, none of them by who sleeps", () => {
  const { instructions: retired } = plain.result;
  const all = lines("instructions");
  expect(sum(all)).toBeLessThanOrEqual(retired);
  expect(sum(all)).toBeGreaterThan(retired - 4 * PERIOD);
  expect(sum(all.filter(({ stack }) => stack.endsWith(";cpu_idle")))).toBeLessThan(retired / 50);
});

test.skipIf(!haveTool(CHROMIUM))("the page has a flame graph of it, whose boxes open by click and key", async () => {
  const browser = await startBrowser();
  try {
    const opened = await openFile(browser, page);
    const box = opened.page.locator(".flame-box");
    await box.locator("button", { hasText: /^hart 1$/ }).click();
    expect(await box.getAttribute("data-top")).toBe("hart 1");
    expect(await box.locator("button", { hasText: /^hart 2$/ }).count()).toBe(0);
    await box.locator("button", { hasText: /^churn\// }).first().press("Enter");
    expect(await box.getAttribute("data-top")).toMatch(/^churn\//);
    await opened.page.locator("#flame-view button[data-do=all]").click();
    await opened.page.locator("#flame-view input").fill("cpu_idle");
    expect(await opened.page.locator("#flame-view .range").textContent()).toMatch(/^\d+\.\d % in functions found$/);
    expect(opened.complaints).toEqual([]);
  } finally {
    await browser.close();
  }
});

describe("stacks", () => {
  test("wherever a hart stands, each caller's last instruction calls the next function", () => {
    const file = join(ROOT, LOST_OBJECT);
    const loaded = readScenario(file, {});
    if (!loaded.ok) throw new Error("the scenario is there");
    const { scenario } = loaded.value;
    spawnSync(process.execPath, [join(ROOT, "dist/hartlab.js"), "build", file, "--out", folder], { cwd: ROOT });
    const elf = readFileSync(join(folder, "kernel.elf"));
    const image = readImage(elf);
    const made = createMachine(machineConfig(scenario, true));
    if (!image.ok || !made.ok) throw new Error("it builds");
    const machine = made.value;
    expect(machine.loadElf(elf).ok).toBe(true);
    const symbols = new Symbols(image.value.section);
    const unwinder = new Unwinder(machine, symbols);
    const wrong = new Set<string>();
    let calls = 0;
    for (let cycle = 3_000_000; cycle < 7_000_000; ) {
      const { kind } = machine.run({ maxInstructions: 1e9, untilCycle: cycle });
      machine.drainMarks(() => {});
      if (kind !== "cycle") continue;
      cycle += 499;
      for (let hart = 0; hart < scenario.machine.harts; hart++) {
        const stack = unwinder.stack(machine.hart(hart)).filter((address) => address >= 0xc000_0000);
        // Between two tasks there is half a stack of each.
        if (symbols.functionName(stack[0] ?? 0) === "__switch_to") continue;
        const trap = stack.findIndex((address) => symbols.functionName(address) === "trap_entry");
        for (let i = 1; i < (trap < 0 ? stack.length : trap + 1); i++) {
          const target = callBefore(stack[i]!, (address) => machine.readVirtual(address, 4));
          const callee = symbols.entryOf(i === 1 ? stack[0]! : stack[i - 1]! - 1);
          calls++;
          if (target === null || (target !== "somewhere" && target !== callee)) wrong.add(`${symbols.offsetName(stack[i - 1]!)} from ${symbols.offsetName(stack[i]!)}`);
        }
      }
    }
    expect(calls).toBeGreaterThan(10_000);
    expect([...wrong]).toEqual([]);
  }, 120_000);
});

/** Where the instruction before a return address calls; somewhere: through a register; null: it is no call. */
function callBefore(address: number, read: (address: number) => Uint8Array | null): number | "somewhere" | null {
  const bytes = read(address - 4);
  if (bytes === null) return null;
  const word = new DataView(bytes.buffer, bytes.byteOffset, 4).getInt32(0, true);
  if ((word & 0xfff) === 0xe7) return "somewhere";
  if ((word & 0xfff) !== 0xef) return null;
  const distance = ((word >> 31) << 20) | (word & 0xff000) | (((word >> 20) & 1) << 11) | (((word >> 21) & 0x3ff) << 1);
  return (address - 4 + distance) >>> 0;
}

test("bad wishes are a sentence, and nothing is left behind", () => {
  const target = join(folder, "never");
  const hartlab = (...args: string[]) =>
    spawnSync(process.execPath, [join(ROOT, "dist/hartlab.js"), "run", LOST_OBJECT, "--folded", target, ...args], { cwd: ROOT, encoding: "utf8" });
  for (const [args, said] of [
    [["--folded-by", "seconds"], "--folded-by is one of cycles, instructions, not seconds"],
    [["--folded-period", "7"], "--folded-period is a number of cycles from 100 to 1000000000000, not 7"],
    [["--folded-period", "1e4"], "--folded-period is a number of cycles from 100 to 1000000000000, not 1e4"],
  ] as const) {
    const { status, stderr } = hartlab(...args);
    expect([status, stderr.split("\n")[0]]).toEqual([2, said]);
  }
  expect(existsSync(target)).toBe(false);
});
