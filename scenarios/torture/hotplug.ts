// The workload of torture/hotplug: every thread does operations at random until all together have done hotplug_torture.ops, while a storm
// takes CPUs away and brings them back. Nothing may be lost: each block, timer, work, callback and call is counted in and out, each block holds
// what was written into it, no CPU comes or goes beside a reader, and whatever has a time is not late.
//
// An item of a thread waits for one thing at a time; that thing is its own until it has happened. Items and sleepers that are
// LATE_MS overdue are found by a listener of the notifier chain: it runs in the storm's task, which sleeps on no timer while CPUs
// come and go, so it lives on when timers are lost. What is lost is a panic. One line at the end, in the manner of Linux's torture tests.

import { cpu_online, cpu_online_mask, nr_cpu_ids, num_online_cpus } from "kernel/arch/cpumask.ts";
import { NR_CPUS } from "kernel/arch/percpu.ts";
import { cpu_down, cpu_up } from "kernel/cpu/hotplug.ts";
import { get_online_cpus, put_online_cpus } from "kernel/cpu/lock.ts";
import { CPU_DEAD, CPU_ONLINE, notifier_block, NOTIFY_DONE, register_cpu_notifier } from "kernel/cpu/notifier.ts";
import { stop_machine } from "kernel/cpu/stop_machine.ts";
import { scenario_stop } from "kernel/init/scenario.ts";
import { on_each_cpu, smp_call_function_single } from "kernel/irq/smp.ts";
import { panic } from "kernel/lib/bug.ts";
import { get_option_u32 } from "kernel/lib/cmdline.ts";
import { pr_info } from "kernel/lib/printk.ts";
import { prandom_seed, prandom_state, prandom_u32 } from "kernel/lib/random.ts";
import { mutex, mutex_lock, mutex_unlock } from "kernel/locking/mutex.ts";
import { GFP_KERNEL } from "kernel/mm/gfp.ts";
import { kfree, kmalloc } from "kernel/mm/slab.ts";
import { call_rcu, rcu_barrier, rcu_head } from "kernel/rcu/rcu.ts";
import { bind_current_to, set_cpus_allowed_ptr } from "kernel/sched/affinity.ts";
import { jiffies } from "kernel/sched/clock.ts";
import { cond_resched } from "kernel/sched/core.ts";
import { delayed_work, INIT_DELAYED_WORK, queue_delayed_work_on } from "kernel/sched/delayed_work.ts";
import { get_current } from "kernel/sched/task.ts";
import { add_timer, msleep, timer_list, timer_setup } from "kernel/sched/timer.ts";
import { schedule_work_on, system_wq, type work_struct, workqueue_init } from "kernel/sched/workqueue.ts";

const ITEMS = 16;
/** Nothing that has a time is later than that, however many CPUs come and go meanwhile. */
const LATE_MS = 80;
const BLOCK_WORDS_MAX = 100;

const enum WAIT { nothing, timer, work, delayed, callback, block }
const NEVER = 0;

class torture_item {
  /** WAIT */
  wait: u32;
  /** When it is due, NEVER when it has no time. */
  due: u32;
  readonly timer = new timer_list();
  readonly dwork = new delayed_work();
  readonly head = new rcu_head();
  block: Ptr<u32>;
  words: u32;
}

class torture_thread {
  readonly items = new StructArray<torture_item>(torture_item, ITEMS);
  readonly random = new prandom_state();
  /** When the thread wants to wake up; NEVER: it does not sleep. */
  wakes: u32;
}

/** What began and what came to its end, by WAIT; calls, migrations, readers and changes of CPUs. */
class torture_stats {
  readonly begun = new FixedArray<u32>(8);
  readonly ended = new FixedArray<u32>(8);
  calls: u32;
  answers: u32;
  migrations: u32;
  readers: u32;
  stops: u32;
  changes: u32;
}
const threads = new StructArray(torture_thread, NR_CPUS);
const stats = new torture_stats();
const listener = new notifier_block();
const start_mutex = new mutex();
let threads_used: u32 = 0;
let threads_done: u32 = 0;
/** Operations that have not begun. */
let ops_left: i32 = 0;

function begin(item: torture_item, wait: u32, due: u32): void {
  WRITE_ONCE(item.due, due);
  WRITE_ONCE(item.wait, wait);
  amoAdd(addressOf(stats.begun[wait]), 1);
}

/** It has happened, and the item is free for the next. @atomic */
function end(item: torture_item, wait: u32): void {
  if (READ_ONCE(item.wait) !== wait) panic("hotplug-torture: something of kind %u happened to an item that waits for %u", wait, item.wait);
  amoAdd(addressOf(stats.ended[wait]), 1);
  fence("rw", "w");
  WRITE_ONCE(item.wait, WAIT.nothing);
}

