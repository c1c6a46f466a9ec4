// What is told to whom at each step of a CPU's coming and going, by either mechanism (hotplug.chain): hotplug.ts calls these in
// order and knows no other names. Each is called where notifier.ts and states.ts say.

import { CONFIG, HOTPLUG_CHAIN } from "config";
import { cpuhp_run_on, cpuhp_thread_prepare } from "./cpuhp-thread.ts";
import {
  CPU_DEAD, CPU_DOWN_FAILED, CPU_DOWN_PREPARE, CPU_DYING, cpu_notify_nofail, cpu_notify_or_undo, CPU_ONLINE, CPU_POST_DEAD,
  CPU_STARTING, CPU_UP_CANCELED, CPU_UP_PREPARE,
} from "./notifier.ts";
import {
  CPUHP, cpuhp_down_nofail, cpuhp_setup_state_nocalls, cpuhp_up_callbacks, cpuhp_up_nofail,
} from "./states.ts";

const STATES = CONFIG.hotplug.chain === HOTPLUG_CHAIN.states;

/** What the mechanism itself needs on a CPU; 0 or -ENOMEM. @may_sleep */
export function make_chain_thread(cpu: u32): i32 {
  return STATES ? cpuhp_thread_prepare(cpu) : 0;
}

/** Before the CPU starts: 0, or an errno and nobody is prepared. */
export function prepare_cpu(cpu: u32): i32 {
  if (STATES) return cpuhp_up_callbacks(cpu, CPUHP.OFFLINE, CPUHP.BRINGUP_CPU);
  return cpu_notify_or_undo(CPU_UP_PREPARE, CPU_UP_CANCELED, cpu);
}

/** The CPU did not start. */
export function cancel_cpu(cpu: u32): void {
  if (STATES) cpuhp_down_nofail(cpu, CPUHP.BRINGUP_CPU, CPUHP.OFFLINE);
  else cpu_notify_nofail(CPU_UP_CANCELED, cpu);
}

/** On the starting CPU, interrupts off. */
export function starting_cpu(cpu: u32): void {
  if (STATES) cpuhp_up_nofail(cpu, CPUHP.BRINGUP_CPU, CPUHP.AP_ONLINE);
  else cpu_notify_nofail(CPU_STARTING, cpu);
}

/** The CPU runs tasks. An errno: it must go again (only states can refuse). */
export function online_cpu(cpu: u32): i32 {
  if (STATES) return cpuhp_run_on(cpu, true);
  cpu_notify_nofail(CPU_ONLINE, cpu);
  return 0;
}

/** The CPU shall go: 0, or an errno and all is as before. */
export function leaving_cpu(cpu: u32): i32 {
  if (STATES) return cpuhp_run_on(cpu, false);
  return cpu_notify_or_undo(CPU_DOWN_PREPARE, CPU_DOWN_FAILED, cpu);
}

/** It did not go after all. */
export function staying_cpu(cpu: u32): void {
  if (STATES) cpuhp_run_on(cpu, true);
  else cpu_notify_nofail(CPU_DOWN_FAILED, cpu);
}

/** On the CPU that goes, interrupts off, all others standing still. */
export function dying_cpu(cpu: u32): void {
  if (STATES) cpuhp_down_nofail(cpu, CPUHP.AP_ONLINE, CPUHP.BRINGUP_CPU);
  else cpu_notify_nofail(CPU_DYING, cpu);
}

/** The CPU has stopped. */
export function dead_cpu(cpu: u32): void {
  if (STATES) cpuhp_down_nofail(cpu, CPUHP.BRINGUP_CPU, CPUHP.OFFLINE);
  else cpu_notify_nofail(CPU_DEAD, cpu);
}

/** As dead_cpu, outside of the hotplug lock. States know nothing like it. */
export function post_dead_cpu(cpu: u32): void {
  cpu_notify_nofail(CPU_POST_DEAD, cpu);
}

// ---- blocks of the notifier chain among the states ----

function notify_prepare(cpu: u32): i32 {
  return cpu_notify_or_undo(CPU_UP_PREPARE, CPU_UP_CANCELED, cpu);
}

function notify_dead(cpu: u32): i32 {
  cpu_notify_nofail(CPU_DEAD, cpu);
  return 0;
}

function notify_starting(cpu: u32): i32 {
  cpu_notify_nofail(CPU_STARTING, cpu);
  return 0;
}

function notify_dying(cpu: u32): i32 {
  cpu_notify_nofail(CPU_DYING, cpu);
  return 0;
}

function notify_online(cpu: u32): i32 {
  cpu_notify_nofail(CPU_ONLINE, cpu);
  return 0;
}

function notify_down_prepare(cpu: u32): i32 {
  return cpu_notify_or_undo(CPU_DOWN_PREPARE, CPU_DOWN_FAILED, cpu);
}

export function cpu_chain_init(): void {
  if (!STATES) return;
  cpuhp_setup_state_nocalls(CPUHP.NOTIFY_PREPARE, "notify:prepare", notify_prepare, notify_dead);
  cpuhp_setup_state_nocalls(CPUHP.AP_NOTIFY_STARTING, "notify:starting", notify_starting, notify_dying);
  cpuhp_setup_state_nocalls(CPUHP.AP_NOTIFY_ONLINE, "notify:online", notify_online, notify_down_prepare);
}
