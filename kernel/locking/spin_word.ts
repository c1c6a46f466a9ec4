// The word under every spinning lock, 0 when free: a ticket word or a queued one (spinlock.kind), inlined into its users.
//
// Preemption is off in all of these. `kind` is a LOCK_KIND, for the marks, or QUIET for a word that is part of another lock and invisible
// to the observers. The marks stand in the function that the user calls, so that the recorded return address is the user's.

import { CONFIG, SPINLOCK } from "config";
import { LOCK_FLAG, MARK } from "../abi/marks.ts";
import { QUEUED_LOCKED, queued_release, queued_wait } from "./mcs.ts";
import { ticket_draw, ticket_release, ticket_served, ticket_try, ticket_wait } from "./ticket.ts";

export const QUIET = 0;
const MCS: boolean = CONFIG.spinlock.kind === SPINLOCK.mcs;

/** LOCK_CONTENDED fires only when the caller must wait. */
export function word_lock(word: Ptr<u32>, kind: u32, subclass: u32): void {
  "inline";
  if (MCS) {
    if (unlikely(CMPXCHG(word[0], 0, QUEUED_LOCKED) !== 0)) {
      if (kind !== QUIET) traceMark(MARK.LOCK_CONTENDED, word, kind, subclass);
      queued_wait(word);
    }
  } else {
    const drawn = ticket_draw(word);
    if (unlikely(!ticket_served(drawn))) {
      if (kind !== QUIET) traceMark(MARK.LOCK_CONTENDED, word, kind, subclass);
      ticket_wait(word, drawn);
    }
  }
  if (kind !== QUIET) traceMark(MARK.LOCK_ACQUIRED, word, kind, subclass);
}

/** True when the lock was free and is now held. A failed try leaves only its LOCK_TRYFAIL. */
export function word_trylock(word: Ptr<u32>, kind: u32): boolean {
  "inline";
  if (MCS ? READ_ONCE(word[0]) === 0 && CMPXCHG(word[0], 0, QUEUED_LOCKED) === 0 : ticket_try(word)) {
    if (kind !== QUIET) traceMark(MARK.LOCK_ACQUIRED, word, kind, LOCK_FLAG.try);
    return true;
  }
  if (kind !== QUIET) traceMark(MARK.LOCK_TRYFAIL, word, kind, 0);
  return false;
}

export function word_unlock(word: Ptr<u32>, kind: u32): void {
  "inline";
  if (kind !== QUIET) traceMark(MARK.LOCK_RELEASE, word, kind, 0);
  if (MCS) queued_release(word);
  else ticket_release(word);
}

/** Somebody holds it, or is about to. A hint. */
export function word_is_locked(word: Ptr<u32>): boolean {
  "inline";
  const value = READ_ONCE(word[0]);
  return MCS ? value !== 0 : !ticket_served(value);
}

export function quiet_lock(word: Ptr<u32>): void {
  "inline";
  word_lock(word, QUIET, 0);
}

export function quiet_unlock(word: Ptr<u32>): void {
  "inline";
  word_unlock(word, QUIET);
}
