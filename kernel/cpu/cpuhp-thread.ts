// cpuhp/N: runs the online section of the states on its CPU (hotplug.chain=states only).
//
// The task that changes the CPU asks and waits; it holds cpu_add_remove_lock, so there is one request at a time. The thread is
// made before its CPU starts for the first time and stays; while the CPU is offline it sleeps and nobody wakes it.

import { NR_CPUS } from "../arch/percpu.ts";
import { ENOMEM } from "../lib/errno.ts";
import { complete, completion, init_completion, wait_for_completion } from "../sched/completion.ts";
import { __set_current_state, schedule, set_current_state, wake_up_process } from "../sched/core.ts";
import { kthread_create_percpu } from "../sched/kthread.ts";
import { sched_set_fifo } from "../sched/prio.ts";
import { TASK_IDLE, TASK_RUNNING, type task_struct } from "../sched/task.ts";
import { CPUHP, cpuhp_down_callbacks, cpuhp_up_callbacks } from "./states.ts";

const enum WANT { nothing, up, down }

class cpuhp_cpu_state {
  thread: task_struct | null;
  /** WANT; written by the asker, cleared by the thread. */
  want: u32;
  result: i32;
  readonly done = new completion();
}
const cpuhp_state = new StructArray(cpuhp_cpu_state, NR_CPUS);

function cpuhp_thread_fun(cpu: u32): void {
  const self = cpuhp_state[cpu];
  for (;;) {
    set_current_state(TASK_IDLE);
    const want = READ_ONCE(self.want);
    if (want === WANT.nothing) {
      schedule();
      continue;
    }
    __set_current_state(TASK_RUNNING);
    self.want = WANT.nothing;
    if (want === WANT.up) self.result = cpuhp_up_callbacks(cpu, CPUHP.AP_ONLINE, CPUHP.ONLINE - 1);
    else self.result = cpuhp_down_callbacks(cpu, CPUHP.ONLINE - 1, CPUHP.AP_ONLINE);
    complete(self.done);
  }
}

/** 0 or -ENOMEM. @may_sleep */
export function cpuhp_thread_prepare(cpu: u32): i32 {
  const self = cpuhp_state[cpu];
  if (self.thread !== null) return 0;
  init_completion(self.done);
  const thread = kthread_create_percpu(cpuhp_thread_fun, cpu, cpu, "cpuhp/%u");
  if (thread === null) return -ENOMEM;
  sched_set_fifo(thread);
  self.thread = thread;
  return 0;
}

/** The online section, up or down, on the CPU, which is online; what it returned. @may_sleep */
export function cpuhp_run_on(cpu: u32, up: boolean): i32 {
  const self = cpuhp_state[cpu];
  WRITE_ONCE(self.want, up ? WANT.up : WANT.down);
  wake_up_process(self.thread!);
  wait_for_completion(self.done);
  return self.result;
}
