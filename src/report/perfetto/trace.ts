/**
 * A run as a Perfetto trace (ui.perfetto.dev): what each hart runs, where each task runs, who holds each contended lock.
 *
 * Groups: `harts` (slices: tasks, and interrupts and softirqs inside them; moments: waits, scans, hotplug), `tasks` (slices: on hart N),
 * `locks` (slices: who holds it; one track for each lock that somebody waited for), `counters` (waiters of those locks, allocated
 * pages and blocks, objects that kmemleak knows). An arrow leads from a release to the acquisition that waited for it.
 */
import { CODE } from "../../lab/observe/events.ts";
import type { TimelineEvent, TimelineView } from "../../lab/observe/timeline.ts";
import { TraceWriter } from "./packets.ts";

/** Locks with tracks of their own, those with most waits first. */
const LOCKS_MAX = 64;

interface LockTrack {
  readonly track: number;
  readonly waiters: number;
  waiting: number;
  /** Slices that are open: holders side by side are readers. */
  holders: number;
  flow: number;
}

export function perfettoTrace(view: TimelineView): Uint8Array {
  const drawing = new Drawing(view);
  for (const event of view.timeline.events()) drawing.event(event);
  return drawing.finish();
}

class Drawing {
  readonly #view: TimelineView;
  readonly #trace = new TraceWriter();
  readonly #harts: number[] = [];
  /** Slices open on each hart's track. */
  readonly #depth: number[] = [];
  readonly #taskGroup: number;
  readonly #tasks = new Map<number, number>();
  /** On each hart the task whose slice is open on its own track; -1: none. */
  readonly #running: number[] = [];
  /** Tasks whose own track has a wait open. */
  readonly #waits = new Set<number>();
  readonly #locks = new Map<number, LockTrack>();
  readonly #pages: number;
  readonly #blocks: number;
  readonly #objects: number;
  #allocatedPages = 0;
  #allocatedBlocks = 0;
  #flows = 0;
  #last = 0;

