// From the first line in kernel mode to the init thread. The order is what the later lines rely on.

import { CONFIG, MM_REF } from "config";
import { MARK } from "../abi/marks.ts";
import { bioset_init } from "../block/bioset.ts";
import { cpuid_to_hartid_map, nr_cpu_ids } from "../arch/cpumask.ts";
import { local_irq_enable } from "../arch/irqflags.ts";
import { __pa, PHYS_OFFSET } from "../arch/page.ts";
import { sbi_shutdown } from "../arch/sbi.ts";
import { machine, setup_arch } from "../arch/setup.ts";
import { timebase_hz } from "../arch/time.ts";
import { boot_cpu_init, cpu_init, smp_init } from "../cpu/hotplug.ts";
import { lockup_detector_init } from "../cpu/watchdog.ts";
import { ramdisk_reserve } from "../drivers/ramdisk.ts";
import { irq_cpu_starting, irq_init } from "../irq/irq.ts";
import { panic } from "../lib/bug.ts";
import { cmdline_report_unknown, cmdline_setup } from "../lib/cmdline.ts";
import { pr_info } from "../lib/printk.ts";
import { set_system_state, SYSTEM_RUNNING, SYSTEM_SCHEDULING } from "../lib/system_state.ts";
import { fault_inject_init } from "../mm/fault-inject.ts";
import { kmemleak_init, kmemleak_pool_init } from "../mm/kmemleak.ts";
import { kmemleak_late_init } from "../mm/kmemleak/thread.ts";
import { memblock_init } from "../mm/memblock.ts";
import { memory_init } from "../mm/memory/init.ts";
import { mm_refs_report_left } from "../mm/mm_ref/lifetime.ts";
import { mm_init } from "../mm/mm_struct.ts";
import { page_alloc_init } from "../mm/page_alloc.ts";
import { setup_per_cpu_areas } from "../mm/percpu.ts";
import { kmem_cache_init } from "../mm/slab.ts";
import { vmalloc_init } from "../mm/vmalloc.ts";
import { init_zswap } from "../mm/zswap/zswap.ts";
import { kswapd_run } from "../mm/vmscan/kswapd.ts";
import { rcu_cpu_starting, rcu_init } from "../rcu/rcu.ts";
import { wake_up_process } from "../sched/core.ts";
import { fork_init } from "../sched/fork.ts";
import { hung_task_init } from "../sched/hung_task.ts";
import { cpu_idle, sched_init } from "../sched/idle.ts";
import { kthread_create } from "../sched/kthread.ts";
import { early_task_init } from "../sched/task.ts";
import { hrtimers_init } from "../sched/hrtimer.ts";
import { time_init } from "../sched/tick.ts";
import { timers_init } from "../sched/timer.ts";
import { lab_init } from "./lab.ts";
import { run_scenario } from "./scenario.ts";
import { swap_init } from "./swap.ts";

/** Called by head.ts with translation on, interrupts off and preemption off; becomes the idle task of CPU 0. */
export function start_kernel(boot_hart: u32, fdt: usize): void {
  early_task_init(); // locks and printk work
  irq_init(); // a fault is reported
  if (!setup_arch(boot_hart, fdt)) panic("no device tree at physical 0x%08x", fdt);
  cmdline_setup(machine.bootargs);
  boot_cpu_init();
  say_hello();
  memblock_init(__pa(linkerSymbol("_end")), machine.memory_end);
  setup_per_cpu_areas(); // PerCpu.of() works
  if (CONFIG.swap.enabled) ramdisk_reserve();
  page_alloc_init(); // the end of memblock
  kmemleak_pool_init();
  kmem_cache_init();
  vmalloc_init();
  fault_inject_init();
  if (CONFIG.swap.enabled) {
    memory_init(); // address spaces have page tables
    bioset_init();
  }
  kmemleak_init();
  fork_init();
  if (CONFIG.swap.enabled) mm_init();
  sched_init(); // wake_up_process works
  timers_init();
  if (CONFIG.swap.enabled) hrtimers_init();
  rcu_init();
  cpu_init(); // who listens when CPUs come and go
  rcu_cpu_starting(0);
  irq_cpu_starting(0);
  time_init(); // jiffies count
  local_irq_enable();
  rest_init();
}

function say_hello(): void {
  pr_info(
    "hartlab kernel, %u CPUs possible, booted by hart %u\n",
    nr_cpu_ids,
    cpuid_to_hartid_map[0],
  );
  pr_info(
    "Memory: %u KiB from 0x%08x, timebase %u Hz\n",
    (machine.ram_end - PHYS_OFFSET) >> 10,
    PHYS_OFFSET,
    timebase_hz,
  );
  if (machine.bootargs !== 0) pr_info("Command line: %s\n", machine.bootargs);
}

/** The first thread, and then nothing to do. */
function rest_init(): void {
  const init = kthread_create(kernel_init, 0, "init");
  if (init === null) panic("no memory for the init thread");
  set_system_state(SYSTEM_SCHEDULING);
  traceMark(MARK.FIRST_KTHREAD);
  wake_up_process(init!);
  cpu_idle();
}

/** The init thread: everything that may sleep. */
function kernel_init(_arg: u32): void {
  smp_init();
  lockup_detector_init();
  hung_task_init();
  lab_init();
  if (CONFIG.swap.enabled) swap_init();
  kmemleak_late_init();
  if (CONFIG.swap.enabled) {
    init_zswap();
    kswapd_run();
  }
  set_system_state(SYSTEM_RUNNING);
  run_scenario();
  if (CONFIG.mm_ref.design !== MM_REF.off) mm_refs_report_left();
  cmdline_report_unknown();
  kernel_power_off();
}

export function kernel_power_off(): void {
  pr_info("reboot: Power down\n");
  sbi_shutdown();
}
