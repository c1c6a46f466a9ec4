/** Memory: the guest's tests in the configurations that the default image lacks, allocators that are broken on purpose, and reports. */
import { describe, expect, test } from "vitest";
import { createMachine } from "../../src/machine/machine.ts";
import { runInProcess } from "../scenario/in-process.ts";
import { compile, compileGuest, judge, namesOf, onOurs, replaceIn, tapOf } from "./guest-tests.ts";

const NAMES = namesOf("page_alloc", "vmalloc", "percpu", "fault_inject");
const TIMEOUT = { timeout: 60_000 };

describe("configurations", () => {
  test.each([
    ["failures on purpose", { fault_injection: true, "kmemleak.enabled": false, preempt: "none" }],
    ["poisoned pages", { page_poisoning: true, preempt: "voluntary" }],
    ["lazy flushing", { "vmalloc.flush": "lazy" }],
    ["rt, all of it", { "vmalloc.flush": "lazy", fault_injection: true, "kmemleak.enabled": false, preempt: "rt" }],
  ])("%s", TIMEOUT, (_name, config) => {
    const elf = compile(config);
    for (const [harts, seed] of [
      [1, 1],
      [4, 2],
    ] as const)
      judge(onOurs(elf, harts, seed, NAMES), NAMES);
  });

  test("lazy flushing under torture: right, and a CPU that is not told is found", TIMEOUT, () => {
    const torture = (busted: string) =>
      runInProcess("scenarios/torture/vmalloc.yaml", { seed: 3, set: ["vmalloc.flush=lazy", `busted=${busted}`] });
    expect(torture("none").status).toBe(0);
    expect(torture("vmalloc").status).toBe(1);
  });
});

const TWINS: [name: string, task: string, file: string, piece: string, by: string, complaint: RegExp][] = [
  [
    "large blocks merge at the wrong end",
    "test_page_alloc",
    "kernel/mm/page/buddy.ts",
    "    at &= other;",
    "    at = o === 8 ? at | other : at & other;",
    /^# page_alloc: (free blocks or counters that contradict their list|frames that two blocks held at once|a block keeps what was written to it|a block is aligned to its size)/,
  ],
  [
    "the other half of a split block is lost",
    "test_page_alloc",
    "kernel/mm/page/buddy.ts",
    "    enlist(nth_page(p, 1 << o), o);",
    "    if (o !== 5) enlist(nth_page(p, 1 << o), o);",
    /^# page_alloc: pages in the free lists: \d+, expected \d+$/,
  ],
  [
    "blocks do not merge",
    "test_page_alloc",
    "kernel/mm/page/buddy.ts",
    "  while (o < MAX_ORDER - 1) {\n    const other",
    "  while (o < MAX_ORDER - 8) {\n    const other",
    /^# page_alloc: free blocks beside their free buddy: \d+, expected 0$/,
  ],
  [
    "a full list of a CPU gives back fewer pages than it forgets",
    "test_watermarks",
    "kernel/mm/page/pcp.ts",
    "    free_pages_bulk(batch, pcp.list);\n    pcp.count -= batch;",
    "    free_pages_bulk(batch, pcp.list);\n    pcp.count -= batch + 1;",
    /^# \w+: free pages after the test: \d+, expected \d+$/,
  ],
  [
    "GFP_ATOMIC has no more than others",
    "test_watermarks",
    "kernel/mm/page/watermark.ts",
    "if ((flags & ALLOC_HIGH) !== 0) min -= min / 2;",
    "",
    /^# watermarks: GFP_ATOMIC gets more still$/,
  ],
  [
    "GFP_KERNEL does not wait",
    "test_watermarks",
    "kernel/mm/page/reclaim.ts",
    "export const RECLAIM_RETRIES = 16;",
    "export const RECLAIM_RETRIES = 0;",
    /^# watermarks: GFP_KERNEL waits until somebody frees$/,
  ],
  [
    "no guard page",
    "test_vmalloc",
    "kernel/mm/vmap/area.ts",
    "  const wanted = area.nr_pages + 1;",
    "  const wanted = area.nr_pages;",
    /^# vmalloc: (the guard page's entry: \d+, expected 0|an area ends behind its guard page, before the next one)$/,
  ],
  [
    "the hole cache does not look back",
    "test_vmalloc_space",
    "kernel/mm/vmap/area.ts",
    "wanted <= cached_hole",
    "wanted > 0x7fff_ffff",
    /^# vmalloc space: a small block in the first gap that fits: \d+, expected \d+$/,
  ],
  [
    "a unit's allocation ends where an older one did",
    "test_percpu",
    "kernel/mm/pcpu/chunk.ts",
    "    set_bit(chunk.alloc_map, n);\n    clear_bit(chunk.bound_map, n);",
    "    set_bit(chunk.alloc_map, n);",
    /^# percpu: /,
  ],
  [
    "a failure that may happen three times happens for ever",
    "test_fault_attr",
    "kernel/mm/fault-inject.ts",
    "if (left <= 0 || CMPXCHG(times[0], left, left - 1) === left) return;",
    "if (left <= 0 || left > 0) return;",
    /^# fault_attr: three times: \d+, expected 7$/,
  ],
];

test.each(TWINS)("%s", TIMEOUT, (_name, task, file, piece, by, complaint) => {
  const elf = compile({}, (files) => replaceIn(files, file, piece, by));
  expect(tapOf(runAnyhow(elf, 4, `seed=1 task=${task}@1`))).toContainEqual(
    expect.stringMatching(complaint),
  );
});

