// Per-CPU areas: one copy of the template .data..percpu for each possible CPU, right behind the kernel image.

import { for_each_possible_cpu } from "../arch/cpumask.ts";
import { __pa } from "../arch/page.ts";
import { setup_per_cpu_area } from "../arch/percpu.ts";
import { memcpy } from "../lib/string.ts";

const CACHE_LINE = 64;

/** Before the page allocator: lays the areas out from _end on. Returns the first physical address behind them. */
export function setup_per_cpu_areas(): usize {
  const template = linkerSymbol("__per_cpu_start");
  const size = linkerSymbol("__per_cpu_end") - template;
  let area = linkerSymbol("_end");
  for (const cpu of for_each_possible_cpu()) {
    memcpy(area, template, size);
    setup_per_cpu_area(cpu, area);
    area += (size + CACHE_LINE - 1) & ~(CACHE_LINE - 1);
  }
  return __pa(area);
}
