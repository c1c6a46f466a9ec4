// Preemptible RCU: what a reader may still see is freed only after a grace period.
//
// A grace period ends when every CPU that was online at its start has passed through a quiescent state (a context switch, or
// a tick outside of any read section) and every task that was preempted inside a read section before its start has left it.
// Readers count their nesting in the task; the scheduler's hook puts a preempted reader on one of two lists. Nothing here
// counts on interrupts or preemption being off as a read section.
//
// Locks: rcu_lock (raw, interrupts off) protects the grace period, both lists of blocked tasks and rcu_online. Callback lists
//   belong to their CPU and change with its interrupts off. rcu_lock nests inside everything, the run queues included.
// Callbacks run in softirq, in the order of call_rcu on each CPU. An offlined CPU's callbacks go to whoever reports it dead
//   and wait for one more grace period there.
// rcu_barrier does not wait for callbacks of a CPU that goes offline while it runs: its caller keeps CPUs from leaving.
// Limits: one flat mask of 64 CPUs; no expedited grace periods, no stall warnings, no nohz idle: an idle CPU's tick reports.

import { MARK } from "../abi/marks.ts";
import { cpumask, cpumask_test_cpu } from "../arch/cpumask.ts";
import { local_irq_disable, local_irq_enable, local_irq_restore, local_irq_save } from "../arch/irqflags.ts";
import { NR_CPUS } from "../arch/percpu.ts";
import { on_each_cpu } from "../irq/smp.ts";
import { open_softirq, raise_softirq, RCU_SOFTIRQ } from "../irq/softirq.ts";
import { atomic_dec_and_test, atomic_inc, atomic_set, atomic_t } from "../lib/atomic.ts";
import { list_add_tail, list_del_init, list_empty, list_head } from "../lib/list.ts";
import { mutex, mutex_lock, mutex_unlock } from "../locking/mutex.ts";
import { raw_spin_lock, raw_spin_lock_irqsave, raw_spin_unlock, raw_spin_unlock_irqrestore, raw_spinlock_t } from "../locking/spinlock.ts";
import { complete, completion, init_completion, reinit_completion, wait_for_completion } from "../sched/completion.ts";
import { might_sleep, preempt_disable, preempt_enable } from "../sched/preempt.ts";
import { get_current, smp_processor_id } from "../sched/task.ts";
import { cblist_append, cblist_splice, rcu_cblist, type rcu_callback, rcu_head } from "./cblist.ts";

export { rcu_head } from "./cblist.ts";

class rcu_cpu {
  /** Waiting to be given a grace period. */
  readonly next = new rcu_cblist();
  /** Waiting for grace period wait_gp to end. */
  readonly wait = new rcu_cblist();
  /** Ready to run. */
  readonly done = new rcu_cblist();
  wait_gp: u32;
  readonly barrier_head = new rcu_head();
}
const rcu_data = new PerCpu(rcu_cpu);

const rcu_lock = new raw_spinlock_t();
/** The last grace period that began, and the last that ended; equal when none is under way. */
let gp_started: u32 = 0;
let gp_ended: u32 = 0;
/** The highest grace period that somebody waits for. */
let gp_wanted: u32 = 0;
/** CPUs that take part; those that still owe the current grace period a quiescent state. */
const rcu_online = new cpumask();
const rcu_owing = new cpumask();
/** Tasks preempted inside a read section: those that hold up the current grace period, and the others. */
const blocking_tasks = new list_head();
const preempted_tasks = new list_head();

const barrier_mutex = new mutex();
const barrier_done = new completion();
const barrier_count = new atomic_t();

// ---- readers ----

export function rcu_read_lock(): void {
  "inline";
  get_current().rcu_read_lock_nesting += 1;
  barrier();
}

