// The last reference of an object that others look up under a lock: given back with that lock held, so that nobody can find
// the object between its last reference and its removal. All but the last are given back without the lock.

import { refcount_dec_and_test, refcount_dec_not_one, type refcount_t } from "../lib/refcount.ts";
import { type mutex, mutex_lock, mutex_unlock } from "./mutex.ts";
import { spin_lock, spin_lock_irqsave, spin_unlock, spin_unlock_irqrestore, type spinlock_t } from "./spinlock.ts";

/** True, with the lock held, when this was the last one: nobody can look the object up meanwhile. @must_use */
export function refcount_dec_and_lock(r: refcount_t, lock: spinlock_t): boolean {
  if (refcount_dec_not_one(r)) return false;
  spin_lock(lock);
  if (refcount_dec_and_test(r)) return true;
  spin_unlock(lock);
  return false;
}

/** As refcount_dec_and_lock; flags[0] is for spin_unlock_irqrestore. @must_use */
export function refcount_dec_and_lock_irqsave(r: refcount_t, lock: spinlock_t, flags: Ptr<u32>): boolean {
  if (refcount_dec_not_one(r)) return false;
  const saved = spin_lock_irqsave(lock);
  if (refcount_dec_and_test(r)) {
    flags[0] = saved;
    return true;
  }
  spin_unlock_irqrestore(lock, saved);
  return false;
}

/** True, with the mutex held, when this was the last one. @may_sleep @must_use */
export function refcount_dec_and_mutex_lock(r: refcount_t, lock: mutex): boolean {
  if (refcount_dec_not_one(r)) return false;
  mutex_lock(lock);
  if (refcount_dec_and_test(r)) return true;
  mutex_unlock(lock);
  return false;
}
