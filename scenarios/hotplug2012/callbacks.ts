// The workload of hotplug2012/adoption, dead-cpu and dead-cpu-late: callbacks wait on a CPU that goes, and somebody waits for callbacks.
//
// Boot parameters: `dead=5ms`, how long a listener delays what is done about a CPU that has gone; `ahead=10ms`, how long the callback takes
// that the adopter has before those that it adopts; `held=1`: a read section holds the grace period up until the CPU has gone.

import { cpu_down } from "kernel/cpu/hotplug.ts";
import { CPU_DEAD, notifier_block, NOTIFY_OK, register_cpu_notifier } from "kernel/cpu/notifier.ts";
import { WARN, WARN_ON } from "kernel/lib/bug.ts";
import { get_option_ms, get_option_u32 } from "kernel/lib/cmdline.ts";
import { point } from "kernel/lib/point.ts";
import { call_rcu, rcu_barrier, rcu_head, rcu_read_lock, rcu_read_unlock } from "kernel/rcu/rcu.ts";
import { jiffies, msecs_to_jiffies } from "kernel/sched/clock.ts";
import { msleep } from "kernel/sched/timer.ts";

const GOING = 1;
const POSTED = 20;
const heads = new StructArray(rcu_head, POSTED);
/** Callbacks of the CPU that adopts: one before the barrier's, one behind. */
const first = new rcu_head();
const ahead = new rcu_head();
let called: u32 = 0;
let gone: boolean = false;

/** @atomic */
function note_called(_head: rcu_head): void {
  amoAdd(addressOf(called), 1);
}

/** @atomic */
function nothing(_head: rcu_head): void {}

/** Interrupts are on: grace periods go by. @atomic */
function take_long(_head: rcu_head): void {
  const end = jiffies() + msecs_to_jiffies(get_option_ms("ahead", 0));
  while (i32(end - jiffies()) > 0) pause();
}

/** On the CPU that will go. */
export function poster(_arg: u32): void {
  for (let n: u32 = 0; n < POSTED; n++) call_rcu(heads[n], note_called);
  point("posted");
}

const listener = new notifier_block();

/** Before RCU hears of it. */
function slow_when_dead(_nb: notifier_block, action: u32, _cpu: u32): u32 {
  if (action !== CPU_DEAD) return NOTIFY_OK;
  // So that this CPU has a callback, too, and the barrier's behind it.
  call_rcu(first, nothing);
  point("dead");
  msleep(get_option_ms("dead", 0));
  call_rcu(ahead, take_long);
  return NOTIFY_OK;
}

export function plugger(_arg: u32): void {
  listener.notifier_call = slow_when_dead;
  listener.priority = 20;
  register_cpu_notifier(listener);
  point("down");
  WARN_ON(cpu_down(GOING) !== 0);
  WRITE_ONCE(gone, true);
  point("gone");
  // Nobody else is here for whom the CPUs' ticks would go on.
  msleep(30);
}

export function waiter(_arg: u32): void {
  rcu_barrier();
  const sofar = READ_ONCE(called);
  point("waited");
  WARN(sofar !== POSTED, "rcu_barrier has returned, and of %u callbacks %u have been called", POSTED, sofar);
}

/** A read section over the time in which the CPU goes. */
export function reader(_arg: u32): void {
  if (get_option_u32("held", 0) === 0) return;
  rcu_read_lock();
  while (!READ_ONCE(gone)) pause();
  rcu_read_unlock();
}
