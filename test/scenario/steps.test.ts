/** Steps: races driven on purpose, their twins done right, the table, places of every kind, and steps that cannot happen. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { formatProblem, type Result } from "../../src/base/result.ts";
import { exitCode, type RunResult } from "../../src/lab/run/result.ts";
import { loadScenario } from "../../src/lab/scenario/load.ts";
import { explain } from "../../src/report/explain.ts";
import { ROOT } from "../tidy/sources.ts";
import { type Ran, runInProcess, runLoaded } from "./in-process.ts";
import { stableTable } from "./stable.ts";

/** Of scenarios/steps; all have their table in test/golden/steps. */
const SCENARIOS = ["lost-update", "notifier-in-reader", "unbalanced-put", "destroy-under-slab-mutex", "destroy-uncounted", "hidden-node", "seq-next-unchecked"];
const LOST = "scenarios/steps/lost-update.yaml";
const NOTIFIER = "scenarios/steps/notifier-in-reader.yaml";
const GUEST = join(ROOT, "scenarios/steps/inline.yaml");

const known = new Map<string, Ran>();

/** A scenario of the folder without a change; run once for all tests. */
function asWritten(name: string): Ran {
  const ran = known.get(name) ?? runInProcess(`scenarios/steps/${name}.yaml`, { seed: 1 });
  known.set(name, ran);
  return ran;
}

/** The tasks of steps/lost-update under other steps. */
function scenarioWith(steps: string, timing = "functional", at = "0"): string {
  return `name: inline
machine: { harts: 2, memory: 32MiB, timing: ${timing} }
workload: ./lost-update.ts
tasks:
  - { run: first, on: 0 }
  - { run: second, on: 1, at: ${at} }
limits: { instructions: 100000000 }
steps:
${steps}`;
}

function tried(text: string): Result<RunResult> {
  const loaded = loadScenario("inline.yaml", text, []);
  return loaded.ok ? runLoaded(GUEST, loaded.value) : loaded;
}

function ran(steps: string, timing?: string, at?: string): RunResult {
  const result = tried(scenarioWith(steps, timing, at));
  if (!result.ok) throw new Error(result.problems.map(formatProblem).join("\n"));
  return result.value;
}

function refused(steps: string): string {
  const result = tried(scenarioWith(steps));
  return result.ok ? "accepted" : result.problems.map(formatProblem).join("\n");
}

const statuses = ({ steps }: RunResult): string[] => steps.map((one) => one.status);
const cycles = ({ steps }: RunResult): number[] => steps.map((one) => one.cycle ?? Number.NaN);

