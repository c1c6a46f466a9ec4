/** The timeline's data as arrays to search and draw, and where each track lies on the canvas. */
import type { LaneKind, MarkData, TimelineData } from "../../timeline/data.ts";

export interface LaneView {
  readonly kind: LaneKind;
  readonly top: number;
  readonly height: number;
  readonly starts: Float64Array;
  readonly ends: Float64Array;
  readonly names: Int32Array;
  /** Slices that it stands for; 1: it is one. */
  readonly counts: Int32Array;
  /** Time in slices. */
  readonly busy: Float64Array;
}

export interface TrackView {
  readonly name: string;
  readonly group: string;
  readonly top: number;
  readonly bottom: number;
  readonly lanes: readonly LaneView[];
}

export interface Model {
  readonly from: number;
  readonly to: number;
  readonly names: readonly string[];
  readonly colours: readonly number[];
  readonly tracks: readonly TrackView[];
  readonly headings: readonly { readonly name: string; readonly top: number }[];
  readonly marks: readonly MarkData[];
  readonly height: number;
}

const HEIGHTS: Readonly<Record<LaneKind, number>> = { run: 17, interrupt: 6, wait: 5, hold: 12, waiters: 7, scan: 14 };
const HEADING = 22;
const TRACK_GAP = 5;

export function modelOf(data: TimelineData): Model {
  const tracks: TrackView[] = [];
  const headings: { name: string; top: number }[] = [];
  let y = 0;
  for (const { name: group, tracks: all } of data.groups) {
    headings.push({ name: group, top: y });
    y += HEADING;
    for (const { name, lanes } of all) {
      const top = y;
      const views = lanes.map(({ kind, slices }) => {
        const lane = { kind, top: y, height: HEIGHTS[kind], ...decoded(slices, data.from) };
        y += HEIGHTS[kind] + 1;
        return lane;
      });
      y += TRACK_GAP;
      tracks.push({ name, group, top, bottom: y, lanes: views });
    }
  }
  const { from, to, names, colours, marks } = data;
  return { from, to: Math.max(to, from + 1), names, colours, tracks, headings, marks, height: y };
}

function decoded(numbers: readonly number[], from: number) {
  const starts: number[] = [];
  const ends: number[] = [];
  const names: number[] = [];
  const counts: number[] = [];
  const busy: number[] = [];
  let clock = from;
  for (let i = 0; i < numbers.length; ) {
    const start = clock + numbers[i]!;
    const length = numbers[i + 1]!;
    const name = numbers[i + 2]!;
    clock = start + length;
    starts.push(start);
    ends.push(clock);
    counts.push(name < 0 ? -name : 1);
    busy.push(name < 0 ? numbers[i + 3]! : length);
    names.push(name < 0 ? numbers[i + 4]! : name);
    i += name < 0 ? 5 : 3;
  }
  return {
    starts: Float64Array.from(starts),
    ends: Float64Array.from(ends),
    names: Int32Array.from(names),
    counts: Int32Array.from(counts),
    busy: Float64Array.from(busy),
  };
}

/** The first slice that ends after `clock`. */
export function firstAfter({ ends }: LaneView, clock: number): number {
  let low = 0;
  let high = ends.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ends[middle]! > clock) high = middle;
    else low = middle + 1;
  }
  return low;
}
