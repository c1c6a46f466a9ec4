/**
 * The execution engine; contract.ts says what it promises and what it asks for.
 *
 * `exact` runs one instruction at a time in the order of the clocks; it is the reference. `ahead` lets a hart do private
 * work before others have come to that clock.
 *
 * Cycle mode: both give the same machine, bit for bit (hash, records, clocks, counts), racy guests included; only a
 * `budget` stop finds harts at different places. Why: what reaches into another hart's caches (taking its line,
 * invalidating copies, walking page tables it has written, storing into decoded code, decoding the first word of a page)
 * spends its penalty *first* and acts at the end of it (HART.PAID_AT), in order. The smallest such penalty (45 cycles
 * in the preset; timing/model.ts, lookahead) is then a promise: no hart touches what another one holds any sooner than that after its own clock, so the other may use
 * it that far (conservative lookahead, as Chandy and Misra have it). Everything else that harts share (misses, atomics,
 * fences, devices, system instructions, TLB walks) waits for its place in the order.
 *
 * Functional mode has no caches and so no such penalty: atomics, fences, devices and system instructions are in order, plain
 * loads and stores may be up to 500 cycles before their place. Code that synchronises by atomics alone computes the
 * same; a plain polling loop (a ticket lock's, too) sees a store up to 500 cycles early or late and goes round more or less
 * often. Measured: kernel boot with churn to 12 M cycles +0.7 % instructions, to 24 M +0.9 %; lost-object at its end
 * +0.30 % instructions, +0.002 % cycles, same verdict. Each mode by itself is deterministic.
 */
export { FLUSH, RUN, interruptLatency } from "./contract.ts";
export type { Engine, EngineImports, EngineOptions } from "./contract.ts";
export { createEngine } from "./engine.ts";
