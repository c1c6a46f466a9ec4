// What each subsystem does when a CPU comes or goes: one notifier block each, or states (hotplug.chain).
//
//   sched active      STARTING, DOWN_FAILED: new tasks may go there      DOWN_PREPARE: no more
//   sched migration   STARTING: the run queue opens                      DYING: it closes, its tasks go elsewhere
//   timers            UP_PREPARE: no timers are there                    DYING: its timers go elsewhere
//   slab              UP_PREPARE: arrays                                 DEAD, UP_CANCELED: arrays are flushed and freed
//   page_alloc                                                           DEAD: its per-CPU pages go back
//   rcu                                                                  DEAD: it owes nothing, its callbacks are adopted
//   softirq                                                              DEAD: what it had raised is raised here
// Timers and tasks go while all CPUs stand still, so nobody finds one on its way; tick, interrupts and RCU's list of CPUs
// are part of starting and stopping themselves (bringup.ts).

import { BUSTED, CONFIG, HOTPLUG_CHAIN } from "config";
import { cpu_active_mask, cpu_online_mask, cpumask_clear_cpu, cpumask_first, cpumask_set_cpu } from "../arch/cpumask.ts";
import { local_irq_restore, local_irq_save } from "../arch/irqflags.ts";
import { softirq_dead_cpu } from "../irq/softirq.ts";
import { page_alloc_cpu_dead } from "../mm/page_alloc.ts";
import { slab_dead_cpu, slab_prepare_cpu } from "../mm/slab.ts";
import { rcu_report_dead } from "../rcu/rcu.ts";
import { sched_cpu_dying, sched_cpu_starting } from "../sched/core.ts";
import { timers_dying_cpu, timers_prepare_cpu } from "../sched/timer.ts";
import {
  CPU_DEAD, CPU_DOWN_FAILED, CPU_DOWN_PREPARE, CPU_DYING, CPU_PRI_MIGRATION, CPU_PRI_SCHED_ACTIVE, CPU_PRI_SCHED_INACTIVE, CPU_STARTING,
  CPU_UP_CANCELED, CPU_UP_PREPARE, notifier_block, notifier_from_errno, NOTIFY_DONE, NOTIFY_OK, register_cpu_notifier,
} from "./notifier.ts";
import { type cpuhp_callback, CPUHP, cpuhp_setup_state_nocalls } from "./states.ts";
import type { notifier_fn } from "../lib/notifier.ts";

// ---- what is done; 0 or a negative errno, as states want it ----

function activate(cpu: u32): i32 {
  cpumask_set_cpu(cpu, cpu_active_mask);
  return 0;
}

function deactivate(cpu: u32): i32 {
  cpumask_clear_cpu(cpu, cpu_active_mask);
  return 0;
}

function open_run_queue(cpu: u32): i32 {
  sched_cpu_starting(cpu);
  return 0;
}

function close_run_queue(cpu: u32): i32 {
  sched_cpu_dying(cpu);
  return 0;
}

function prepare_timers(cpu: u32): i32 {
  timers_prepare_cpu(cpu);
  return 0;
}

/** The seeded bug `busted=hotplug`: a CPU that goes forgets its timers. */
function move_timers(cpu: u32): i32 {
  if (CONFIG.busted === BUSTED.hotplug) return 0;
  timers_dying_cpu(cpu, cpumask_first(cpu_online_mask));
  return 0;
}

function adopt_callbacks(cpu: u32): i32 {
  rcu_report_dead(cpu);
  return 0;
}

function adopt_softirqs(cpu: u32): i32 {
  const flags = local_irq_save();
  softirq_dead_cpu(cpu);
  local_irq_restore(flags);
  return 0;
}

/** One that refuses is not told of the end: what it had begun it undoes itself. */
function prepare_slab(cpu: u32): i32 {
  const error = slab_prepare_cpu(cpu);
  if (error !== 0) slab_dead_cpu(cpu);
  return error;
}

// ---- as notifiers ----

function sched_cpu_active(_nb: notifier_block, action: u32, cpu: u32): u32 {
  if (action !== CPU_STARTING && action !== CPU_DOWN_FAILED) return NOTIFY_DONE;
  return notifier_from_errno(activate(cpu));
}

