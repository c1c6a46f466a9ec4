/**
 * Livelock: tasks that work all the time and get nowhere, because each gives way to the other.
 *
 * A task is in vain while it does nothing but take locks, fail to take a further one with a try, and give back what it has: since
 * FAILS_MIN failed tries at least it has had no successful one, has allocated and freed nothing and has reached no POINT. Tasks
 * that are in vain at once, for the time that is asked for, each for a lock that another of them had, are a livelock. Who
 * polls for a lock of somebody who gets on is none.
 */
import type { Stack } from "../moment.ts";

const FAILS_MIN = 100;

export interface VainTask {
  readonly task: number;
  readonly fails: number;
  readonly since: number;
  readonly stack: Stack;
  /** The lock that it did not get, as in LockInstances. */
  readonly lock: number;
  /** LOCK_KIND. */
  readonly kind: number;
  /** Who had it then. */
  readonly owner: number;
}

class Tries {
  fails = 0;
  since = 0;
  lock = 0;
  kind = 0;
  owner = -1;
  pc = 0;
  ra0 = 0;
  ra1 = 0;
  hart = 0;
  clock = 0;
}

export class Livelock {
  readonly #tries: (Tries | undefined)[] = [];
  /** Who took it last, by lock. */
  readonly #owners: number[] = [];

  acquired(task: number, lock: number, trylock: boolean): void {
    this.#owners[lock] = task;
    if (trylock) this.progressed(task);
  }

  /** A try failed. */
  failed(task: number, lock: number, kind: number, stack: Stack): void {
    this.#tries[task] ??= new Tries();
    const tries = this.#tries[task];
    if (tries.fails++ === 0) tries.since = stack.clock;
    tries.lock = lock;
    tries.kind = kind;
    tries.owner = this.#owners[lock] ?? -1;
    Object.assign(tries, stack);
  }

  /** The task has got somewhere. */
  progressed(task: number): void {
    const tries = this.#tries[task];
    if (tries !== undefined) tries.fails = 0;
  }

  /** Those who have been in vain for so long, still were at `seen`, and keep each other from getting on. */
  vain(clock: number, cycles: number, seen: number): VainTask[] {
    let vain = this.#tries.flatMap((tries, task): VainTask[] => {
      if (tries === undefined || tries.fails < FAILS_MIN || clock - tries.since < cycles || tries.clock < seen) return [];
      const { fails, since, lock, kind, owner, pc, ra0, ra1, hart } = tries;
      return [{ task, fails, since, lock, kind, owner, stack: { pc, ra0, ra1, hart, clock: tries.clock } }];
    });
    for (let before = -1; before !== vain.length; ) {
      before = vain.length;
      vain = vain.filter(({ task, owner }) => owner !== task && vain.some((one) => one.task === owner));
    }
    return vain;
  }
}
