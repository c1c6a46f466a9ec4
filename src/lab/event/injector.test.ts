import { expect, test } from "vitest";
import type { ScenarioEvent } from "../scenario/schema.ts";
import { EventInjector } from "./injector.ts";

const OPS = { online: 1, offline: 2, scan: 3 };
const offline: ScenarioEvent = { at: 8_000_000, hotplug: { cpu: "last", to: "offline" } };
const online: ScenarioEvent = { at: 20_000_000, hotplug: { cpu: "last", to: "online" } };
const scan: ScenarioEvent = { at: 8_000_000, scan: "kmemleak" };

/** A lab device with room for `room` requests. */
function device(room = 64) {
  const queue: [number, number][] = [];
  const request = (op: number, arg: number): number | null =>
    queue.length === room ? null : queue.push([op, arg]);
  return { queue, request };
}

test("events are due in order of time, counted from the start, and not before it", () => {
  const { queue, request } = device();
  const injector = new EventInjector([online, offline, scan], 4, OPS, request);
  expect(injector.dueCycle).toBeNull();
  injector.start(1000);
  expect(injector.dueCycle).toBe(8_001_000);
  injector.inject();
  expect(queue).toEqual([
    [2, 3],
    [3, 0],
  ]);
  expect(injector.dueCycle).toBe(20_001_000);
  injector.inject();
  expect(injector.dueCycle).toBeNull();
  injector.answered([
    { sequence: 2, op: 3, arg: 0, cycle: 9_000_000, result: -16 },
    { sequence: 1, op: 2, arg: 3, cycle: 8_501_000, result: 0 },
    { sequence: 99, op: 2, arg: 3, cycle: 8_501_000, result: 0 },
  ]);
  expect(injector.outcomes("-")).toEqual([
    {
      cycle: 8_001_000,
      sinceStart: 8_000_000,
      kind: "hotplug",
      detail: "cpu 3 offline at 8ms",
      result: "ok",
      latencyCycles: 500_000,
    },
    {
      cycle: 8_001_000,
      sinceStart: 8_000_000,
      kind: "scan",
      detail: "kmemleak scan at 8ms",
      result: "-16",
      latencyCycles: 999_000,
    },
    {
      cycle: 20_001_000,
      sinceStart: 20_000_000,
      kind: "hotplug",
      detail: "cpu 3 online at 20ms",
      result: "unanswered",
      latencyCycles: null,
    },
  ]);
});

function results(
  events: readonly ScenarioEvent[],
  harts: number,
  ops: Record<string, number> = OPS,
  room = 64,
): string[] {
  const injector = new EventInjector(events, harts, ops, device(room).request);
  injector.start(0);
  while (injector.dueCycle !== null) injector.inject();
  return injector.outcomes("never").map((one) => one.result);
}

test("what cannot be is skipped, with the reason", () => {
  const third: ScenarioEvent = { at: 1, hotplug: { cpu: 2, to: "offline" } };
  expect(results([offline, online], 1)).toEqual([
    "skipped: the only CPU cannot go offline",
    "skipped: the only CPU cannot go offline",
  ]);
  expect(results([third], 2)).toEqual(["skipped: there is no CPU 2 with 2 harts"]);
  expect(results([third], 3)).toEqual(["unanswered"]);
  expect(results([scan], 4, {})).toEqual(["skipped: this kernel has no lab driver for it"]);
});

test("a full queue is an outcome of its own", () => {
  expect(results([scan, scan, scan], 4, OPS, 2)).toEqual(["unanswered", "unanswered", "overflow"]);
});

test("events that were never injected say why", () => {
  const injector = new EventInjector([scan], 4, OPS, device().request);
  expect(injector.outcomes("the scenario did not start")).toMatchObject([
    { cycle: null, result: "skipped: the scenario did not start", latencyCycles: null },
  ]);
});
