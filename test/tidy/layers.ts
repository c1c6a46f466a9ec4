/** Which folder may import which: DESIGN.md's layers as two tables, and the check that reads them. */
import { posix } from "node:path";
import { imports, type Source } from "./sources.ts";

/** Folder -> folders, or single files, that it may import besides itself. */
export type Layers = Readonly<Record<string, readonly string[]>>;

/** base < isa < {machine, compiler} < lab < report < cli; nothing in src imports kernel or firmware: they are inputs. */
export const HOST_LAYERS: Layers = {
  "src/base": [],
  "src/isa": ["src/base"],
  "src/machine": ["src/base", "src/isa"],
  "src/compiler": ["src/base", "src/isa"],
  "src/lab": ["src/base", "src/isa", "src/machine", "src/compiler"],
  "src/report": ["src/base", "src/isa", "src/machine", "src/compiler", "src/lab"],
  "src/cli": ["src/base", "src/isa", "src/machine", "src/compiler", "src/lab", "src/report"],
};

const LIB = ["kernel/abi", "kernel/arch", "kernel/lib"];
const CORE = ["kernel/irq", "kernel/locking", "kernel/sched", "kernel/rcu", "kernel/mm"];

/**
 * abi < arch < lib < {irq, locking, sched, rcu, mm} < {cpu, drivers} < init < {workload, test}. Inside the braces and upwards each
 * folder names what it needs, single files where they are few; every other folder may use all below.
 */
export const GUEST_LAYERS: Layers = {
  firmware: [],
  "kernel/abi": [],
  "kernel/arch": ["kernel/abi"],
  "kernel/lib": ["kernel/abi", "kernel/arch"],
  // An interrupt ends in the scheduler; a fault is served by virtual memory, or says what lies at its address.
  "kernel/irq": [...LIB, "kernel/locking", "kernel/sched", "kernel/mm/vmap/show.ts", "kernel/mm/memory/do_page_fault.ts"],
  // Who waits sleeps; _bh; a section of rt is a read section; percpu_rw_semaphore waits for readers and has per-CPU memory.
  "kernel/locking": [
    ...LIB, "kernel/sched", "kernel/irq/softirq.ts", "kernel/rcu/rcu.ts", "kernel/rcu/read.ts", "kernel/mm/gfp.ts", "kernel/mm/slab.ts",
  ],
  // Queues have locks, tasks and works have memory, a switch and a tick tell RCU, timers run in a softirq, tasks are in address spaces.
  "kernel/sched": [
    ...LIB, "kernel/locking", "kernel/irq/softirq.ts", "kernel/rcu/rcu.ts", "kernel/rcu/cblist.ts",
    "kernel/mm/gfp.ts", "kernel/mm/slab.ts", "kernel/mm/page_alloc.ts",
    "kernel/mm/mm_types.ts", "kernel/mm/mm_struct.ts", "kernel/mm/mm_ref/types.ts", "kernel/mm/mm_ref/mm_ref.ts",
  ],
  // Callbacks run in a softirq; rcu_barrier asks other CPUs and, in its older variants, keeps them from coming and going.
  "kernel/rcu": [...LIB, "kernel/irq", "kernel/locking", "kernel/sched", "kernel/cpu/lock.ts"],
  // Caches flush arrays of other CPUs, which they keep from coming and going meanwhile; SLAB_DESTROY_BY_RCU, kmemleak's lists.
  // zswap has room for each CPU, made when it comes.
  "kernel/mm": [
    ...LIB, "kernel/irq/smp.ts", "kernel/locking", "kernel/sched", "kernel/rcu/rcu.ts", "kernel/cpu/lock.ts", "kernel/cpu/notifier.ts", "kernel/block",
  ],
  // Who waits for a transfer sleeps.
  "kernel/block": [...LIB, "kernel/locking", "kernel/sched"],
  "kernel/cpu": [...LIB, ...CORE],
  "kernel/drivers": [...LIB, ...CORE, "kernel/block"],
  "kernel/init": [...LIB, ...CORE, "kernel/block", "kernel/cpu", "kernel/drivers"],
  "kernel/workload": [...LIB, ...CORE, "kernel/block", "kernel/cpu", "kernel/drivers", "kernel/init"],
  "kernel/test": [...LIB, ...CORE, "kernel/block", "kernel/cpu", "kernel/drivers"],
};

export interface Violation {
  readonly file: string;
  readonly imports: string;
}

/** The longest folder of the table that holds the path, or null. */
export function folderOf(path: string, layers: Layers): string | null {
  const holding = Object.keys(layers).filter((folder) => path.startsWith(`${folder}/`));
  return holding.sort((a, b) => b.length - a.length)[0] ?? null;
}

/** Every import that the table does not allow. `node:` modules are allowed in src/cli alone. */
export function violations(files: readonly Source[], layers: Layers): Violation[] {
  const found: Violation[] = [];
  for (const { path, text } of files) {
    const folder = folderOf(path, layers);
    if (folder === null) continue;
    for (const specifier of imports(text)) {
      if (specifier.startsWith("node:") && folder !== "src/cli") {
        found.push({ file: path, imports: specifier });
        continue;
      }
      const target = specifier.startsWith(".")
        ? posix.join(posix.dirname(path), specifier)
        : specifier.startsWith("kernel/")
          ? specifier
          : null;
      if (target === null) continue;
      const other = folderOf(target, layers);
      const allowed = layers[folder]!;
      if (other === folder || allowed.includes(target) || (other !== null && allowed.includes(other))) continue;
      found.push({ file: path, imports: target });
    }
  }
  return found;
}