/** @atomic */
function timer_fired(timer: timer_list): void {
  const item = containerOf(torture_item, "timer", timer);
  if (i32(jiffies() - item.due) < 0) panic("hotplug-torture: a timer fires too early");
  end(item, WAIT.timer);
}

function work_ran(work: work_struct): void {
  const item = containerOf(torture_item, "dwork", containerOf(delayed_work, "work", work));
  end(item, READ_ONCE(item.wait) === WAIT.delayed ? WAIT.delayed : WAIT.work);
}

/** @atomic */
function callback_called(head: rcu_head): void {
  end(containerOf(torture_item, "head", head), WAIT.callback);
}

/** @atomic */
function answer(_arg: u32): void {
  amoAdd(addressOf(stats.answers), 1);
}

function stand_still(_arg: u32): i32 {
  stats.stops += 1;
  return 0;
}

// ---- what is lost ----

function overdue(at: u32): boolean {
  return at !== NEVER && i32(jiffies() - at) > LATE_MS;
}

function look_for_lost(_nb: notifier_block, action: u32, _cpu: u32): u32 {
  if (action !== CPU_ONLINE && action !== CPU_DEAD) return NOTIFY_DONE;
  for (let n: u32 = 0; n < threads_used; n++) {
    const thread = threads[n];
    if (overdue(READ_ONCE(thread.wakes))) panic("hotplug-torture: thread %u sleeps %u ms too long", n, jiffies() - thread.wakes);
    for (let i: u32 = 0; i < ITEMS; i++) {
      const item = thread.items[i];
      const due = READ_ONCE(item.due);
      const wait = READ_ONCE(item.wait);
      if ((wait === WAIT.timer || wait === WAIT.delayed) && overdue(due)) {
        panic("hotplug-torture: lost: kind %u of thread %u, due %u ms ago", wait, n, jiffies() - due);
      }
    }
  }
  return NOTIFY_DONE;
}

// ---- operations ----

function sleep(thread: torture_thread, ms: u32): void {
  WRITE_ONCE(thread.wakes, jiffies() + ms);
  msleep(ms);
  WRITE_ONCE(thread.wakes, NEVER);
}

function fill(item: torture_item, words: u32): boolean {
  const memory = kmalloc(words * 4, GFP_KERNEL);
  if (memory === 0) return false;
  item.block = cast<Ptr<u32>>(memory);
  item.words = words;
  for (let n: u32 = 0; n < words; n++) item.block[n] = (addr(item) ^ n * 0x9e37_79b1) & 0x3fff_ffff;
  begin(item, WAIT.block, NEVER);
  return true;
}

function check_and_free(item: torture_item): void {
  for (let n: u32 = 0; n < item.words; n++) {
    if (item.block[n] !== ((addr(item) ^ n * 0x9e37_79b1) & 0x3fff_ffff)) panic("hotplug-torture: a block of %u words changed at %u", item.words, n);
  }
  kfree(addr(item.block));
  end(item, WAIT.block);
}

/** An item, chosen at random, that waits for nothing or has a block; any one when there is none. */
function choose_item(thread: torture_thread): torture_item {
  const first = prandom_u32(thread.random) % ITEMS;
  for (let n: u32 = 0; n < ITEMS; n++) {
    const item = thread.items[(first + n) % ITEMS];
    const wait = READ_ONCE(item.wait);
    if (wait === WAIT.nothing || wait === WAIT.block) return item;
  }
  return thread.items[first];
}

/** Gives an item something to wait for; a block is freed if that is what it has. A busy one is left alone, and the thread rests. */
function use_item(thread: torture_thread): void {
  const random = thread.random;
  const item = choose_item(thread);
  const dice = prandom_u32(random);
  const wait = READ_ONCE(item.wait);
  if (wait === WAIT.block) check_and_free(item);
  else if (wait !== WAIT.nothing) sleep(thread, 2);
  if (wait !== WAIT.nothing) return;
  const kind = 1 + dice % 5;
  const cpu = (dice >>> 8) % nr_cpu_ids;
  const delay = 1 + ((dice >>> 16) & 15);
  if (kind === WAIT.timer) {
    timer_setup(item.timer, timer_fired);
    item.timer.expires = jiffies() + delay;
    begin(item, kind, item.timer.expires);
    add_timer(item.timer);
  } else if (kind === WAIT.work) {
    INIT_DELAYED_WORK(item.dwork, work_ran);
    begin(item, kind, NEVER);
    schedule_work_on(cpu, item.dwork.work);
  } else if (kind === WAIT.delayed) {
    INIT_DELAYED_WORK(item.dwork, work_ran);
    begin(item, kind, jiffies() + delay);
    queue_delayed_work_on(cpu, system_wq, item.dwork, delay);
  } else if (kind === WAIT.callback) {
    begin(item, kind, NEVER);
    call_rcu(item.head, callback_called);
  } else {
    fill(item, 1 + (dice >>> 16) % BLOCK_WORDS_MAX);
  }
}

