/**
 * Keeps V8's optimizing compiler out of a job that is over in two seconds.
 *
 * A build runs most of its code a few hundred times: machine code made for it is paid for (on other threads, half as
 * much CPU again as the build itself) and hardly used. A function must run fifteen times as long as usual before V8
 * optimizes it; measured best between ten and thirty. What runs afterwards is optimized as usual.
 */
import { setFlagsFromString } from "node:v8";

/** Bytes of bytecode that a function runs through before V8 considers it; V8's own value, and ours. */
const BUDGET_USUAL = 67_584;
const BUDGET_SHORT_JOB = 1_000_000;

export function asShortJob<T>(job: () => T): T {
  setFlagsFromString(`--interrupt-budget=${BUDGET_SHORT_JOB}`);
  try {
    return job();
  } finally {
    setFlagsFromString(`--interrupt-budget=${BUDGET_USUAL}`);
  }
}
