// Every primitive of the kernel as a loop; which configuration it is compiled with says which kind of lock is measured.

import { num_online_cpus } from "kernel/arch/cpumask.ts";
import { cpu_down, cpu_up } from "kernel/cpu/hotplug.ts";
import { smp_call_function_single } from "kernel/irq/smp.ts";
import { atomic_add_return, atomic_cmpxchg, atomic_inc, atomic_read, atomic_set, atomic_t } from "kernel/lib/atomic.ts";
import { refcount_dec_not_one, refcount_inc, refcount_set, refcount_t } from "kernel/lib/refcount.ts";
import { mutex, mutex_init, mutex_lock, mutex_unlock } from "kernel/locking/mutex.ts";
import {
  percpu_down_read, percpu_down_write, percpu_init_rwsem, percpu_rw_semaphore, percpu_up_read, percpu_up_write,
} from "kernel/locking/percpu-rwsem.ts";
import { read_lock, read_unlock, rwlock_t, write_lock, write_unlock } from "kernel/locking/rwlock.ts";
import { read_seqbegin, read_seqretry, seqlock_t, write_seqlock, write_sequnlock } from "kernel/locking/seqlock.ts";
import { raw_spin_lock, raw_spin_unlock, raw_spinlock_t, spin_lock, spin_unlock, spinlock_t } from "kernel/locking/spinlock.ts";
import { GFP_KERNEL } from "kernel/mm/gfp.ts";
import { __free_pages, alloc_pages } from "kernel/mm/page_alloc.ts";
import { kfree, kmalloc } from "kernel/mm/slab.ts";
import { vfree, vmalloc } from "kernel/mm/vmalloc.ts";
import { call_rcu, rcu_barrier, rcu_head, rcu_read_lock, rcu_read_unlock, synchronize_rcu } from "kernel/rcu/rcu.ts";
import { jiffies } from "kernel/sched/clock.ts";
import { complete, completion, init_completion, wait_for_completion } from "kernel/sched/completion.ts";
import { schedule, set_current_state, wake_up_process, yield_cpu } from "kernel/sched/core.ts";
import { kthread_create_on_cpu, kthread_should_stop, kthread_stop } from "kernel/sched/kthread.ts";
import { sched_set_fifo } from "kernel/sched/prio.ts";
import { get_current, TASK_INTERRUPTIBLE, type task_struct } from "kernel/sched/task.ts";
import { del_timer, mod_timer, msleep, timer_list, timer_setup } from "kernel/sched/timer.ts";
import { alone, both, count_again, leave_out } from "./meter.ts";

const spin = new spinlock_t();
const raw = new raw_spinlock_t();
const rw = new rwlock_t();
const mut = new mutex();
const done = new completion();
const seq = new seqlock_t();
const sem = new percpu_rw_semaphore();
const counter = new atomic_t();
const references = new refcount_t();
const timer = new timer_list();
const HEADS = 64;
const heads = new StructArray(rcu_head, HEADS);
let partner: task_struct;

function op_spin(n: u32): void {
  for (let i: u32 = 0; i < n; i++) { spin_lock(spin); spin_unlock(spin); }
}

function op_raw(n: u32): void {
  for (let i: u32 = 0; i < n; i++) { raw_spin_lock(raw); raw_spin_unlock(raw); }
}

function op_read(n: u32): void {
  for (let i: u32 = 0; i < n; i++) { read_lock(rw); read_unlock(rw); }
}

function op_write(n: u32): void {
  for (let i: u32 = 0; i < n; i++) { write_lock(rw); write_unlock(rw); }
}

function op_mutex(n: u32): void {
  for (let i: u32 = 0; i < n; i++) { mutex_lock(mut); mutex_unlock(mut); }
}

function op_completion(n: u32): void {
  for (let i: u32 = 0; i < n; i++) { complete(done); wait_for_completion(done); }
}

function op_seq_write(n: u32): void {
  for (let i: u32 = 0; i < n; i++) { write_seqlock(seq); write_sequnlock(seq); }
}

function op_seq_read(n: u32): void {
  for (let i: u32 = 0; i < n; i++) while (read_seqretry(seq, read_seqbegin(seq))) pause();
}

function op_sem_read(n: u32): void {
  for (let i: u32 = 0; i < n; i++) { percpu_down_read(sem); percpu_up_read(sem); }
}

function op_sem_write(n: u32): void {
  for (let i: u32 = 0; i < n; i++) { percpu_down_write(sem); percpu_up_write(sem); }
}

function op_atomic_inc(n: u32): void {
  for (let i: u32 = 0; i < n; i++) atomic_inc(counter);
}

function op_atomic_add_return(n: u32): void {
  for (let i: u32 = 0; i < n; i++) atomic_add_return(1, counter);
}

function op_atomic_cmpxchg(n: u32): void {
  for (let i: u32 = 0; i < n; i++) { const old = atomic_read(counter); atomic_cmpxchg(counter, old, old + 1); }
}

function op_refcount(n: u32): void {
  for (let i: u32 = 0; i < n; i++) { refcount_inc(references); if (refcount_dec_not_one(references)) continue; }
}

function op_rcu_read(n: u32): void {
  for (let i: u32 = 0; i < n; i++) { rcu_read_lock(); rcu_read_unlock(); }
}

