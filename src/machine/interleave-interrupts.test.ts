/**
 * Interrupts between harts in cycle mode: both ways of interleaving give the same machine at every clock, whoever interrupts whom. IPI
 * storms, timers that fire with an IPI, device interrupts that several harts claim, harts that wait and harts that are started, marks
 * wherever a hart's turn or page may end.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { timingModel } from "./timing/model.ts";
import { type Action, interruptMachine, loggedInterrupts } from "./testing-interrupts.ts";
import type { Interleave, Machine, MachineConfig } from "./types.ts";

const STOPS = [900, 4_000, 15_000, 40_000];

function stateOf(machine: Machine, harts: number): unknown {
  const views = Array.from({ length: harts }, (_, hart) => machine.hart(hart));
  return { hash: machine.hash(), views, log: views.map((_, hart) => loggedInterrupts(machine, hart)) };
}

/** Runs both machines from stop to stop and compares; gives the interrupts seen by kind. */
function compare(lists: readonly (readonly Action[])[], stops: readonly number[], config: Partial<MachineConfig> = {}): Map<number, number> {
  const ahead = interruptMachine(lists, "ahead", config);
  const exact = interruptMachine(lists, "exact", config);
  for (const untilCycle of stops) {
    const limits = { maxInstructions: 1e12, untilCycle };
    expect(ahead.run(limits).kind).toBe("cycle");
    expect(exact.run(limits).kind).toBe("cycle");
    expect(stateOf(ahead, lists.length)).toEqual(stateOf(exact, lists.length));
  }
  const seen = new Map<number, number>();
  for (const hart of lists.keys()) {
    for (const [number] of loggedInterrupts(ahead, hart)) seen.set(number, (seen.get(number) ?? 0) + 1);
  }
  return seen;
}

const act = (kind: Action["kind"], n = 0): Action => ({ kind, n });
const MSI = 3;
const MTI = 7;
const MEI = 11;

test("a storm: every hart sends to every hart, with private work between", () => {
  const lists = Array.from({ length: 4 }, (_, hart) =>
    Array.from({ length: 12 }, (__, k) => [act("ipi", hart + k), act("work", 3 * k + hart), act("store", k)]).flat());
  expect(compare(lists, STOPS).get(MSI)).toBeGreaterThan(100);
});

test("one device, four claimants: somebody gets it, the others find nothing", () => {
  const lists = [
    [act("uart on"), act("work", 20), act("uart off"), act("work", 7)],
    ...[5, 11, 17].map((n) => [act("work", n), act("amo", n)]),
  ];
  const claims = compare(lists, STOPS);
  expect(claims.get(MEI)).toBeGreaterThan(100);
});

test("timer and IPI meet at every distance: the order is that of their clocks, and of the specification when they are equal", () => {
  const orders = new Set<string>();
  for (let delay = 0; delay < 60; delay += 1) {
    const lists = [
      [act("mask"), act("timer", 1), act("work", delay), act("ipi", 1), act("work", 59), act("wait", 4)],
      [act("work", 50)],
    ];
    compare(lists, [2_500, 9_000]);
    const machine = interruptMachine(lists, "ahead");
    machine.run({ maxInstructions: 1e12, untilCycle: 9_000 });
    orders.add(loggedInterrupts(machine, 1).slice(-6).map(([number]) => number).join(" "));
  }
  // Both orders were met.
  expect([...orders].some((order) => order.includes(`${MSI} ${MTI}`))).toBe(true);
  expect([...orders].some((order) => order.includes(`${MTI} ${MSI}`))).toBe(true);
});

test("waiting and parked harts wake at the clock of what wakes them", () => {
  const lists = [
    [act("work", 41), act("ipi", 1), act("work", 13), act("ipi", 2), act("wait", 3)],
    [act("park"), act("ipi", 0), act("load", 3)],
    [act("wait", 2), act("look"), act("park"), act("store", 3)],
  ];
  const seen = compare(lists, STOPS);
  expect(seen.get(MSI)).toBeGreaterThan(20);
  expect(seen.get(MTI)).toBeGreaterThan(20);
});

