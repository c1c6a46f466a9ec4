import { expect, test } from "vitest";
import type { LeakReport } from "./leak-report.ts";
import type { PlantedBlock } from "./observation.ts";
import { plantedVerdict } from "./verdict.ts";

const plant = (address: number, kind: PlantedBlock["kind"] = "leak"): PlantedBlock => ({
  address,
  name: `block${address}`,
  kind,
  cycle: 0,
});
const report = (...addresses: number[]): LeakReport => ({
  scan: 1,
  complete: true, cutAfter: null,
  leaks: addresses.map((address) => ({
    address,
    size: 8,
    comm: "",
    pid: 0,
    jiffies: 0,
    ageCycles: 0,
    backtrace: [],
  })),
});

test("the last report counts: found, missed, extra", () => {
  expect(
    plantedVerdict(
      [plant(1), plant(2), plant(3), plant(9, "nonleak")],
      [report(), report(1, 2, 9, 50)],
    ),
  ).toMatchObject({
    expected: 3,
    found: 2,
    missed: 1,
    extra: 2,
    transient: 0,
    missedBlocks: [{ name: "block3" }],
    extraLeaks: [{ address: 9 }, { address: 50 }],
  });
});

test("an earlier report's innocent block is transient when the last one has it no more, else extra", () => {
  const verdict = plantedVerdict([plant(1)], [report(7, 8), report(7, 8), report(1, 8)]);
  expect(verdict).toMatchObject({
    found: 1,
    extra: 1,
    transient: 1,
    transientLeaks: [{ address: 7 }],
  });
});

test("a planted leak that only an earlier report had is missed, and not transient", () => {
  expect(plantedVerdict([plant(1)], [report(1), report()])).toMatchObject({
    found: 0,
    missed: 1,
    transient: 0,
  });
});

test("without a report every planted leak is missed", () => {
  expect(plantedVerdict([plant(1)], [])).toMatchObject({
    expected: 1,
    missed: 1,
    extra: 0,
    transient: 0,
  });
});
