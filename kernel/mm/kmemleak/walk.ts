// A scan's walk over all objects (kmemleak.walk).
//
//   whole         one RCU read section from end to end: with a million objects nobody else runs on the CPU for as long (until 6.0)
//   resched-ref   now and then a reference is taken to the object at hand and the section left, as 6.0 had it. The reference keeps the
//                 object, not its place on the list: when it is deleted meanwhile, and its successor too, the walk goes on into freed metadata
//   resched       the object is marked as well (6.1): whoever deletes it leaves it on the list, where its successor stays right, and this walk
//                 takes it off
// Locks: kmemleak_lock for the mark. Called with scan_mutex held, so nobody else marks.

import { list_del_rcu, list_for_each_entry_rcu } from "../../lib/list.ts";
import { point } from "../../lib/point.ts";
import { rcu_read_lock, rcu_read_unlock } from "../../rcu/rcu.ts";
import { cond_resched } from "../../sched/core.ts";
import { WALK_GIVES_WAY, WALK_MARKS } from "./design.ts";
import { index_write_lock, index_write_unlock } from "./lock.ts";
import { DELSTATE, get_object, kmemleak_object, object_list, put_object } from "./object.ts";

/** So many objects between one giving way and the next. */
const WALK_BATCH = 64;

/** False: the object is deleted already. */
function mark(object: kmemleak_object): boolean {
  const flags = index_write_lock();
  const there = (object.del_state & DELSTATE.REMOVED) === 0;
  if (there) object.del_state |= DELSTATE.NO_DELETE;
  index_write_unlock(flags);
  return there;
}

function unmark(object: kmemleak_object): void {
  const flags = index_write_lock();
  if ((object.del_state & DELSTATE.REMOVED) !== 0) list_del_rcu(object.object_list);
  object.del_state &= ~DELSTATE.NO_DELETE;
  index_write_unlock(flags);
}

/** Leaves the RCU read section and enters another. Who is being deleted is passed over: the next one will do. */
function give_way(object: kmemleak_object): void {
  "noinline";
  if (!get_object(object)) return;
  if (!WALK_MARKS || mark(object)) {
    rcu_read_unlock();
    point("kmemleak_resched");
    cond_resched();
    rcu_read_lock();
    if (WALK_MARKS) unmark(object);
  }
  put_object(object);
}

/** All objects, inside an RCU read section; the body must not leave the loop. */
export function* for_each_object(): Generator<kmemleak_object> {
  let walked: u32 = 0;
  rcu_read_lock();
  for (const object of list_for_each_entry_rcu(object_list, kmemleak_object, "object_list")) {
    yield object;
    if (WALK_GIVES_WAY) {
      walked++;
      if (walked % WALK_BATCH === 0) give_way(object);
    }
  }
  rcu_read_unlock();
}
