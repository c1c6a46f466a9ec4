// The ticket word under every spinlock (spinlock.ts draws it), inlined into its users.

import { LOCK_FLAG, MARK } from "../abi/marks.ts";

/** One ticket, in the high half of the word. */
export const TICKET_ONE = 0x1_0000;

/** Preemption is off. LOCK_CONTENDED fires only when the caller must wait. */
export function ticket_lock(word: Ptr<u32>, kind: u32, subclass: u32): void {
  "inline";
  const old = amoAddAcquire(word, TICKET_ONE);
  const ticket = old >>> 16;
  if (unlikely((old & (TICKET_ONE - 1)) !== ticket)) {
    traceMark(MARK.LOCK_CONTENDED, word, kind, subclass);
    const serving = cast<Ptr<u16>>(addr(word));
    while (READ_ONCE(serving[0]) !== ticket) pause();
    fence("r", "rw");
  }
  traceMark(MARK.LOCK_ACQUIRED, word, kind, subclass);
}

/** True when the lock was free and is now held. A failed try leaves only its LOCK_TRYFAIL. */
export function ticket_trylock(word: Ptr<u32>, kind: u32): boolean {
  "inline";
  const old = READ_ONCE(word[0]);
  if (old >>> 16 === (old & (TICKET_ONE - 1)) && CMPXCHG(word[0], old, old + TICKET_ONE) === old) {
    traceMark(MARK.LOCK_ACQUIRED, word, kind, LOCK_FLAG.try);
    return true;
  }
  traceMark(MARK.LOCK_TRYFAIL, word, kind, 0);
  return false;
}

export function ticket_unlock(word: Ptr<u32>, kind: u32): void {
  "inline";
  traceMark(MARK.LOCK_RELEASE, word, kind, 0);
  const serving = cast<Ptr<u16>>(addr(word));
  const next = u16(serving[0] + 1);
  fence("rw", "w");
  WRITE_ONCE(serving[0], next);
}

/** As ticket_lock, invisible to the observers: for a word that is part of another lock. */
export function quiet_lock(word: Ptr<u32>): void {
  "inline";
  const old = amoAddAcquire(word, TICKET_ONE);
  const ticket = old >>> 16;
  if (unlikely((old & (TICKET_ONE - 1)) !== ticket)) {
    const serving = cast<Ptr<u16>>(addr(word));
    while (READ_ONCE(serving[0]) !== ticket) pause();
    fence("r", "rw");
  }
}

export function quiet_unlock(word: Ptr<u32>): void {
  "inline";
  const serving = cast<Ptr<u16>>(addr(word));
  const next = u16(serving[0] + 1);
  fence("rw", "w");
  WRITE_ONCE(serving[0], next);
}
