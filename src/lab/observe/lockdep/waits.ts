/**
 * Who waits for whom: a task for the holders of the lock that it wants. A circle of such waits is a deadlock that has happened.
 *
 * A task that wants a lock for which one sleeps is waiting once it has left its hart; until then it may still be in the scheduler. The task
 * whose wait has just begun is counted at once. A lock that an interrupt handler has taken is not kept by what the task under it waits for:
 * who holds a lock counts as waiting when the wait is younger than the hold.
 */
import type { CurrentTasks } from "../current-tasks.ts";
import type { Form, Raw } from "../moment.ts";
import type { HeldLock, TaskLocks } from "./held.ts";

/** One task of a circle: it wants a lock that the next one (of the last: the first one) holds. */
export interface Wait {
  readonly task: number;
  readonly wants: HeldLock;
  /** As the next task took it. */
  readonly heldAs: HeldLock;
}
export type WaitCycle = readonly Wait[];

/** The same as it is told. */
export interface WaitReport<F extends Form = Raw> {
  readonly task: F["task"];
  /** Class, kind and address of the lock that the task wants and the next one holds. */
  readonly class: string;
  readonly kind: string;
  readonly address: F["address"];
  /** Where the task waits, and where the next one took the lock. */
  readonly waits: { readonly stack: F["stack"] };
  readonly held: { readonly stack: F["stack"] };
}

export class Waits {
  readonly #locks: readonly (TaskLocks | undefined)[];
  readonly #tasks: CurrentTasks;
  readonly #sleeps: (kind: number) => boolean;

  /** `locks` by task; `sleeps`: whether waiters for a kind of lock sleep. */
  constructor(
    locks: readonly (TaskLocks | undefined)[],
    tasks: CurrentTasks,
    sleeps: (kind: number) => boolean,
  ) {
    this.#locks = locks;
    this.#tasks = tasks;
    this.#sleeps = sleeps;
  }

  /** A circle that leads back to the task; `begins`: its wait begins just now. */
  cycleFrom(task: number, begins: boolean): WaitCycle | null {
    return this.#follow(task, task, 0, begins, []);
  }

  /** `since`: when the task took what the one before it in the path wants. */
  #follow(start: number, task: number, since: number, begins: boolean, path: Wait[]): WaitCycle | null {
    const wants = this.#locks[task]?.waitsFor ?? null;
    if (wants === null || wants.clock < since || path.some((one) => one.task === task)) return null;
    if (!begins && this.#sleeps(wants.kind) && this.#tasks.task.includes(task)) return null;
    for (const [holder, heldAs] of this.#holders(wants.lock)) {
      const longer = [...path, { task, wants, heldAs: copy(heldAs) }];
      if (holder === start) {
        if (longer[0].wants.clock < heldAs.clock) continue;
        return longer;
      }
      const found = this.#follow(start, holder, heldAs.clock, false, longer);
      if (found !== null) return found;
    }
    return null;
  }

  *#holders(lock: number): Generator<[number, HeldLock]> {
    for (const [task, locks] of this.#locks.entries()) {
      for (let at = 0; at < (locks?.depth ?? 0); at++) {
        const held = locks!.at(at);
        if (held.lock === lock) yield [task, held];
      }
    }
  }
}

/** Entries of a task's stack of locks are used again. */
function copy(held: HeldLock): HeldLock {
  return Object.assign(Object.create(Object.getPrototypeOf(held)), held);
}