  constructor(view: TimelineView) {
    this.#view = view;
    const trace = this.#trace;
    const harts = trace.process("harts");
    for (let hart = 0; hart < view.harts; hart++) {
      this.#harts.push(trace.thread(harts, `hart ${hart}`));
      this.#depth.push(0);
      this.#running.push(-1);
    }
    this.#taskGroup = trace.process("tasks");
    const locks = trace.process("locks");
    const counters = trace.process("counters");
    for (const lock of contendedLocks(view)) {
      const name = view.lockName(lock);
      this.#locks.set(lock, {
        track: trace.thread(locks, name),
        waiters: trace.counter(counters, `waiters of ${name}`, "tasks"),
        waiting: 0,
        holders: 0,
        flow: 0,
      });
    }
    this.#pages = trace.counter(counters, "pages allocated", "pages");
    this.#blocks = trace.counter(counters, "blocks allocated", "blocks");
    this.#objects = trace.counter(counters, "objects known to kmemleak", "objects");
  }

  event(event: TimelineEvent): void {
    const { code, hart, clock } = event;
    this.#last = clock;
    const trace = this.#trace;
    switch (code) {
      case CODE.taskSwitch:
        this.#switch(event);
        break;
      case CODE.irqEnter:
        this.#open(hart, clock, "interrupt");
        break;
      case CODE.softirqEnter:
        this.#open(hart, clock, "softirq");
        break;
      case CODE.irqExit:
      case CODE.softirqExit:
        this.#close(hart, clock);
        break;
      case CODE.lockContended:
      case CODE.lockAcquired:
      case CODE.lockRelease:
        this.#lock(event);
        break;
      case CODE.scanBegin:
        trace.instant(this.#harts[hart], clock, { name: `kmemleak scan ${event.c} begins` });
        break;
      case CODE.scanEnd:
        trace.instant(this.#harts[hart], clock, { name: `kmemleak scan ${event.c} ends` });
        trace.count(this.#objects, clock, event.a >>> 0);
        break;
      case CODE.hotplug:
        trace.instant(this.#harts[hart], clock, { name: `CPU ${event.c} hotplug state ${event.a}` });
        break;
      case CODE.scenarioStart:
        trace.instant(this.#harts[hart], clock, { name: "scenario starts" });
        break;
      default:
        this.#memory(event);
    }
  }

  finish(): Uint8Array {
    const { dropped } = this.#view.timeline;
    if (dropped > 0)
      this.#trace.instant(this.#harts[0], this.#last, { name: `trace cut: ${dropped} events more` });
    return this.#trace.finish();
  }

  #switch({ hart, clock, c }: TimelineEvent): void {
    const next = this.#view.taskAt(c);
    const before = this.#running[hart];
    while (this.#depth[hart] > 0) this.#close(hart, clock);
    if (before >= 0) this.#trace.end(this.#taskTrack(before), clock);
    this.#running[hart] = next;
    this.#open(hart, clock, this.#view.taskName(next));
    this.#trace.begin(this.#taskTrack(next), clock, { name: `on hart ${hart}` });
  }

  #lock({ lock, code, clock, hart, task }: TimelineEvent): void {
    const drawn = this.#locks.get(lock);
    if (drawn === undefined) return;
    const trace = this.#trace;
    if (code === CODE.lockContended) {
      trace.count(drawn.waiters, clock, ++drawn.waiting);
      trace.instant(this.#harts[hart], clock, { name: `waits for ${this.#view.lockName(lock)}` });
      this.#waits.add(task);
    } else if (code === CODE.lockAcquired) {
      const waited = this.#waits.delete(task);
      if (waited && drawn.waiting > 0) trace.count(drawn.waiters, clock, --drawn.waiting);
      const notes = { hart: String(hart), waited: waited ? "yes" : "no" };
      const name = this.#view.taskName(task);
      const flowEnd = waited && drawn.flow > 0 ? { flowEnd: drawn.flow } : {};
      trace.begin(drawn.track, clock, { name, notes, ...flowEnd });
      drawn.flow = 0;
      drawn.holders++;
    } else {
      if (drawn.holders > 0) {
        drawn.holders--;
        trace.end(drawn.track, clock);
      }
      if (drawn.waiting > 0) {
        drawn.flow = ++this.#flows;
        trace.instant(drawn.track, clock, { name: "released", flow: drawn.flow });
      }
    }
  }

  #memory({ code, clock, a }: TimelineEvent): void {
    const trace = this.#trace;
    switch (code) {
      case CODE.pageAlloc:
        trace.count(this.#pages, clock, (this.#allocatedPages += 1 << a));
        break;
      case CODE.pageFree:
        trace.count(this.#pages, clock, (this.#allocatedPages -= 1 << a));
        break;
      case CODE.alloc:
        trace.count(this.#blocks, clock, ++this.#allocatedBlocks);
        break;
      case CODE.free:
        trace.count(this.#blocks, clock, --this.#allocatedBlocks);
        break;
    }
  }

  #open(hart: number, clock: number, name: string): void {
    this.#trace.begin(this.#harts[hart], clock, { name });
    this.#depth[hart]++;
  }

  #close(hart: number, clock: number): void {
    if (this.#depth[hart] === 0) return;
    this.#trace.end(this.#harts[hart], clock);
    this.#depth[hart]--;
  }

  #taskTrack(task: number): number {
    let track = this.#tasks.get(task);
    if (track === undefined) {
      track = this.#trace.thread(this.#taskGroup, this.#view.taskName(task));
      this.#tasks.set(task, track);
    }
    return track;
  }
}

function contendedLocks({ timeline }: TimelineView): number[] {
  const waits = new Map<number, number>();
  for (const { code, lock } of timeline.events())
    if (code === CODE.lockContended) waits.set(lock, (waits.get(lock) ?? 0) + 1);
  return [...waits]
    .sort((a, b) => b[1] - a[1] || a[0] - b[0])
    .slice(0, LOCKS_MAX)
    .map(([lock]) => lock);
}
