import { expect, test } from "vitest";
import { AllocLatency } from "./alloc-latency.ts";
import { OffSections } from "./off-sections.ts";

test("percentiles by nearest rank, and the scanner's state at begin or end", () => {
  const latency = new AllocLatency();
  latency.entered(1, "alloc", false, false, 0);
  latency.left(1, "alloc", "slab", false, 999);
  latency.counting = true;
  for (let cycles = 1; cycles <= 200; cycles++) {
    latency.entered(1, "alloc", false, false, 1000);
    latency.left(1, "alloc", "slab", false, 1000 + cycles);
  }
  latency.entered(2, "free", false, true, 0);
  latency.left(2, "free", "vmalloc", false, 50);
  latency.entered(2, "free", false, false, 0);
  latency.left(2, "free", "vmalloc", true, 70);
  expect(latency.rows()).toEqual([
    { call: "alloc", area: "slab", scanner: "idle", count: 200, p50: 100, p99: 198, max: 200 },
    { call: "free", area: "vmalloc", scanner: "active", count: 2, p50: 50, p99: 70, max: 70 },
  ]);
});

test("only outermost calls count, a handler's are outermost again, and a call without end is nobody's begin", () => {
  const latency = new AllocLatency();
  latency.counting = true;
  latency.entered(1, "alloc", false, false, 0);
  latency.entered(1, "alloc", false, false, 10);
  latency.interrupted(1);
  latency.entered(1, "free", false, false, 20);
  latency.left(1, "free", "slab", false, 25);
  latency.entered(1, "free", true, false, 26);
  latency.left(1, "free", "slab", false, 27);
  latency.entered(1, "alloc", false, false, 28);
  latency.resumed(1);
  latency.left(1, "alloc", "slab", false, 40);
  latency.left(1, "alloc", "slab", false, 100);
  latency.left(1, "alloc", "slab", false, 101);
  expect(latency.rows().map(({ call, count, max }) => [call, count, max])).toEqual([["alloc", 1, 100], ["free", 1, 5]]);
});

test("preemption is off from the first reason to the last, from the wait on, until the hart changes tasks", () => {
  const off = new OffSections();
  off.counting = true;
  off.waits(0, 7, 0xa0, 100);
  off.taken(0, 7, 0xa4, 150);
  off.began(0, 0xb0, 160);
  off.ended(0, 200);
  off.ended(0, 400);
  expect(off.preemptOff).toEqual({ cycles: 300, pc: 0xa0, hart: 0, endCycle: 400 });
  off.taken(1, 7, 0xc0, 1000);
  off.switched(1, false, 0xc4, 1100);
  off.ended(1, 1350);
  off.ended(1, 9000);
  expect(off.preemptOff.cycles).toBe(300);
  off.taken(1, 7, 0xd0, 9000);
  off.switched(1, true, 0xd4, 9010);
  off.ended(1, 9020);
  off.began(1, 0xe0, 9100);
  off.ended(1, 20_000);
  expect(off.preemptOff.cycles).toBe(300);
  off.irqsOffEnded(2, 5000, 0xf0, 30_000);
  expect([off.irqsOff.pc, off.preemptOff.pc]).toEqual([0xf0, 0xf0]);
});