test("marks cost nothing, wherever turns begin and pages end; halves of marks hold nothing up", () => {
  for (const n of Array.from({ length: 25 }, (_, at) => 8 * Math.floor(at / 5) + (at % 5))) {
    const list = (hart: number): Action[] => [act("mark", n), act("work", 1 + ((7 * n + hart) % 13)), act("store", n), act("ipi", hart + 1)];
    compare([list(0), list(1)], [1_500, 5_000]);
    const one = interruptMachine([[act("mark", n)]], "ahead");
    one.run({ maxInstructions: 1e12, untilCycle: 3_000 });
    const at = one.snapshot();
    const [whole, sliced] = [200, 1].map((slice) => {
      one.restore(at);
      for (let clock = 3_000; clock < 3_200; clock += slice) one.run({ maxInstructions: 1e12, untilCycle: clock + slice });
      return stateOf(one, 1);
    });
    expect(sliced).toEqual(whole);
  }
});

test("an IPI arrives the documented number of cycles after its store, wherever the other hart has run to", () => {
  const arrival = (interrupt: number, interleave: Interleave): number => {
    const model = timingModel("u54-like", { interrupt });
    if (!model.ok) throw new Error("no model");
    const lists = [[act("work", 33), act("ipi", 1), ...Array.from({ length: 20 }, () => act("work", 59))], []];
    const machine = interruptMachine(lists, interleave, { costs: model.value });
    machine.run({ maxInstructions: 1e12, untilCycle: 3_000 });
    expect(loggedInterrupts(machine, 1)).toHaveLength(1);
    return loggedInterrupts(machine, 1)[0]![1];
  };
  // Hart 1 goes round one instruction of one cycle, so it is interrupted in the very cycle.
  const first = arrival(45, "ahead");
  for (const interrupt of [46, 50, 51, 300]) {
    expect(arrival(interrupt, "ahead") - first).toBe(interrupt - 45);
    expect(arrival(interrupt, "exact") - first).toBe(interrupt - 45);
  }
});

test("two lines on their way at once arrive one after the other, and neither is lost or early", () => {
  const work = (times: number) => Array.from({ length: times }, () => act("work", 59));
  const model = timingModel("u54-like", { interrupt: 1000 });
  if (!model.ok) throw new Error("no model");
  for (const interleave of ["ahead", "exact"] as const) {
    const lists = [[act("mask"), act("ipi", 1), ...work(6), act("uart on"), ...work(30)], []];
    const machine = interruptMachine(lists, interleave, { costs: model.value });
    machine.run({ maxInstructions: 1e12, untilCycle: 4_000 });
    const log = loggedInterrupts(machine, 1);
    expect(log.map(([number]) => number)).toEqual([MSI, MEI]);
    // The second store is made while the first line is on its way, and the first handler is over when the second line arrives.
    expect(log[1]![1] - log[0]![1]).toBeGreaterThan(500);
  }
});

const action = fc.record({
  kind: fc.constantFrom<Action["kind"]>(
    "ipi", "ipi", "timer", "uart on", "uart off", "wait", "park", "mask", "open", "open", "look", "work", "work", "load", "store", "store", "amo", "poll", "mark", "mark",
  ),
  n: fc.nat({ max: 200 }),
});

describe("random guests (property)", () => {
  test("default costs", () => {
    const all = new Map<number, number>();
    fc.assert(
      fc.property(fc.array(fc.array(action, { minLength: 2, maxLength: 14 }), { minLength: 2, maxLength: 4 }), (lists) => {
        for (const [number, count] of compare(lists, [1_500, 12_000])) all.set(number, (all.get(number) ?? 0) + count);
      }),
      { numRuns: 40 },
    );
    for (const number of [MSI, MTI, MEI]) expect(all.get(number) ?? 0).toBeGreaterThan(50);
  });

  test("any costs", () => {
    const costs = fc.record({
      transfer: fc.integer({ min: 1, max: 200 }), invalidate: fc.integer({ min: 1, max: 200 }), memory: fc.integer({ min: 20, max: 300 }),
      mmioClint: fc.integer({ min: 1, max: 90 }), trapEntry: fc.integer({ min: 1, max: 40 }), atomic: fc.integer({ min: 1, max: 20 }),
      div: fc.integer({ min: 1, max: 70 }), alu: fc.integer({ min: 1, max: 3 }), extra: fc.nat({ max: 60 }),
    });
    fc.assert(
      fc.property(fc.array(fc.array(action, { minLength: 2, maxLength: 10 }), { minLength: 2, maxLength: 3 }), costs, (lists, { extra, ...other }) => {
        const model = timingModel("u54-like", { ...other, interrupt: Math.min(other.transfer, other.invalidate) + extra });
        if (!model.ok) throw new Error(model.problems[0]!.message);
        compare(lists, [1_500, 10_000], { costs: model.value });
      }),
      { numRuns: 25 },
    );
  });
});
