// CPUs that come and go: who is told in which order, what is undone when one refuses, what the calls return, who waits for
// readers, and that nothing that a CPU had to do is lost with it.

import { CONFIG, HOTPLUG_LOCK } from "config";
import { cpu_active, cpu_online, cpu_online_mask, nr_cpu_ids, num_online_cpus } from "../arch/cpumask.ts";
import { NR_CPUS } from "../arch/percpu.ts";
import { cpu_down, cpu_hotplug_disable, cpu_hotplug_enable, cpu_up } from "../cpu/hotplug.ts";
import { get_online_cpus, put_online_cpus } from "../cpu/lock.ts";
import {
  CPU_DEAD, CPU_DOWN_FAILED, CPU_DOWN_PREPARE, CPU_DYING, CPU_ONLINE, CPU_POST_DEAD, CPU_STARTING, CPU_UP_CANCELED, CPU_UP_PREPARE,
  notifier_block, notifier_from_errno, NOTIFY_BAD, NOTIFY_OK, register_cpu_notifier, unregister_cpu_notifier,
} from "../cpu/notifier.ts";
import { stop_cpus, stop_one_cpu } from "../cpu/stopper.ts";
import { irqs_disabled } from "../arch/irqflags.ts";
import { EBUSY, EEXIST, EINVAL, EIO, ENOENT, ENOSPC, EPERM } from "../lib/errno.ts";
import { get_option_u32 } from "../lib/cmdline.ts";
import { prandom_seed, prandom_state, prandom_u32 } from "../lib/random.ts";
import { call_rcu, rcu_barrier, rcu_head } from "../rcu/rcu.ts";
import { jiffies } from "../sched/clock.ts";
import { preempt_count } from "../sched/preempt.ts";
import { get_current, smp_processor_id } from "../sched/task.ts";
import { add_timer, msleep, timer_list, timer_setup } from "../sched/timer.ts";
import { bind_current_to, set_cpus_allowed_ptr } from "../sched/affinity.ts";
import { expect_equal, expect_true, test_run } from "./tap.ts";
import { run_threads } from "./threads.ts";

/** One listener: what it saw, and at which event it says no. */
class probe {
  readonly nb = new notifier_block();
  refuse_at: u32;
  refuse_with: u32;
}
const PROBES = 3;
const probes = new StructArray(probe, PROBES);
/** Events in the order in which the probes saw them: 16 * action + probe. */
const LOG_MAX = 64;
const log = new FixedArray<u32>(LOG_MAX);
let logged: u32 = 0;
let target: u32 = 0;

function note(nb: notifier_block, action: u32, cpu: u32): u32 {
  const self = containerOf(probe, "nb", nb);
  let index: u32 = 0;
  while (probes[index] !== self) index += 1;
  if (logged < LOG_MAX) log[logged] = action * 16 + index;
  logged += 1;
  expect_equal(cpu, target, "the CPU that a listener is told of");
  const on_it = action === CPU_STARTING || action === CPU_DYING;
  expect_true((smp_processor_id() === cpu) === on_it || !on_it, "STARTING and DYING happen on the CPU");
  if (on_it) expect_true(irqs_disabled() && preempt_count() !== 0, "STARTING and DYING happen with interrupts off");
  const online = action !== CPU_UP_PREPARE && action !== CPU_UP_CANCELED && action !== CPU_STARTING && action !== CPU_DYING &&
    action !== CPU_DEAD && action !== CPU_POST_DEAD;
  expect_true(cpu_online(cpu) === online, "a CPU is online from ONLINE to DOWN_PREPARE");
  return self.refuse_at === action ? self.refuse_with : NOTIFY_OK;
}

/** All probes were told `action`, in order; then the log goes on at the result. */
function expect_told(at: u32, action: u32, count: u32): u32 {
  for (let n: u32 = 0; n < count; n++) expect_equal(log[at + n], action * 16 + n, "what a listener is told, and when");
  return at + count;
}

function expect_up(): void {
  logged = 0;
  expect_true(cpu_up(target) === 0, "a CPU comes up");
  expect_told(expect_told(expect_told(0, CPU_UP_PREPARE, PROBES), CPU_STARTING, PROBES), CPU_ONLINE, PROBES);
  expect_equal(logged, 3 * PROBES, "events on the way up");
  expect_true(cpu_active(target), "a CPU that came up is active");
}

