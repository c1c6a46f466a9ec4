/** What the race checker reports. */
import type { Form, Raw } from "../moment.ts";

/** `assert …`: ASSERT_EXCLUSIVE_WRITER and ASSERT_EXCLUSIVE_ACCESS. */
export type RaceAccessKind = "read" | "write" | "read-write" | "assert no writes" | "assert no accesses";

export interface RaceAccess<F extends Form = Raw> {
  readonly kind: RaceAccessKind;
  /** READ_ONCE, WRITE_ONCE or atomic. */
  readonly marked: boolean;
  readonly size: number;
  readonly address: F["address"];
  readonly hart: number;
  /** In a handler of an interrupt, not of the task that it interrupted. */
  readonly interrupt: boolean;
  readonly task: F["task"];
  /** Read or written; null: an assertion looks at no value. */
  readonly value: number | null;
  readonly stack: F["stack"];
}

/** Two accesses that nothing orders: at least one writes, at least one is plain. */
export interface RaceReport<F extends Form = Raw> {
  /** How often the two functions met so; only the first time is told. */
  count: number;
  /** In order of time. */
  readonly first: RaceAccess<F>;
  readonly second: RaceAccess<F>;
}
