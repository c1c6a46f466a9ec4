// rcutorture's writers. The writer replaces the current element and sends the old one through the pipe in one of four ways; fake
// writers only ask for grace periods, to disturb; and they make CPUs read in hardirq context.

import { cpu_online, nr_cpu_ids } from "../../arch/cpumask.ts";
import { smp_call_function_single } from "../../irq/smp.ts";
import { atomic_inc } from "../../lib/atomic.ts";
import { INIT_LIST_HEAD, list_add_tail, list_del_init, list_for_each_entry_safe, list_head } from "../../lib/list.ts";
import { prandom_u32, prandom_u32_max } from "../../lib/random.ts";
import {
  call_rcu, cond_synchronize_rcu, get_state_synchronize_rcu, poll_state_synchronize_rcu, rcu_barrier, rcu_head, start_poll_synchronize_rcu,
  synchronize_rcu,
} from "../../rcu/rcu.ts";
import { kthread_should_stop } from "../../sched/kthread.ts";
import { schedule_timeout_uninterruptible } from "../../sched/timer.ts";
import { rcu_torture_ipi, torture_random, torture_seed } from "./reader.ts";
import {
  RCU_TORTURE_PIPE_LEN, rcu_torture, rcu_torture_alloc, rcu_torture_free, rcu_torture_pipe_update_one, rcu_torture_wcount, torture,
} from "./state.ts";

/** Ways to wait for a grace period. */
const enum RTWS { DEF_FREE, SYNC, COND_GET, POLL_GET, COUNT }

/** Elements on their way through the pipe otherwise than by callbacks. Only the writer uses it. */
const rcu_torture_removed = new list_head();

/** A grace period is over: one stage on, and again. @atomic */
function rcu_torture_cb(head: rcu_head): void {
  // At the end of the test the element stays where it is.
  if (READ_ONCE(torture.ending) !== 0) return;
  const p = containerOf(rcu_torture, "rtort_rcu", head);
  if (rcu_torture_pipe_update_one(p)) rcu_torture_free(p);
  else call_rcu(head, rcu_torture_cb);
}

/** A grace period is over for `old` and for all that were removed before. */
function rcu_torture_pipe_update(old: rcu_torture): void {
  list_add_tail(old.rtort_free, rcu_torture_removed);
  for (const p of list_for_each_entry_safe(rcu_torture_removed, rcu_torture, "rtort_free")) {
    if (!rcu_torture_pipe_update_one(p)) continue;
    list_del_init(p.rtort_free);
    rcu_torture_free(p);
  }
}

/** One grace period from now on. @may_sleep */
function wait_for_grace_period(how: u32, random: torture_random): void {
  if (how === RTWS.COND_GET) {
    const cookie = get_state_synchronize_rcu();
    schedule_timeout_uninterruptible(1 + prandom_u32_max(random.state, 6));
    cond_synchronize_rcu(cookie);
  } else if (how === RTWS.POLL_GET) {
    const cookie = start_poll_synchronize_rcu();
    while (!poll_state_synchronize_rcu(cookie)) schedule_timeout_uninterruptible(1);
  } else {
    synchronize_rcu();
  }
}

function replace(random: torture_random): void {
  const fresh = rcu_torture_alloc();
  if (fresh === null) return;
  WRITE_ONCE(fresh.rtort_pipe_count, 0);
  const old = torture.rcu_torture_current;
  WRITE_ONCE(fresh.rtort_mbtest, 1);
  fence("rw", "w");
  WRITE_ONCE(torture.rcu_torture_current, fresh);
  fence("rw", "rw");
  WRITE_ONCE(torture.rcu_torture_current_version, torture.rcu_torture_current_version + 1);
  if (old === null) return;
  const stage = READ_ONCE(old.rtort_pipe_count);
  atomic_inc(rcu_torture_wcount[stage > RCU_TORTURE_PIPE_LEN ? RCU_TORTURE_PIPE_LEN : stage]);
  WRITE_ONCE(old.rtort_pipe_count, stage + 1);
  const how = prandom_u32_max(random.state, RTWS.COUNT);
  if (how === RTWS.DEF_FREE) {
    call_rcu(old.rtort_rcu, rcu_torture_cb);
    return;
  }
  wait_for_grace_period(how, random);
  rcu_torture_pipe_update(old);
}

export function rcu_torture_writer(who: u32): void {
  const random = new torture_random();
  torture_seed(random, who);
  INIT_LIST_HEAD(rcu_torture_removed);
  while (!kthread_should_stop()) {
    schedule_timeout_uninterruptible(1);
    replace(random);
  }
}

export function rcu_torture_fakewriter(who: u32): void {
  const random = new torture_random();
  torture_seed(random, who);
  while (!kthread_should_stop()) {
    schedule_timeout_uninterruptible(1 + prandom_u32_max(random.state, 8));
    const cpu = prandom_u32_max(random.state, nr_cpu_ids);
    if (cpu_online(cpu)) smp_call_function_single(cpu, rcu_torture_ipi, 0, true);
    if ((prandom_u32(random.state) & 7) === 0) rcu_barrier();
    else wait_for_grace_period(1 + prandom_u32_max(random.state, RTWS.COUNT - 1), random);
  }
}
