/** What a snapshot of a machine holds: linear memory, and the little that stands beside it. */
import type { LabResult, Machine, Snapshot, Stop } from "../types.ts";
import type { Image } from "./image.ts";

export interface MachineState {
  readonly image: Image;
  /** Sent by the guest, not yet drained. */
  readonly console: Uint8Array;
  readonly labResults: readonly LabResult[];
  /** Whether it has run: nothing may be loaded any more. */
  readonly started: boolean;
  /** The stop after which nothing can run any more. */
  readonly end: Stop | null;
}

export class MachineSnapshot implements Snapshot {
  readonly owner: Machine;
  readonly cycle: number;
  readonly state: MachineState;

  constructor(owner: Machine, cycle: number, state: MachineState) {
    this.owner = owner;
    this.cycle = cycle;
    this.state = state;
  }
}
