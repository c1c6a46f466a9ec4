/**
 * Take one piece out of the kernel, and a named scenario must notice: each row patches one source in a copy of the guest's
 * sources and names the scenario and the symptom. A row whose text is no longer in the source fails.
 */
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { spawnSync } from "node:child_process";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { RunResult } from "../../src/lab/run/result.ts";
import { ROOT } from "../tidy/sources.ts";

interface Mutation {
  readonly name: string;
  readonly file: string;
  readonly from: string;
  readonly to: string;
  readonly scenario: string;
  /** What the run must show. */
  readonly symptom: (result: RunResult) => boolean;
}

const LOST = "scenarios/kmemleak/lost-object.yaml";
const CHURN = "scenarios/kmemleak/scan-under-churn.yaml";
const VFREE = "scenarios/kmemleak/vfree-during-scan.yaml";
const missed = ({ leaks }: RunResult) => leaks.planted.missed > 0;
const extra = ({ leaks }: RunResult) => leaks.planted.extra > 0;
const crashed = ({ outcome }: RunResult) => outcome === "panic" || outcome === "fault" || outcome === "deadlock";

const MUTATIONS: readonly Mutation[] = [
  {
    name: "no hook in slab_alloc",
    file: "kernel/mm/slab.ts",
    from: "  if (CONFIG.kmemleak.enabled) kmemleak_alloc_recursive(object, cachep.obj_size, 1, cachep.flags, gfp);\n",
    to: "",
    scenario: LOST,
    symptom: (result) => missed(result) || crashed(result),
  },
  {
    name: "no .bss among the roots",
    file: "kernel/mm/kmemleak/roots.ts",
    from: '  scan_large_block(linkerSymbol("__bss_start"), linkerSymbol("__bss_stop"));\n',
    to: "",
    scenario: LOST,
    symptom: extra,
  },
  {
    name: "no stacks among the roots",
    file: "kernel/mm/kmemleak/roots.ts",
    from: "    if (task.stack !== 0) scan_block(task.stack, task.stack + THREAD_SIZE, null);\n",
    to: "    if (task.stack === 1) scan_block(task.stack, task.stack + THREAD_SIZE, null);\n",
    scenario: LOST,
    symptom: extra,
  },
  {
    name: "no gray walk",
    file: "kernel/mm/kmemleak/scan.ts",
    from: "    if (!scan_should_stop()) scan_object(object);\n",
    to: "    if (object.size === 0) scan_object(object);\n",
    scenario: LOST,
    symptom: extra,
  },
  {
    name: "no object lock in delete_object",
    file: "kernel/mm/kmemleak/create.ts",
    from: "  const flags = lock_object(object);\n  object.flags &= ~OBJECT.ALLOCATED;\n  unlock_object(object, flags);\n",
    to: "  object.flags &= ~OBJECT.ALLOCATED;\n",
    scenario: VFREE,
    symptom: crashed,
  },
  {
    name: "metadata freed at once instead of through RCU",
    file: "kernel/mm/kmemleak/metadata.ts",
    from: "    call_rcu(object.rcu, free_object_rcu);\n",
    to: "    free_object_rcu(object.rcu);\n",
    scenario: CHURN,
    symptom: crashed,
  },
  {
    name: "metadata freed while still on object_list",
    file: "kernel/mm/kmemleak/create.ts",
    from: "    if (!TWO_LOCKS) leave_list(object);\n",
    to: "",
    scenario: CHURN,
    symptom: crashed,
  },
  {
    name: "a hit locks with interrupts on",
    file: "kernel/mm/kmemleak/scan-block.ts",
    from: "  const flags = lock_hit(object, LOCK_PINS);\n",
    to: "  const flags = lock_hit(object, LOCK_PINS);\n  csrReadSet(0x100, 2);\n",
    scenario: "scenarios/kmemleak/free-in-softirq.yaml",
    symptom: ({ outcome }) => outcome === "budget" || outcome === "deadlock",
  },
  {
    name: "no hook in vmalloc",
    file: "kernel/mm/vmalloc.ts",
    from: "  if (CONFIG.kmemleak.enabled && (flags & VM_NOLEAKTRACE) === 0) kmemleak_vmalloc(area, area.nr_pages << PAGE_SHIFT, GFP_KERNEL);\n",
    to: "",
    scenario: LOST,
    symptom: (result) => missed(result) || crashed(result),
  },
  {
    name: "no per-CPU areas among the roots",
    file: "kernel/mm/kmemleak/roots.ts",
    from: '    scan_large_block(linkerSymbol("__per_cpu_start") + offset, linkerSymbol("__per_cpu_end") + offset);\n',
    to: "    if (offset === 0) scan_large_block(offset, offset);\n",
    scenario: LOST,
    symptom: extra,
  },
  {
    name: "preempted readers are not written down",
    file: "kernel/rcu/grace_period.ts",
    from: "const reader = PREEMPT_RCU && task.rcu_read_lock_nesting !== 0 && (task.rcu_read_unlock_special & BLOCKED) === 0;",
    to: "const reader = PREEMPT_RCU && task.rcu_read_lock_nesting > 1000 && (task.rcu_read_unlock_special & BLOCKED) === 0;",
    scenario: "scenarios/rcu/preempted-readers.yaml",
    symptom: crashed,
  },
  {
    name: "the workload does not list_del its object",
    file: "scenarios/kmemleak/lost-object.ts",
    from: "  list_del(entry.list);\n",
    to: "",
    scenario: LOST,
    symptom: missed,
  },
];

/** A race that was let in need not show at once: so many schedules are tried, each with its seed and its cost of memory. */
const SEEDS_MAX = 6;

let home = "";

beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), "hartlab-mutation-"));
  for (const name of ["kernel", "firmware", "scenarios", "dist", "package.json"]) {
    cpSync(join(ROOT, name), join(home, name), { recursive: true });
  }
  symlinkSync(join(ROOT, "node_modules"), join(home, "node_modules"));
});

afterAll(() => rmSync(home, { recursive: true, force: true }));

function run(scenario: string, seed: number): { status: number | null; result: RunResult } {
  const command = [join(home, "dist/hartlab.js"), "run", scenario, "--seed", String(seed), "--set", `timing.memory=${113 + 7 * seed}`, "--json"];
  const child = spawnSync(process.execPath, command, { cwd: home, encoding: "utf8", maxBuffer: 1 << 28 });
  expect(child.stdout.slice(0, 1), child.stderr).toBe("{");
  return { status: child.status, result: JSON.parse(child.stdout) as RunResult };
}

test.each(MUTATIONS)("$name: $scenario notices", ({ file, from, to, scenario, symptom }) => {
  const path = join(home, file);
  const original = readFileSync(path, "utf8");
  expect(original.split(from).length, `${file} holds the text to take out exactly once`).toBe(2);
  writeFileSync(path, original.replace(from, to));
  try {
    const seen: string[] = [];
    for (let seed = 1; seed <= SEEDS_MAX; seed++) {
      const { status, result } = run(scenario, seed);
      if (status !== 0 && symptom(result)) return;
      seen.push(JSON.stringify({ seed, status, outcome: result.outcome, ...result.leaks.planted, blocks: [] }));
    }
    expect(seen, "one of the runs notices").toEqual([]);
  } finally {
    writeFileSync(path, original);
  }
});
