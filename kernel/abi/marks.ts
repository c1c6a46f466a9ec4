// Trace marks: event numbers and what a, b and c carry (ABI.md section 6). The lab reads these enums from .hartlab.
// An event number is the immediate of `slti x0, c, event`: 1..2047. From 0x700 on they are the machine's own records.

/** comment per event: c | a | b */
export const enum MARK {
  /** lock | class name string (0: a static, named by its symbol) | LOCK_KIND */
  LOCK_INIT = 1,
  /** lock | LOCK_KIND | subclass: the lock was not free, the caller now waits */
  LOCK_CONTENDED = 2,
  /** lock | LOCK_KIND | subclass, with LOCK_FLAG */
  LOCK_ACQUIRED = 3,
  /** lock | LOCK_KIND | 0 */
  LOCK_RELEASE = 4,
  /** lock | LOCK_KIND | 0 */
  LOCK_TRYFAIL = 5,
  /** lock | LOCK_KIND | subclass, with LOCK_FLAG: the caller wants it from here on, takes other locks on the way, and then has it (LOCK_ACQUIRED) */
  LOCK_ACQUIRE = 6,
  /** next task | prev task | next pid */
  SWITCH = 8,
  /** task | pid | comm string: before the task runs for the first time */
  TASK_NEW = 9,
  /** task | pid | 0 */
  TASK_EXIT = 10,
  /** cause (scause) | interrupted pc (at the exit: 0) | context_word() of the task, the same at both ends unless a handler is wrong */
  IRQ_ENTER = 12,
  IRQ_EXIT = 13,
  /** context_word() | 0 | 0: the handlers of softirqs begin and end */
  SOFTIRQ_ENTER = 14,
  SOFTIRQ_EXIT = 15,
  /** block | size | kmem_cache, or ALLOC_AREA */
  ALLOC = 16,
  /** block | not 0: it may still be read for a grace period | 0 */
  FREE = 17,
  /** block, or 0 | bytes of it that its user asked for | 0 */
  RESIZE = 36,
  /** start of a new mapping of pages that somebody owns | bytes | 0; FREE ends it */
  VMAP = 37,
  /** block | bytes of it that have been cleared through another mapping | 0 */
  ZEROED = 39,
  /** 0 | 0 | 0: a call that allocates or frees a block begins, and ends; who frees begins with FREE */
  ALLOC_ENTER = 48,
  ALLOC_LEAVE = 49,
  FREE_LEAVE = 50,
  /** address of a page that may be written through another mapping from now on | 0 | 0 */
  VMAP_PAGE = 38,
  /** first page's address | order | gfp */
  PAGE_ALLOC = 18,
  /** first page's address | order | 0 */
  PAGE_FREE = 19,
  /** callback head | function | 0 */
  RCU_CALL = 20,
  RCU_INVOKE = 21,
  /** grace-period number | 0 | 0 */
  GP_START = 22,
  GP_END = 23,
  /** scan number | 0 | 0 */
  SCAN_BEGIN = 24,
  /** words | lookups | hits, of one block or chunk scanned; object bytes and roots alike */
  SCAN_CHUNK = 25,
  /** scan number | live objects | newly suspected leaks */
  SCAN_END = 26,
  /** block | PLANT | name string */
  PLANT = 28,
  /** cpu | HOTPLUG | errno */
  HOTPLUG = 29,
  /** 0 | 0 | 0: all harts online, tasks created; scenario times count from here */
  SCENARIO_START = 30,
  /** name string | 0 | 0 */
  POINT = 31,
  /** 0 | 0 | 0: the boot hart is about to run the first kthread */
  FIRST_KTHREAD = 32,
  /** 0 | 0 | 0: local_bh_disable and local_bh_enable, nested ones too */
  BH_DISABLE = 33,
  BH_ENABLE = 34,
  /** task | 1: it was asleep (or about to be) and is runnable now; 0: it was not, so nothing happened | 0 */
  WAKE = 40,
  /** wait queue | WAIT_QUEUE | 0: the task is in the queue from now on, and will look at its condition once more before it sleeps */
  WAIT = 41,
  /** wait queue | tasks woken | 0 */
  WAKE_UP = 42,
  /** context_word() | what must not be done, ATOMIC | 0: somebody does what may sleep where nobody may */
  ATOMIC_SLEEP = 43,
  /** context_word() | BOUNDARY | 0: neither preemption nor interrupts nor an RCU read section should be as they are here */
  UNBALANCED = 44,
  /** address | bytes of the access | 1: a write: nothing is mapped there, and the kernel is about to say so */
  FAULT = 45,
  /** start of a slab | bytes of all its objects, distances included | kmem_cache; constructors have run */
  SLAB_CREATE = 35,
}

/** sem_read and sem_write sleep: percpu_rw_semaphore. */
export const enum LOCK_KIND { spin = 1, raw = 2, read = 3, write = 4, mutex = 5, sem_read = 6, sem_write = 7 }

/** try: the lock was free, the caller would not have waited for it. recursive: a reader that a waiting writer lets pass. */
export const enum LOCK_FLAG { try = 0x100, recursive = 0x200 }

/** Where a block is from that is of no slab cache: pages that kmalloc hands out whole, or vmalloc. */
export const enum ALLOC_AREA { pages = 0, vmalloc = 1 }

/** might: it calls what may sleep; schedule: it gives its CPU away; rcu: it sleeps inside an RCU read section. */
export const enum ATOMIC { might = 1, schedule = 2, rcu = 3 }

/** Where a task must have undone all that it had switched off: at its end, and at the end of a work. */
export const enum BOUNDARY { exit = 1, work = 2 }

/** What a task waits in: a wait_queue_head, or a swait_queue_head (completions have one). */
export const enum WAIT_QUEUE { wait = 1, swait = 2 }

/** What the workload planted: a block that must be reported, or one that must not. */
export const enum PLANT { leak = 1, nonleak = 2 }

export const enum HOTPLUG { going_down = 1, down = 2, going_up = 3, up = 4 }

/** Written by the machine itself, not by the guest. c | a | b */
export const enum MACHINE_RECORD {
  /** pc that switched supervisor interrupts off | cycles they stayed off | 0; only sections of 256 cycles and more */
  IRQS_OFF = 0x701,
}
