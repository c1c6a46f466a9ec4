// Sets of CPUs, the masks of the machine, and which hart is which CPU. CPU 0 is the hart that booted.
//
// cpu_possible_mask is fixed once setup_arch has read the device tree. cpu_online_mask changes under the hotplug lock.
// cpu_active_mask: where new tasks may go; a CPU that shall go offline leaves it first.

import { NR_CPUS } from "./percpu.ts";

const WORDS = NR_CPUS / 32;

export class cpumask {
  readonly bits = new FixedArray<u32>(WORDS);
}

export const cpu_possible_mask = new cpumask();
export const cpu_online_mask = new cpumask();
export const cpu_active_mask = new cpumask();

/** Number of CPUs in cpu_possible_mask, which has no holes. */
export let nr_cpu_ids: u32 = 0;
/** Hart id of each possible CPU. */
export const cpuid_to_hartid_map = new FixedArray<u32>(NR_CPUS);

export function cpumask_test_cpu(cpu: u32, mask: cpumask): boolean {
  "inline";
  return ((READ_ONCE(mask.bits[cpu >> 5]) >> (cpu & 31)) & 1) !== 0;
}

export function cpumask_set_cpu(cpu: u32, mask: cpumask): void {
  amoOr(addressOf(mask.bits[cpu >> 5]), 1 << (cpu & 31));
}

export function cpumask_clear_cpu(cpu: u32, mask: cpumask): void {
  amoAnd(addressOf(mask.bits[cpu >> 5]), ~(1 << (cpu & 31)));
}

export function cpumask_clear(mask: cpumask): void {
  for (let word: u32 = 0; word < WORDS; word++) mask.bits[word] = 0;
}

/** The lowest CPU in the mask, NR_CPUS when it is empty. */
export function cpumask_first(mask: cpumask): u32 {
  let cpu: u32 = 0;
  while (cpu < NR_CPUS && !cpumask_test_cpu(cpu, mask)) cpu += 1;
  return cpu;
}

export function cpu_possible(cpu: u32): boolean {
  "inline";
  return cpu < nr_cpu_ids;
}

export function cpu_online(cpu: u32): boolean {
  "inline";
  return cpumask_test_cpu(cpu, cpu_online_mask);
}

export function cpu_active(cpu: u32): boolean {
  "inline";
  return cpumask_test_cpu(cpu, cpu_active_mask);
}

/** Registers the next possible CPU. */
export function add_possible_cpu(hart: u32): void {
  cpuid_to_hartid_map[nr_cpu_ids] = hart;
  cpumask_set_cpu(nr_cpu_ids, cpu_possible_mask);
  nr_cpu_ids += 1;
}

export function num_possible_cpus(): u32 {
  return nr_cpu_ids;
}

export function num_online_cpus(): u32 {
  let count: u32 = 0;
  for (let cpu: u32 = 0; cpu < nr_cpu_ids; cpu++) if (cpu_online(cpu)) count += 1;
  return count;
}

export function* for_each_possible_cpu(): Generator<u32> {
  for (let cpu: u32 = 0; cpu < nr_cpu_ids; cpu++) yield cpu;
}

/** Hold cpus_read_lock, or expect that a CPU comes or goes meanwhile. */
export function* for_each_online_cpu(): Generator<u32> {
  for (let cpu: u32 = 0; cpu < nr_cpu_ids; cpu++) if (cpu_online(cpu)) yield cpu;
}
