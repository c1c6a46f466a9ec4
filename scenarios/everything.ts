// The workload of scenarios/everything: rounds in which all of the kernel is in use at once, on all CPUs, with more anonymous memory than RAM.
//
//   conductor   per round: starts the tenants, has every byte of the pressure verified, waits for the tenants, scans for leaks; then rests
//   tenants     one a CPU and round: blocks of all sizes and caches that come and go, RCU callbacks, address spaces that change hands
// Boot parameters: everything.rounds=N (default 3), everything.period=100ms from the start of one round to the next's, everything.bug=NAME
// (scenarios/everything-bugs.ts). Whatever goes wrong is told by those who know: pressure, allocators, kmemleak, the lab.

import { num_online_cpus } from "kernel/arch/cpumask.ts";
import { scenario_stop } from "kernel/init/scenario.ts";
import { panic } from "kernel/lib/bug.ts";
import { get_option_ms, get_option_u32 } from "kernel/lib/cmdline.ts";
import { pr_err, pr_info } from "kernel/lib/printk.ts";
import { prandom_seed, prandom_state, prandom_u32_max } from "kernel/lib/random.ts";
import { memset } from "kernel/lib/string.ts";
import { GFP_KERNEL } from "kernel/mm/gfp.ts";
import { kmemleak_write } from "kernel/mm/kmemleak/control.ts";
import { kmemleak_seq_print } from "kernel/mm/kmemleak/seq.ts";
import { move_mm_users_ref } from "kernel/mm/mm_ref/mm_ref.ts";
import { mm_ref } from "kernel/mm/mm_ref/types.ts";
import { mm_alloc, mmput } from "kernel/mm/mm_struct.ts";
import { kfree, kmalloc, kmem_cache_alloc, kmem_cache_create, kmem_cache_destroy, kmem_cache_free, SLAB_DESTROY_BY_RCU } from "kernel/mm/slab.ts";
import { vfree, vmalloc } from "kernel/mm/vmalloc.ts";
import { call_rcu, rcu_head } from "kernel/rcu/rcu.ts";
import { jiffies, time_before } from "kernel/sched/clock.ts";
import { complete, completion, init_completion, wait_for_completion } from "kernel/sched/completion.ts";
import { cond_resched } from "kernel/sched/core.ts";
import { kthread_run } from "kernel/sched/kthread.ts";
import { msleep } from "kernel/sched/timer.ts";
import { pressure_round } from "kernel/workload/pressure.ts";
import { mistake } from "./everything-bugs.ts";

const BLOCKS = 16;
const OBJECTS = 8;

class buried {
  readonly rcu = new rcu_head();
  readonly words = new FixedArray<u32>(30);
}

/** What a tenant leaves behind for the next one. */
class handed_over {
  readonly done = new completion();
  readonly first = new mm_ref();
  readonly second = new mm_ref();
}

function bury(head: rcu_head): void {
  kfree(addr(containerOf(buried, "rcu", head)));
}

/** Blocks of all sizes, all alive at once, with contents that look like no address. */
function use_blocks(random: prandom_state): void {
  const blocks = new FixedArray<usize>(BLOCKS);
  for (let n: u32 = 0; n < BLOCKS; n++) {
    const bytes = 1 + prandom_u32_max(random, 3000);
    blocks[n] = n === 0 ? vmalloc(3 * bytes) : kmalloc(bytes, GFP_KERNEL);
    if (blocks[n] !== 0) memset(blocks[n], 0x55, bytes);
    cond_resched();
  }
  vfree(blocks[0]);
  for (let n: u32 = 1; n < BLOCKS; n++) kfree(blocks[n]);
}

function use_caches(index: u32): void {
  const cache = kmem_cache_create("tenant", 40 + 8 * index, 0, (index & 1) !== 0 ? SLAB_DESTROY_BY_RCU : 0, null);
  if (cache === null) return;
  const objects = new FixedArray<usize>(OBJECTS);
  for (let n: u32 = 0; n < OBJECTS; n++) objects[n] = kmem_cache_alloc(cache, GFP_KERNEL);
  for (let n: u32 = 0; n < OBJECTS; n++) if (objects[n] !== 0) kmem_cache_free(cache, objects[n]);
  kmem_cache_destroy(cache);
}

function use_callbacks(): void {
  for (let n: u32 = 0; n < OBJECTS; n++) {
    const block = kmalloc(sizeof<buried>(), GFP_KERNEL);
    if (block !== 0) call_rcu(cast<buried>(block).rcu, bury);
  }
}

/** An address space whose one reference passes from identity to identity. */
function use_address_space(to: handed_over): void {
  const mm = mm_alloc(to.first);
  if (mm === null) return;
  move_mm_users_ref(mm, to.first, to.second);
  mmput(mm, to.second);
}

const places = new StructArray(handed_over, 64);

function tenant(index: u32): void {
  const random = new prandom_state();
  prandom_seed(random, get_option_u32("seed", 1) * 0x9e37_79b9 + index);
  for (let turn: u32 = 0; turn < 4; turn++) {
    use_blocks(random);
    use_caches(index);
    use_callbacks();
    use_address_space(places[index]);
    msleep(1);
  }
  complete(places[index].done);
}

function round(): void {
  const tenants = num_online_cpus();
  for (let n: u32 = 0; n < tenants; n++) {
    init_completion(places[n].done);
    if (kthread_run(tenant, n, "tenant") === null) panic("everything: no memory for a tenant");
  }
  if (!pressure_round()) pr_err("BUG: everything: reads were wrong\n");
  for (let n: u32 = 0; n < tenants; n++) wait_for_completion(places[n].done);
}

/** As an administrator would: scan, and what the file says. */
function look_for_leaks(_arg: u32): void {
  "noinline";
  const error = kmemleak_write("scan");
  if (error !== 0) pr_err("BUG: everything: kmemleak does not scan: %d\n", error);
  pr_info("everything: %u suspected leaks\n", kmemleak_seq_print());
}

export function conductor(_arg: u32): void {
  const rounds = get_option_u32("everything.rounds", 3);
  const period = get_option_ms("everything.period", 100);
  for (let n: u32 = 0; n < rounds; n++) {
    const next = jiffies() + period;
    if (n === 1) mistake();
    round();
    look_for_leaks(0);
    while (time_before(jiffies(), next)) msleep(1);
  }
  pr_info("everything: %u rounds\n", rounds);
  scenario_stop();
}