export function rcu_read_unlock(): void {
  "inline";
  barrier();
  const task = get_current();
  const nesting = task.rcu_read_lock_nesting - 1;
  task.rcu_read_lock_nesting = nesting;
  barrier();
  if (unlikely(nesting === 0 && READ_ONCE(task.rcu_read_unlock_special) !== 0)) read_unlock_special();
}

/** The end of a section in which the task was preempted. */
function read_unlock_special(): void {
  "noinline";
  const task = get_current();
  const flags = raw_spin_lock_irqsave(rcu_lock);
  task.rcu_read_unlock_special = 0;
  list_del_init(task.rcu_node);
  advance();
  raw_spin_unlock_irqrestore(rcu_lock, flags);
}

// ---- grace periods; all called with rcu_lock held ----

function owing_none(): boolean {
  for (let i: u32 = 0; i < NR_CPUS / 32; i++) if (rcu_owing.bits[i] !== 0) return false;
  return true;
}

function start_grace_period(): void {
  gp_started = gp_started + 1;
  for (let i: u32 = 0; i < NR_CPUS / 32; i++) rcu_owing.bits[i] = rcu_online.bits[i];
  // Readers preempted earlier may hold what this grace period shall free.
  while (!list_empty(preempted_tasks)) {
    const entry = preempted_tasks.next;
    list_del_init(entry);
    list_add_tail(entry, blocking_tasks);
  }
  traceMark(MARK.GP_START, gp_started);
}

/** Ends the current grace period if nothing holds it up, and begins the next if somebody wants one. */
function advance(): void {
  if (gp_started !== gp_ended) {
    if (!owing_none() || !list_empty(blocking_tasks)) return;
    WRITE_ONCE(gp_ended, gp_started);
    traceMark(MARK.GP_END, gp_ended);
  }
  if (i32(gp_wanted - gp_started) > 0) start_grace_period();
}

function quiescent(cpu: u32): void {
  const word = cpu >> 5;
  const bit = 1 << (cpu & 31);
  if ((rcu_owing.bits[word] & bit) === 0) return;
  rcu_owing.bits[word] &= ~bit;
  advance();
}

// ---- hooks of the scheduler and the tick ----

/** Before each switch, interrupts off: a quiescent state of this CPU; a reader that is pushed aside is written down. */
export function rcu_note_context_switch(_preempt: boolean): void {
  const task = get_current();
  const cpu = smp_processor_id();
  const reader = task.rcu_read_lock_nesting !== 0 && task.rcu_read_unlock_special === 0;
  if (!reader && !cpumask_test_cpu(cpu, rcu_owing)) return;
  raw_spin_lock(rcu_lock);
  if (reader) {
    task.rcu_read_unlock_special = 1;
    // A CPU that owes nothing has been quiescent since the grace period began: this section began later.
    if (cpumask_test_cpu(cpu, rcu_owing)) list_add_tail(task.rcu_node, blocking_tasks);
    else list_add_tail(task.rcu_node, preempted_tasks);
  }
  quiescent(cpu);
  raw_spin_unlock(rcu_lock);
}

/** In each tick, interrupts off. */
export function rcu_sched_clock_irq(_user: boolean): void {
  const cpu = smp_processor_id();
  if (get_current().rcu_read_lock_nesting === 0 && cpumask_test_cpu(cpu, rcu_owing)) {
    raw_spin_lock(rcu_lock);
    quiescent(cpu);
    raw_spin_unlock(rcu_lock);
  }
  const data = rcu_data.current();
  const ready = data.wait.head !== null && i32(READ_ONCE(gp_ended) - data.wait_gp) >= 0;
  if (ready || data.done.head !== null || (data.wait.head === null && data.next.head !== null)) raise_softirq(RCU_SOFTIRQ);
}

// ---- callbacks ----

