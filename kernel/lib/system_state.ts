// How far the system has come: what may happen depends on it in a few places. One writer, init/main.ts.

/** One CPU, interrupts mostly off, no scheduler. */
export const SYSTEM_BOOTING = 0;
/** The scheduler works; the other CPUs start. */
export const SYSTEM_SCHEDULING = 1;
/** The init thread is about to run what the system is for. */
export const SYSTEM_RUNNING = 2;

let state: u32 = SYSTEM_BOOTING;

export function system_state(): u32 {
  "inline";
  return state;
}

export function set_system_state(to: u32): void {
  state = to;
}
