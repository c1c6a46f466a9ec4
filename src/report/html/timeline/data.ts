/**
 * What the page's script gets to draw a timeline from (an element of type application/json).
 *
 * A lane's slices are a flat list of numbers, in order of time and without overlap: `gap, length, name` for a slice, where gap is the
 * time since the end of the one before and name an index into `names`; `gap, length, -count, busy, name` for a block that stands for
 * `count` slices too short to be kept singly, `busy` cycles of it in slices, most of those `name`'s. Times are cycles.
 */

export type LaneKind = "run" | "interrupt" | "wait" | "hold" | "waiters" | "scan";

export interface Lane {
  readonly kind: LaneKind;
  readonly slices: readonly number[];
}

export interface Track {
  readonly name: string;
  readonly lanes: readonly Lane[];
}

export interface MarkData {
  readonly clock: number;
  readonly text: string;
  readonly kind: "event" | "finding" | "step";
  /** Anchor in the page; empty: none. */
  readonly link: string;
}

export interface TimelineData {
  readonly from: number;
  readonly to: number;
  readonly names: readonly string[];
  /** By name: 0..7, or -1 for what is drawn faintly (idle tasks). In lanes of waiters the number of them, capped. */
  readonly colours: readonly number[];
  readonly groups: readonly { readonly name: string; readonly tracks: readonly Track[] }[];
  readonly marks: readonly MarkData[];
}