function sched_cpu_inactive(_nb: notifier_block, action: u32, cpu: u32): u32 {
  if (action !== CPU_DOWN_PREPARE) return NOTIFY_DONE;
  return notifier_from_errno(deactivate(cpu));
}

function migration_call(_nb: notifier_block, action: u32, cpu: u32): u32 {
  if (action === CPU_STARTING) open_run_queue(cpu);
  else if (action === CPU_DYING) close_run_queue(cpu);
  else return NOTIFY_DONE;
  return NOTIFY_OK;
}

function timer_cpu_notify(_nb: notifier_block, action: u32, cpu: u32): u32 {
  if (action === CPU_UP_PREPARE) return notifier_from_errno(prepare_timers(cpu));
  if (action === CPU_DYING) return notifier_from_errno(move_timers(cpu));
  return NOTIFY_DONE;
}

function cpuup_callback(_nb: notifier_block, action: u32, cpu: u32): u32 {
  if (action === CPU_UP_PREPARE) return notifier_from_errno(prepare_slab(cpu));
  if (action === CPU_UP_CANCELED || action === CPU_DEAD) return notifier_from_errno(slab_dead_cpu(cpu));
  return NOTIFY_DONE;
}

function page_alloc_cpu_notify(_nb: notifier_block, action: u32, cpu: u32): u32 {
  if (action !== CPU_DEAD) return NOTIFY_DONE;
  return notifier_from_errno(page_alloc_cpu_dead(cpu));
}

function rcu_cpu_notify(_nb: notifier_block, action: u32, cpu: u32): u32 {
  if (action !== CPU_DEAD) return NOTIFY_DONE;
  return notifier_from_errno(adopt_callbacks(cpu));
}

function softirq_cpu_callback(_nb: notifier_block, action: u32, cpu: u32): u32 {
  if (action !== CPU_DEAD) return NOTIFY_DONE;
  return notifier_from_errno(adopt_softirqs(cpu));
}

const sched_active_nb = new notifier_block();
const migration_nb = new notifier_block();
const softirq_nb = new notifier_block();
const rcu_nb = new notifier_block();
const timer_nb = new notifier_block();
const page_alloc_nb = new notifier_block();
const slab_nb = new notifier_block();
const sched_inactive_nb = new notifier_block();

function listen(nb: notifier_block, fn: notifier_fn, priority: i32): void {
  nb.notifier_call = fn;
  nb.priority = priority;
  register_cpu_notifier(nb);
}

export function cpu_listeners_init(): void {
  if (CONFIG.hotplug.chain === HOTPLUG_CHAIN.notifier) {
    listen(sched_active_nb, sched_cpu_active, CPU_PRI_SCHED_ACTIVE);
    listen(migration_nb, migration_call, CPU_PRI_MIGRATION);
    listen(softirq_nb, softirq_cpu_callback, 0);
    listen(rcu_nb, rcu_cpu_notify, 0);
    listen(timer_nb, timer_cpu_notify, 0);
    listen(page_alloc_nb, page_alloc_cpu_notify, 0);
    listen(slab_nb, cpuup_callback, 0);
    listen(sched_inactive_nb, sched_cpu_inactive, CPU_PRI_SCHED_INACTIVE);
  } else {
    const none: cpuhp_callback | null = null;
    cpuhp_setup_state_nocalls(CPUHP.SOFTIRQ_DEAD, "softirq:dead", none, adopt_softirqs);
    cpuhp_setup_state_nocalls(CPUHP.RCUTREE_PREP, "RCU/tree:prepare", none, adopt_callbacks);
    cpuhp_setup_state_nocalls(CPUHP.PAGE_ALLOC_DEAD, "page_alloc:dead", none, page_alloc_cpu_dead);
    cpuhp_setup_state_nocalls(CPUHP.SLAB_PREPARE, "slab:prepare", prepare_slab, slab_dead_cpu);
    cpuhp_setup_state_nocalls(CPUHP.AP_SCHED_STARTING, "sched:starting", open_run_queue, close_run_queue);
    cpuhp_setup_state_nocalls(CPUHP.TIMERS_PREPARE, "timers:prepare", prepare_timers, none);
    cpuhp_setup_state_nocalls(CPUHP.AP_TIMERS_DYING, "timers:dying", none, move_timers);
    cpuhp_setup_state_nocalls(CPUHP.AP_ACTIVE, "sched:active", activate, deactivate);
  }
}
