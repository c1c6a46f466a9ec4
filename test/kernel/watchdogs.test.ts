/** Each watchdog finds a case made for it, in every preemption model, and says nothing about a kernel that is only busy. */
import { describe, expect, test } from "vitest";
import { runOurs } from "../differential/machines.ts";
import { compileGuest } from "./guest-tests.ts";

const TASKS = ["soft", "hard", "hung", "rescuer", "healthy"];
const THRESHOLDS = "watchdog_thresh=5ms hung_task_timeout=20ms";
const images = new Map<string, Uint8Array>();

/** The console of a run that ends as it should; two harts or more. */
function said(preempt: string, args: string, harts = 2, end = "poweroff"): string {
  const elf = images.get(preempt) ?? compileGuest("stuck", TASKS, { preempt });
  images.set(preempt, elf);
  const { stop, sent } = runOurs(elf, 1_000_000_000, { harts, memoryBytes: 64 << 20, bootargs: `seed=1 ${args}` });
  const text = Buffer.from(sent).toString().replace(/^\[ *\d+\.\d+\] /gm, "");
  expect(stop.kind, text).toBe(end);
  return text;
}

const count = (text: string, line: RegExp): number => text.split("\n").filter((one) => line.test(one.trimEnd())).length;
const ANY = /soft lockup|hard LOCKUP|blocked for more than/;

describe.each(["none", "voluntary", "full", "rt"])("preempt=%s", (preempt) => {
  test("soft lockup: a CPU on which nothing else runs, with the stack of what runs", () => {
    const text = said(preempt, `${THRESHOLDS} task=soft@1`);
    // Twice the threshold, and again after as long: 30 ms hold two or three.
    const found = [...text.matchAll(/^watchdog: BUG: soft lockup - CPU#1 stuck for (\d+)ms! \[soft:\d+\]\r?$/gm)];
    expect(found.length, text).toBeGreaterThanOrEqual(2);
    expect(Number(found[0]![1]), text).toBeGreaterThanOrEqual(10);
    expect(Number(found[0]![1]), text).toBeLessThanOrEqual(14);
    expect(text).toMatch(/soft lockup[\s\S]*Call Trace:[\s\S]* soft\+0x/);
    expect(text).not.toMatch(/hard LOCKUP|blocked for/);
  });

  test.each([
    [1, 0],
    [0, 1],
  ])("hard lockup: CPU %i takes no interrupt, CPU %i says so once, with what is on its stack", (cpu, buddy) => {
    const text = said(preempt, `${THRESHOLDS} task=hard@${cpu}`);
    expect(count(text, new RegExp(`^watchdog: CPU${buddy}: Watchdog detected hard LOCKUP on cpu ${cpu}$`)), text).toBe(1);
    expect(count(text, /hard LOCKUP/), text).toBe(1);
    expect(text).toMatch(new RegExp(`hard LOCKUP[\\s\\S]*CPU: ${cpu} PID: \\d+ Comm: hard\\s[\\s\\S]*\\? hard\\+0x`));
  });

  test("hung task: reported once for one sleep, with its state and its stack", () => {
    const text = said(preempt, `${THRESHOLDS} task=hung@1 task=rescuer@0`);
    expect(count(text, /^INFO: task hung:\d+ blocked for more than 20 milliseconds\.$/), text).toBe(1);
    expect(text).toMatch(/task:hung state:D[\s\S]*Call Trace:[\s\S]*schedule\+0x[\s\S]*hung\+0x/);
    expect(count(text, ANY), text).toBe(1);
  });

  test.each([1, 2, 4])("%i busy harts: silence", (harts) => {
    expect(said(preempt, `${THRESHOLDS} task=healthy@all`, harts)).not.toMatch(ANY);
  });
});

test("without parameters nothing that short is reported; a panic ends the run when asked for", () => {
  expect(said("full", "task=soft@1 task=hard@0 task=hung@1 task=rescuer@0")).not.toMatch(ANY);
  expect(said("full", `${THRESHOLDS} softlockup_panic=1 task=soft@1`, 2, "failure")).toContain("panic - not syncing: softlockup: hung tasks");
  expect(said("full", `${THRESHOLDS} hardlockup_panic=1 task=hard@1`, 2, "failure")).toContain("panic - not syncing: Hard LOCKUP");
  expect(said("full", `${THRESHOLDS} hung_task_panic=1 task=hung@1 task=rescuer@0`, 2, "failure")).toContain("panic - not syncing: hung_task: blocked tasks");
});

test("a bare number is seconds", () => {
  const text = said("full", "watchdog_thresh=1 hung_task_timeout=1 task=soft@1 task=hung@0 task=rescuer@1");
  expect(text).not.toMatch(ANY);
});
