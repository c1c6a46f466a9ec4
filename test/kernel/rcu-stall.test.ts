/** RCU stall warnings: each kind of planted stall is reported in Linux's words with the culprit's stack, and a clean run is silent. */
import { beforeAll, describe, expect, test } from "vitest";
import { runOurs } from "../differential/machines.ts";
import { compileGuest } from "./guest-tests.ts";

const TASKS = ["spinning_reader", "interrupts_off", "preempted_reader", "busy", "wait_for_readers", "clean_reader"];

/** What the kernel says, without time stamps. */
function run(elf: Uint8Array, tasks: string, timeout = "20ms"): string[] {
  const bootargs = `seed=1 rcu.stall_timeout=${timeout} ${tasks}`;
  const { stop, sent } = runOurs(elf, 400_000_000, { harts: 4, memoryBytes: 64 << 20, bootargs });
  const lines = Buffer.from(sent).toString().split("\n").map((line) => line.replace(/^\[ *\d+\.\d+\] /, "").trimEnd());
  expect(stop, lines.join("\n")).toEqual({ kind: "poweroff" });
  expect(lines).toContain("rcu-stall: grace periods have ended");
  return lines;
}

/** From the first line of the first report to its last stack. */
function report(lines: readonly string[]): string {
  const from = lines.findIndex((line) => line.startsWith("rcu: INFO:"));
  return from < 0 ? "" : lines.slice(from).join("\n");
}

describe.each(["full", "none"] as const)("preempt=%s", (preempt) => {
  const flavour = preempt === "full" ? "rcu_preempt" : "rcu_sched";
  let elf: Uint8Array;
  beforeAll(() => {
    elf = compileGuest("rcu-stall", TASKS, { preempt });
  }, 180_000);

  test("a reader that spins: its CPU says so itself, with the stack under the tick", () => {
    const text = report(run(elf, "task=spinning_reader@1 task=wait_for_readers@0"));
    expect(text).toMatch(new RegExp(`^rcu: INFO: ${flavour} self-detected stall on CPU\nrcu: \t1-\\.\\.\\.\\.: \\(\\d+ ticks this GP\\) idle=0\n`));
    expect(text).toMatch(/\nrcu: \t\(t=2[01] jiffies g=\d+ q=\d+ ncpus=4\)\nCPU: 1 PID: \d+ Comm: spinning_reader\nCall Trace:\n/);
    expect(text).toMatch(/Call Trace:\n(?: .*\n)* \[<[0-9a-f]+>\] spinning_reader\+/);
  });

  test("a CPU with interrupts off: another one says so, and that the CPU does not answer; its stack follows when it does", () => {
    const text = report(run(elf, "task=interrupts_off@1 task=wait_for_readers@0"));
    expect(text).toMatch(new RegExp(`^rcu: INFO: ${flavour} detected stalls on CPUs/tasks:\nrcu: \t1-\\.\\.\\.!: \\(\\d ticks this GP\\) idle=0\n`));
    expect(text).toMatch(/\nrcu: \t\(detected by [023], t=2\d jiffies, g=\d+, q=\d+ ncpus=4\)\nSending IPI from CPU [023] to CPU 1:\n/);
    expect(text).toMatch(/\nrcu: CPU1 does not answer, its interrupts are off: it runs interrupts_off\/\d+\n/);
    expect(text).toMatch(/\nIPI backtrace for cpu 1\nCPU: 1 PID: \d+ Comm: interrupts_off\nCall Trace:\n(?: .*\n)* \[<[0-9a-f]+>\] interrupts_off\+/);
  });

  test("sections that end: silence", () => {
    expect(report(run(elf, "task=clean_reader@all task=busy@2 task=wait_for_readers@0"))).toBe("");
  });

  test("rcu.stall_timeout=off: silence", () => {
    expect(report(run(elf, "task=spinning_reader@1 task=wait_for_readers@0", "off"))).toBe("");
  });

  test("rcu.stall_timeout: no report before its time", () => {
    expect(report(run(elf, "task=spinning_reader@1 task=wait_for_readers@0", "60ms"))).toBe("");
  });

  if (preempt === "none") return;
  test("a reader that was preempted: the task is named, with its stack", () => {
    const text = report(run(elf, "task=preempted_reader@1 task=busy@1 task=wait_for_readers@0"));
    expect(text).toMatch(/^rcu: INFO: rcu_preempt detected stalls on CPUs\/tasks:\nrcu: \tTasks blocked on level-0 rcu_node \(CPUs 0-3\): P\d+\n/);
    expect(text).toMatch(/\ntask:preempted_reade state:R pid:\d+ cpu:1 flags:0x[0-9a-f]+\n/);
    expect(text).toMatch(/(?:running on CPU 1|Call Trace:\n(?: .*\n)* \[<[0-9a-f]+>\] preempted_reader\+)/);
  });
});