function expect_down(): void {
  logged = 0;
  expect_true(cpu_down(target) === 0, "a CPU goes down");
  const dying = expect_told(expect_told(0, CPU_DOWN_PREPARE, PROBES), CPU_DYING, PROBES);
  expect_told(expect_told(dying, CPU_DEAD, PROBES), CPU_POST_DEAD, PROBES);
  expect_equal(logged, 4 * PROBES, "events on the way down");
  expect_true(!cpu_active(target), "a CPU that went down is not active");
}

/** Probe `who` says no to `action`: those before it are told `undo`, in order, and the others hear nothing. */
function expect_refusal(who: u32, action: u32, undo: u32, up: boolean): void {
  const self = probes[who];
  logged = 0;
  self.refuse_at = action;
  self.refuse_with = NOTIFY_BAD;
  expect_true((up ? cpu_up(target) : cpu_down(target)) === -EPERM, "NOTIFY_BAD is -EPERM");
  expect_told(expect_told(0, action, who + 1), undo, who);
  expect_equal(logged, 2 * who + 1, "those behind the one that refuses hear nothing");
  self.refuse_with = notifier_from_errno(-ENOSPC);
  expect_true((up ? cpu_up(target) : cpu_down(target)) === -ENOSPC, "an errno is handed on");
  self.refuse_at = 0;
  expect_true(cpu_online(target) !== up, "the CPU stays as it was");
  expect_true(cpu_active(target) !== up, "and as active as it was");
}

function chain_cases(): void {
  if (nr_cpu_ids === 1) {
    expect_true(cpu_down(0) === -EBUSY && cpu_up(0) === -EINVAL && cpu_up(1) === -EINVAL, "one CPU stays as it is");
    expect_true(cpu_online(0) && cpu_active(0) && num_online_cpus() === 1, "one CPU is online");
    expect_true(stop_one_cpu(1, whereabouts, 0) === -ENOENT, "there is no other CPU");
    return;
  }
  target = nr_cpu_ids - 1;
  // Registered out of order: the priority decides, then who came first.
  const order: u32 = 0x201;
  for (let n: u32 = 0; n < PROBES; n++) {
    const at = (order >>> (4 * n)) & 15;
    probes[at].nb.notifier_call = note;
    probes[at].nb.priority = at === 0 ? 30 : -30;
    probes[at].refuse_at = 0;
    expect_true(register_cpu_notifier(probes[at].nb) === 0, "a listener registers");
  }
  expect_true(register_cpu_notifier(probes[0].nb) === -EEXIST, "once");
  for (let n: u32 = 0; n < PROBES; n++) expect_refusal(n, CPU_DOWN_PREPARE, CPU_DOWN_FAILED, false);
  expect_down();
  for (let n: u32 = 0; n < PROBES; n++) expect_refusal(n, CPU_UP_PREPARE, CPU_UP_CANCELED, true);
  expect_up();
  for (let n: u32 = 0; n < PROBES; n++) expect_true(unregister_cpu_notifier(probes[n].nb) === 0, "a listener leaves");
  expect_true(unregister_cpu_notifier(probes[0].nb) === -ENOENT, "once");
}

export function test_cpu_notifier(_arg: u32): void {
  test_run("cpu notifier", chain_cases);
}

// ---- results ----

/** All but CPU `stays` go, and come back; the results on the way. */
function all_but_one(stays: u32): void {
  for (let cpu: u32 = 0; cpu < nr_cpu_ids; cpu++) if (cpu !== stays) expect_true(cpu_down(cpu) === 0, "a CPU goes");
  expect_equal(num_online_cpus(), 1, "one CPU is left");
  expect_equal(smp_processor_id(), stays, "and this task is there");
  expect_true(cpu_down(stays) === -EBUSY, "the last CPU stays");
  if (nr_cpu_ids > 1) {
    const other: u32 = stays === 0 ? 1 : 0;
    expect_true(cpu_down(other) === -EBUSY, "with one CPU left nobody can go, offline or not");
    cpu_hotplug_disable();
    expect_true(cpu_up(other) === -EBUSY, "nobody comes while that is disabled");
    cpu_hotplug_enable();
  }
  for (let cpu: u32 = 0; cpu < nr_cpu_ids; cpu++) if (cpu !== stays) expect_true(cpu_up(cpu) === 0, "a CPU comes");
  expect_equal(num_online_cpus(), nr_cpu_ids, "all CPUs are back");
}

