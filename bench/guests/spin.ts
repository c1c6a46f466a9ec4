// Locks made of one word, each in the way the name says; the ticket lock is the kernel's own (kernel/locking/ticket.ts).

/** LR/SC until the word was seen free and taken; between attempts only read. */
export function lrsc_lock(word: Ptr<u32>): void {
  "inline";
  while (CMPXCHG(word[0], 0, 1) !== 0) {
    while (READ_ONCE(word[0]) !== 0) pause();
  }
}

export function lrsc_unlock(word: Ptr<u32>): void {
  "inline";
  amoSwap(word, 0);
}

/** Test and test-and-set: read until it looks free, then swap. */
export function ttas_lock(word: Ptr<u32>): void {
  "inline";
  for (;;) {
    while (READ_ONCE(word[0]) !== 0) pause();
    if (amoSwapAcquire(word, 1) === 0) return;
  }
}

export function ttas_unlock(word: Ptr<u32>): void {
  "inline";
  fence("rw", "w");
  WRITE_ONCE(word[0], 0);
}

/** Readers and writers on one word by AMO: bit 0 a writer, above it the number of readers. Readers come first. */
export function read_lock(word: Ptr<u32>): void {
  "inline";
  while ((amoAddAcquire(word, 2) & 1) !== 0) {
    amoAddRelaxed(word, -2);
    while ((READ_ONCE(word[0]) & 1) !== 0) pause();
  }
}

export function read_unlock(word: Ptr<u32>): void {
  "inline";
  amoAddRelease(word, -2);
}

export function write_lock(word: Ptr<u32>): void {
  "inline";
  while (CMPXCHG(word[0], 0, 1) !== 0) {
    while (READ_ONCE(word[0]) !== 0) pause();
  }
}

export function write_unlock(word: Ptr<u32>): void {
  "inline";
  amoAddRelease(word, -1);
}
