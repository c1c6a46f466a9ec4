/** What became of the steps of a scenario: part of the JSON result (docs/scenario.md). */
export interface StepFrame {
  readonly function: string;
  readonly file: string | null;
  readonly line: number | null;
}

export interface StepTask {
  readonly comm: string;
  readonly pid: number;
}

/** Where somebody is, when a step did not happen. */
export interface Whereabouts {
  readonly who: string;
  /** `is held on CPU0 (step 2)`, `sleeps`, ... */
  readonly state: string;
  /** Innermost first. */
  readonly stack: readonly StepFrame[];
}

export interface StepResult {
  /** From 1. */
  readonly step: number;
  /** Of the scenario file; null: from the command line. */
  readonly line: number | null;
  /** `CPU0`, `reader`, `reader on CPU1`; empty for `wait`. */
  readonly who: string;
  /** `until cpus_read_lock` */
  readonly action: string;
  /** skipped: it is optional and did not happen; never: it did not happen; not reached: an earlier one did not. */
  readonly status: "done" | "skipped" | "never" | "not reached";
  readonly cycle: number | null;
  readonly hart: number | null;
  readonly task: StepTask | null;
  /** The place of the step in the source, or where the hart was. */
  readonly at: StepFrame | null;
  /** The text of that line; null where the source is not at hand. */
  readonly source: string | null;
  /** Where the hart was then; innermost first, inlined functions included. */
  readonly stack: readonly StepFrame[];
  readonly values: readonly { readonly name: string; readonly value: string }[];
  readonly note: string | null;
  /** Why it did not happen, and where everybody was. */
  readonly detail: string | null;
  readonly where: readonly Whereabouts[];
}
