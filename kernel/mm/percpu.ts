// Per-CPU areas: one copy of the template .data..percpu for each possible CPU, right behind the kernel image.

import { for_each_possible_cpu, nr_cpu_ids } from "../arch/cpumask.ts";
import { setup_per_cpu_area } from "../arch/percpu.ts";
import { memcpy } from "../lib/string.ts";
import { memblock_alloc } from "./memblock.ts";

const CACHE_LINE = 64;

/** Before the page allocator: lays the areas out from _end on.  */
export function setup_per_cpu_areas(): void {
  const template = linkerSymbol("__per_cpu_start");
  const size = linkerSymbol("__per_cpu_end") - template;
  const stride = (size + CACHE_LINE - 1) & ~(CACHE_LINE - 1);
  let area = memblock_alloc(stride * nr_cpu_ids, CACHE_LINE);
  for (const cpu of for_each_possible_cpu()) {
    memcpy(area, template, size);
    setup_per_cpu_area(cpu, area);
    area += stride;
  }
}
