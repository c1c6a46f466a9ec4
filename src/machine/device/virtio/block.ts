/**
 * virtio-blk (virtio 1.2, section 5.2): read, write, flush, id, discard and write-zeroes over a disk whose bytes lie
 * behind guest RAM in linear memory, so that snapshots and hashes see them as they see RAM.
 *
 *   request: u32 type, u32 reserved, u64 sector | data out | data in | u8 status
 *
 * Framing is free: header, data and status may be cut into descriptors anyhow. A chain without a whole header or a
 * status byte breaks the queue; anything else that cannot be done is a status (1 error, 2 unsupported) and leaves the
 * disk alone. Discarded sectors read zero.
 */
import type { Board, DiskPlace } from "../../board.ts";
import type { Model } from "./model.ts";
import { BROKEN, gather, scatter, sliceSegments, totalBytes, wrote, type Chain, type Segment } from "./queue.ts";
import { QUEUE_SIZE_MAX } from "./state.ts";

export const SECTOR_BYTES = 512;
const HEADER_BYTES = 16;
const RANGE_BYTES = 16;
const ID_BYTES = 20;

const TYPE = { IN: 0, OUT: 1, FLUSH: 4, GET_ID: 8, DISCARD: 11, WRITE_ZEROES: 13 } as const;
const RESULT = { OK: 0, IO_ERROR: 1, UNSUPPORTED: 2 } as const;
const FEATURE = {
  SEGMENTS_MAX: 1 << 2,
  READ_ONLY: 1 << 5,
  BLOCK_SIZE: 1 << 6,
  FLUSH: 1 << 9,
  DISCARD: 1 << 13,
  WRITE_ZEROES: 1 << 14,
  INDIRECT: 1 << 28,
} as const;
/** Offsets in the configuration; what is left out is zero. */
const CONFIG = {
  CAPACITY: 0,
  SEGMENTS_MAX: 12,
  BLOCK_SIZE: 20,
  QUEUES: 34,
  DISCARD_SECTORS_MAX: 36,
  DISCARD_RANGES_MAX: 40,
  DISCARD_ALIGNMENT: 44,
  ZERO_SECTORS_MAX: 48,
  ZERO_RANGES_MAX: 52,
  ZERO_MAY_UNMAP: 56,
  BYTES: 60,
} as const;
/** `flags` of a range: the sectors may be given back. Meaningless here; the other bits are reserved. */
const RANGE_UNMAP = 1;

interface Request {
  readonly type: number;
  readonly sector: number;
  readonly out: readonly Segment[];
  readonly outBytes: number;
  readonly in: readonly Segment[];
  readonly inBytes: number;
  readonly status: Segment;
}

function parse(board: Board, chain: Chain): Request | typeof BROKEN {
  const outBytes = totalBytes(chain.readable) - HEADER_BYTES;
  const inBytes = totalBytes(chain.writable) - 1;
  if (outBytes < 0 || inBytes < 0) return BROKEN;
  const header = gather(board, sliceSegments(chain.readable, 0, HEADER_BYTES));
  const view = new DataView(header.buffer);
  return {
    type: view.getUint32(0, true),
    sector: view.getUint32(8, true) + view.getUint32(12, true) * 0x1_0000_0000,
    out: sliceSegments(chain.readable, HEADER_BYTES, HEADER_BYTES + outBytes),
    outBytes,
    in: sliceSegments(chain.writable, 0, inBytes),
    inBytes,
    status: sliceSegments(chain.writable, inBytes, inBytes + 1)[0]!,
  };
}

/** Offset in linear memory of whole sectors inside the disk, or -1. */
function diskRange(disk: DiskPlace, sector: number, bytes: number): number {
  const inside = bytes % SECTOR_BYTES === 0 && sector + bytes / SECTOR_BYTES <= disk.sectors;
  return inside ? disk.at + sector * SECTOR_BYTES : -1;
}

/** Copies between the disk, at `position`, and RAM. */
function move(board: Board, position: number, segments: readonly Segment[], toRam: boolean): void {
  let disk = position;
  for (const { at, length } of segments) {
    const [from, to] = toRam ? [disk, at] : [at, disk];
    board.bytes.copyWithin(to, from, from + length);
    wrote(board, to, length);
    disk += length;
  }
}

