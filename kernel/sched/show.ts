// What a task is doing, for reports of tasks that are stuck.

import { walk_stackframe } from "../arch/stacktrace.ts";
import { printk } from "../lib/printk.ts";
import { TASK_DEAD, TASK_IDLE, TASK_INTERRUPTIBLE, TASK_PARKED, TASK_RUNNING, TASK_UNINTERRUPTIBLE, type task_struct } from "./task.ts";

const FRAMES_MAX = 16;

function state_letter(state: u32): string {
  if (state === TASK_RUNNING) return "R";
  if (state === TASK_INTERRUPTIBLE) return "S";
  if (state === TASK_UNINTERRUPTIBLE) return "D";
  if (state === TASK_IDLE) return "I";
  if (state === TASK_PARKED) return "P";
  if (state === TASK_DEAD) return "X";
  return "?";
}

/**
 * One line about the task, and its stack when no CPU runs it. The caller makes sure that the task stays; should it begin to run
 * meanwhile the stack shown is neither here nor there, but the walk ends.
 */
export function sched_show_task(task: task_struct): void {
  const running = READ_ONCE(task.on_cpu) !== 0;
  printk("task:%s state:%s pid:%u cpu:%u flags:0x%08x\n", addr(task.comm), state_letter(task.state), task.pid, task.cpu, task.flags);
  if (running) {
    printk(" running on CPU %u\n", task.cpu);
    return;
  }
  const frames = new FixedArray<usize>(FRAMES_MAX);
  frames[0] = task.thread.ra;
  const count = walk_stackframe(task.thread.s0, frames.add(1), FRAMES_MAX - 1, 0) + 1;
  printk("Call Trace:\n");
  for (let n: u32 = 0; n < count; n++) printk(" [<%p>] %pB\n", frames[n], frames[n]);
}
