/** The board's address map: which device answers at a physical address. */
import type { Board } from "../board.ts";
import { MACHINE_WORD } from "../memory/layout.ts";
import type { CostName } from "../timing/constants.ts";
import { CLINT } from "./clint.ts";
import { NO_ANSWER, type Device } from "./device.ts";
import { FINISHER } from "./finisher.ts";
import { LAB_DEVICE } from "./lab.ts";
import { PLIC } from "./plic.ts";
import { UART } from "./uart.ts";
import { VIRTIO_SLOTS } from "./virtio/transport.ts";

const DEVICES: readonly Device[] = [CLINT, PLIC, UART, FINISHER, ...VIRTIO_SLOTS];

function deviceAt(board: Board, address: number): Device | null {
  for (const device of DEVICES) {
    if (address >= device.base && address < device.base + device.size) return device;
  }
  if (board.hasLab && address >= LAB_DEVICE.base && address < LAB_DEVICE.base + LAB_DEVICE.size)
    return LAB_DEVICE;
  return null;
}

/** Which constant an access to a device costs; others are `mmioOther`. */
const COST: Readonly<Record<string, CostName>> = { clint: "mmioClint", plic: "mmioPlic" };

function charge(board: Board, device: Device): void {
  board.words[MACHINE_WORD.DEVICE_CYCLES >>> 2] = board.costs[COST[device.name] ?? "mmioOther"];
}

/** A device's answer to a load of 1, 2 or 4 bytes; `NO_ANSWER` is an access fault. */
export function loadDevice(
  board: Board,
  hart: number,
  address: number,
  size: number,
): number | typeof NO_ANSWER {
  const physical = address >>> 0;
  const device = deviceAt(board, physical);
  if (!device) return NO_ANSWER;
  charge(board, device);
  return device.load(board, hart, physical - device.base, size);
}

/** Whether a device took the store; false is an access fault. */
export function storeDevice(
  board: Board,
  hart: number,
  address: number,
  size: number,
  value: number,
): boolean {
  const physical = address >>> 0;
  const device = deviceAt(board, physical);
  if (!device) return false;
  charge(board, device);
  return device.store(board, hart, physical - device.base, size, value);
}
