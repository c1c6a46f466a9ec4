/**
 * Every case of the designs' lists that names lockdep (A8, B6, C1, C9, L1, L2, L4, L6, L10): the scenario finds what it expects, the report is the
 * golden one in Linux's layout, and done right the same scenario is silent although the checker has seen the locks.
 */
import { expect, test } from "vitest";
import { lockdepText } from "../../src/report/lockdep.ts";
import { runInProcess } from "./in-process.ts";
import { stable } from "./stable.ts";

interface Case {
  readonly name: string;
  readonly file: string;
  /** Each a way to do it right. */
  readonly right: readonly (readonly string[])[];
  /** Default 1. */
  readonly reports?: number;
}

const CASES: readonly Case[] = [
  { name: "A8 tree lock and object lock", file: "lockdep/double-track", right: [["kmemleak.design=km19"]] },
  { name: "B6 free in stop_machine on rt", file: "lockdep/free-in-stop-machine", right: [["kmemleak.bug=none"]], reports: 2 },
  {
    name: "C1 destroy, CPU up, umount",
    file: "lockdep/destroy-rcu-cache",
    right: [["slab.destroy=barrier-outside"]],
  },
  {
    name: "C1 in another history",
    file: "lockdep/destroy-rcu-cache-first",
    right: [["slab.destroy=barrier-outside"], ["hotplug.lockdep=readers"]],
  },
  {
    name: "C9 notifier registered by a reader",
    file: "lockdep/notifier-in-reader",
    right: [["boot.registration=bracket"], ["hotplug.lockdep=mutex"]],
  },
  { name: "L1 lock of an interrupt without irqsave", file: "locks/irq-lock", right: [["boot.fixed=1"]] },
  { name: "L2 nested object lock without irqsave", file: "lockdep/nested-object-lock", right: [["boot.fixed=1"]] },
  { name: "L4 read twice under a fair rwlock", file: "locks/recursive-read", right: [["boot.fixed=1"], ["rwlock.fairness=reader"]] },
  { name: "L6 spinlock_t in stop_machine on rt", file: "locks/stop-machine-lock", right: [["boot.fixed=1"], ["preempt=full"]] },
];

test.each(CASES)("$name", { timeout: 120_000 }, async ({ file, right, reports = 1 }) => {
  const wrong = runInProcess(`scenarios/${file}.yaml`, { seed: 1 });
  expect(wrong.status, `${JSON.stringify(wrong.result.expect)}\nreproduce: ${wrong.reproduce}`).toBe(0);
  const texts = wrong.result.lockdep.reports.map((report) => stable(lockdepText(report, "hartlab")));
  expect(texts).toHaveLength(reports);
  await expect(`${texts.join("\n\n")}\n`).toMatchFileSnapshot(`../golden/${file.replace("locks/", "lockdep/")}.txt`);
  for (const set of right) {
    const { result, reproduce } = runInProcess(`scenarios/${file}.yaml`, { seed: 1, set });
    // kmemleak's own complaint about a block announced twice is right in every design.
    expect(result.findings.filter((one) => one.kind !== "kmemleak"), `reproduce: ${reproduce}`).toEqual([]);
    expect(result.outcome).toBe("poweroff");
    expect(result.lockdep.dependencies).toBeGreaterThan(0);
  }
});

test("A8 as submitted in 2008: the same report, and the guest panics", { timeout: 60_000 }, () => {
  const set = ["kmemleak.design=km08"];
  const { result } = runInProcess("scenarios/lockdep/double-track.yaml", { seed: 1, set });
  expect(result.outcome).toBe("panic");
  expect(result.findings.filter((one) => one.kind === "lockdep").map((one) => one.summary)).toEqual([
    "possible circular locking dependency detected: kmemleak_object.lock --> object_tree_lock --> kmemleak_object.lock",
  ]);
});

test.each([
  ["C2 barriers of notifiers without the hotplug lock: reported all the same", "rcu.barrier=d", "cpu_hotplug.lock"],
  ["C1 for a lockdep that knows readers: the umount, which is none, is enough", "hotplug.lockdep=readers", "cpu_hotplug.refcount"],
])("%s", { timeout: 60_000 }, (_, set, lock) => {
  const { result } = runInProcess("scenarios/lockdep/destroy-rcu-cache.yaml", { seed: 1, set: [set] });
  expect(result.findings.map((one) => one.summary)).toEqual([
    `possible circular locking dependency detected: barrier_mutex --> ${lock} --> slab_mutex --> barrier_mutex`,
  ]);
});

test("C9 with the percpu_rw_semaphore of today: reported, too", { timeout: 60_000 }, () => {
  const { result } = runInProcess("scenarios/lockdep/notifier-in-reader.yaml", { seed: 1, set: ["hotplug.lock=percpu-rwsem"] });
  const summaries = result.findings.map((one) => one.summary);
  expect(summaries).toEqual(["possible circular locking dependency detected: cpu_add_remove_lock --> cpu_hotplug_lock --> cpu_add_remove_lock"]);
});

test("a put too many is a bad unlock balance, told at the culprit", { timeout: 60_000 }, () => {
  const set = ["hotplug.lockdep=readers"];
  const { result } = runInProcess("scenarios/steps/unbalanced-put.yaml", { seed: 1, set });
  const [first] = result.lockdep.reports;
  expect(stable(lockdepText(first, "hartlab")).split("\n").slice(0, 10).join("\n")).toMatchInlineSnapshot(`
    "=====================================
    WARNING: bad unlock balance detected!
    hartlab Not tainted
    -------------------------------------
    culprit/10 is trying to release lock (cpu_hotplug.refcount) at:
    [<ADDRESS>] culprit
    but there are no more locks to release!

    other info that might help us debug this:
    1 lock held by culprit/10:"
  `);
});
