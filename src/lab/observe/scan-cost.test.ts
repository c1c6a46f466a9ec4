import { expect, test } from "vitest";
import { type Mark, observed } from "./testing.ts";

const SCANNER = 0x5000;
const OTHER = 0x6000;

const switchTo = (
  clock: number,
  hart: number,
  instret: number,
  next: number,
  previous: number,
): Mark => ({
  event: "SWITCH",
  clock,
  hart,
  instret,
  c: next,
  a: previous,
});
const begin = (clock: number, hart: number, instret: number): Mark => ({
  event: "SCAN_BEGIN",
  clock,
  hart,
  instret,
  c: 1,
});
const end = (clock: number, hart: number, instret: number): Mark => ({
  event: "SCAN_END",
  clock,
  hart,
  instret,
  c: 1,
  a: 77,
  b: 3,
});
const chunk = (clock: number, words: number, lookups: number, hits: number): Mark => ({
  event: "SCAN_CHUNK",
  clock,
  c: words,
  a: lookups,
  b: hits,
});
const irqsOff = (clock: number, hart: number, cycles: number): Mark => ({
  event: "IRQS_OFF",
  clock,
  hart,
  c: 0xc0001000,
  a: cycles,
});

function scan(...marks: Mark[]) {
  const { scans } = observed(marks).scanCosts;
  expect(scans).toHaveLength(1);
  return scans[0];
}

test("one task on one hart: the differences from begin to end", () => {
  expect(
    scan(
      switchTo(100, 0, 50, SCANNER, OTHER),
      begin(1000, 0, 500),
      chunk(1100, 1024, 30, 4),
      chunk(1900, 20, 1, 1),
      end(3000, 0, 1700),
    ),
  ).toEqual({
    number: 1,
    startCycle: 1000,
    cycles: 2000,
    instructions: 1200,
    words: 1044,
    lookups: 31,
    hits: 5,
    objects: 77,
    bytes: 4176,
    irqsOffMaxCycles: 0,
    newSuspects: 3,
    metadataBytes: 0,
  });
});

test("another task runs on the hart in between: its instructions are not the scanner's", () => {
  const cost = scan(
    switchTo(100, 0, 50, SCANNER, OTHER),
    begin(1000, 0, 500),
    switchTo(1500, 0, 900, OTHER, SCANNER),
    switchTo(2500, 0, 1800, SCANNER, OTHER),
    end(3000, 0, 2000),
  );
  expect(cost).toMatchObject({ cycles: 2000, instructions: 400 + 200 });
});

test("the scanner moves to another hart", () => {
  const cost = scan(
    switchTo(100, 0, 50, SCANNER, OTHER),
    begin(1000, 0, 500),
    switchTo(1500, 0, 900, OTHER, SCANNER),
    switchTo(2500, 3, 70_000, SCANNER, OTHER),
    end(3000, 3, 70_050),
  );
  expect(cost).toMatchObject({ cycles: 2000, instructions: 450 });
});

test("a scan that begins before its hart's first switch finds its task at that switch", () => {
  const cost = scan(
    begin(1000, 0, 500),
    switchTo(1500, 0, 900, OTHER, SCANNER),
    switchTo(2500, 1, 10, SCANNER, OTHER),
    end(3000, 1, 60),
  );
  expect(cost.instructions).toBe(450);
});

test("interrupt handlers on the scanner's hart are left out, those elsewhere do not matter", () => {
  const cost = scan(
    switchTo(100, 0, 50, SCANNER, OTHER),
    begin(1000, 0, 500),
    { event: "IRQ_ENTER", clock: 1200, hart: 0, instret: 600 },
    { event: "IRQ_ENTER", clock: 1210, hart: 1, instret: 9000 },
    { event: "IRQ_EXIT", clock: 1250, hart: 1, instret: 9100 },
    { event: "IRQ_EXIT", clock: 1300, hart: 0, instret: 680 },
    end(3000, 0, 1000),
  );
  expect(cost.instructions).toBe(500 - 80);
});

test("interrupts off: only the scanner's own sections, cut at its switch-in", () => {
  const before = [switchTo(100, 0, 50, SCANNER, OTHER), begin(1000, 0, 500)];
  const after = end(9000, 0, 2000);
  expect(
    scan(...before, irqsOff(2000, 0, 300), irqsOff(3000, 0, 700), after).irqsOffMaxCycles,
  ).toBe(700);
  expect(scan(...before, irqsOff(2000, 1, 900), after).irqsOffMaxCycles).toBe(0);
  expect(scan(...before, irqsOff(1100, 0, 800), after).irqsOffMaxCycles).toBe(100);
  const handler: Mark[] = [
    { event: "IRQ_ENTER", clock: 2010, hart: 0, instret: 600 },
    { event: "IRQ_EXIT", clock: 2900, hart: 0, instret: 700 },
  ];
  // The handler's section contains IRQ_ENTER; a later one of the scanner does not.
  expect(
    scan(...before, ...handler, irqsOff(3000, 0, 995), irqsOff(4000, 0, 400), after)
      .irqsOffMaxCycles,
  ).toBe(400);
});

test("a scan without an end has no cost, an end without a begin neither", () => {
  expect(observed([begin(1000, 0, 500)]).scanCosts.scans).toEqual([]);
  expect(observed([end(1000, 0, 500)]).scanCosts.scans).toEqual([]);
});
