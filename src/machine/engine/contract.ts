/**
 * The execution engine: a WebAssembly interpreter generated from the instruction table, with its own hart loop.
 *
 * All state is in `memory`, laid out by `memory/layout.ts`; guest RAM starts at `ramOffset`. The memory never grows, so
 * views on it stay valid. JavaScript (hart/, device/) is called for what is rare:
 *
 * What holds whenever an import is called: x, PC, CLOCK, PRIV and all CSRs of that hart are in memory (INSTRET too,
 * except for device accesses), PC is the instruction being executed (for `interrupts`, the next one). What the import
 * writes there counts.
 * - `system`: executes the instruction: sets x and PC (also for plain ones: PC + 4), or enters a trap. Returns extra
 *   cycles >= 0 when the instruction retires (counted in cycle mode only), -1 when it trapped instead.
 * - `trap`: enter the trap; the engine has decided cause and tval. The instruction does not retire, its cost is charged.
 * - `interrupts`: called before an instruction of this hart, when ATTENTION is set, or CLOCK >= EVENT_CLOCK (the engine
 *   has already reset that to all ones), or CLOCK >= TIMER_CLOCK while MIP.MTIP (bit 7) is clear. Must clear ATTENTION, bring MIP up
 *   to date (MTIP = CLOCK >= TIMER_CLOCK), clear WFI when something enabled is pending, and take at most one interrupt.
 * - `mmioLoad`, `mmioStore`: an aligned access outside RAM. Unknown address: set MACHINE_WORD.ACCESS_FAULT to 1; the
 *   engine clears it and raises the access fault. MACHINE_WORD.DEVICE_CYCLES: what the access costs in cycle mode.
 * - `pmpRights`: what PMP permits of [physical, physical + size): 1 read, 2 write, 4 execute; -1 when the entry that decides
 *   does not cover all of it. Asked for whole pages first; of a page that PMP divides nothing enters a table of the engine,
 *   and each access asks for its own bytes.
 * Any import may set MACHINE_WORD.STOP: `run` returns RUN.STOPPED after this instruction (the caller clears it).
 *
 * Order between harts. Harts run in the order of (clock, (hart + clock) mod n); in `ahead` mode private work of a hart
 * may be further (aheadCycles in core.ts), but every import is called in that order, when no other hart is behind.
 * Therefore an import may change ITS OWN hart at once (set ATTENTION), but another hart only by an event in the future:
 *   EVENT_CLOCK of the other = min(EVENT_CLOCK, CLOCK of this hart + interruptLatency)
 * and must leave its MIP, WFI, CLOCK and ATTENTION alone; `interrupts` finds the changed lines then. TIMER_CLOCK of another hart must not
 * be set below CLOCK of this hart + interruptLatency. Both modes keep this latency, so they agree (index.ts).
 * Between calls of `run`, use EVENT_CLOCK = min(EVENT_CLOCK, engine.now()) for any hart.
 *
 * WFI: `system` sets HART.WFI when nothing enabled is pending. A waiting hart is passed over until its EVENT_CLOCK or
 * TIMER_CLOCK is the next thing to happen (or ATTENTION is set); its clock then jumps there and `interrupts` is called.
 *
 * HELD: the hart is left out of the order, whatever is due for it. Whoever releases it sets CLOCK to `now()` first.
 *
 * FLUSH: after a change of a PMP register set FLUSH.TLB; after a change of satp, mstatus.MPRV, MPP (while MPRV), SUM or MXR
 * set FLUSH.LINES; for sfence.vma set the FENCE bits, FENCE_ADDRESS and FENCE_ASID. Privilege changes need nothing. Stores to
 * code are noticed by the engine; fence.i needs nothing.
 *
 * Instruction fetch costs nothing but its TLB walks (a simplification: a code footprint of an L1I is assumed).
 */
import type { Jit, JitTuning } from "./jit/jit.ts";
import type { Costs } from "../timing/constants.ts";
import type { Interleave, Timing } from "../types.ts";
import type { ChangedPages } from "./changed-pages.ts";
import type { ConsumePlaces } from "./record-order.ts";
import type { Tables } from "./tables.ts";

/**
 * Bits of HART.FLUSH. LINES: what the fast tables know. TLB: all translations too. FENCE: translations, of one page if
 * FENCE_PAGE, of one address space (and not global) if FENCE_SPACE.
 */
export const FLUSH = { LINES: 1, TLB: 2, FENCE: 4, FENCE_PAGE: 8, FENCE_SPACE: 16 } as const;

