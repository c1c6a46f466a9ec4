// Per-CPU areas: tp is the start of the running CPU's area.
//
// Until setup_per_cpu_area the boot CPU works in the template itself (.data..percpu), so per-CPU variables can be used
// from the first line of start_kernel on; the copy made for CPU 0 is taken while nothing else runs.

export const NR_CPUS = 64;

/** Area start of each CPU minus __per_cpu_start. */
export const __per_cpu_offset = new FixedArray<usize>(NR_CPUS);

function set_thread_pointer(_area: usize): void {
  "naked";
  asm`
    mv tp, a0
    ret`;
}

/** `area` already holds a copy of the template. Moves the calling CPU there when it is its own area (CPU 0 at boot). */
export function setup_per_cpu_area(cpu: u32, area: usize): void {
  __per_cpu_offset[cpu] = area - linkerSymbol("__per_cpu_start");
  if (cpu === 0) set_thread_pointer(area);
}

export function per_cpu_area(cpu: u32): usize {
  return linkerSymbol("__per_cpu_start") + __per_cpu_offset[cpu];
}
