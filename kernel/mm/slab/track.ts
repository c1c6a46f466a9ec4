// Who allocated and who freed an object last (SLAB_STORE_USER, slab.debug): two tracks behind the object and its red zone.
//
// A track is written by whoever holds the object, before it is used or right before it is let go.

import { stack_trace_save } from "../../arch/stacktrace.ts";
import { pr_err } from "../../lib/printk.ts";
import { jiffies } from "../../sched/clock.ts";
import { get_current, smp_processor_id } from "../../sched/task.ts";
import { kmem_cache } from "./cache.ts";

const TRACK_ADDRS_COUNT = 8;
/** Of the allocator: the debug check that calls set_track, kmalloc or its kin, and the entry itself. */
const FRAMES_SKIPPED = 3;

class track {
  /** Return addresses from the allocator's caller outwards; 0: none. */
  readonly addrs = new FixedArray<usize>(TRACK_ADDRS_COUNT);
  cpu: u32;
  pid: u32;
  /** In jiffies. */
  when: u32;
}

export const enum TRACK { ALLOC, FREE }
export const TRACKS_BYTES = 2 * 44;

function get_track(cachep: kmem_cache, object: usize, which: u32): track {
  return cast<track>(object + cachep.track_at + which * sizeof<track>());
}

export function set_track(cachep: kmem_cache, object: usize, which: u32): void {
  "noinline";
  const to = get_track(cachep, object, which);
  const count = stack_trace_save(to.addrs, TRACK_ADDRS_COUNT, FRAMES_SKIPPED);
  for (let n = count; n < TRACK_ADDRS_COUNT; n++) to.addrs[n] = 0;
  to.cpu = smp_processor_id();
  to.pid = get_current().pid;
  to.when = jiffies();
}

function print_track(cachep: kmem_cache, object: usize, which: u32, what: string): void {
  const t = get_track(cachep, object, which);
  if (t.addrs[0] === 0) return;
  pr_err("%s in %pB age=%u cpu=%u pid=%u\n", what, t.addrs[0], jiffies() - t.when, t.cpu, t.pid);
  for (let n: u32 = 0; n < TRACK_ADDRS_COUNT; n++) {
    if (t.addrs[n] === 0) return;
    pr_err(" \t%pB\n", t.addrs[n]);
  }
}

/** Both, as far as they are known. */
export function print_tracking(cachep: kmem_cache, object: usize): void {
  print_track(cachep, object, TRACK.ALLOC, "Allocated");
  print_track(cachep, object, TRACK.FREE, "Freed");
}
