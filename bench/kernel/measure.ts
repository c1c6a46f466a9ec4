/**
 * Boots the kernel with the workload of guest/, in cycle mode and without marks, and reads what its primitives cost.
 * Everything is deterministic: one run is enough.
 */
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { formatProblem, type Result } from "../../src/base/result.ts";
import { elfOf } from "../../src/cli/image.ts";
import { createMachine } from "../../src/machine/machine.ts";

const ROOT = resolve(import.meta.dirname, "../..");
/** What the figures are of: neither marks nor the leak detector nor checks, as Linux's were taken. */
const BUILD = { marks: false, "kmemleak.enabled": false, "debug.atomic_sleep": false };

/** Builds that measure other code under the same name; a primitive that they do not change is taken from the first. */
export const VARIANTS = {
  default: {},
  "mcs, queued": { "spinlock.kind": "mcs", "rwlock.fairness": "queued" },
  "lazy flush": { "vmalloc.flush": "lazy" },
} as const;
export type Variant = keyof typeof VARIANTS;
const CHANGED: Readonly<Record<Variant, RegExp>> = { default: /./, "mcs, queued": /^(raw_)?spin_lock$|^(read|write)_lock$/, "lazy flush": /^vmalloc/ };

export interface Row {
  readonly primitive: string;
  readonly variant: Variant;
  readonly harts: number;
  /** By all harts at once on the same data, or by one while the others are idle. */
  readonly contended: boolean;
  readonly instructions: number;
  readonly cycles: number;
}

/** What each name means, in the order of the table. */
export const PRIMITIVES: Readonly<Record<string, string>> = {
  spin_lock: "spin_lock, spin_unlock",
  raw_spin_lock: "raw_spin_lock, raw_spin_unlock",
  read_lock: "read_lock, read_unlock",
  write_lock: "write_lock, write_unlock",
  mutex: "mutex_lock, mutex_unlock",
  completion: "complete, wait_for_completion (of one that is done)",
  write_seqlock: "write_seqlock, write_sequnlock",
  read_seqlock: "read_seqbegin, read_seqretry",
  percpu_down_read: "percpu_down_read, percpu_up_read",
  percpu_down_write: "percpu_down_write, percpu_up_write (no reader since)",
  atomic_inc: "atomic_inc",
  atomic_add_return: "atomic_add_return",
  atomic_cmpxchg: "atomic_read, atomic_cmpxchg",
  refcount: "refcount_inc, refcount_dec_not_one",
  rcu_read_lock: "rcu_read_lock, rcu_read_unlock",
  call_rcu: "call_rcu (the call)",
  synchronize_rcu: "synchronize_rcu",
  "kmalloc-64": "kmalloc(64), kfree",
  "kmalloc-512": "kmalloc(512), kfree",
  "kmalloc-4096": "kmalloc(4096), kfree",
  "alloc_pages-0": "alloc_pages, __free_pages of one page",
  "vmalloc-4096": "vmalloc(4096), vfree",
  "vmalloc-65536": "vmalloc(65536), vfree",
  timer: "mod_timer, del_timer",
  yield: "yield and back: two context switches",
  wake_up_process: "wake_up_process (the call; same CPU)",
  smp_call_function_single: "smp_call_function_single to an idle CPU",
  cpu_down: "cpu_down of the last CPU",
  cpu_up: "cpu_up of it",
};

function value<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(result.problems.map(formatProblem).join("\n"));
  return result.value;
}

/** The console of one run. */
function consoleOf(variant: Variant, harts: number): string {
  const request = { root: ROOT, workload: join(ROOT, "bench/kernel/guest/primitives.ts"), tasks: ["primitives"] };
  const elf = value(elfOf({ ...request, config: { ...BUILD, ...VARIANTS[variant] } }));
  const bootargs = "seed=1 task=primitives@0";
  const machine = value(
    createMachine({ harts, memoryBytes: 64 << 20, timing: "cycle", interleave: "ahead", bootargs, lab: false, recordMarks: false }),
  );
  value(machine.loadElf(elf));
  const sent: number[] = [];
  for (;;) {
    const stop = machine.run({ maxInstructions: 10_000_000_000 });
    for (const byte of machine.drainConsole()) sent.push(byte);
    if (stop.kind === "drain") continue;
    const text = Buffer.from(sent).toString();
    if (stop.kind !== "poweroff") throw new Error(`the guest ended with ${stop.kind}:\n${text}`);
    return text;
  }
}

export function measure(variant: Variant, harts: number): Row[] {
  const rows: Row[] = [];
  for (const [, primitive, how, instructions, cycles] of consoleOf(variant, harts).matchAll(/\] bench (\S+) (alone|together) (\d+) (\d+)/g)) {
    if (!CHANGED[variant].test(primitive!)) continue;
    const contended = how === "together";
    rows.push({ primitive: primitive!, variant, harts, contended, instructions: Number(instructions) / 100, cycles: Number(cycles) / 100 });
  }
  return rows;
}

export interface LinuxFigures {
  readonly provenance: string;
  readonly instructions: Readonly<Record<string, number>>;
}

export function linuxFigures(): LinuxFigures {
  return JSON.parse(readFileSync(join(ROOT, "bench/kernel/linux.json"), "utf8")) as LinuxFigures;
}
