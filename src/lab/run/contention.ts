/** Waits for locks as the result of a run tells them: by caller, by lock, and over time. */
import type { Symbols } from "../image/symbols.ts";
import type { Contended } from "../observe/locks/contention.ts";
import { LOCKING_FOLDER } from "../observe/locks/lock-site.ts";
import type { Observation } from "../observe/observation.ts";
import { hex } from "./result.ts";

/** Rows kept of each table, the longest total wait first. */
export const ROWS_MAX = 64;

/** Times in cycles. `waiting`: waits that have not ended; the times are those of the others. */
export interface ResultContended extends Contended {
  readonly class: string;
  readonly kind: string;
  /** In the words of `perf lock contention`: spinlock, rwlock:R, mutex, … */
  readonly type: string;
  readonly address: string;
}

/** `address`: where the lock was asked for, outside the locks' own code. */
export interface ResultContendedCaller extends ResultContended {
  /** `function+0xoff/0xsize` */
  readonly symbol: string;
  readonly file: string | null;
  readonly line: number | null;
}

export interface ResultWaiters {
  readonly class: string;
  readonly address: string;
  /** For each bucket, the cycles that all waiters together waited in it, and the most waiters at once. */
  readonly waiterCycles: readonly number[];
  readonly most: readonly number[];
}

export interface ResultContention {
  readonly callers: readonly ResultContendedCaller[];
  /** `address`: the lock's. */
  readonly locks: readonly ResultContended[];
  /** Rows beyond ROWS_MAX. */
  readonly dropped: { readonly callers: number; readonly locks: number };
  /** Of the locks above; the first bucket begins at `startCycle`. `dropped`: locks that were contended and not followed. */
  readonly waiters: {
    readonly startCycle: number;
    readonly bucketCycles: number;
    readonly locks: readonly ResultWaiters[];
    readonly dropped: number;
  };
}

const TYPES: Readonly<Record<string, string>> = {
  spin: "spinlock",
  raw: "spinlock",
  read: "rwlock:R",
  write: "rwlock:W",
  mutex: "mutex",
  sem_read: "rwsem:R",
  sem_write: "rwsem:W",
};
/** Where spinlock_t and rwlock_t sleep. */
const RT_TYPES: Readonly<Record<string, string>> = {
  ...TYPES,
  spin: "rt-mutex",
  read: "rwlock-rt:R",
  write: "rwlock-rt:W",
};

export function contentionResult(observation: Observation, symbols: Symbols, endCycle: number): ResultContention {
  const { contention } = observation.lockStat;
  const { locks, lockKinds } = observation;
  const types = observation.sleepingSpinlocks ? RT_TYPES : TYPES;
  const common = (one: Contended & { cls: number; kind: number }, address: number): ResultContended => {
    const kind = lockKinds.names[one.kind] ?? String(one.kind);
    return {
      class: locks.classes.names[one.cls],
      kind,
      type: types[kind] ?? kind,
      contended: one.contended,
      waiting: one.waiting,
      waitTotal: one.waitTotal,
      waitMax: one.waitMax,
      address: hex(address),
    };
  };
  const callers = contention.callers();
  const byLock = contention.locks();
  const shown = byLock.slice(0, ROWS_MAX);
  const waiters = contention.waitersOverTime([...new Set(shown.map((one) => one.lock))], endCycle);
  return {
    callers: callers.slice(0, ROWS_MAX).map((one) => ({
      ...common(one, one.site),
      symbol: symbols.offsetName(one.site),
      ...placeOf(one.site, symbols),
    })),
    locks: shown.map((one) => common(one, locks.addressOf(one.lock))),
    dropped: {
      callers: Math.max(0, callers.length - ROWS_MAX),
      locks: Math.max(0, byLock.length - ROWS_MAX),
    },
    waiters: {
      startCycle: waiters.startCycle,
      bucketCycles: waiters.bucketCycles,
      locks: waiters.series.map(({ lock, waiterCycles, most }) => ({
        class: locks.classes.names[locks.classOf(lock, 0)],
        address: hex(locks.addressOf(lock)),
        waiterCycles,
        most,
      })),
      dropped: waiters.dropped,
    },
  };
}

/** The innermost line outside the locks' own code: a site is behind a call, or in a function into which the lock was inlined. */
function placeOf(site: number, symbols: Symbols): { file: string | null; line: number | null } {
  const frames = symbols.frames(site - 1);
  const frame = frames.find(({ file }) => !file.startsWith(LOCKING_FOLDER)) ?? frames.at(-1);
  return { file: frame?.file ?? null, line: frame?.line ?? null };
}
