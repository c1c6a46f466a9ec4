/** What the lab sees of a machine. `createMachine` in machine.ts makes one. */
import type { Result } from "../base/result.ts";
import type { BootPlan } from "./boot/plan.ts";
import type { TimingModel } from "./timing/model.ts";

export type Timing = "functional" | "cycle";
/** exact: one instruction at a time in clock order, the reference. ahead: private work runs ahead (ENGINE.md). */
export type Interleave = "exact" | "ahead";

export interface DiskConfig {
  /** Contents at the start, whole 512-byte sectors; copied. */
  readonly bytes: Uint8Array;
  readonly readOnly: boolean;
}

export interface MachineConfig {
  /** 1..64. */
  readonly harts: number;
  /** RAM size in bytes, a multiple of 1 MiB, 8 MiB..2 GiB. */
  readonly memoryBytes: number;
  readonly timing: Timing;
  readonly interleave: Interleave;
  /** /chosen/bootargs. */
  readonly bootargs: string;
  /** Whether the lab device is on the board. */
  readonly lab: boolean;
  /** Buffer mark records for `drainMarks`. Off: marks are still counted. Never changes the hash. */
  readonly recordMarks: boolean;
  /**
   * Buffer a record of every load, store, atomic and fence for `drainAccesses`; the machine is the same, but slower. Default: no.
   * With `ahead` in functional mode harts see each other's plain stores up to 500 cycles early or late; else the records in
   * order are what happened.
   */
  readonly observeAccesses?: boolean;
  /** What things cost in cycle mode; absent: the default preset. */
  readonly costs?: TimingModel;
  /** virtio-blk devices; disk 0 is the first that a kernel finds. Default: none. */
  readonly disks?: readonly DiskConfig[];
  /** A virtio-console on the board: it gets what `sendConsole` sends; what it sends joins the UART's. Default: none. */
  readonly virtioConsole?: boolean;
  /** Compile what is hot; never changes what happens, the hash included. Absent: where it pays (machine.ts). */
  readonly jit?: boolean;
}

export type Stop =
  | { readonly kind: "poweroff" }
  | { readonly kind: "reboot" }
  /** The finisher was written with a failure code. */
  | { readonly kind: "failure"; readonly code: number }
  /** `maxInstructions` retired by all harts together. */
  | { readonly kind: "budget" }
  /** Every hart's clock has reached `untilCycle`. */
  | { readonly kind: "cycle" }
  /** A mark whose event is in `attention` fired; its record is the last one in the buffer. */
  | { readonly kind: "mark"; readonly event: number }
  /** All harts wait for ever: WFI or parked polling with no timer, event or interrupt to come. */
  | { readonly kind: "deadlock"; readonly detail: string }
  /** A hart cannot go on: a trap inside the trap handler's first instruction, or no memory at mtvec. */
  | { readonly kind: "fault"; readonly hart: number; readonly detail: string }
  /** The mark buffer or the access buffer is nearly full, or console output waits: drain and run again. */
  | { readonly kind: "drain" }
  /** The hart stands before the instruction at a breakpoint; the next `run` goes on with it, unless the hart is held. */
  | { readonly kind: "break"; readonly hart: number; readonly pc: number };

export interface RunLimits {
  /** Sum over harts since reset, not per call. */
  readonly maxInstructions: number;
  /** Clock at which to stop, if given. */
  readonly untilCycle?: number;
  /** Events of marks that end the call. */
  readonly attention?: readonly number[];
}

export interface HartView {
  readonly pc: number;
  readonly privilege: number;
  readonly x: Uint32Array;
  readonly clock: number;
  readonly instructions: number;
  readonly marks: number;
  readonly waiting: boolean;
  readonly held: boolean;
  /** Supervisor interrupts are off, in S mode: since when, and the pc that did it (hart/irqs-off.ts); null: they are on. */
  readonly irqsOff: { readonly since: number; readonly pc: number } | null;
}

