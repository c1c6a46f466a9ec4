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

/** Values of LOCK_KIND that behave differently. */
export interface LockKinds {
  readonly names: readonly string[];
  readonly read: number;
  readonly raw: number;
  readonly mutex: number;
}

export function lockKinds(names: readonly string[]): LockKinds {
  const of = (name: string): number => names.indexOf(name);
  return { names, read: of("read"), raw: of("raw"), mutex: of("mutex") };
}