describe("races on purpose", () => {
  test.each(["functional", "cycle"])("an update is lost, %s timing; the same run twice, and with every observer on", (timing) => {
    const set = [`machine.timing=${timing}`];
    const one = runInProcess(LOST, { seed: 1, set });
    expect(one.status, JSON.stringify(one.result.expect)).toBe(0);
    expect(one.result.console).toContain("counter: 1\n");
    expect(runInProcess(LOST, { seed: 1, set }).result.hash).toBe(one.result.hash);
    const watched = runInProcess(LOST, { seed: 1, set: [...set, "observe.heap=true", "observe.races=true"] });
    expect([watched.status, watched.result.hash]).toEqual([0, one.result.hash]);
    expect(cycles(watched.result)).toEqual(cycles(one.result));
  });

  test("without steps the counts are not lost; under a lock the other task has to wait, steps or not", () => {
    const left = tried(scenarioWith("").replace("steps:\n", ""));
    expect(left.ok && left.value.console).toContain("counter: 2\n");
    const { status, result } = runInProcess(LOST, { seed: 1, set: ["boot.lock=spin", "expect.findings=none"] });
    expect(status, JSON.stringify(result.expect)).toBe(0);
    expect(statuses(result)).toEqual(["done", "skipped", "done"]);
    expect(result.steps[1].detail).toMatch(/second\/\d+ runs on CPU1: \S+ \(kernel\/locking\/.*count_once/);
    expect(result.console).toContain("counter: 2\n");
  });

  test("a notifier registered by a reader deadlocks with a CPU that comes up; registered in brackets it does not", () => {
    const wrong = asWritten("notifier-in-reader");
    expect(wrong.status, JSON.stringify(wrong.result.expect)).toBe(0);
    expect(statuses(wrong.result)).toEqual(["done", "done", "done", "done", "done"]);
    expect(wrong.result.steps[3].values[0].value).toMatch(/^plugger\/\d+$/);
    const set = ["boot.registration=bracket", "expect.outcome=poweroff", "expect.findings=none"];
    const right = runInProcess(NOTIFIER, { seed: 1, set });
    expect(right.status, JSON.stringify(right.result.expect)).toBe(0);
    expect(statuses(right.result)).toEqual(["done", "done", "skipped", "done", "done"]);
    expect(right.result.steps[2].detail).toMatch(/plugger\/\d+ sleeps: .* < mutex_lock < cpu_maps_update_begin < cpu_up/);
  });
});

test("a put too many, and two mutexes deadlock; with a warning at the culprit they do not", () => {
  const file = "scenarios/steps/unbalanced-put.yaml";
  const wrong = asWritten("unbalanced-put");
  expect(wrong.status, JSON.stringify(wrong.result.expect)).toBe(0);
  expect(wrong.result.steps[2].values[0].value).toBe("0");
  const { result } = runInProcess(file, { seed: 1, set: ["hotplug.underflow=put-warn"] });
  expect(result.outcome).toBe("poweroff");
  expect(result.findings.map((one) => one.kind)).toEqual(["warning", "lockdep"]);
  expect(statuses(result)[3]).toBe("skipped");
  expect(result.steps[2].values[0].value).toBe("1");
});

describe("an RCU cache is destroyed under slab_mutex while a CPU comes up", () => {
  const file = "scenarios/steps/destroy-under-slab-mutex.yaml";

  test("a circle of three locks is reported, and nobody hangs", () => {
    const { status, result } = asWritten("destroy-under-slab-mutex");
    expect(status, JSON.stringify(result.expect)).toBe(0);
    expect(result.steps[4].values.map(({ value }) => value)).toEqual([expect.stringMatching(/^plugger\/\d+$/), "0"]);
    const [circle] = result.findings;
    expect(circle.summary).toContain("barrier_mutex --> cpu_hotplug.lock --> slab_mutex --> barrier_mutex");
  });

  test.each([
    ["slab.destroy=barrier-outside", "expect.findings=none"],
    // Proposed for it in the same thread, and no help: neither of the two is a notifier that waits for callbacks.
    ["rcu.barrier=d"],
  ])("%s", (...set) => {
    const { status, result } = runInProcess(file, { seed: 1, set });
    expect(status, JSON.stringify(result.expect)).toBe(0);
  });

  test("with a wrong count they hang; with the count mended they do not; with the wait outside only the CPU that comes up does", () => {
    const uncounted = "scenarios/steps/destroy-uncounted.yaml";
    const wrong = asWritten("destroy-uncounted");
    expect(wrong.status, JSON.stringify(wrong.result.expect)).toBe(0);
    const hung = ["boot.hung_task_timeout=20ms", "boot.hung_task_panic=1"];
    const outside = runInProcess(uncounted, { seed: 1, set: ["slab.destroy=barrier-outside", ...hung] }).result;
    expect([outside.outcome, outside.lockdep.reports, outside.deadlock]).toEqual(["panic", [], []]);
    expect(outside.console).toMatch(/INFO: task plugger:\d+ blocked.*cpu_up/s);
    const mended = runInProcess(uncounted, { seed: 1, set: ["hotplug.underflow=put-warn"] }).result;
    expect([mended.outcome, mended.findings.map((one) => one.kind)]).toEqual(["poweroff", ["warning", "lockdep"]]);
  });
});

test("an element of kmemleak's list handed out without a reference is used after it is freed; with a look at the answer it is not handed out", () => {
  const wrong = asWritten("seq-next-unchecked");
  expect(wrong.status, JSON.stringify(wrong.result.expect)).toBe(0);
  const [, , , next] = wrong.result.steps.map(({ values }) => values.map(({ value }) => value));
  expect(next.slice(1)).toEqual([next[0], "0"]);
  const set = ["kmemleak.bug=none", "expect.findings=none", "expect.outcome=poweroff"];
  const right = runInProcess("scenarios/steps/seq-next-unchecked.yaml", { seed: 1, set });
  expect(right.status, JSON.stringify(right.result.expect)).toBe(0);
  const [from, behind, count] = right.result.steps[3].values.map(({ value }) => value);
  expect([from !== behind, count]).toEqual([true, "2"]);
});

describe("a lookup without a lock in a tree that turns", () => {
  const file = "scenarios/steps/hidden-node.yaml";
  const missed = /there all the time: missed/;

  test.each([["erase", "twenty.node", "thirty.node"], ["insert", "twenty.node", "thirty.node"]])("an %s hides a node", (how, before, after) => {
    const { status, result } = runInProcess(file, { seed: 1, set: [`boot.writer=${how}`] });
    expect(status, JSON.stringify(result.expect)).toBe(0);
    expect(result.console).toMatch(missed);
    expect(result.steps.slice(1, 3).map(({ values }) => values.map(({ value }) => value))).toEqual([[before, after], [after, "null"]]);
  });

  test.each([["spin", "skipped"], ["seq", "done"]])("lock=%s: it is found; the writer's step is %s", (lock, writer) => {
    const { status, result } = runInProcess(file, { seed: 1, set: [`boot.lock=${lock}`, "expect.findings=none"] });
    expect(status, JSON.stringify(result.expect)).toBe(0);
    expect(result.console).toMatch(/there all the time: found/);
    expect(result.steps[2].status).toBe(writer);
  });

  test("without the steps it is found", () => {
    const text = readFileSync(join(ROOT, file), "utf8").replace(/^steps:\n( {2}- .*\n)+/m, "");
    const left = tried(text);
    expect(left.ok && left.value.steps).toEqual([]);
    expect(left.ok && left.value.console).toMatch(/there all the time: found/);
  });
});

test.each(SCENARIOS)("the table of steps/%s", async (name) => {
  const { result } = asWritten(name);
  await expect(`${stableTable(explain(result))}\n`).toMatchFileSnapshot(`../golden/steps/${name}.txt`);
});

test("each scenario of the folder has its table", () => {
  const files = readdirSync(join(ROOT, "scenarios/steps")).filter((one) => one.endsWith(".yaml"));
  expect(files.map((one) => one.replace(".yaml", "")).sort()).toEqual([...SCENARIOS].sort());
});

describe("what steps can say", () => {
  test("times: stands at the third coming, not before", () => {
    const result = ran(`
  - { cpu: 0, until: scheduler_tick, watch: jiffies_count }
  - { cpu: 0, until: scheduler_tick, times: 3, watch: jiffies_count }
  - { cpu: 0, passes: scheduler_tick, watch: jiffies_count }`, "functional", "8ms");
    expect(statuses(result)).toEqual(["done", "done", "done"]);
    const [one, two, three] = result.steps.map(({ values }) => Number(values[0].value));
    expect([two - one, three - two]).toEqual([3, 1]);
    expect(result.steps[1].action).toBe("until scheduler_tick, time 3");
  });

  test("a release that finds nobody held says so", () => {
    const result = ran(`
  - { task: first, until: panic, within: 200ns, optional: true }
  - { task: first, release: true }
  - { task: first, passes: "point:added" }`);
    expect(statuses(result)).toEqual(["skipped", "skipped", "done"]);
    expect(exitCode(result)).toBe(0);
    expect(explain(result)).toContain("first: is not held");
  });

  test("places: function, offset, line of a file; a CPU, a task, a task on a CPU", () => {
    const result = ran(`
  - { cpu: 0, until: count_once }
  - { task: second, until: "count_once+0x0" }
  - { cpu: 0, until: "lost-update.ts:17", watch: counter }
  - { task: second, cpu: 1, passes: "steps/lost-update.ts:18" }
  - { cpu: 0, passes: "lost-update.ts:18", watch: [counter, init_task.comm, current_task.task] }`);
    expect(statuses(result)).toEqual(["done", "done", "done", "done", "done"]);
    expect(result.steps.map(({ hart, task, at }) => `${hart} ${task?.comm} ${at?.function}:${at?.line}`)).toEqual(
      ["0 first count_once:21", "1 second count_once:21", "0 first add_one:17", "1 second add_one:18", "0 first add_one:18"],
    );
    expect(result.steps[4].values.map(({ value }) => value)).toEqual(["1", expect.stringMatching(/^"/) as string, expect.stringMatching(/^first\/\d+$/) as string]);
  });

  test.each(["functional", "cycle"])("a stall: nothing runs on the CPU so long, and the rest of the machine goes on; %s", (timing) => {
    const result = ran(`
  - { task: second, until: count_once }
  - { cpu: 1, stall: 5ms }
  - { wait: 1ms }
  - { task: second, release: true }
  - { task: second, passes: "point:added" }`, timing);
    expect(statuses(result)).toEqual(["done", "done", "done", "done", "done"]);
    const [held, stalled, waited, released, added] = cycles(result);
    expect(stalled - held).toBe(5_000_000);
    expect(waited - stalled).toBe(1_000_000);
    expect(released).toBe(waited);
    expect(added - released).toBeLessThan(10_000);
    // The other CPU's ticks went on meanwhile, and its task ended.
    expect(result.perHart[0]).toBeGreaterThan(result.perHart[1]);
  });

  test("an interrupt exactly here: the tick comes between two instructions of the task", () => {
    const steps = (interrupt: string): string => `
  - { task: first, until: "point:loaded" }${interrupt}
  - { task: first, until: tick_handler, within: 5us, optional: true }`;
    const result = ran(steps("\n  - { task: first, interrupt: timer }").replace("tick_handler", "scheduler_tick"));
    expect(statuses(result)).toEqual(["done", "done", "done"]);
    expect(result.steps[2].stack.map((one) => one.function)).toContain("add_one");
    expect(statuses(ran(steps("").replace("tick_handler", "scheduler_tick")))).toEqual(["done", "skipped"]);
  });

  test("who comes to its place before its turn stands there until then", () => {
    const result = ran(`
  - { wait: 3ms }
  - { task: first, until: "point:loaded", watch: counter }
  - { task: second, until: "point:loaded", watch: counter }`);
    expect(statuses(result)).toEqual(["done", "done", "done"]);
    const [waited, first, second] = cycles(result);
    expect([first, second]).toEqual([waited, waited]);
    expect(result.steps[2].values).toEqual([{ name: "counter", value: "0" }]);
  });
});

describe("what cannot happen", () => {
  test("within its time: the run fails, says who is where, and goes on to its end", () => {
    const result = ran(`
  - { task: first, until: "point:loaded" }
  - { task: second, until: panic, within: 2ms }
  - { wait: 1ms }`);
    expect(statuses(result)).toEqual(["done", "never", "not reached"]);
    expect(result.outcome).toBe("poweroff");
    expect(exitCode(result)).toBe(1);
    const [verdict] = result.expect;
    expect(verdict).toMatchObject({ name: "steps", pass: false });
    expect(verdict.detail).toMatch(
      /^step 2 \(second until panic\) did not happen within 2ms: first\/\d+ is held on CPU0 since step 1: point \(kernel\/lib\/point.ts:\d+\) < add_one < count_once.*; second has ended$/,
    );
    expect(explain(result)).toMatch(/add_one \(scenarios\/steps\/lost-update\.ts:17\)/);
  });

  test("two tasks of one CPU: while one is held the other waits, and it is said", () => {
    const text = scenarioWith(`
  - { task: first, until: "point:loaded" }
  - { task: second, until: "point:loaded", within: 2ms }`).replace("on: 1", "on: 0");
    const result = tried(text);
    const detail = result.ok ? result.value.steps[1].detail : "";
    expect(detail).toMatch(/first\/\d+ is held on CPU0 since step 1: .*; second\/\d+ waits for a CPU: \w+ \(kernel/);
  });

  test("names that nobody has, with what was probably meant", () => {
    expect(refused(`
  - { task: frist, release: true }
  - { task: first, release: true }
  - { task: first, until: count_onze }
  - { task: first, until: "lost-update.ts:2" }
  - { task: first, until: "lots-update.ts:17" }
  - { task: first, until: "count_once+0xffff" }
  - { task: first, until: "point:nowhere", watch: cuonter }
  - { task: first, until: count_once, watch: init_task.pdi }
  - { cpu: 2, until: count_once, watch: init_task }`)).toMatchInlineSnapshot(`
    "inline.yaml:10:13: no task is named \`frist\`
        - { task: frist, release: true }
                  ^
      Did you mean \`first\`?
    inline.yaml:10:29: no step before this one holds frist
        - { task: frist, release: true }
                                  ^
      \`until: PLACE\` does.
    inline.yaml:11:29: no step before this one holds first
        - { task: first, release: true }
                                  ^
      \`until: PLACE\` does.
    inline.yaml:12:27: the kernel has no function \`count_onze\`
        - { task: first, until: count_onze }
                                ^
      Did you mean \`count_once\`?
    inline.yaml:13:27: no instruction comes from lost-update.ts:2
        - { task: first, until: "lost-update.ts:2" }
                                ^
      Lines near it that have some: 16, 17, 18, 21.
    inline.yaml:14:27: the kernel has no code of a file \`lots-update.ts\`
        - { task: first, until: "lots-update.ts:17" }
                                ^
      Did you mean \`lost-update.ts\`?
    inline.yaml:15:27: no instruction begins at count_once+0xffff
        - { task: first, until: "count_once+0xffff" }
                                ^
      Its last instruction is at +0x308.
    inline.yaml:16:51: the kernel has no variable \`cuonter\`
        - { task: first, until: "point:nowhere", watch: cuonter }
                                                        ^
      Did you mean \`counter\`?
    inline.yaml:16:27: the kernel has no point \`nowhere\`
        - { task: first, until: "point:nowhere", watch: cuonter }
                                ^
      \`point("NAME")\` of kernel/lib/point.ts makes one; a kernel built with marks=false has none.
    inline.yaml:17:46: \`init_task.pdi\`: what comes before \`pdi\` has no such part
        - { task: first, until: count_once, watch: init_task.pdi }
                                                   ^
      Did you mean \`pid\`?
    inline.yaml:18:12: there is no CPU2: the machine has 2 harts
        - { cpu: 2, until: count_once, watch: init_task }
                 ^
      CPUs are counted from 0.
    inline.yaml:18:41: \`init_task\` is no single value
        - { cpu: 2, until: count_once, watch: init_task }
                                              ^
      Name one of its fields: state, preempt_count, need_resched, flags, pid, comm, prio, normal_prio, policy, migration_disabled, cpu, on_rq, on_cpu, time_slice, nr_cpus_allowed, slept_at, cpus_mask, run_list, thread, stack, tasks, usage, rcu_read_lock_nesting, rcu_read_unlock_special, rcu_node, rcu, saved_state, softirq_disable_cnt, rt_waiters, rt_blocked_on, mm, active_mm, alloc_lock, mm_ref, kthread_flags, kthread_fn, exit_code, exited, parked."
  `);
  });

  test("steps that say too much or too little", () => {
    expect(refused(`
  - { task: first, until: count_once, release: true }
  - { until: count_once }
  - { task: first, stall: 1ms }
  - { cpu: 0, untli: count_once }
  - { wait: 5, note: "two\\nlines" }
  - { wait: 5ms, times: 2 }
  - { cpu: 0, until: count_once, times: 1e20 }`)).toMatchInlineSnapshot(`
    "inline.yaml:10:5: steps[0] must name exactly one of until, passes, release, stall, interrupt, wait
        - { task: first, until: count_once, release: true }
          ^
      docs/scenario.md lists every field.
    inline.yaml:11:5: steps[1] must say who: cpu or task, or both
        - { until: count_once }
          ^
      docs/scenario.md lists every field.
    inline.yaml:12:5: steps[2] stalls a CPU: name \`cpu\` and no task
        - { task: first, stall: 1ms }
          ^
      docs/scenario.md lists every field.
    inline.yaml:13:15: unknown key \`untli\` in steps[3]
        - { cpu: 0, untli: count_once }
                    ^
      Did you mean \`until\`?
    inline.yaml:13:5: steps[3] must name exactly one of until, passes, release, stall, interrupt, wait
        - { cpu: 0, untli: count_once }
          ^
      docs/scenario.md lists every field.
    inline.yaml:14:13: steps[4].wait must be a duration with a unit (ns, us, ms, s or cycles) such as 2ms, not 5
        - { wait: 5, note: "two\\nlines" }
                  ^
      docs/scenario.md lists every field.
    inline.yaml:14:22: steps[4].note must be one line without control characters
        - { wait: 5, note: "two\\nlines" }
                           ^
      docs/scenario.md lists every field.
    inline.yaml:15:5: steps[5] counts nothing: \`times\` belongs to until and passes
        - { wait: 5ms, times: 2 }
          ^
      docs/scenario.md lists every field.
    inline.yaml:16:41: steps[6].times must be a whole number
        - { cpu: 0, until: count_once, times: 1e20 }
                                              ^
      docs/scenario.md lists every field.
    inline.yaml:16:41: steps[6].times must be at most 1000000000
        - { cpu: 0, until: count_once, times: 1e20 }
                                              ^
      docs/scenario.md lists every field."
  `);
    expect(tried(scenarioWith("  - { wait: 1ms }").replace("timing: functional", "timing: functional, jit: true")).ok).toBe(false);
  });
});
