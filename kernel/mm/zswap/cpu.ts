// What each CPU has for zswap: a transform (the compressor's workspace) and room for what it writes, two pages, since a page can grow.
//
//   const c = zswap_cpu_get(); …compress… zswap_cpu_put(c);
// In between the CPU is the caller's: preemption is off, or on rt, where that would hold up others for a whole compression, the CPU's lock is
// held and the task stays there.
// Lifetime: from before the CPU comes up (UP_PREPARE) until after it is gone (DEAD, UP_CANCELED). No memory: the CPU does not come up.
// Registering: for_each_online_cpu and the notifier must see the same CPUs. cpu_notifier_register_begin takes the lock of the chain, and
// nobody comes or goes under it. zswap.bug=notifier-in-reader: get_online_cpus around register_cpu_notifier, as the postings before 3.11
// had it: a deadlock with a CPU that comes up (scenarios/steps/notifier-in-reader.yaml).

import { CONFIG, ZSWAP_BUG } from "config";
import { for_each_online_cpu } from "../../arch/cpumask.ts";
import { PAGE_SIZE } from "../../arch/page.ts";
import { get_online_cpus, put_online_cpus } from "../../cpu/lock.ts";
import {
  __register_cpu_notifier, CPU_DEAD, cpu_notifier_register_begin, cpu_notifier_register_done, CPU_UP_CANCELED, CPU_UP_PREPARE, notifier_block,
  notifier_from_errno, NOTIFY_DONE, register_cpu_notifier,
} from "../../cpu/notifier.ts";
import { ENOMEM } from "../../lib/errno.ts";
import { LZ_WORKSPACE_BYTES, lz_compress } from "../../lib/lz/compress.ts";
import { lz_decompress } from "../../lib/lz/decompress.ts";
import { point } from "../../lib/point.ts";
import { RT, spin_lock, spin_lock_init, spin_unlock, spinlock_t } from "../../locking/spinlock.ts";
import { migrate_disable, migrate_enable } from "../../sched/affinity.ts";
import { preempt_disable, preempt_enable } from "../../sched/preempt.ts";
import { GFP_KERNEL } from "../gfp.ts";
import { kfree, kmalloc } from "../slab.ts";

export class zswap_cpu {
  /** rt only. */
  readonly lock = new spinlock_t();
  workspace: usize;
  /** Room for a compressed page. */
  dst: usize;
  dlen: usize;
}
const zswap_cpus = new PerCpu(zswap_cpu);
const ZSWAP_DST_BYTES = 2 * PAGE_SIZE;

/** This CPU's, until zswap_cpu_put. */
export function zswap_cpu_get(): zswap_cpu {
  if (!RT) {
    preempt_disable();
    return zswap_cpus.current();
  }
  migrate_disable();
  const c = zswap_cpus.current();
  spin_lock(c.lock);
  return c;
}

export function zswap_cpu_put(c: zswap_cpu): void {
  if (!RT) {
    preempt_enable();
    return;
  }
  spin_unlock(c.lock);
  migrate_enable();
}

/** A page to c.dst, c.dlen bytes; 0 or a negative errno. */
export function zswap_compress(c: zswap_cpu, src: usize): i32 {
  "noinline";
  c.dlen = ZSWAP_DST_BYTES;
  return lz_compress(src, PAGE_SIZE, c.dst, addressOf(c.dlen), c.workspace);
}

/** `length` bytes at `src` to a page; 0 or a negative errno. */
export function zswap_decompress(src: usize, length: u32, dst: usize): i32 {
  "noinline";
  const c = zswap_cpu_get();
  c.dlen = PAGE_SIZE;
  const error = lz_decompress(src, length, dst, addressOf(c.dlen));
  zswap_cpu_put(c);
  return error;
}

/** 0 or -ENOMEM, and nothing is left. @may_sleep */
function zswap_prepare_cpu(cpu: u32): i32 {
  const c = zswap_cpus.of(cpu);
  spin_lock_init(c.lock, "zswap_cpu.lock");
  c.workspace = kmalloc(LZ_WORKSPACE_BYTES, GFP_KERNEL);
  c.dst = kmalloc(ZSWAP_DST_BYTES, GFP_KERNEL);
  if (c.workspace !== 0 && c.dst !== 0) return 0;
  zswap_dead_cpu(cpu);
  return -ENOMEM;
}

function zswap_dead_cpu(cpu: u32): void {
  const c = zswap_cpus.of(cpu);
  if (c.workspace !== 0) kfree(c.workspace);
  if (c.dst !== 0) kfree(c.dst);
  c.workspace = 0;
  c.dst = 0;
}

function zswap_cpu_notify(_nb: notifier_block, action: u32, cpu: u32): u32 {
  if (action === CPU_UP_PREPARE) return notifier_from_errno(zswap_prepare_cpu(cpu));
  if (action === CPU_DEAD || action === CPU_UP_CANCELED) zswap_dead_cpu(cpu);
  return NOTIFY_DONE;
}

const zswap_nb = new notifier_block();

function prepare_online_cpus(): i32 {
  let error: i32 = 0;
  for (const cpu of for_each_online_cpu()) if (error === 0) error = zswap_prepare_cpu(cpu);
  if (error !== 0) for (const cpu of for_each_online_cpu()) zswap_dead_cpu(cpu);
  return error;
}

/** 0 or a negative errno. Not inside get_online_cpus. @may_sleep */
export function zswap_cpu_init(): i32 {
  zswap_nb.notifier_call = zswap_cpu_notify;
  let error: i32 = 0;
  if (CONFIG.zswap.bug === ZSWAP_BUG.notifier_in_reader) {
    get_online_cpus();
    point("zswap-reader");
    error = prepare_online_cpus();
    if (error === 0) error = register_cpu_notifier(zswap_nb);
    put_online_cpus();
    return error;
  }
  cpu_notifier_register_begin();
  error = prepare_online_cpus();
  if (error === 0) error = __register_cpu_notifier(zswap_nb);
  cpu_notifier_register_done();
  return error;
}