/** Moves this CPU's callbacks one stage on. Interrupts are off. */
function move_callbacks(data: rcu_cpu): void {
  if (data.wait.head !== null && i32(READ_ONCE(gp_ended) - data.wait_gp) >= 0) cblist_splice(data.wait, data.done);
  if (data.wait.head !== null || data.next.head === null) return;
  cblist_splice(data.next, data.wait);
  raw_spin_lock(rcu_lock);
  // A grace period under way may have begun before these callbacks: only the next one will do.
  data.wait_gp = gp_started + 1;
  if (i32(data.wait_gp - gp_wanted) > 0) gp_wanted = data.wait_gp;
  advance();
  raw_spin_unlock(rcu_lock);
}

/** @atomic */
function rcu_process_callbacks(): void {
  local_irq_disable();
  const data = rcu_data.current();
  move_callbacks(data);
  let head = data.done.head;
  data.done.head = null;
  data.done.tail = null;
  local_irq_enable();
  while (head !== null) {
    const next = head.next;
    traceMark(MARK.RCU_INVOKE, head, addr(head.func));
    head.func(head);
    head = next;
  }
}

/** Calls func(head) after a grace period, in softirq. Callable anywhere. */
export function call_rcu(head: rcu_head, func: rcu_callback): void {
  head.func = func;
  traceMark(MARK.RCU_CALL, head, addr(func));
  const flags = local_irq_save();
  cblist_append(rcu_data.current().next, head);
  local_irq_restore(flags);
}

class rcu_synchronize {
  readonly head = new rcu_head();
  readonly done = new completion();
}

/** @atomic */
function wakeme_after_rcu(head: rcu_head): void {
  complete(containerOf(rcu_synchronize, "head", head).done);
}

/** Returns when every read section that had begun before has ended. Sleeps. @may_sleep */
export function synchronize_rcu(): void {
  might_sleep();
  const wait = new rcu_synchronize();
  init_completion(wait.done);
  call_rcu(wait.head, wakeme_after_rcu);
  wait_for_completion(wait.done);
}

/** @atomic */
function barrier_callback(_head: rcu_head): void {
  if (atomic_dec_and_test(barrier_count)) complete(barrier_done);
}

/** On each CPU: a callback behind all that wait there. */
function barrier_on_cpu(_arg: u32): void {
  atomic_inc(barrier_count);
  call_rcu(rcu_data.current().barrier_head, barrier_callback);
}

/** Returns when all callbacks queued before, on whatever CPU, have run. Sleeps. @may_sleep */
export function rcu_barrier(): void {
  mutex_lock(barrier_mutex);
  reinit_completion(barrier_done);
  // One more, so that a fast CPU does not complete before the last one was asked.
  atomic_set(barrier_count, 1);
  preempt_disable();
  on_each_cpu(barrier_on_cpu, 0);
  preempt_enable();
  if (!atomic_dec_and_test(barrier_count)) wait_for_completion(barrier_done);
  mutex_unlock(barrier_mutex);
}

// ---- CPUs coming and going ----

export function rcu_init(): void {
  open_softirq(RCU_SOFTIRQ, rcu_process_callbacks);
  init_completion(barrier_done);
}

/** On the starting CPU, interrupts off: grace periods wait for it from the next one on. */
export function rcu_cpu_starting(cpu: u32): void {
  const flags = raw_spin_lock_irqsave(rcu_lock);
  rcu_online.bits[cpu >> 5] |= 1 << (cpu & 31);
  raw_spin_unlock_irqrestore(rcu_lock, flags);
}

/** By a survivor, once the CPU has stopped: it owes nothing any more, and its callbacks are this CPU's now. */
export function rcu_report_dead(cpu: u32): void {
  const flags = local_irq_save();
  raw_spin_lock(rcu_lock);
  rcu_online.bits[cpu >> 5] &= ~(1 << (cpu & 31));
  quiescent(cpu);
  raw_spin_unlock(rcu_lock);
  const dead = rcu_data.of(cpu);
  const mine = rcu_data.current();
  cblist_splice(dead.done, mine.next);
  cblist_splice(dead.wait, mine.next);
  cblist_splice(dead.next, mine.next);
  local_irq_restore(flags);
}
