// Where a task that runs in the kernel gives way, by preemption model: two threads of one CPU, one of which does not sleep.

import { CONFIG, PREEMPT } from "config";
import { spin_lock, spin_unlock, spinlock_t } from "../locking/spinlock.ts";
import { jiffies } from "../sched/clock.ts";
import { cond_resched, yield_cpu } from "../sched/core.ts";
import { might_sleep, preempt_disable, preempt_enable } from "../sched/preempt.ts";
import { expect_equal, test_run } from "./tap.ts";
import { run_threads } from "./threads.ts";

/** Longer than a time slice: so many changes of jiffies seen, each a tick here too; an emulated CPU may stand still for longer. */
const PATIENCE = 8;

const enum POINT { none, lock, preempt_off, might_sleep, cond_resched, COUNT }

const lock = new spinlock_t();
let point: u32 = POINT.none;
let looping: u32 = 0;
let other_ran: u32 = 0;
/** Whether the other thread ran while the first one went on. */
let gave_way: u32 = 0;

function pass(at: u32): void {
  if (at === POINT.lock) {
    spin_lock(lock);
    spin_unlock(lock);
  } else if (at === POINT.might_sleep) {
    might_sleep();
  } else if (at === POINT.cond_resched) {
    cond_resched();
  }
}

function loop_thread(): void {
  const at = point;
  let seen: u32 = 0;
  let last = jiffies();
  if (at === POINT.preempt_off) preempt_disable();
  WRITE_ONCE(looping, 1);
  while (seen < PATIENCE && READ_ONCE(other_ran) === 0) {
    pass(at);
    const now = jiffies();
    if (now !== last) seen += 1;
    last = now;
  }
  gave_way = READ_ONCE(other_ran);
  WRITE_ONCE(looping, 2);
  if (at === POINT.preempt_off) preempt_enable();
}

function point_thread(index: u32): void {
  if (index === 0) {
    loop_thread();
  } else if (index === 1) {
    while (READ_ONCE(looping) === 0) yield_cpu();
    WRITE_ONCE(other_ran, 1);
  }
}

function gives_way(at: u32): u32 {
  point = at;
  looping = 0;
  other_ran = 0;
  run_threads(point_thread, 2);
  return gave_way;
}

function model_cases(): void {
  const anywhere: u32 = CONFIG.preempt === PREEMPT.full || CONFIG.preempt === PREEMPT.rt ? 1 : 0;
  const voluntary: u32 = CONFIG.preempt === PREEMPT.voluntary ? 1 : anywhere;
  expect_equal(gives_way(POINT.none), anywhere, "preempted anywhere");
  expect_equal(gives_way(POINT.lock), anywhere, "preempted at the end of a section");
  expect_equal(gives_way(POINT.preempt_off), 0, "preempted with preemption off");
  expect_equal(gives_way(POINT.might_sleep), voluntary, "gives way at might_sleep");
  expect_equal(gives_way(POINT.cond_resched), 1, "gives way at cond_resched");
}

export function test_preempt_model(_arg: u32): void {
  test_run("preempt_model", model_cases);
}
