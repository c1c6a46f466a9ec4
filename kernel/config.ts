// Compile-time configuration: key -> type, values, default, documentation. Read as data by the compiler (ABI.md section 4).
// In code: `import { CONFIG, DESIGN } from "config"`, then `CONFIG.kmemleak.design === DESIGN.km08_fix`.

export const OPTIONS = {
  "preempt": { type: "enum", enum: "PREEMPT", values: ["none", "voluntary", "full", "rt"], default: "full", doc: "preemption model of kernel code" },
  "debug.atomic_sleep": { type: "bool", default: true, doc: "functions that may sleep complain when their caller may not" },
  "debug.mutexes": { type: "bool", default: false, doc: "mutexes that are held are counted, and a task that locks what it holds is reported" },
  "mutex.spin_on_owner": { type: "bool", default: false, doc: "who finds a mutex taken polls as long as its owner runs, instead of sleeping" },
  "spinlock.kind": { type: "enum", enum: "SPINLOCK", values: ["ticket", "mcs"], default: "ticket", doc: "where those wait that find a spinlock taken: at its word, or in a queue, each at a word of its own" },
  "rwlock.fairness": { type: "enum", enum: "FAIRNESS", values: ["reader", "queued"], default: "reader", doc: "who enters a taken rwlock first: readers, or whoever came first" },
  "hotplug.chain": { type: "enum", enum: "HOTPLUG_CHAIN", values: ["notifier", "states"], default: "notifier", doc: "who is told that a CPU comes or goes: the notifier chain of 2012, or the state machine since 4.10" },
  "hotplug.lock": { type: "enum", enum: "HOTPLUG_LOCK", values: ["refcount", "percpu-rwsem"], default: "refcount", doc: "what keeps CPUs from coming and going: the counted readers of 2012, or a percpu_rw_semaphore (4.13)" },
  "hotplug.lockdep": { type: "enum", enum: "HOTPLUG_LOCKDEP", values: ["mutex", "readers"], default: "readers", needs: { "hotplug.lock": "refcount" }, doc: "what lockdep sees of the counted hotplug lock: its mutex alone, or who reads and writes, too (Linux since 3.15)" },
  "hotplug.underflow": { type: "enum", enum: "UNDERFLOW", values: ["none", "get", "put-bug", "put-warn", "akpm-wrong"], default: "put-warn", needs: { "hotplug.lock": "refcount" }, doc: "what notices a put_online_cpus too many" },
  "rcu.barrier": { type: "enum", enum: "RCU_BARRIER", values: ["a", "b", "b-bug", "c", "d", "m"], default: "m", doc: "how rcu_barrier gets along with CPU hotplug: Linux until 3.5, 3.6, that with a bug, 3.7, a proposal, 6.1" },
  "slab.debug": { type: "bool", default: false, doc: "red zones, poison and owners of slab objects, checked at every allocation and free" },
  "slab.destroy": { type: "enum", enum: "SLAB_DESTROY", values: ["barrier-outside", "barrier-inside"], default: "barrier-outside", doc: "where kmem_cache_destroy waits for the callbacks of a SLAB_DESTROY_BY_RCU cache: outside slab_mutex, or inside as Linux 3.6 did" },
  "busted": { type: "enum", enum: "BUSTED", values: ["none", "lock", "rcu", "hotplug", "slab", "vmalloc"], default: "none", doc: "a seeded bug that the torture scenario of that subsystem must find" },
  "fault_injection": { type: "bool", default: false, doc: "allocations fail on purpose, as the boot parameters failslab= and fail_page_alloc= say" },
  "page_poisoning": { type: "bool", default: false, doc: "free pages are filled with a pattern and checked when they are taken again" },
  "vmalloc.flush": { type: "enum", enum: "VMALLOC_FLUSH", values: ["eager", "lazy"], default: "eager", doc: "when CPUs forget a freed vmalloc range: at once, or many ranges together before addresses are used again" },
  "marks": { type: "bool", default: true, doc: "trace marks for the observers; without them figures compare with Linux" },
  "kmemleak.enabled": { type: "bool", default: true, doc: "compile the leak detector and its hooks" },
  "kmemleak.design": { type: "enum", enum: "DESIGN", values: ["km08", "km08-fix", "km09", "km19"], default: "km19", doc: "which published design of kmemleak: submitted in 2008, that with its review applied, merged in 2.6.31, 5.0" },
  "kmemleak.index": { type: "enum", enum: "KMEMLEAK_INDEX", values: ["rwlock", "spinlock", "single-lock"], default: "rwlock", needs: { "kmemleak.design": "km19" }, doc: "how the tree of tracked blocks is locked: as in 5.0, as in 5.6, one lock for everything" },
  "kmemleak.bug": { type: "enum", enum: "KMEMLEAK_BUG", values: ["none", "sq1", "sq2", "sq3", "sq4", "sq5", "sq6", "no-object-lock", "no-scan-mutex", "single-lock", "no-checksum", "rt-sleeps", "dis", "dl1", "clear-black", "vmalloc-min-1"], default: "none", doc: "one seeded defect of kmemleak (docs/kernel/kmemleak.md)" },
  "kmemleak.free": { type: "enum", enum: "KMEMLEAK_FREE", values: ["rcu", "workqueue", "immediate"], default: "rcu", doc: "how kmemleak's metadata is freed" },
} as const;
