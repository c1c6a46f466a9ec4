/** What the observers of progress, contexts and quiescence report (docs/observers.md says when). */
import type { Form, Raw } from "../moment.ts";

export type ProgressKind =
  | "soft-lockup"
  | "hard-lockup"
  | "hung-task"
  | "lost-wakeup"
  | "stuck"
  | "livelock"
  | "rcu-stall"
  | "wfi"
  | "atomic-sleep"
  | "unbalanced"
  | "quiescence";

/** What somebody waits for, and who could end it, as far as that is known. */
export interface WaitFor<F extends Form = Raw> {
  /** spin, mutex ... of a lock; `end` of a task; `grace period`; `wait queue`; `timer`. */
  readonly kind: string;
  /** Class of the lock, name of the storage; empty: it has none. */
  readonly name: string;
  readonly address: F["address"];
  readonly holders: readonly { readonly task: F["task"] }[];
}

/** Somebody who has a part in it: where they are or were, and what they wait for there. */
export interface Scene<F extends Form = Raw> {
  /** `waits`, `runs`, `woke nobody` ...: a predicate. */
  readonly role: string;
  readonly task: F["task"];
  readonly stack: F["stack"];
  readonly waitsFor: WaitFor<F> | null;
}

export interface ProgressReport<F extends Form = Raw> {
  readonly kind: ProgressKind;
  /** How often it was seen; only the first is told. */
  count: number;
  /** Of whom the report is. */
  readonly task: F["task"];
  readonly hart: number;
  /** Clock at which it was known, and since when it is so. */
  readonly clock: number;
  readonly since: number;
  /** What else there is to say: numbers, and names of the guest. */
  readonly facts: Readonly<Record<string, number | string>>;
  /** The first one is the task's own. */
  readonly scenes: Scene<F>[];
}
