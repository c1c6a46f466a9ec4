/** What the host knows about lost blocks, and that knowing it changes nothing. */
import { expect, test } from "vitest";
import { runInProcess } from "./in-process.ts";

test("each reason is found by the block that was planted for it", () => {
  const { result } = runInProcess("scenarios/kmemleak/reasons.yaml", { seed: 1 });
  const truth = result.truth!;
  for (const one of [...truth.reports, ...truth.missed]) expect(one.reason, `${one.address}: ${one.detail}`).toBe(one.planted);
  const reasons = [...truth.reports, ...truth.missed].map(({ reason }) => reason);
  expect([...new Set(reasons)].sort()).toEqual([
    "changed since the scan before", "disguised pointer", "freed", "held by a missed leak", "held by a suspect", "marked as no leak",
    "no reference found", "not tracked", "register", "register only", "stale word in live memory", "stale word on an unused stack", "too young",
    "unscanned memory only",
  ]);
  expect(reasons.filter((reason) => reason === "disguised pointer")).toHaveLength(4);
  expect(reasons.filter((reason) => reason === "unscanned memory only")).toHaveLength(6);
});

test.each(["km08-fix", "km19"])("lost-object: all reports right, nothing else out of reach (%s)", (design) => {
  const seed = 3;
  const set = [`kmemleak.design=${design}`];
  const { result } = runInProcess("scenarios/kmemleak/lost-object.yaml", { seed, set: [...set, "observe.truth=true"] });
  const truth = result.truth!;
  expect([truth.precision, truth.recall, truth.missed, truth.firstReport.length]).toEqual([1, 1, [], 10]);
  expect(truth.scans.at(-1)!.unreachable).toBe(10);
  expect(runInProcess("scenarios/kmemleak/lost-object.yaml", { seed, set }).result.hash).toBe(result.hash);
});

test("lost-object-moving: every false report is a moved pointer", () => {
  const { result } = runInProcess("scenarios/kmemleak/lost-object-moving.yaml", { seed: 2, set: ["observe.truth=true"] });
  const { reports, recall, precision } = result.truth!;
  const falsely = reports.filter(({ verdict }) => verdict === "false");
  expect(falsely.length).toBeGreaterThan(2);
  expect(new Set(falsely.map(({ reason }) => reason))).toEqual(new Set(["moved pointer"]));
  expect(recall).toBe(1);
  expect(precision).toBeCloseTo(1 / (1 + falsely.length), 10);
});

test("campaign: nodes hidden from lookups without a lock are counted by the guest, and make false reports", () => {
  const look = (seed: number, set: readonly string[]) => {
    const { truth, scans } = runInProcess("scenarios/kmemleak/campaign.yaml", { seed, set: ["kmemleak.count_hidden=true", ...set] }).result;
    const misses = scans.reduce((sum, { hidden }) => sum + hidden!, 0);
    return { misses, falsely: truth!.reports.filter(({ reason }) => reason === "hidden node").length };
  };
  const broken = [1, 2].map((seed) => look(seed, ["kmemleak.index=rcu-plain-erase", "kmemleak.leak_refs=false"]));
  expect(broken.reduce((sum, { misses }) => sum + misses, 0)).toBeGreaterThan(0);
  expect(broken.reduce((sum, { falsely }) => sum + falsely, 0)).toBeGreaterThan(0);
  expect(look(2, [])).toMatchObject({ misses: 0, falsely: 0 });
});