/** What the guest sends, however it ends; a broken one may not end. */
function runAnyhow(elf: Uint8Array, harts: number, bootargs: string): string {
  const machine = createMachine({
    harts,
    memoryBytes: 64 << 20,
    timing: "functional",
    interleave: "ahead",
    bootargs,
    lab: false,
    recordMarks: false,
  });
  if (!machine.ok) throw new Error("no machine");
  const loaded = machine.value.loadElf(elf);
  if (!loaded.ok) throw new Error("not loaded");
  let text = "";
  for (let turn = 0; turn < 400; turn++) {
    const stop = machine.value.run({ maxInstructions: 150_000_000 });
    text += Buffer.from(machine.value.drainConsole()).toString();
    if (stop.kind !== "drain") break;
  }
  return text;
}

describe("reports", () => {
  const tasks = ["overrun", "use_after_vfree", "wrong_frees", "run_out", "list_areas"];
  const elf = compileGuest("mm", tasks);
  const say = (task: string): string => runAnyhow(elf, 2, `seed=1 task=${task}@1`);

  test("an access to a guard page says whose, an access behind vfree that nothing is there", TIMEOUT, () => {
    expect(say("overrun")).toMatch(
      /Oops: store page fault at overrun\+.*\n.*guard page of a vmalloc block, 4 bytes past its end: 8192 bytes at 0xa0\w+ from overrun\+/,
    );
    expect(say("use_after_vfree")).toMatch(
      /Oops: load page fault at use_after_vfree\+.*\n.*in no vmalloc block: the one before it, 8192 bytes from use_after_vfree\+/,
    );
  });

  test("wrong frees are bad pages, and do no harm", TIMEOUT, () => {
    const text = say("wrong_frees");
    expect([...text.matchAll(/page dumped because: (.*)/g)].map((match) => match[1])).toEqual([
      "freed with another order than it was allocated with",
      "freed, but free already or not the start of a block",
      "freed, but it belongs to the slab allocator",
      "freed, but reserved: it was never allocated",
    ]);
    expect(text).toMatch(/BUG: Bad page state in process wrong_frees {2}pfn:\w+\n.*\bpage:\w+ refcount:1 private:0x1 index:0x0 pfn:0x\w+/);
    expect(text).toMatch(/Call Trace:[\s\S]*wrong_frees\+0x/);
    expect(text).toContain("again: memory");
  });

  test("a failure says who, what and how much there is", TIMEOUT, () => {
    const text = say("run_out");
    expect(text).toMatch(/run_out: page allocation failure: order:3, mode:0x20\(GFP_ATOMIC\)\n/);
    expect(text).toMatch(/run_out: page allocation failure: order:3, mode:0x10d0\(GFP_KERNEL\)\n/);
    expect(text).toMatch(/Call Trace:[\s\S]*run_out\+0x[\s\S]*Mem-Info:/);
    expect(text).toMatch(/Normal free:\d+kB min:\d+kB low:\d+kB high:\d+kB managed:\d+kB\n/);
    const [, blocks, total] = /Normal:((?: \d+\*\d+kB)+) = (\d+)kB/.exec(text)!;
    const sum = [...blocks!.matchAll(/(\d+)\*(\d+)kB/g)].reduce((all, [, n, size]) => all + Number(n) * Number(size), 0);
    expect(sum).toBe(Number(total));
  });

  test("the listing of the vmalloc area", TIMEOUT, () => {
    const text = say("list_areas");
    expect(text).toMatch(/^0xa0\w+-0xa0\w+ {3}16384 list_areas\+0x\w+\/0x\w+ pages=3 vmalloc$/m);
    expect(text).toMatch(/^0xa0\w+-0xa0\w+ {4}8192 list_areas\+0x\w+\/0x\w+ pages=1 phys=0x10000000 ioremap$/m);
  });

  test("a write to a free page is found when the page is taken again", TIMEOUT, () => {
    const poisoned = compileGuest("mm", ["write_after_free"], { page_poisoning: true });
    expect(runAnyhow(poisoned, 1, "task=write_after_free@0")).toMatch(
      /BUG: pagealloc: memory corruption in a free page: words \w{5}040-\w{5}040, the first holds 12345678 instead of aaaaaaaa/,
    );
  });

  test("boot parameters: a rate, a site, the same seed, and an image that cannot", TIMEOUT, () => {
    const able = compileGuest("mm", ["at_a_site"], { fault_injection: true, "kmemleak.enabled": false });
    const failed = (args: string) => /failed: .*/.exec(runAnyhow(able, 1, `task=at_a_site@0 failslab.verbose=0 ${args}`))?.[0];
    expect(failed("failslab=1,100,0,-1 failslab.require-start=careless")).toBe("failed: careful 0, careless 20");
    expect(failed("failslab=1,100,0,-1 failslab.reject-start=careless")).toBe("failed: careful 20, careless 0");
    expect(failed("failslab=4,100,0,3")).toBe("failed: careful 0, careless 3");
    const rate = failed("failslab=1,50,0,-1 seed=5");
    expect(failed("failslab=1,50,0,-1 seed=5")).toBe(rate);
    expect(failed("failslab=1,50,0,-1 seed=6")).not.toBe(rate);
    const said = (image: Uint8Array, task: string, args: string) => runAnyhow(image, 1, `task=${task}@0 failslab=${args}`);
    expect(said(able, "at_a_site", "1,100,0")).toContain("failslab=1,100,0 is not interval,probability,space,times; ignored");
    expect(said(able, "at_a_site", "1,100,0,1")).toMatch(/FAULT_INJECTION: forcing a failure. name failslab, interval 1/);
    expect(said(elf, "list_areas", "1,100,0,-1")).toContain("has no effect: this image was built without fault_injection=true");
  });
});
