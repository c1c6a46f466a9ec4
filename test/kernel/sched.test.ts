/** Defects planted in scheduling and its kin: the tests that run in the guest find them. */
import { expect, test } from "vitest";
import { compile, replaceIn, runOnOurs, tapOf } from "./guest-tests.ts";

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
  [
    "a queue that forgets priorities",
    "test_priorities",
    "kernel/sched/rq.ts",
    "return prio < task.prio || (prio === task.prio && !first);",
    "return prio < 200 || (prio === task.prio && !first);",
    /^# priorities: the first to run: 0, expected 2$/,
  ],
  [
    "a loan of priority that nobody notices",
    "test_priorities",
    "kernel/sched/prio.ts",
    "    enqueue_task(queue, task, prio > old);",
    "    task.prio = u8(old);\n    enqueue_task(queue, task, prio > old);\n    task.prio = u8(prio);",
    /^# priorities: the first to run: 2, expected 0$/,
  ],
  [
    "idle CPUs and busy ones that take no work",
    "test_balance",
    "kernel/sched/balance.ts",
    "  if (busiest === null) return false;",
    "  if (busiest === null || jiffies() !== 0) return false;",
    /^# balance: CPUs that take part .*, expected 15$/,
  ],
  [
    "a mask that nobody looks at",
    "test_affinity",
    "kernel/sched/affinity.ts",
    "  return cpumask_test_cpu(cpu, task.cpus_mask);",
    "  return task.cpu < 99;",
    /^# affinity: CPUs on which threads run that may run on one: \d+, expected \d+$/,
  ],
];

test.each(TWINS)("%s", { timeout: 60_000 }, (_name, task, file, from, to, line) => {
  const elf = compile({}, (files) => {
    replaceIn(files, file, from, to);
    replaceIn(files, "kernel/test/sched.ts", "const PATIENCE = 5000;", "const PATIENCE = 60;");
  });
  // However it ends: what comes after the first failed check may stop the kernel.
  expect(tapOf(runOnOurs(elf, 4, 1, [task]).text)).toContainEqual(expect.stringMatching(line));
});