test("where the last reference stood, and who ended it", () => {
  const seen = (file: string) => {
    const { leaks } = runInProcess(`scenarios/kmemleak/${file}.yaml`, { seed: 1, set: ["observe.references=true"] }).result;
    const of = (name: string) => leaks.references!.find(({ address }) => leaks.reported.some((leak) => leak.planted === name && leak.address === address))!;
    return { of, leaks };
  };
  const lost = seen("lost-object");
  const listed = lost.of("kmem_cache");
  expect(listed.memory).toMatchObject({ place: "registry", ended: "overwritten", by: { task: { comm: "lose_registered" } } });
  expect(listed.memory!.by!.stack.frames.map((frame) => frame.function)).toEqual(expect.arrayContaining(["__list_del", "list_del", "lose_registered"]));
  expect(listed.lostHolder).toBeNull();
  expect(lost.of("kmalloc")).toMatchObject({ memory: null, lostHolder: null });
  expect(lost.of("cycle")).toMatchObject({ memory: null, lostHolder: expect.stringContaining("in the block 0x") });
  expect(lost.leaks.references).toHaveLength(10);
  const freed = seen("many-leaks").of("held by what was freed").memory!;
  expect([freed.ended, freed.place.replace(/0x\w+/g, "X")]).toEqual(["freed", "X in the block X (kmalloc-128)"]);
  expect(freed.by!.stack.frames.map((frame) => frame.function)).toContain("free_holder");
});

test("what leaked, what grew and what went between named snapshots; looking changes nothing", () => {
  const { snapshots, events, hash } = runInProcess("scenarios/kmemleak/snapshots.yaml", { seed: 1 }).result;
  expect(events.map(({ kind, result }) => `${kind} ${result}`)).toEqual(["snapshot ok", "snapshot ok", "snapshot ok"]);
  expect(snapshots!.between.map((one) => [one.from, one.to, one.leakedBlocks, one.leakedBytes])).toEqual([
    ["before", "after", 5, 1280], ["after", "end", 0, 0], ["before", "end", 5, 1280],
  ]);
  const [{ groups, allocatedBlocks, freedBlocks }] = snapshots!.between;
  expect([allocatedBlocks, freedBlocks >= 3]).toEqual([15, true]);
  expect(groups.map(({ from, blocks, leakedBlocks, task }) => [from, blocks, leakedBlocks, task.comm])).toEqual([
    ["kmalloc-256", 5, 5, "lose_some"], ["kmalloc-128", 10, 0, "lose_some"],
  ]);
  expect(groups[0].stack.frames.map((frame) => frame.function)).toContain("lose_some");
  expect(runInProcess("scenarios/kmemleak/snapshots.yaml", { seed: 1, set: ["observe.heap=true"] }).result.hash).toBe(hash);
});

test("many leaks: all in one report of two groups; a report that is cut, and none at all", () => {
  const many = (set: readonly string[]) => runInProcess("scenarios/kmemleak/many-leaks.yaml", { seed: 1, set });
  const whole = many([]);
  expect([whole.status, whole.result.truth!.recall, whole.result.leaks.incomplete]).toEqual([0, 1, []]);
  expect(whole.result.leaks.groups.map(({ count, bytes, sizes, planted }) => [count, bytes, sizes, new Set(planted)])).toEqual([
    [20, 10240, [512], new Set(["large"])],
    [40, 2560, [64], new Set(["small"])],
    [1, 1024, [1024], new Set(["held by what was freed"])],
  ]);
  const none = many(["boot.report=no"]).result;
  expect(none.truth!.missed.map(({ reason }) => reason)).toEqual(Array.from({ length: 61 }, () => "no report"));
  expect([none.leaks.incomplete, none.leaks.references]).toEqual([[], null]);
  const off = many(["boot.kmemleak=off"]).result;
  expect(off.leaks.incomplete).toMatchObject([{ kind: "not tracking", sinceJiffies: null, detail: "switched off at boot (kmemleak=off)" }]);
  const cut = many(["kmemleak.design=km08-fix"]).result;
  expect(cut.leaks.incomplete).toEqual([{ kind: "report cut", sinceJiffies: null, scan: 2, detail: "the guest shows 50 leaks and no more" }]);
  // Its slab's first block: struct page says where that begins.
  expect(cut.truth!.missed.map(({ reason }) => reason).sort()).toEqual([...Array.from({ length: 10 }, () => "report cut"), "word in page structures"]);
  expect(cut.truth!.precision).toBe(1);
});
