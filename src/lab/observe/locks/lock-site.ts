/** Who took a lock: of a mark's pc and two return addresses, the one that names the user of the lock and not the lock's own code. */
import type { Symbols } from "../../image/symbols.ts";

/** Where the locks' own code is. */
export const LOCKING_FOLDER = "kernel/locking/";

/** The innermost of pc, ra and the caller's ra whose code is not only of kernel/locking. */
export function lockSite(symbols: Symbols): (pc: number, ra0: number, ra1: number) => number {
  const own = new Map<number, boolean>();
  const inLocking = (address: number): boolean => {
    let answer = own.get(address);
    if (answer === undefined) {
      const frames = symbols.frames(address);
      answer = frames.length > 0 && frames.every((frame) => frame.file.startsWith(LOCKING_FOLDER));
      own.set(address, answer);
    }
    return answer;
  };
  return (pc, ra0, ra1) => {
    if (pc === 0) return 0;
    if (!inLocking(pc)) return pc;
    return ra0 !== 0 && !inLocking(ra0 - 1) ? ra0 : ra1 || ra0 || pc;
  };
}