function whereabouts(arg: u32): i32 {
  expect_true(preempt_count() !== 0, "a stopper's function runs with preemption off");
  if (arg === 0) return 0;
  amoAdd(cast<Ptr<u32>>(arg), 1 << (4 * smp_processor_id()));
  return smp_processor_id() === nr_cpu_ids - 1 ? -EIO : 0;
}

function stopper_cases(): void {
  const seen = new FixedArray<u32>(1);
  seen[0] = 0;
  const last = nr_cpu_ids - 1;
  expect_true(stop_cpus(cpu_online_mask, whereabouts, addr(seen)) === -EIO, "stop_cpus says what the last failure was");
  expect_equal(seen[0], 0x1111_1111 >>> (4 * (8 - nr_cpu_ids)), "once on each CPU");
  expect_true(stop_one_cpu(0, whereabouts, 0) === 0, "stop_one_cpu returns what the function did");
  if (last === 0) return;
  cpu_down(last);
  expect_true(stop_one_cpu(last, whereabouts, 0) === -ENOENT, "an offline CPU runs no functions");
  cpu_up(last);
  expect_true(stop_one_cpu(last, whereabouts, addr(seen)) === -EIO, "a CPU that is back does");
}

function result_cases(): void {
  expect_true(cpu_up(0) === -EINVAL, "a CPU that is online cannot come");
  expect_true(cpu_up(nr_cpu_ids) === -EINVAL && cpu_up(NR_CPUS + 7) === -EINVAL, "nor one that is not possible");
  expect_true(cpu_down(nr_cpu_ids) === -EINVAL && cpu_down(NR_CPUS + 7) === -EINVAL, "which cannot go either");
  if (nr_cpu_ids > 2) {
    cpu_down(1);
    expect_true(cpu_down(1) === -EINVAL, "a CPU that is offline cannot go");
    cpu_up(1);
  }
  cpu_hotplug_disable();
  cpu_hotplug_disable();
  cpu_hotplug_enable();
  if (nr_cpu_ids > 1) expect_true(cpu_down(0) === -EBUSY, "nobody goes while that is disabled");
  cpu_hotplug_enable();
  for (let cpu: u32 = 0; cpu < nr_cpu_ids; cpu++) all_but_one(cpu);
  if (nr_cpu_ids <= 8) stopper_cases();
}

export function test_cpu_hotplug(_arg: u32): void {
  test_run("cpu hotplug", result_cases);
}

// ---- readers ----

const READS = 30;
/** Threads inside get_online_cpus; changes of CPUs that a reader saw, and failures of the two that change them. */
let seen_changes: u32 = 0;
let sections: u32 = 0;
let changes: u32 = 0;
let readers_left: u32 = 0;

function read_cpus(index: u32): void {
  const random = new prandom_state();
  prandom_seed(random, get_option_u32("seed", 1) * 64 + index);
  for (let n: u32 = 0; n < READS; n++) {
    get_online_cpus();
    const before = READ_ONCE(cpu_online_mask.bits[0]);
    const nested = CONFIG.hotplug.lock === HOTPLUG_LOCK.refcount && (prandom_u32(random) & 1) !== 0;
    if (nested) get_online_cpus();
    if ((prandom_u32(random) & 3) === 0) msleep(1);
    if (nested) put_online_cpus();
    if (READ_ONCE(cpu_online_mask.bits[0]) !== before) amoAdd(addressOf(seen_changes), 1);
    amoAdd(addressOf(sections), 1);
    put_online_cpus();
    // Readers that leave no gap keep the writer out.
    msleep(1 + (prandom_u32(random) & 3));
  }
  amoAdd(addressOf(readers_left), -1);
}

function change_cpus(index: u32): void {
  const random = new prandom_state();
  prandom_seed(random, get_option_u32("seed", 1) * 64 + index + 32);
  do {
    const cpu = prandom_u32(random) % nr_cpu_ids;
    const error = cpu_online(cpu) ? cpu_down(cpu) : cpu_up(cpu);
    // Others change them too: by the time of the call it may have gone or come, or be the last.
    if (error === 0) amoAdd(addressOf(changes), 1);
    else expect_true(error === -EINVAL || error === -EBUSY, "a change succeeds, or another was faster");
  } while (READ_ONCE(readers_left) !== 0);
}

