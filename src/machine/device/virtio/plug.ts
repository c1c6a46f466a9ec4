/**
 * What of the configuration is plugged into which slot. As QEMU does for `-device` without a bus: from the last slot
 * down, disks first, so that disk 0 is slot 7 and the first that a kernel finds (board-tree.ts).
 */
import type { Board, DiskPlace } from "../../board.ts";
import type { DiskConfig } from "../../types.ts";
import { SECTOR_BYTES, blockModel } from "./block.ts";
import { CONSOLE_MODEL } from "./console.ts";
import type { Model } from "./model.ts";
import { wrote } from "./queue.ts";
import { SLOTS } from "./state.ts";

const PAGE_BYTES = 4096;

/** Bytes of linear memory that a disk takes. */
export function diskRoom(disk: DiskConfig): number {
  return Math.ceil(disk.bytes.length / PAGE_BYTES) * PAGE_BYTES;
}

/** Where the disks lie, one after the other from `start`. */
export function placeDisks(disks: readonly DiskConfig[], start: number): DiskPlace[] {
  let next = start;
  return disks.map((disk, index) => {
    const at = next;
    next += diskRoom(disk);
    const sectors = disk.bytes.length / SECTOR_BYTES;
    return { at, sectors, readOnly: disk.readOnly, id: `disk${index}` };
  });
}

function isZero(bytes: Uint8Array): boolean {
  for (let i = 0; i < bytes.length; i++) if (bytes[i] !== 0) return false;
  return true;
}

/** Fills a fresh disk; pages of zeroes are left alone, so that they cost neither memory nor snapshots. */
export function loadDisk(board: Board, disk: DiskPlace, bytes: Uint8Array): void {
  for (let from = 0; from < bytes.length; from += PAGE_BYTES) {
    const page = bytes.subarray(from, from + PAGE_BYTES);
    if (isZero(page)) continue;
    board.bytes.set(page, disk.at + from);
    wrote(board, disk.at + from, page.length);
  }
}

/** The model in each slot. */
export function plug(disks: readonly DiskPlace[], console: boolean): (Model | null)[] {
  const models: (Model | null)[] = disks.map(blockModel);
  if (console) models.push(CONSOLE_MODEL);
  while (models.length < SLOTS) models.push(null);
  return models.reverse();
}
