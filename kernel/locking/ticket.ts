// The ticket word: `next` ticket in the high half, ticket being served (`owner`) in the low half; equal halves mean free.
//
//   lock    ticket = next++ (one AMO), wait until owner = ticket
//   unlock  owner++ (a half-word store: only the holder writes it)
//
// All who wait read the same word, so each unlock is a miss for every one of them. Limit: 65535 CPUs may wait.

/** One ticket, in the high half of the word. */
const TICKET_ONE = 0x1_0000;

/** Draws a ticket; true: it is its turn at once. Else ticket_wait(word, the ticket). */
export function ticket_draw(word: Ptr<u32>): u32 {
  "inline";
  return amoAddAcquire(word, TICKET_ONE);
}

/** What ticket_draw returned says that it is the caller's turn. */
export function ticket_served(drawn: u32): boolean {
  "inline";
  return (drawn & (TICKET_ONE - 1)) === drawn >>> 16;
}

export function ticket_wait(word: Ptr<u32>, drawn: u32): void {
  "inline";
  const ticket = drawn >>> 16;
  const serving = cast<Ptr<u16>>(addr(word));
  while (READ_ONCE(serving[0]) !== ticket) pause();
  fence("r", "rw");
}

export function ticket_try(word: Ptr<u32>): boolean {
  "inline";
  const old = READ_ONCE(word[0]);
  return ticket_served(old) && CMPXCHG(word[0], old, old + TICKET_ONE) === old;
}

export function ticket_release(word: Ptr<u32>): void {
  "inline";
  const serving = cast<Ptr<u16>>(addr(word));
  // Others draw tickets from the same word meanwhile.
  const next = u16(READ_ONCE(serving[0]) + 1);
  fence("rw", "w");
  WRITE_ONCE(serving[0], next);
}
