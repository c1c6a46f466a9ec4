/**
 * How long calls of the allocators take, from ALLOC_ENTER to ALLOC_LEAVE and from FREE to FREE_LEAVE, while a kmemleak scan is going
 * on and while none is.
 *
 * A call's time is guest time on whatever hart, interrupts and waiting included: it is what the caller waits. Only outermost calls count:
 * what an allocator allocates for itself (kmemleak's metadata, a vm_struct) belongs to the call that it is in. A handler's calls are
 * outermost again: a floor is put on the interrupted task's stack of calls when the handler begins, and taken away when it ends.
 * A call was under a scan when one was going on at its begin or its end. Calls before the start of the scenario are not counted.
 */

export type Call = "alloc" | "free";
export type Area = "slab" | "vmalloc";

export interface LatencyRow {
  readonly call: Call;
  /** slab: kmalloc and kmem_cache_alloc; vmalloc: what maps pages. */
  readonly area: Area;
  readonly scanner: "idle" | "active";
  readonly count: number;
  /** Cycles; by nearest rank. */
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

const CALLS: readonly Call[] = ["alloc", "free"];
const AREAS: readonly Area[] = ["slab", "vmalloc"];
const SCANNERS = ["idle", "active"] as const;
const FLOOR = -1;
/** Words of an open call: its kind (an index in CALLS, or FLOOR); whether a scan was going on, or UNCOUNTED; since when. */
const WIDTH = 3;
const UNCOUNTED = 2;

class Samples {
  #values = new Float64Array(1024);
  count = 0;

  add(cycles: number): void {
    if (this.count === this.#values.length) {
      const wider = new Float64Array(this.count * 2);
      wider.set(this.#values);
      this.#values = wider;
    }
    this.#values[this.count++] = cycles;
  }

  sorted(): Float64Array {
    return this.#values.slice(0, this.count).sort();
  }
}

export class AllocLatency {
  /** By task: the calls that it is in. */
  readonly #open: number[][] = [];
  readonly #samples: Samples[] = Array.from({ length: CALLS.length * AREAS.length * SCANNERS.length }, () => new Samples());
  counting = false;

  /** `own`: of kmemleak's metadata, which is freed after a grace period, in nobody's call. */
  entered(task: number, call: Call, own: boolean, scanning: boolean, clock: number): void {
    this.#stack(task).push(CALLS.indexOf(call), own ? UNCOUNTED : Number(scanning), clock);
  }

  left(task: number, call: Call, area: Area, scanning: boolean, clock: number): void {
    const stack = this.#stack(task);
    const kind = CALLS.indexOf(call);
    // A call without an end (its task met a BUG) must not be taken for this one.
    let at = stack.length - WIDTH;
    while (at >= 0 && stack[at] !== kind && stack[at] !== FLOOR) at -= WIDTH;
    if (at < 0 || stack[at] === FLOOR) return;
    const outermost = at === 0 || stack[at - WIDTH] === FLOOR;
    if (outermost && this.counting && stack[at + 1] !== UNCOUNTED) {
      const scanned = Number(scanning || stack[at + 1] === 1);
      const index = (kind * AREAS.length + AREAS.indexOf(area)) * SCANNERS.length + scanned;
      this.#samples[index].add(clock - stack[at + 2]);
    }
    stack.length = at;
  }

  /** In how many calls that allocate the task is, or the handler that interrupted it. */
  allocating(task: number): number {
    const stack = this.#stack(task);
    let calls = 0;
    for (let at = stack.length - WIDTH; at >= 0 && stack[at] !== FLOOR; at -= WIDTH) calls += Number(stack[at] === 0);
    return calls;
  }

  /** A handler begins on the hart that runs the task. */
  interrupted(task: number): void {
    this.#stack(task).push(FLOOR, 0, 0);
  }

  resumed(task: number): void {
    const stack = this.#stack(task);
    let at = stack.length - WIDTH;
    while (at >= 0 && stack[at] !== FLOOR) at -= WIDTH;
    stack.length = Math.max(0, at);
  }

  ended(task: number): void {
    this.#stack(task).length = 0;
  }

  /** One row for each kind of call that there was. */
  rows(): LatencyRow[] {
    return this.#samples.flatMap((samples, index) => {
      if (samples.count === 0) return [];
      const sorted = samples.sorted();
      const rank = (percent: number): number => sorted[Math.ceil((percent / 100) * sorted.length) - 1];
      return [
        {
          call: CALLS[Math.floor(index / (AREAS.length * SCANNERS.length))],
          area: AREAS[Math.floor(index / SCANNERS.length) % AREAS.length],
          scanner: SCANNERS[index % SCANNERS.length],
          count: sorted.length,
          p50: rank(50),
          p99: rank(99),
          max: sorted[sorted.length - 1],
        },
      ];
    });
  }

  #stack(task: number): number[] {
    return (this.#open[task] ??= []);
  }
}