/** Discard and write-zeroes: one range of sectors becomes zero. */
function clear(board: Board, disk: DiskPlace, request: Request): number {
  if (disk.readOnly || request.outBytes !== RANGE_BYTES) return RESULT.IO_ERROR;
  const view = new DataView(gather(board, request.out).buffer);
  const flags = view.getUint32(12, true);
  const reserved = request.type === TYPE.DISCARD ? flags : flags & ~RANGE_UNMAP;
  if (reserved !== 0) return RESULT.UNSUPPORTED;
  const sector = view.getUint32(0, true) + view.getUint32(4, true) * 0x1_0000_0000;
  const bytes = view.getUint32(8, true) * SECTOR_BYTES;
  const at = diskRange(disk, sector, bytes);
  if (at < 0) return RESULT.IO_ERROR;
  board.bytes.fill(0, at, at + bytes);
  wrote(board, at, bytes);
  return RESULT.OK;
}

/** Does a request; its status and how many data bytes it gave to the driver. */
function execute(board: Board, disk: DiskPlace, request: Request): [status: number, filled: number] {
  switch (request.type) {
    case TYPE.IN: {
      const at = diskRange(disk, request.sector, request.inBytes);
      if (at < 0) return [RESULT.IO_ERROR, 0];
      move(board, at, request.in, true);
      return [RESULT.OK, request.inBytes];
    }
    case TYPE.OUT: {
      const at = diskRange(disk, request.sector, request.outBytes);
      if (at < 0 || disk.readOnly) return [RESULT.IO_ERROR, 0];
      move(board, at, request.out, false);
      return [RESULT.OK, 0];
    }
    case TYPE.FLUSH:
      return [RESULT.OK, 0];
    case TYPE.GET_ID: {
      const id = new Uint8Array(ID_BYTES);
      id.set(new TextEncoder().encode(disk.id).subarray(0, ID_BYTES));
      return [RESULT.OK, scatter(board, request.in, id)];
    }
    case TYPE.DISCARD:
    case TYPE.WRITE_ZEROES:
      return [clear(board, disk, request), 0];
    default:
      return [RESULT.UNSUPPORTED, 0];
  }
}

function configuration(disk: DiskPlace): Uint8Array {
  const bytes = new Uint8Array(CONFIG.BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(CONFIG.CAPACITY, disk.sectors, true);
  view.setUint32(CONFIG.SEGMENTS_MAX, QUEUE_SIZE_MAX - 2, true);
  view.setUint32(CONFIG.BLOCK_SIZE, SECTOR_BYTES, true);
  view.setUint16(CONFIG.QUEUES, 1, true);
  view.setUint32(CONFIG.DISCARD_SECTORS_MAX, disk.sectors, true);
  view.setUint32(CONFIG.DISCARD_RANGES_MAX, 1, true);
  view.setUint32(CONFIG.DISCARD_ALIGNMENT, 1, true);
  view.setUint32(CONFIG.ZERO_SECTORS_MAX, disk.sectors, true);
  view.setUint32(CONFIG.ZERO_RANGES_MAX, 1, true);
  bytes[CONFIG.ZERO_MAY_UNMAP] = 1;
  return bytes;
}

export function blockModel(disk: DiskPlace): Model {
  const writable = disk.readOnly ? FEATURE.READ_ONLY : FEATURE.DISCARD | FEATURE.WRITE_ZEROES;
  return {
    deviceId: 2,
    features: writable | FEATURE.SEGMENTS_MAX | FEATURE.BLOCK_SIZE | FEATURE.FLUSH | FEATURE.INDIRECT,
    queues: 1,
    configuration: configuration(disk),
    wants: () => true,
    cycles({ costs }, _queue, chain) {
      const bytes = Math.max(totalBytes(chain.readable), totalBytes(chain.writable));
      const sectors = Math.min(Math.floor(bytes / SECTOR_BYTES), disk.sectors);
      return costs.blockRequest + sectors * costs.blockSector;
    },
    perform(board, _queue, chain) {
      const request = parse(board, chain);
      if (request === BROKEN) return BROKEN;
      const [status, filled] = execute(board, disk, request);
      board.bytes[request.status.at] = status;
      wrote(board, request.status.at, 1);
      return filled + 1;
    },
  };
}
