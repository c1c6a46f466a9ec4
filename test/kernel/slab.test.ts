/** Slab: planted defects that the guest's tests must find, what slab.debug reports, what it costs, and what its absence costs. */
import { describe, expect, test } from "vitest";
import { runInProcess } from "../scenario/in-process.ts";
import { compile, compileGuest, judge, namesOf, onOurs, replaceIn, runOnOurs, tapOf } from "./guest-tests.ts";

const NAMES = namesOf("slab", "slab_cache", "slab_rcu");
const REMOTE = ["test_kmem_cache_remote"];
const LISTS = "kernel/mm/slab/lists.ts";
const CREATE = "kernel/mm/slab/create.ts";
const KMALLOC = "kernel/mm/slab/kmalloc.ts";
const CACHE = "kernel/mm/slab/cache.ts";

type Defect = readonly [file: string, piece: string, by: string, complaint: RegExp];

/** Each found by a complaint of its own, however many are in one image. */
const TOGETHER: Readonly<Record<string, Defect>> = {
  "the last object of a slab is not constructed": [
    LISTS,
    "if (ctor !== null) for (let n: u32 = 0; n < num; n++) ctor",
    "if (ctor !== null) for (let n: u32 = 1; n < num; n++) ctor",
    /^# kmem_cache: an object is constructed: \d+, expected \d+$/,
  ],
  "objects are not aligned": [
    CREATE,
    "const buffer = (needed + unit - 1) & ~(unit - 1);",
    "const buffer = (needed + unit / 2 - 1) & ~(unit / 2 - 1);",
    /^# kmem_cache: an object is aligned: \d+, expected 0$/,
  ],
  "krealloc forgets to copy": [KMALLOC, "memcpy(fresh, block, old);", "memcpy(fresh, block, old - 4);", /^# kmalloc_relatives: krealloc copies/],
  "kcalloc believes a product": [KMALLOC, "if (unlikely(mulhu(n, size) !== 0)) return 0;", "", /^# kmalloc_relatives: kcalloc sees an overflow/],
  "no class of 96 bytes": [KMALLOC, "if (size === 64 || size === 128)", "if (size === 128)", /^# kmalloc_classes: the size class: 128, expected 96$/],
  "a slab with free objects stays on the list of full ones": [
    LISTS,
    "if (slab.inuse !== 0) {\n      list_add(slab.lru, cachep.slabs_partial);",
    "if (slab.inuse !== 0) {\n      list_add(slab.lru, cachep.slabs_full);",
    /^# kmem_cache_shrink: a slab is on the list that fits its objects$/,
  ],
};

/** Each in an image of its own. */
const ALONE: Readonly<Record<string, Defect>> = {
  "a flush loses an object": [
    LISTS,
    "free_block(cachep, entry, batch, surplus);",
    "free_block(cachep, entry, batch - 1, surplus);",
    /^# kmem_cache: .*: \d+, expected \d+$/,
  ],
  "the array of states lies in the last object": [
    CACHE,
    "if (num > SLAB_INLINE_MAX) num = bytes / (cachep.buffer_size + 1);",
    "",
    /^# kmem_cache: objects do not overlap$/,
  ],
  "a shrink asks this CPU only": [
    CREATE,
    "on_each_cpu(drain_local, addr(cachep), true);",
    "drain_local(addr(cachep));",
    /^# kmem_cache_remote: nothing is left after trading$/,
  ],
  "what a CPU had at hand is lost when it goes": [
    CREATE,
    "  drain_array(cachep, ac);\n  local_irq_restore(flags);\n  cachep.array[cpu] = no_array;",
    "  local_irq_restore(flags);\n  cachep.array[cpu] = no_array;",
    /^# kmem_cache_hotplug: objects in use while the CPU is gone: \d+, expected 1$/,
  ],
  "a cache that cannot go is not linked again": [
    "kernel/mm/slab/destroy.ts",
    "  list_add_tail(cachep.next, slab_caches);",
    "  cachep.next.next = cachep.next;\n  cachep.next.prev = cachep.next;",
    /^# kmem_cache_shrink: a cache that could not be destroyed is listed/,
  ],
  "pages of a SLAB_DESTROY_BY_RCU cache go back at once": [
    LISTS,
    "CONFIG.busted !== BUSTED.slab",
    "CONFIG.busted === BUSTED.slab",
    /^# slab_rcu: freed objects that a reader finds changed: \d+, expected 0$/,
  ],
};

const plant = (files: Map<string, string>, [file, piece, by]: Defect) => replaceIn(files, file, piece, by);

describe("planted defects are found", () => {
  test.each(Object.keys(ALONE))("%s", { timeout: 60_000 }, (name) => {
    const defect = ALONE[name]!;
    const elf = compile({}, (files) => {
      plant(files, defect);
    });
    const { text } = runOnOurs(elf, 4, 1, NAMES);
    expect(tapOf(text), text).toContainEqual(expect.stringMatching(defect[3]));
  });

  // kmemleak would see first that one object is handed out twice.
  test("objects are taken without list_lock", { timeout: 60_000 }, () => {
    const elf = compile({ "kmemleak.enabled": false }, (files) => {
      replaceIn(files, LISTS, "let taken: u32 = 0;\n  raw_spin_lock(cachep.list_lock);", "let taken: u32 = 0;");
      replaceIn(files, LISTS, "      taken++;", "      taken++;\n      for (let n: u32 = 0; n < 20; n++) pause();");
      replaceIn(files, LISTS, "-= taken;\n  raw_spin_unlock(cachep.list_lock);", "-= taken;");
    });
    // The slabs' own links may break before anybody meets an object that two have.
    const { text } = runOnOurs(elf, 4, 1, REMOTE);
    expect(text).toMatch(/# kmem_cache_remote: objects that two had|Oops: .* at (?:kmem_cache_\w+|cache_\w+|take_objects|refill|free_block)\+|kernel BUG: kmem_cache_free of .*: not the address of a slab object/);
    expect(tapOf(text), text).not.toContainEqual(expect.stringMatching(/^ok/));
  });

  test("six in one image", { timeout: 60_000 }, () => {
    const elf = compile({}, (files) => {
      for (const defect of Object.values(TOGETHER)) plant(files, defect);
    });
    const { text } = runOnOurs(elf, 1, 1, NAMES);
    for (const [name, defect] of Object.entries(TOGETHER)) expect(tapOf(text), name).toContainEqual(expect.stringMatching(defect[3]));
  });
});

describe("slab.debug", () => {
  const config = { "slab.debug": true };

  test("all tests of slabs pass with it", { timeout: 60_000 }, () => {
    const elf = compile(config);
    for (const harts of [1, 4]) judge(onOurs(elf, harts, 1, NAMES), NAMES);
  });

  /** What is said of a mistake: the lines that do not depend on where things lie. */
  const reports = (text: string) =>
    text
      .split("\n")
      .map((line) => line.replace(/^\[ *\d+\.\d+\] /, "").trimEnd())
      .filter((line) => /^(BUG |FIX |slab error|0x|Allocated in|Freed in|kmem_cache_create)/.test(line))
      .map((line) => line.replace(/0x[c-f][0-9a-f]{7}/g, "ADDRESS").replace(/\+0x.*|@offset=\d+/g, ""));

  test("mistakes are reported in SLUB's form, with who had the object", { timeout: 60_000 }, () => {
    const tasks = ["overrun", "underrun", "use_after_free", "use_after_all", "double_free", "middle_free", "wrong_cache", "still_used", "insane"];
    const elf = compileGuest("slab", tasks, config);
    const found = tasks.map((task) => [task, ...reports(onOurs(elf, 1, 1, [task]))]);
    expect(found).toMatchInlineSnapshot(`
      [
        [
          "overrun",
          "BUG kmalloc-64 (Not tainted): Right Redzone overwritten",
          "ADDRESS-ADDRESS . First byte 0x41 instead of 0xcc",
          "Allocated in overrun",
          "FIX kmalloc-64: Restoring Right Redzone ADDRESS-ADDRESS=0xcc",
        ],
        [
          "underrun",
          "BUG kmalloc-64 (Not tainted): Left Redzone overwritten",
          "ADDRESS-ADDRESS . First byte 0x42 instead of 0xcc",
          "Allocated in underrun",
          "FIX kmalloc-64: Restoring Left Redzone ADDRESS-ADDRESS=0xcc",
        ],
        [
          "use_after_free",
          "BUG kmalloc-64 (Not tainted): Poison overwritten",
          "ADDRESS-ADDRESS . First byte 0x43 instead of 0x6b",
          "Allocated in use_after_free",
          "Freed in use_after_free",
          "FIX kmalloc-64: Restoring Poison ADDRESS-ADDRESS=0x6b",
        ],
        [
          "use_after_all",
          "BUG mine (Not tainted): End Poison overwritten",
          "ADDRESS-ADDRESS . First byte 0x44 instead of 0xa5",
          "Allocated in use_after_all",
          "Freed in use_after_all",
          "FIX mine: Restoring End Poison ADDRESS-ADDRESS=0xa5",
        ],
        [
          "double_free",
          "BUG kmalloc-64 (Not tainted): Object already free",
          "Allocated in double_free",
          "Freed in double_free",
          "FIX kmalloc-64: Object not freed: ADDRESS",
        ],
        [
          "middle_free",
          "BUG kmalloc-64 (Not tainted): Invalid object pointer",
          "ADDRESS ",
          "FIX kmalloc-64: Object not freed: ADDRESS",
        ],
        [
          "wrong_cache",
          "BUG mine (Not tainted): Wrong slab cache",
          "ADDRESS is from kmalloc-64",
          "FIX mine: Object not freed: ADDRESS",
        ],
        [
          "still_used",
          "slab error in kmem_cache_destroy(): cache \`mine': Can't free all objects",
          "Allocated in still_used",
        ],
        [
          "insane",
          "kmem_cache_create(tiny) integrity check failed: size 2, align 0, flags 0",
        ],
      ]
    `);
  });

  test("without it a free of what cannot be freed is a BUG; SLAB_PANIC panics", { timeout: 60_000 }, () => {
    const tasks = ["double_free", "middle_free", "wrong_cache"];
    const elf = compileGuest("slab", tasks);
    const said = tasks.map((task) => /kernel BUG: (.*)/.exec(runOnOurs(elf, 1, 1, [task]).text)?.[1]?.replace(/c[0-9a-f]{7}/g, "ADDRESS"));
    const panic = runOnOurs(compileGuest("slab", ["insane_panic"]), 1, 1, ["insane_panic"]).text;
    expect(panic).toContain("Kernel panic - not syncing: kmem_cache_create: Failed to create slab 'tiny'");
    expect(said).toMatchInlineSnapshot(`
      [
        "free of ADDRESS in cache kmalloc-64: the object is free already (state fe)",
        "free of ADDRESS in cache kmalloc-64: not the start of an object (it is 8 bytes inside one)",
        "kmem_cache_free of ADDRESS to cache mine: it belongs to kmalloc-64",
      ]
    `);
  });

  test("off, it leaves no byte in the image", { timeout: 60_000 }, () => {
    const without = compile({}, (files) => {
      for (const [file, text] of files) files.set(file, text.replaceAll("CONFIG.slab.debug", "false"));
      const debug = files.get("kernel/mm/slab/debug.ts")!;
      files.set("kernel/mm/slab/debug.ts", debug.replaceAll(/( {2}check_object\(| {2}set_red_zones\(| {2}fill_pattern\()/g, "  if (false) $1"));
    });
    expect(Buffer.compare(compile(), without)).toBe(0);
  });
});

describe("a pair of kmalloc and kfree", () => {
  test.each(["none", "voluntary", "full", "rt"])("preempt=%s: 160 instructions at most", { timeout: 60_000 }, (preempt) => {
    const elf = compileGuest("slab", ["cost"], { preempt, marks: false, "kmemleak.enabled": false });
    const pairs = [...onOurs(elf, 1, 1, ["cost"]).matchAll(/pair of (\d+): (\d+)/g)].map(([, size, count]) => [Number(size), Number(count)]);
    expect(pairs.map(([size]) => size)).toEqual([64, 512, 4096]);
    for (const [size, count] of pairs) expect(count, `${size} bytes`).toBeLessThanOrEqual(160);
  });
});

test("slabinfo is what programs that read Linux's expect", { timeout: 60_000 }, () => {
  const text = onOurs(compile(), 2, 1, ["test_kmalloc_relatives"]);
  const lines = text.split("\n").map((line) => line.trim());
  const at = lines.indexOf("slabinfo - version: 2.1");
  expect(at).toBeGreaterThan(0);
  expect(lines[at + 1]).toBe(
    "# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : tunables <limit> <batchcount> <sharedfactor> : slabdata <active_slabs> <num_slabs> <sharedavail>",
  );
  const row = /^(\S+) +(\d+) +(\d+) +(\d+) +(\d+) +(\d+) : tunables +(\d+) +(\d+) +0 : slabdata +(\d+) +(\d+) +0$/;
  const end = lines.findIndex((line, n) => n > at + 1 && !row.test(line));
  const caches = lines.slice(at + 2, end).map((line) => row.exec(line)!.slice(1));
  expect(caches.map(([name]) => name)).toEqual(
    expect.arrayContaining(["kmem_cache", ...[32, 64, 96, 128, 192, 256, 512, 1024, 2048, 4096, 8192].map((size) => `kmalloc-${size}`), "task_struct"]),
  );
  for (const [name, ...figures] of caches) {
    const [active, total, size, perSlab, pages, limit, batch, activeSlabs, slabs] = figures.map(Number) as [
      number, number, number, number, number, number, number, number, number,
    ];
    expect(total, name).toBe(slabs * perSlab);
    expect(active, name).toBeLessThanOrEqual(activeSlabs * perSlab);
    expect(activeSlabs, name).toBeLessThanOrEqual(slabs);
    expect(size * perSlab, name).toBeLessThanOrEqual(pages * 4096);
    expect(batch, name).toBe(limit / 2);
  }
});

test("torture/slab passes with allocations that fail, and with slab.debug", { timeout: 60_000 }, () => {
  // One in ten of what the tasks ask for, but for the caches that must be there.
  const attributes = (name: string) => {
    const details = ["ignore-gfp-wait=0", "min-order=0", "require-start=scenario_thread", "reject-start=slab_torture_setup"];
    return [`boot.${name}=1,10,0,-1`, ...details.map((detail) => `boot.${name}.${detail}`)];
  };
  const injection = ["fault_injection=true", ...attributes("failslab"), ...attributes("fail_page_alloc")];
  const failing = runInProcess("scenarios/torture/slab.yaml", { seed: 2, set: injection });
  expect(failing.status, failing.reproduce).toBe(0);
  expect(Number(/slab-torture: .* failed: (\d+)/.exec(failing.result.console)?.[1])).toBeGreaterThan(50);
  const checked = runInProcess("scenarios/torture/slab.yaml", { seed: 3, set: ["slab.debug=true"] });
  expect(checked.status, checked.reproduce).toBe(0);
});
