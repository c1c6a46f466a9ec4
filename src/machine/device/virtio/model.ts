/** What a kind of virtio device adds to the transport. Without state of its own: that is in the slot's words. */
import type { Board } from "../../board.ts";
import type { BROKEN, Chain } from "./queue.ts";

export interface Model {
  readonly deviceId: number;
  /** Feature bits 0..31 that it offers; VERSION_1 is the transport's. */
  readonly features: number;
  readonly queues: number;
  /** Its configuration space, which never changes. */
  readonly configuration: Uint8Array;
  /** Whether it has use for a buffer of this queue now. */
  wants(board: Board, queue: number): boolean;
  /** How long it works on a chain. */
  cycles(board: Board, queue: number, chain: Chain): number;
  /** Does it: the bytes written into the chain. May be asked twice only after a reset. */
  perform(board: Board, queue: number, chain: Chain): number | typeof BROKEN;
}
