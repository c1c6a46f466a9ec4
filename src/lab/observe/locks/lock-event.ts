/** One lock mark as the lock observers see it; a single object is filled anew for each record of the hot loop. */
export class LockEvent {
  /** Address of the lock, and its number in LockInstances. */
  address = 0;
  lock = 0;
  /** LOCK_KIND. */
  kind = 0;
  subclass = 0;
  /** Acquired by a try that did not have to wait. */
  trylock = false;
  /** A reader that a waiting writer lets pass. */
  recursive = false;
  hart = 0;
  /** Number of the task in CurrentTasks. */
  task = 0;
  clock = 0;
  /** Of the mark, and two return addresses along the frame pointers. */
  pc = 0;
  ra0 = 0;
  ra1 = 0;
  /** Supervisor interrupts are on. */
  irqsOn = false;
}

/** How each LOCK_KIND behaves, by its value; what the image does not name behaves like a spinlock. */
export interface LockKinds {
  readonly names: readonly string[];
  /** 1: holders hold it side by side. */
  readonly shared: Uint8Array;
  /** 1: waiters sleep in every preemption model. */
  readonly sleeps: Uint8Array;
  /** 1: waiters spin in every preemption model. */
  readonly spins: Uint8Array;
}

const KINDS = 16;
const SHARED_KINDS = ["read", "sem_read"];
const SLEEPING_KINDS = ["mutex", "sem_read", "sem_write"];
const SPINNING_KINDS = ["raw"];

export function lockKinds(names: readonly string[]): LockKinds {
  const table = (which: readonly string[]): Uint8Array =>
    Uint8Array.from({ length: KINDS }, (_, kind) => Number(which.includes(names[kind] ?? "")));
  return {
    names,
    shared: table(SHARED_KINDS),
    sleeps: table(SLEEPING_KINDS),
    spins: table(SPINNING_KINDS),
  };
}