/** A request the lab device answered. */
export interface LabResult {
  readonly sequence: number;
  readonly op: number;
  readonly arg: number;
  /** Clock of the hart that acknowledged. */
  readonly cycle: number;
  /** 0 or a negative errno, as the guest wrote it. */
  readonly result: number;
}

/** A state of one machine to come back to; immutable, of use to that machine only. Free it by forgetting it. */
export interface Snapshot {
  /** The largest clock of all harts. */
  readonly cycle: number;
}

export interface Machine {
  readonly config: MachineConfig;
  /** The stop after which it cannot run any more; null while it can. */
  readonly end: Stop | null;
  /** Loads PT_LOAD segments at their physical addresses; only before the first `run`. Bad input: nothing is written. */
  loadElf(bytes: Uint8Array): Result<void>;
  /** Puts pieces where a plan wants them, instead of the board's own device tree; only before the first `run`. */
  loadPlan(plan: BootPlan): void;
  /** Runs until a limit or an event; may be called again after every kind but poweroff, reboot, failure, fault. */
  run(limits: RunLimits): Stop;
  /**
   * Where `run` ends, each time that a hart comes to one of these virtual addresses; instead of those set before. They
   * are found as the page tables map them now. Not part of the state: a snapshot restored keeps those of now. Not with a JIT.
   */
  setBreakpoints(addresses: readonly number[]): void;
  /**
   * The hart executes nothing until `release`; all others go on, and what is sent to it waits. Part of the state, and of
   * snapshots. Only with `interleave: exact` or one hart; harmless when it is held already.
   */
  hold(hart: number): void;
  /** It goes on at the clock where the machine has come to. */
  release(hart: number): void;
  /**
   * Raises the hart's timer (as though it were set to now) or its software interrupt at the clock where the machine is: a hart
   * held until then takes it before its next instruction, if it may. Until the guest has served it, it stays.
   */
  interrupt(hart: number, source: "timer" | "software"): void;
  hart(index: number): HartView;
  /** Calls back with runs of whole records (MARK_WORD), in order of time; the array is reused. */
  drainMarks(consume: (words: Int32Array, count: number) => void): void;
  /**
   * Calls back with access records (ACCESS_WORD in memory/layout.ts) in order of time: record i of `count` begins at
   * `words[places[i]]`. Both arrays are reused.
   */
  drainAccesses(consume: (words: Int32Array, places: Int32Array, count: number) => void): void;
  /** What the UART sent since the last call. */
  drainConsole(): Uint8Array;
  /**
   * Bytes that the UART (or the virtio-console, if there is one) will receive. How many were taken: the device holds a
   * few KiB that the guest has not read; send the rest later.
   */
  sendConsole(bytes: Uint8Array): number;
  /** Bytes sent there that the guest has not read yet. */
  unreadInput(): number;
  /** Queues a request in the lab device and raises its interrupt; null when its queue of 64 is full. */
  requestLab(op: number, arg: number): number | null;
  drainLabResults(): LabResult[];
  /** Guest-physical memory; null where there is no RAM. A copy. */
  readPhysical(address: number, length: number): Uint8Array | null;
  /** Writes guest-physical memory between two runs; false, and nothing written, where there is no RAM. */
  writePhysical(address: number, bytes: Uint8Array): boolean;
  /** Guest-virtual memory as hart 0's satp maps it (supervisor view, no side effects); null where unmapped. */
  readVirtual(address: number, length: number): Uint8Array | null;
  /**
   * This state, console output, lab results and mark records not yet drained included. Changes nothing: the machine
   * goes on as it would have without.
   */
  snapshot(): Snapshot;
  /** Back to a snapshot of this machine, also of one that has ended; any one, in any order, as often as wanted. */
  restore(snapshot: Snapshot): void;
  /** This state as the bytes of a file, for `loadMachine` (machine.ts) in another process; changes nothing. */
  save(): Uint8Array;
  /** The contents of a disk now. A copy. */
  readDisk(index: number): Uint8Array;
  /** SHA-256 over RAM, hart state, device sections and clocks, in hex. */
  hash(): string;
}
