import { describe, expect, test } from "vitest";
import { CODE } from "../../../lab/observe/events.ts";
import { Timeline, type TimelineEvent, type TimelineView } from "../../../lab/observe/timeline.ts";
import { digest } from "../timeline/digest.ts";
import { chooseGrain, Slices, thin } from "../timeline/slices.ts";
import { Bins, Level } from "../timeline/bins.ts";
import { Excerpts } from "./source.ts";

const event = (code: number, clock: number, hart: number, more: Partial<TimelineEvent> = {}): TimelineEvent => ({
  clock, hart, code, task: 64 + hart, lock: -1, a: 0, b: 0, c: 0, ...more,
});

function view(events: readonly TimelineEvent[], harts = 2): TimelineView {
  const timeline = new Timeline();
  for (const one of events) timeline.add(one);
  return {
    scenario: "test", harts, timeline,
    taskName: (task) => (task < 64 ? `swapper/0` : `task${task - 64}/${task}`),
    taskAt: (address) => 64 + address,
    lockName: (lock) => `class${lock} 0x0000000${lock}`,
  };
}

describe("digest", () => {
  const { lockContended, lockAcquired, lockRelease, taskSwitch, irqEnter, irqExit, softirqEnter, softirqExit, pageAlloc } = CODE;
  const made = digest(
    view([
      event(taskSwitch, 10, 0, { c: 0 }),
      event(taskSwitch, 10, 1, { c: 1 }),
      event(lockAcquired, 20, 0, { lock: 3 }),
      event(lockAcquired, 21, 0, { lock: 9 }),
      event(lockContended, 30, 1, { lock: 3 }),
      event(irqEnter, 34, 1),
      event(softirqEnter, 36, 1),
      event(irqExit, 38, 1),
      event(softirqExit, 40, 1),
      event(taskSwitch, 45, 1, { c: 2 }),
      event(pageAlloc, 46, 1, { a: 2 }),
      event(taskSwitch, 55, 1, { c: 1 }),
      event(lockRelease, 60, 0, { lock: 3 }),
      event(lockAcquired, 70, 1, { lock: 3 }),
    ]),
    100,
  );
  const slices = ({ starts, lengths, names }: Slices): string[] => starts.map((start, i) => `${start}+${lengths[i]} ${made.names.texts[names[i]!]}`);

  test("harts: tasks, what interrupts them, waits while the waiter has the hart", () => {
    const [first, second] = made.harts.harts;
    expect(slices(first!.run)).toEqual(["0+10 before the first switch", "10+90 task0/64"]);
    expect(slices(second!.run)).toEqual(["0+10 before the first switch", "10+35 task1/65", "45+10 task2/66", "55+45 task1/65"]);
    expect(slices(second!.interrupt)).toEqual(["34+2 interrupt", "36+2 softirq", "38+2 interrupt"]);
    expect(slices(second!.wait)).toEqual(["30+15 waits for class3 0x00000003", "55+15 waits for class3 0x00000003"]);
  });

  test("locks that somebody waited for: holders, waiters, both until the record ends", () => {
    const locks = made.locks.contended();
    expect(locks.map(({ name }) => name)).toEqual(["class3 0x00000003"]);
    expect(slices(locks[0]!.hold)).toEqual(["20+40 task0/64", "70+30 task1/65"]);
    expect(slices(locks[0]!.waiters)).toEqual(["30+40 1 waiting"]);
    const [only] = made.classes;
    expect(only).toMatchObject({ name: "class3", waits: 1, waiting: 40 });
    expect([...only!.held.values].reduce((a, b) => a + b, 0)).toBeCloseTo(70);
  });

  test("tasks and memory", () => {
    expect(made.tasks.find(({ name }) => name === "task1/65")).toEqual({ name: "task1/65", running: 80, switches: 2, harts: 1, waits: 1, waiting: 40 });
    expect(made.pages.points.at(-1)).toMatchObject({ value: 4, most: 4 });
  });
});

describe("thinning", () => {
  const many = new Slices();
  for (let i = 0; i < 10_000; i++) many.add(i * 10, i * 10 + 4, i % 3);
  many.add(200_000, 300_000, 1);

  test("keeps time in slices, and counts what blocks stand for", () => {
    const grain = chooseGrain([many], 1000);
    const { numbers, single, blocks, inBlocks } = thin(many, grain, 0);
    expect(single + inBlocks).toBe(10_001);
    expect(single + blocks).toBeLessThanOrEqual(1000);
    let [at, busy, end] = [0, 0, 0];
    while (at < numbers.length) {
      const block = numbers[at + 2]! < 0;
      busy += block ? numbers[at + 3]! : numbers[at + 1]!;
      end += numbers[at]! + numbers[at + 1]!;
      if (block) expect(numbers[at + 1]).toBeLessThanOrEqual(grain * 4);
      at += block ? 5 : 3;
    }
    expect([busy, end]).toEqual([140_000, 300_000]);
  });

  test("nothing is thinned that fits", () => {
    expect(thin(many, chooseGrain([many], 20_000), 0)).toMatchObject({ single: 10_001, blocks: 0 });
  });
});

test("stretches of time: what lasts over several counts in each", () => {
  const bins = new Bins(0, 100, 10);
  bins.lasted(5, 25);
  bins.lasted(99, 100);
  expect(bins.means()).toEqual([0.5, 1, 0.5, 0, 0, 0, 0, 0, 0, 0.1]);
  const level = new Level(0, 100, 10);
  level.change(5, 3);
  level.change(7, -2);
  level.change(55, 1);
  expect(level.finish(100).points).toEqual([
    { clock: 10, value: 1, most: 3 },
    { clock: 50, value: 1, most: 1 },
    { clock: 60, value: 2, most: 2 },
    { clock: 110, value: 2, most: 2 },
  ]);
});

test("places in a report lead to their lines, and what is no source stays text", () => {
  const excerpts = new Excerpts((file) => (file === "kernel/a.ts" ? "one\ntwo <b>\nthree" : null));
  const made = excerpts.explained("at (kernel/a.ts:2) and kernel/b.ts:1 and kernel/a.ts:99 <i>", "x").text;
  expect(made).toContain('at (<a href="#x-1">kernel/a.ts:2</a>) and kernel/b.ts:1 and kernel/a.ts:99 &lt;i&gt;');
  expect(made).toContain('<mark><span class="ln">2</span>  two &lt;b&gt;\n</mark>');
  expect(made.match(/<details/g)).toHaveLength(1);
});