function nothing(_head: rcu_head): void {}

function op_call_rcu(n: u32): void {
  leave_out();
  rcu_barrier();
  count_again();
  for (let i: u32 = 0; i < n; i++) call_rcu(heads[i], nothing);
}

function op_synchronize_rcu(n: u32): void {
  for (let i: u32 = 0; i < n; i++) synchronize_rcu();
}

function op_kmalloc_64(n: u32): void {
  for (let i: u32 = 0; i < n; i++) kfree(kmalloc(64, GFP_KERNEL));
}

function op_kmalloc_512(n: u32): void {
  for (let i: u32 = 0; i < n; i++) kfree(kmalloc(512, GFP_KERNEL));
}

function op_kmalloc_4096(n: u32): void {
  for (let i: u32 = 0; i < n; i++) kfree(kmalloc(4096, GFP_KERNEL));
}

function op_alloc_pages(n: u32): void {
  for (let i: u32 = 0; i < n; i++) { const p = alloc_pages(GFP_KERNEL, 0); if (p !== null) __free_pages(p, 0); }
}

function op_vmalloc_4k(n: u32): void {
  for (let i: u32 = 0; i < n; i++) vfree(vmalloc(4096));
}

function op_vmalloc_64k(n: u32): void {
  for (let i: u32 = 0; i < n; i++) vfree(vmalloc(65536));
}

function op_switch(n: u32): void {
  for (let i: u32 = 0; i < n; i++) yield_cpu();
}

function yielding(_arg: u32): void {
  while (!kthread_should_stop()) yield_cpu();
}

function sleeping(_arg: u32): void {
  for (;;) {
    set_current_state(TASK_INTERRUPTIBLE);
    if (kthread_should_stop()) return;
    schedule();
  }
}

function op_wake_up(n: u32): void {
  for (let i: u32 = 0; i < n; i++) {
    leave_out();
    msleep(1);
    count_again();
    wake_up_process(partner);
  }
}

function answer(_arg: u32): void {}

function op_call(n: u32): void {
  for (let i: u32 = 0; i < n; i++) smp_call_function_single(1, answer, 0, true);
}

function ring(_timer: timer_list): void {}

function op_timer(n: u32): void {
  for (let i: u32 = 0; i < n; i++) { mod_timer(timer, jiffies() + 1000); del_timer(timer); }
}

function op_down(n: u32): void {
  for (let i: u32 = 0; i < n; i++) { cpu_down(num_online_cpus() - 1); leave_out(); cpu_up(num_online_cpus()); count_again(); }
}

function op_up(n: u32): void {
  for (let i: u32 = 0; i < n; i++) { leave_out(); cpu_down(num_online_cpus() - 1); count_again(); cpu_up(num_online_cpus()); }
}

function with_partner(name: string, fn: (n: u32) => void, body: (arg: u32) => void, n: u32): void {
  const task = kthread_create_on_cpu(body, 0, 0, "partner");
  if (task === null) return;
  partner = task;
  wake_up_process(task);
  alone(name, fn, n);
  kthread_stop(task);
}

function locks(): void {
  both("spin_lock", op_spin, 60);
  both("raw_spin_lock", op_raw, 60);
  both("read_lock", op_read, 60);
  both("write_lock", op_write, 60);
  both("mutex", op_mutex, 30);
  both("completion", op_completion, 20);
  both("write_seqlock", op_seq_write, 60);
  both("read_seqlock", op_seq_read, 60);
  both("percpu_down_read", op_sem_read, 60);
  alone("percpu_down_write", op_sem_write, 3);
  both("atomic_inc", op_atomic_inc, 60);
  both("atomic_add_return", op_atomic_add_return, 60);
  both("atomic_cmpxchg", op_atomic_cmpxchg, 60);
  both("refcount", op_refcount, 60);
}

function others(): void {
  both("rcu_read_lock", op_rcu_read, 60);
  alone("call_rcu", op_call_rcu, HEADS);
  rcu_barrier();
  alone("synchronize_rcu", op_synchronize_rcu, 2);
  both("kmalloc-64", op_kmalloc_64, 60);
  both("kmalloc-512", op_kmalloc_512, 60);
  both("kmalloc-4096", op_kmalloc_4096, 60);
  both("alloc_pages-0", op_alloc_pages, 60);
  both("vmalloc-4096", op_vmalloc_4k, 10);
  both("vmalloc-65536", op_vmalloc_64k, 5);
  alone("timer", op_timer, 20);
  with_partner("yield", op_switch, yielding, 40);
  sched_set_fifo(get_current());
  with_partner("wake_up_process", op_wake_up, sleeping, 4);
  if (num_online_cpus() === 1) return;
  alone("smp_call_function_single", op_call, 20);
  alone("cpu_down", op_down, 1);
  alone("cpu_up", op_up, 1);
}

export function primitives(_arg: u32): void {
  mutex_init(mut, "bench mutex");
  init_completion(done);
  refcount_set(references, 1);
  atomic_set(counter, 0);
  timer_setup(timer, ring);
  if (percpu_init_rwsem(sem, "bench sem") !== 0) return;
  locks();
  others();
}