/** Cycles from a store that raises another hart's interrupt line until that hart notices: at least aheadCycles of core.ts. */
export const interruptLatency = (timing: Timing, costs: Costs): number => (timing === "cycle" ? costs.interrupt : 600);

export interface EngineImports {
  /** -1: trapped, else extra cycles. */
  system(hart: number, instruction: number): number;
  trap(hart: number, cause: number, tval: number): void;
  interrupts(hart: number): void;
  mmioLoad(hart: number, physical: number, size: number): number;
  mmioStore(hart: number, physical: number, size: number, value: number): void;
  /** `privilege` is the effective one. */
  pmpRights(hart: number, physical: number, size: number, privilege: number): number;
}

export interface EngineOptions {
  readonly harts: number;
  readonly memoryBytes: number;
  /** Bytes of memory behind guest RAM, page aligned, that only devices reach: disks. Default 0. */
  readonly storageBytes?: number;
  readonly timing: Timing;
  readonly interleave: Interleave;
  readonly recordMarks: boolean;
  /** Every access to memory leaves a record for `drainAccesses`. Default: no. */
  readonly observeAccesses?: boolean;
  /** Compile what is hot (jit/); never changes what happens. null: interpret only, as an observed engine does. */
  readonly jit: JitTuning | null;
  /** What things cost in cycle mode; part of the generated code. */
  readonly costs: Costs;
  readonly imports: EngineImports;
}

/** Why `run` came back. */
export const RUN = {
  BUDGET: 1,
  CYCLE: 2,
  /** A mark of `setAttentionMarks` fired; `drainMarks` ends with its record. MACHINE_WORD.MARK_EVENT is its event. */
  MARK: 3,
  DEADLOCK: 4,
  /** MACHINE_WORD.STOP was set by an import. */
  STOPPED: 5,
  /** The mark buffer or the access buffer is nearly full. */
  DRAIN: 6,
  /** A hart has come to one of `setBreakpoints`; it is MACHINE_WORD.BREAK_HART. The next call goes on with the instruction there. */
  BREAK: 7,
} as const;

export interface Engine {
  readonly memory: WebAssembly.Memory;
  /** Guest physical 0x8000_0000 + i is byte ramOffset + i. */
  readonly ramOffset: number;
  /** For snapshots: where what is, and which pages changed since `changes.clear`. */
  readonly tables: Tables;
  readonly changes: ChangedPages;
  /** To be called with `changes.clear`: each page's next store marks it. */
  withdrawWrites(): void;
  /** What was predecoded from the word of RAM at `offset` does not hold (any more). */
  dropCode(offset: number): void;
  /**
   * Until instructions retired by all harts since reset reach `maxInstructions` (exactly), or every clock reaches
   * `untilCycle` (Infinity: no such limit). One of RUN. Resets nothing; call again to go on.
   */
  run(maxInstructions: number, untilCycle: number): number;
  /**
   * After RUN.STOPPED: all harts go on to a clock that none can have passed, so that in cycle mode the machine ends in the
   * same state whichever way it is interleaved. Further stops are ignored.
   */
  settle(): void;
  /** The largest clock of all harts. */
  now(): number;
  /**
   * JavaScript (a loader, a device's DMA) has written these bytes of RAM: what was predecoded from them is dropped,
   * reservations on them are lost. Call it after every such write, between calls of `run` or from an import. Offsets
   * behind RAM are storage.
   */
  wroteRam(offset: number, length: number): void;
  /** Forgets all code predecoded so far. */
  flushCode(): void;
  /** Forgets all caches and translations of all harts, as at reset. */
  reset(): void;
  /** Tier 2, to be looked at; null: there is none. */
  readonly jit: Jit | null;
  /** Physical address as this hart's page tables map it now (no permissions, no TLB), or -1. Privilege 3: itself. */
  translate(hart: number, virtual: number, access: number, privilege: number): number;
  /**
   * Offsets in RAM of instructions before which `run` ends, instead of those set before. Not part of the machine's state.
   * Tier 2 knows nothing of them, nor do pages that PMP divides.
   */
  setBreakpoints(offsets: readonly number[]): void;
  /** Marks whose event is listed end `run`. */
  setAttentionMarks(events: readonly number[]): void;
  /** Appends a record of the machine itself (counted in MARKS like any other). */
  record(hart: number, event: number, pc: number, a: number, b: number, c: number): void;
  /** Whole records in order of time; those that a slower hart may still precede stay for the next call. */
  drainMarks(consume: (words: Int32Array, count: number) => void): void;
  /** The same for access records (ACCESS_WORD), which stay where they are: with the place of each. */
  drainAccesses(consume: ConsumePlaces): void;
}
