/** What RCU costs: the figures of docs/kernel/rcu.md, and that they do not grow unnoticed. */
import { describe, expect, test } from "vitest";
import { runOurs } from "../differential/machines.ts";
import { compileGuest } from "./guest-tests.ts";

function costs(elf: Uint8Array, tasks: string): string {
  const { stop, sent } = runOurs(elf, 1_000_000_000, { harts: 4, memoryBytes: 64 << 20, bootargs: `seed=1 ${tasks}` });
  const text = Buffer.from(sent).toString();
  expect(stop, text).toEqual({ kind: "poweroff" });
  return text;
}

const numbers = (text: string, form: RegExp): number[] => {
  const match = form.exec(text);
  expect(match, text).not.toBeNull();
  return match!.slice(1).map(Number);
};

const SYNC = String.raw`: synchronize_rcu (\d+) us on average, (\d+) at most, \d+ grace periods`;

describe.each([["full", 12], ["none", 12]] as const)("preempt=%s", (preempt, pair) => {
  test("instructions, and grace periods in ticks of 1000 us", { timeout: 180_000 }, () => {
    const elf = compileGuest("rcu-cost", ["instructions", "idle_system", "loaded_system", "load"], { preempt, marks: false });
    const [read, call, callback] = numbers(costs(elf, "task=instructions@0"), /read pair (\d+), call_rcu (\d+), callback (\d+)/);
    expect(read).toBeLessThanOrEqual(pair);
    expect(call).toBeLessThanOrEqual(45);
    expect(callback).toBeLessThanOrEqual(60);
    const [idle] = numbers(costs(elf, "task=idle_system@0"), new RegExp(`idle${SYNC}`));
    expect(idle).toBeLessThanOrEqual(4000);
    const [loaded] = numbers(costs(elf, "task=load@all task=loaded_system@0"), new RegExp(`loaded${SYNC}`));
    expect(loaded).toBeLessThanOrEqual(12000);
  });
});