function reader_or_writer(index: u32): void {
  if (index < 2) change_cpus(index);
  else read_cpus(index);
}

function reader_cases(): void {
  if (nr_cpu_ids === 1) {
    readers_left = 1;
    read_cpus(0);
    expect_equal(sections, READS, "sections of readers");
    expect_equal(seen_changes + readers_left, 0, "changes seen inside");
    expect_true(cpu_online(0), "the CPU is there");
    return;
  }
  seen_changes = 0;
  sections = 0;
  changes = 0;
  readers_left = 2 * num_online_cpus() - 2;
  const readers = readers_left;
  expect_equal(run_threads(reader_or_writer, 2), readers + 2, "threads");
  expect_equal(seen_changes, 0, "CPUs that came or went beside a reader");
  expect_equal(sections, readers * READS, "sections of readers");
  expect_true(changes > 4, "CPUs came and went between readers");
  for (let cpu: u32 = 0; cpu < nr_cpu_ids; cpu++) if (!cpu_online(cpu)) expect_true(cpu_up(cpu) === 0, "a CPU comes back");
}

export function test_get_online_cpus(_arg: u32): void {
  test_run("get_online_cpus", reader_cases);
}

// ---- what a CPU had to do when it went ----

const ITEMS = 12;
/** The first timer is due after so long; by then the CPU should be gone, even on a slow emulator. */
const FIRST_MS = 40;
class item {
  readonly timer = new timer_list();
  readonly head = new rcu_head();
  fired_at: u32;
  fired: u32;
  called: u32;
  cpu: u32;
}
const items = new StructArray(item, ITEMS);

/** @atomic */
function item_timer(timer: timer_list): void {
  const self = containerOf(item, "timer", timer);
  self.fired_at = jiffies();
  self.fired += 1;
  self.cpu = smp_processor_id();
}

/** @atomic */
function item_callback(head: rcu_head): void {
  containerOf(item, "head", head).called += 1;
}

/** Timers and callbacks are left on CPU `cpu`, which goes at once. */
function leave_behind(cpu: u32): void {
  expect_true(bind_current_to(cpu) === 0, "this task goes to the CPU");
  const start = jiffies();
  for (let n: u32 = 0; n < ITEMS; n++) {
    items[n].fired = 0;
    items[n].called = 0;
    timer_setup(items[n].timer, item_timer);
    items[n].timer.expires = start + FIRST_MS + n;
    add_timer(items[n].timer);
    call_rcu(items[n].head, item_callback);
  }
  expect_true(cpu_down(cpu) === 0, "a CPU goes with timers and callbacks, and with the task that asks for it");
  expect_true(smp_processor_id() !== cpu, "the task is elsewhere");
  const gone_at = jiffies();
  rcu_barrier();
  for (let n: u32 = 0; n < ITEMS; n++) expect_equal(items[n].called, 1, "a callback of a CPU that went is called once");
  // They fire when they are due, on a busy host a good deal later; never, when nobody has taken them over.
  for (let tries: u32 = 0; tries < 200 && READ_ONCE(items[ITEMS - 1].fired) === 0; tries++) msleep(1);
  msleep(2);
  for (let n: u32 = 0; n < ITEMS; n++) {
    expect_equal(items[n].fired, 1, "a timer of a CPU that went fires once");
    expect_true(items[n].cpu !== cpu || i32(items[n].fired_at - gone_at) <= 0, "elsewhere");
    expect_true(i32(items[n].fired_at - (start + FIRST_MS + n)) >= 0, "and not too early");
  }
  expect_true(cpu_up(cpu) === 0, "the CPU comes back");
  set_cpus_allowed_ptr(get_current(), cpu_online_mask);
}

function legacy_cases(): void {
  if (nr_cpu_ids === 1) {
    expect_true(cpu_down(0) === -EBUSY && cpu_online(0) && cpu_active(0), "the only CPU stays");
    expect_equal(num_online_cpus(), 1, "CPUs");
    expect_true(smp_processor_id() === 0, "and this is it");
    return;
  }
  for (let cpu: u32 = 0; cpu < nr_cpu_ids; cpu++) leave_behind(cpu);
}

export function test_cpu_legacy(_arg: u32): void {
  test_run("cpu legacy", legacy_cases);
}
