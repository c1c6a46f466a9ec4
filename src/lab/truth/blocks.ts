/**
 * Which blocks and pages the guest has, by its marks: the live memory that a host may look through.
 *
 * Pages that an allocator takes inside of a call of its own are its blocks' memory and no owner's; the others ("raw") are somebody's.
 */
import type { Stack } from "../observe/moment.ts";

export interface Block {
  readonly address: number;
  readonly bytes: number;
  /** Name of the slab cache, or kmalloc (whole pages), vmalloc. */
  readonly from: string;
  readonly task: number;
  readonly stack: Stack;
  /** An allocator took it for itself, inside of a call: a vm_struct, metadata. */
  readonly own: boolean;
}

export class BlockLog {
  readonly live = new Map<number, Block>();
  /** Address -> bytes. */
  readonly rawPages = new Map<number, number>();
  /** Task_structs that have come and not gone. */
  readonly tasks = new Set<number>();

  allocated(block: Block): void {
    this.live.set(block.address, block);
  }

  freed(address: number, _stack: Stack): void {
    this.live.delete(address >>> 0);
  }

  pagesAllocated(address: number, bytes: number, inside: boolean): void {
    if (!inside) this.rawPages.set(address >>> 0, bytes);
  }

  pagesFreed(address: number, _stack: Stack): void {
    this.rawPages.delete(address >>> 0);
  }
}
