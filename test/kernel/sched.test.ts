/** Defects planted in scheduling and its kin: the tests that run in the guest find them. */
import { expect, test } from "vitest";
import { compile, onOurs, replaceIn, tapOf } from "./guest-tests.ts";

const TWINS: readonly [name: string, task: string, file: string, from: string, to: string, line: RegExp][] = [
  [
    "a work that runs beside itself",
    "test_schedule_work",
    "kernel/sched/workqueue.ts",
    "if (last !== null && last !== pool) {",
    "if (last !== null && last.cpu === 99) {",
    /^# schedule_work: a work does not run beside itself/,
  ],
  [
    "a cancelled work that queues itself",
    "test_schedule_work",
    "kernel/sched/workqueue.ts",
    "grab(work, timer, PENDING | CANCELING)",
    "grab(work, timer, 0)",
    /^# schedule_work: a cancelled work does not queue itself/,
  ],
  [
    "a worker that does not go home",
    "test_workqueue_hotplug",
    "kernel/sched/workqueue.ts",
    "READ_ONCE(get_current().cpu) !== pool.cpu && cpu_active(pool.cpu)",
    "READ_ONCE(get_current().cpu) === 99",
    /^# workqueue hotplug: works run on the CPU that has come back/,
  ],
  [
    "CPUs that do not wait for each other to stop",
    "test_stop_machine",
    "kernel/cpu/stop_machine.ts",
    "atomic_set(data.thread_ack, i32(data.num_threads))",
    "atomic_set(data.thread_ack, 1)",
    /^# stop_machine: the function runs on one CPU: 0, expected 12$/,
  ],
];

test.each(TWINS)("%s", { timeout: 60_000 }, (_name, task, file, from, to, line) => {
  const elf = compile({}, (files) => replaceIn(files, file, from, to));
  expect(tapOf(onOurs(elf, 4, 1, [task]))).toContainEqual(expect.stringMatching(line));
});
