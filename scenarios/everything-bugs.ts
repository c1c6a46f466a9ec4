// One mistake, in the midst of everything else: the boot parameter `everything.bug` names it. Each does what a subsystem's author might do, once,
// and nothing that stops the others from going on.

import { local_irq_disable, local_irq_enable } from "kernel/arch/irqflags.ts";
import { put_online_cpus } from "kernel/cpu/lock.ts";
import { panic } from "kernel/lib/bug.ts";
import { get_option } from "kernel/lib/cmdline.ts";
import { strcmp } from "kernel/lib/string.ts";
import { mutex, mutex_init, mutex_lock, mutex_unlock } from "kernel/locking/mutex.ts";
import { GFP_KERNEL } from "kernel/mm/gfp.ts";
import { mm_ref } from "kernel/mm/mm_ref/types.ts";
import { mm_alloc, mmget, mmput } from "kernel/mm/mm_struct.ts";
import { kfree, kzalloc } from "kernel/mm/slab.ts";
import { vfree, vmalloc } from "kernel/mm/vmalloc.ts";
import { rcu_read_lock, rcu_read_unlock } from "kernel/rcu/rcu.ts";
import { complete, completion, init_completion, wait_for_completion } from "kernel/sched/completion.ts";
import { kthread_run } from "kernel/sched/kthread.ts";
import { msleep } from "kernel/sched/timer.ts";

function is(name: string): boolean {
  return strcmp(get_option("everything.bug", "none"), name) === 0;
}

const first = new mutex();
const second = new mutex();
const done = new completion();
const owner = new mm_ref();
const holder = new mm_ref();
let counted: u32 = 0;
/** What is read here is not read in vain. */
let seen: u32 = 0;

function look(at: usize): void {
  "noinline";
  seen += READ_ONCE(cast<Ptr<u32>>(at)[0]);
}

function leak(): void {
  "noinline";
  kzalloc(1000, GFP_KERNEL);
}

function use_after_free(): void {
  const block = kzalloc(100, GFP_KERNEL);
  kfree(block);
  look(block + 52);
}

function write_behind(): void {
  const block = vmalloc(5000);
  cast<Ptr<u32>>(block)[1250] = 1;
  vfree(block);
}

function lock_in_order(one: mutex, other: mutex): void {
  mutex_lock(one);
  mutex_lock(other);
  mutex_unlock(other);
  mutex_unlock(one);
}

function lock_order(): void {
  mutex_init(first, "first");
  mutex_init(second, "second");
  lock_in_order(first, second);
  lock_in_order(second, first);
}

function sleep_while_reading(): void {
  "noinline";
  rcu_read_lock();
  msleep(1);
  rcu_read_unlock();
}

function unclosed(_arg: u32): void {
  rcu_read_lock();
  complete(done);
}

function forget_section(): void {
  init_completion(done);
  kthread_run(unclosed, 0, "forgetful");
  wait_for_completion(done);
}

function poll_deaf(): void {
  local_irq_disable();
  for (let n: u32 = 0; n < 100_000_000; n++) pause();
  local_irq_enable();
}

function keep(_arg: u32): void {
  mutex_lock(first);
  complete(done);
  msleep(300);
  mutex_unlock(first);
}

function wait_long(): void {
  mutex_init(first, "first");
  init_completion(done);
  kthread_run(keep, 0, "keeper");
  wait_for_completion(done);
  mutex_lock(first);
  mutex_unlock(first);
}

function read_long(): void {
  rcu_read_lock();
  for (let n: u32 = 0; n < 60_000_000; n++) pause();
  rcu_read_unlock();
}

function put_twice(): void {
  const mm = mm_alloc(owner);
  if (mm === null) return;
  mmget(mm, holder);
  mmput(mm, holder);
  mmput(mm, holder);
}

/** Counts without a lock. */
function count(_arg: u32): void {
  "noinline";
  counted += 1;
}

function count_twice(): void {
  kthread_run(count, 0, "counter");
  count(0);
}

/** The one that was asked for. */
export function mistake(): void {
  if (is("leak")) leak();
  else if (is("use-after-free")) use_after_free();
  else if (is("overrun")) write_behind();
  else if (is("lock-order")) lock_order();
  else if (is("sleep")) sleep_while_reading();
  else if (is("section")) forget_section();
  else if (is("deaf")) poll_deaf();
  else if (is("hung")) wait_long();
  else if (is("reader")) read_long();
  else if (is("online")) put_online_cpus();
  else if (is("mm-put")) put_twice();
  else if (is("race")) count_twice();
  else if (!is("none")) panic("everything.bug: there is no such mistake");
}
