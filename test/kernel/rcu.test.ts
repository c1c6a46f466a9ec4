/** RCU: every kind of rcu_barrier keeps its promise under hotplug; planted defects that the guest's tests find. The kinds with bugs: test/scenario/hotplug-2012.test.ts. */
import { describe, expect, test } from "vitest";
import { compile, judge, onOurs, replaceIn, tapOf } from "./guest-tests.ts";

const HOTPLUG_TESTS = ["test_rcu_offline", "test_rcu_adoption", "test_rcu_barrier"];

describe.each(["a", "b", "c", "d"])("rcu.barrier=%s", (barrier) => {
  // `m` is the default: test/kernel/in-guest.test.ts runs it.
  test("waits for the callbacks of CPUs that come and go", { timeout: 180_000 }, () => {
    const elf = compile({ "rcu.barrier": barrier });
    judge(onOurs(elf, 4, 1, HOTPLUG_TESTS), HOTPLUG_TESTS);
  });
});

const GP = "kernel/rcu/grace_period.ts";
const SEGCBLIST = "kernel/rcu/segcblist.ts";

const TWINS: readonly [name: string, preempt: string, task: string, file: string, from: string, to: string, line: RegExp][] = [
  [
    "preempted readers are not waited for", "full", "test_rcu_read", GP,
    "(!BUSTED_RCU && !list_empty(blocking_tasks))", "false",
    /^# rcu read: a reader that was pushed aside is waited for$/,
  ],
  [
    "a tick inside a section counts as a quiescent state", "full", "test_rcu_read", GP,
    "return task.rcu_read_lock_nesting === 0;", "return true;",
    /^# rcu read: a reader in a task is waited for$/,
  ],
  [
    "a tick with preemption off counts as a quiescent state", "none", "test_rcu_read", GP,
    "? 1 : 0) === HARDIRQ_OFFSET", "? 1 : 0) !== 0",
    /^# rcu read: a reader in a softirq is waited for$/,
  ],
  [
    "callbacks join the grace period under way", "full", "test_rcu_callbacks", GP,
    "const gp = gp_started + 1;", "const gp = gp_started + (gp_started === gp_ended ? 1 : 0);",
    /^# rcu callbacks: callbacks before the end of their grace period: [1-9]/,
  ],
  [
    "all callbacks run at once", "full", "test_rcu_callbacks", "kernel/rcu/callbacks.ts",
    "list.len > QHIMARK", "list.len > 0",
    /^# rcu callbacks: callbacks run in batches$/,
  ],
  [
    "adopted callbacks change their order", "full", "test_rcu_offline", SEGCBLIST,
    "cblist_splice(from.wait, to.next);\n  cblist_splice(from.next_ready, to.next);\n  cblist_splice(from.next, to.next);",
    "cblist_splice(from.next, to.next);\n  cblist_splice(from.next_ready, to.next);\n  cblist_splice(from.wait, to.next);",
    /^# rcu offline: callbacks out of order: [1-9]/,
  ],
  [
    "the barrier's callback is not behind the newest", "full", "test_rcu_barrier", SEGCBLIST,
    "if (list.next.head !== null) last = list.next;", "",
    /^# rcu barrier: callbacks that have run when rcu_barrier returns: [0-2], expected 3$/,
  ],
  [
    "a list is adopted without the barrier's callback", "full", "test_rcu_adoption", "kernel/rcu/barrier.ts",
    "&& (barrier_seq & 1) !== 0) entrain", "&& (barrier_seq & 1) === 2) entrain",
    /^# rcu adoption: callbacks of a CPU that has gone, run when .* returns: \d+, expected 36$/,
  ],
];

const HARTS = [4, 8];

test.each(TWINS)("%s", { timeout: 180_000 }, (_name, preempt, task, file, from, to, line) => {
  const elf = compile({ preempt }, (files) => replaceIn(files, file, from, to));
  // Where a grace period is under way just then depends on the number of CPUs that it waits for.
  const said: string[] = [];
  for (const harts of HARTS) {
    said.push(...tapOf(onOurs(elf, harts, 1, [task])));
    if (said.some((one) => line.test(one))) break;
  }
  expect(said).toContainEqual(expect.stringMatching(line));
});
