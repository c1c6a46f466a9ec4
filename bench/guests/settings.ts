// What a build of a guest may choose. bench/images/guest.ts replaces this file; these values serve editors and tsc.

/** Rounds of the guest's main loop. */
export const ROUNDS: u32 = 1;
/** Harts that take part; the others sleep. */
export const HARTS: u32 = 4;
