// Address spaces: both counts, who stays in one, and that the last to go frees it.
// Needs swap.enabled.

import { cpumask_test_cpu, num_online_cpus } from "../arch/cpumask.ts";
import { atomic_read } from "../lib/atomic.ts";
import { get_task_mm, mm_alloc, mmdrop, mmget, mmget_not_zero, mmgrab, mmput } from "../mm/mm_struct.ts";
import { mm_ref } from "../mm/mm_ref/types.ts";
import type { mm_struct } from "../mm/mm_types.ts";
import { yield_cpu } from "../sched/core.ts";
import { kthread_unuse_mm, kthread_use_mm } from "../sched/mm.ts";
import { get_current, smp_processor_id } from "../sched/task.ts";
import { msleep } from "../sched/timer.ts";
import { expect_equal, expect_true, test_run } from "./tap.ts";
import { run_threads } from "./threads.ts";

function expect_counts(mm: mm_struct, users: u32, count: u32, what: string): void {
  expect_equal(u32(atomic_read(mm.mm_users)), users, what);
  expect_equal(u32(atomic_read(mm.mm_count)), count, what);
}

function mm_cases(): void {
  const mine = new mm_ref();
  const other = new mm_ref();
  const kept = new mm_ref();
  const used = new mm_ref();
  const mm = mm_alloc(mine)!;
  expect_counts(mm, 1, 1, "a new one");
  mmget(mm, other);
  mmgrab(mm, kept);
  expect_counts(mm, 2, 2, "a user more, and one that keeps it");
  expect_true(get_task_mm(get_current(), used) === null, "a thread has none");
  kthread_use_mm(mm, used);
  expect_counts(mm, 2, 3, "who is in it keeps it");
  const found = new mm_ref();
  expect_true(get_task_mm(get_current(), found) === mm, "and has it");
  mmput(mm, found);
  msleep(1);
  expect_true(get_current().active_mm === mm && cpumask_test_cpu(smp_processor_id(), mm.cpu_bitmap), "after a sleep, too");
  kthread_unuse_mm(mm, used);
  expect_true(get_current().mm === null, "it has none any more");
  mmput(mm, other);
  mmput(mm, mine);
  expect_true(!mmget_not_zero(mm, mine), "no user comes back");
  expect_counts(mm, 0, 1, "only who kept it is left");
  expect_true(get_current().active_mm !== mm, "nobody has stayed");
  mmdrop(mm, kept);
}

const ROUNDS = 100;
let shared: mm_struct;

/** In and out, while others come and go on the same CPU. */
function mm_thread(index: u32): void {
  for (let round: u32 = 0; round < ROUNDS; round++) {
    const user = new mm_ref();
    const used = new mm_ref();
    if (index % 3 === 0) {
      const own = mm_alloc(user)!;
      kthread_use_mm(own, used);
      yield_cpu();
      expect_true(get_current().active_mm === own, "in its own");
      kthread_unuse_mm(own, used);
      mmput(own, user);
    } else {
      if (!mmget_not_zero(shared, user)) return;
      kthread_use_mm(shared, used);
      if (round % 8 === 0) msleep(1);
      else yield_cpu();
      expect_true(get_current().active_mm === shared, "in the shared one");
      kthread_unuse_mm(shared, used);
      mmput(shared, user);
    }
  }
}

function mm_threads(): void {
  const mine = new mm_ref();
  shared = mm_alloc(mine)!;
  run_threads(mm_thread, num_online_cpus() === 1 ? 4 : 3);
  expect_equal(u32(atomic_read(shared.mm_users)), 1, "users left");
  mmput(shared, mine);
}

export function test_mm_struct(_arg: u32): void {
  test_run("mm_struct", mm_cases);
}

export function test_mm_struct_threads(_arg: u32): void {
  test_run("mm_struct_threads", mm_threads);
}
