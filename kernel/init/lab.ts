// The lab device: requests from outside, served one after the other by the thread `lab`.
//
// The interrupt line stays up while requests wait, so the handler masks it and wakes the thread, which unmasks it when
// it has found the queue empty. A machine without the device runs without.

import { LAB, LAB_MAGIC, LAB_OP, LAB_VERSION } from "../abi/lab-device.ts";
import { machine } from "../arch/setup.ts";
import { cpu_down, cpu_up } from "../cpu/hotplug.ts";
import { disable_irq_nosync, enable_irq, IRQF_NO_THREAD, request_irq } from "../irq/irq.ts";
import { EINVAL, ENOMEM, ENOSYS } from "../lib/errno.ts";
import { pr_err, pr_info } from "../lib/printk.ts";
import { kmemleak_write } from "../mm/kmemleak/control.ts";
import {
  __set_current_state,
  schedule,
  set_current_state,
  wake_up_process,
} from "../sched/core.ts";
import { kthread_create, kthread_run } from "../sched/kthread.ts";
import { sched_set_fifo } from "../sched/prio.ts";
import { TASK_INTERRUPTIBLE, TASK_RUNNING, type task_struct } from "../sched/task.ts";

let lab_thread: task_struct | null = null;

function read(register: u32): u32 {
  return READ_ONCE(cast<Ptr<u32>>(machine.lab_base + register)[0]);
}

function write(register: u32, value: u32): void {
  WRITE_ONCE(cast<Ptr<u32>>(machine.lab_base + register)[0], value);
}

/** @atomic */
function lab_interrupt(irq: u32): void {
  disable_irq_nosync(irq);
  wake_up_process(lab_thread!);
}

/** One entry of the .tasks section. */
class task_entry {
  name: string;
  run: (arg: u32) => void;
}

/** Starts the task with that index in .tasks. */
function call_task(index: u32): i32 {
  const at = linkerSymbol("__tasks_start") + index * sizeof<task_entry>();
  if (at >= linkerSymbol("__tasks_stop")) return -EINVAL;
  const entry = cast<task_entry>(at);
  return kthread_run(entry.run, 0, entry.name) === null ? -ENOMEM : 0;
}

function serve(op: u32, arg: u32): i32 {
  switch (op) {
    case LAB_OP.online:
      return cpu_up(arg);
    case LAB_OP.offline:
      return cpu_down(arg);
    case LAB_OP.scan:
      return kmemleak_write("scan");
    case LAB_OP.call_task:
      return call_task(arg);
    default:
      return -ENOSYS;
  }
}

function say(op: u32, arg: u32, result: i32): void {
  if (op === LAB_OP.online) pr_info("lab: CPU%u online: %d\n", arg, result);
  else if (op === LAB_OP.offline) pr_info("lab: CPU%u offline: %d\n", arg, result);
  else if (op === LAB_OP.scan) pr_info("lab: scan: %d\n", result);
  else pr_info("lab: request %u(%u): %d\n", op, arg, result);
}

function lab_main(_arg: u32): void {
  for (;;) {
    set_current_state(TASK_INTERRUPTIBLE);
    const sequence = read(LAB.SEQ);
    if (sequence === 0) {
      enable_irq(machine.lab_irq);
      schedule();
      continue;
    }
    __set_current_state(TASK_RUNNING);
    const op = read(LAB.OP);
    const arg = read(LAB.ARG);
    const result = serve(op, arg);
    say(op, arg, result);
    write(LAB.RESULT, u32(result));
    write(LAB.ACK, sequence);
  }
}

export function lab_init(): void {
  if (machine.lab_base === 0) return;
  if (read(LAB.MAGIC) !== LAB_MAGIC || read(LAB.VERSION) !== LAB_VERSION) {
    pr_err("lab: unknown device or version, ignored\n");
    return;
  }
  lab_thread = kthread_create(lab_main, 0, "lab");
  if (lab_thread === null) {
    pr_err("lab: no memory for the thread\n");
    return;
  }
  sched_set_fifo(lab_thread);
  const error = request_irq(machine.lab_irq, lab_interrupt, IRQF_NO_THREAD);
  if (error !== 0) {
    pr_err("lab: interrupt %u: error %d\n", machine.lab_irq, error);
    return;
  }
  pr_info("lab: device at 0x%08x, interrupt %u\n", machine.lab_base, machine.lab_irq);
  wake_up_process(lab_thread);
}
