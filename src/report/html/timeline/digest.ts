/**
 * One pass over a run's events (lab/observe/timeline.ts): lanes of harts and locks, who waited for which class of lock when, what each
 * task did, and how much memory was allocated.
 *
 * A wait lasts from LOCK_CONTENDED to LOCK_ACQUIRED. On a hart's lane only the part is drawn in which the waiting task has the hart
 * (it spins, or has not yet gone to sleep); the locks' own lanes, heatmap and table have all of it. What has begun when
 * the record ends, ends there.
 */
import { CODE } from "../../../lab/observe/events.ts";
import type { TimelineEvent, TimelineView } from "../../../lab/observe/timeline.ts";
import { type Bins, Level } from "./bins.ts";
import { HartLanes } from "./hart-lanes.ts";
import { LockLanes } from "./lock-lanes.ts";
import { Names } from "./names.ts";

export const LOCKS_MAX = 24;
const LEVELS = 240;

export interface TaskTimes {
  readonly name: string;
  readonly running: number;
  readonly switches: number;
  readonly harts: number;
  readonly waits: number;
  readonly waiting: number;
}

export interface LockClassTimes {
  readonly name: string;
  readonly waits: number;
  readonly waiting: number;
  readonly waiters: Bins;
  readonly held: Bins;
}

export interface Digest {
  readonly from: number;
  readonly to: number;
  readonly names: Names;
  readonly harts: HartLanes;
  readonly locks: LockLanes;
  readonly tasks: readonly TaskTimes[];
  /** Those that somebody waited for, most time first. */
  readonly classes: readonly LockClassTimes[];
  readonly pages: Level;
  readonly blocks: Level;
  readonly hotplug: readonly { clock: number; cpu: number; state: number }[];
  /** Clock of the last event kept, and how many came after that. */
  readonly last: number;
  readonly dropped: number;
}

/** `end` is the largest clock of the run. */
export function digest(view: TimelineView, end: number): Digest {
  const { timeline } = view;
  const names = new Names();
  const locks = new LockLanes(view, names, { from: 0, to: end });
  const harts = new HartLanes(view, names);
  const pages = new Level(0, end, LEVELS);
  const blocks = new Level(0, end, LEVELS);
  const hotplug: { clock: number; cpu: number; state: number }[] = [];
  let last = 0;
  for (const event of timeline.events()) {
    last = event.clock;
    harts.event(event);
    if (event.code <= CODE.lockRelease) locks.event(event);
    else if (event.code === CODE.hotplug) hotplug.push({ clock: last, cpu: event.c, state: event.a });
    else memory(event, pages, blocks);
  }
  const { dropped } = timeline;
  const stop = dropped > 0 ? last : end;
  harts.finish(stop);
  locks.finish(stop);
  return {
    from: 0,
    to: end,
    names,
    harts,
    locks,
    tasks: harts.taskTimes((task) => locks.waitsOf(task)),
    classes: locks.classTimes(),
    pages: pages.finish(stop),
    blocks: blocks.finish(stop),
    hotplug,
    last,
    dropped,
  };
}

function memory({ code, clock, a }: TimelineEvent, pages: Level, blocks: Level): void {
  if (code === CODE.pageAlloc) pages.change(clock, 2 ** a);
  else if (code === CODE.pageFree) pages.change(clock, -(2 ** a));
  else if (code === CODE.alloc) blocks.change(clock, 1);
  else if (code === CODE.free) blocks.change(clock, -1);
}