function call_others(random: prandom_state): void {
  const dice = prandom_u32(random);
  if ((dice & 7) === 0) {
    get_online_cpus();
    amoAdd(addressOf(stats.calls), num_online_cpus());
    on_each_cpu(answer, 0, true);
    put_online_cpus();
  } else if (smp_call_function_single((dice >>> 3) % nr_cpu_ids, answer, 0, true) === 0) {
    amoAdd(addressOf(stats.calls), 1);
  }
}

function read_cpus(thread: torture_thread): void {
  get_online_cpus();
  const before = READ_ONCE(cpu_online_mask.bits[0]);
  if ((prandom_u32(thread.random) & 1) !== 0) sleep(thread, 1);
  if (READ_ONCE(cpu_online_mask.bits[0]) !== before) panic("hotplug-torture: a CPU came or went beside a reader");
  put_online_cpus();
  amoAdd(addressOf(stats.readers), 1);
}

function migrate(random: prandom_state): void {
  if (bind_current_to(prandom_u32(random) % nr_cpu_ids) === 0) amoAdd(addressOf(stats.migrations), 1);
  set_cpus_allowed_ptr(get_current(), cpu_online_mask);
}

function change_cpu(random: prandom_state): void {
  const cpu = prandom_u32(random) % nr_cpu_ids;
  if ((cpu_online(cpu) ? cpu_down(cpu) : cpu_up(cpu)) === 0) amoAdd(addressOf(stats.changes), 1);
}

function one_operation(thread: torture_thread): void {
  const random = thread.random;
  const dice = prandom_u32(random) % 100;
  if (dice < 70) use_item(thread);
  else if (dice < 80) call_others(random);
  else if (dice < 86) read_cpus(thread);
  else if (dice < 92) migrate(random);
  else if (dice < 94) change_cpu(random);
  else if (dice < 95) stop_machine(stand_still, 0, null);
  else sleep(thread, 1 + (dice & 1));
}

// ---- beginning and end ----

function start(): torture_thread {
  mutex_lock(start_mutex);
  if (threads_used === 0) {
    if (workqueue_init() !== 0) panic("hotplug-torture: no workers");
    ops_left = i32(get_option_u32("hotplug_torture.ops", 10_000));
    listener.notifier_call = look_for_lost;
    listener.priority = 0;
    register_cpu_notifier(listener);
  }
  const thread = threads[threads_used];
  WRITE_ONCE(threads_used, threads_used + 1);
  mutex_unlock(start_mutex);
  return thread;
}

function settle(thread: torture_thread): void {
  for (let i: u32 = 0; i < ITEMS; i++) {
    const item = thread.items[i];
    if (READ_ONCE(item.wait) === WAIT.block) check_and_free(item);
    for (let ms: u32 = 0; READ_ONCE(item.wait) !== WAIT.nothing; ms++) {
      if (ms === 10 * LATE_MS) panic("hotplug-torture: lost: kind %u", item.wait);
      sleep(thread, 1);
    }
  }
}

function report(): void {
  let balanced = stats.calls === stats.answers;
  for (let kind: u32 = WAIT.timer; kind <= WAIT.block; kind++) balanced = balanced && stats.begun[kind] === stats.ended[kind];
  pr_info(
    "hotplug-torture:--- End of test: %s: ops=%u timers=%u/%u works=%u/%u delayed=%u/%u rcu=%u/%u blocks=%u/%u calls=%u/%u migrations=%u readers=%u stops=%u changes=%u\n",
    balanced ? "SUCCESS" : "FAILURE", get_option_u32("hotplug_torture.ops", 10_000),
    stats.ended[WAIT.timer], stats.begun[WAIT.timer], stats.ended[WAIT.work], stats.begun[WAIT.work],
    stats.ended[WAIT.delayed], stats.begun[WAIT.delayed], stats.ended[WAIT.callback], stats.begun[WAIT.callback],
    stats.ended[WAIT.block], stats.begun[WAIT.block], stats.answers, stats.calls,
    stats.migrations, stats.readers, stats.stops, stats.changes,
  );
  if (!balanced) panic("hotplug-torture: begun and ended differ");
}

export function hotplug_torture(index: u32): void {
  const thread = start();
  prandom_seed(thread.random, get_option_u32("seed", 1) * 64 + index);
  while (i32(amoAdd(addressOf(ops_left), -1)) > 0) {
    one_operation(thread);
    cond_resched();
  }
  rcu_barrier();
  settle(thread);
  if (amoAdd(addressOf(threads_done), 1) + 1 < threads_used) return;
  report();
  scenario_stop();
}
