/**
 * When and where something was that a report tells, in two forms: raw as observers note it (numbers), and as the result of a run
 * has it (names; run/resolve.ts).
 */

/**
 * Of a mark: its pc and two return addresses, 0 where there is none (an access has the pc only); and when and where it was, for
 * a whole stack (run/second-look.ts).
 */
export interface Stack {
  readonly pc: number;
  readonly ra0: number;
  readonly ra1: number;
  readonly hart: number;
  readonly clock: number;
}

export const NO_STACK: Stack = { pc: 0, ra0: 0, ra1: 0, hart: 0, clock: 0 };

/** What stands for an address, a task and a stack. */
export interface Form {
  readonly address: unknown;
  readonly task: unknown;
  readonly stack: unknown;
}

/** `task` is a number of CurrentTasks. */
export interface Raw extends Form {
  readonly address: number;
  readonly task: number;
  readonly stack: Stack;
}
