/**
 * What goes where in RAM before a foreign program starts, decided before anything is written.
 *
 *   firmware       0x8000_0000 (flat), or where its ELF says
 *   payload        an ELF where it says; a Linux image at RAM + text_offset; any other flat image at 0x8040_0000
 *                  under firmware, else at 0x8000_0000
 *   initial ramdisk  whole pages right below the device tree
 *   device tree    top of RAM (board-tree.ts), with 24 bytes behind it that tell the firmware where the payload starts
 *
 * Those 24 bytes are OpenSBI's `fw_dynamic_info`, version 2; a2 points at them: firmware that QEMU starts with
 * `-bios` finds the same there.
 */
import { failure, success, type Problem, type Result } from "../../base/result.ts";
import { boardTree, treeAddress, type BoardShape } from "../board-tree.ts";
import { readElf, type ElfImage } from "../elf.ts";
import { BOARD } from "../memory/layout.ts";
import { readLinuxImage } from "./linux-image.ts";
import { givenTree, ownTree, type Chosen } from "./tree.ts";

/** Where flat payloads start under firmware, on RV32. */
export const PAYLOAD_BASE = 0x8040_0000;
/** What our firmware takes, its stacks included: 8 KiB and 4 KiB a hart, rounded up generously. */
const FIRMWARE_BYTES = 0x8_0000;
const PAGE_BYTES = 4096;

/** One thing in RAM. */
export interface Piece {
  /** As messages name it. */
  readonly what: string;
  readonly address: number;
  readonly bytes: Uint8Array;
  /** At least as many as `bytes` has; the rest is zero. */
  readonly memoryBytes: number;
}

export interface Program {
  readonly kind: "elf" | "image";
  /** As messages name it: the file. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** A program that has been read and is known to be for this machine. */
export interface ReadProgram {
  readonly name: string;
  readonly elf: ElfImage | null;
  /** Whether it has to be started by firmware: nothing of it is where harts start. */
  readonly needsFirmware: boolean;
  /** What it puts into RAM, and where its first instruction is. */
  place(underFirmware: boolean): { readonly pieces: readonly Piece[]; readonly entry: number };
}

export interface BootRequest {
  readonly board: BoardShape;
  readonly payload: ReadProgram;
  readonly firmware: ReadProgram | null;
  /** Whether the tree must say that RAM below the payload is the firmware's; other firmware than ours says so itself. */
  readonly reserveFirmware: boolean;
  /** A device tree instead of the board's own. */
  readonly tree: { readonly name: string; readonly bytes: Uint8Array } | null;
  readonly initrd: { readonly name: string; readonly bytes: Uint8Array } | null;
  /** null: what the given tree says, or nothing. */
  readonly bootargs: string | null;
}

export interface BootPlan {
  readonly pieces: readonly Piece[];
  /** a1 of every hart. */
  readonly treeAddress: number;
  /** a2 of every hart; 0 without firmware. */
  readonly infoAddress: number;
}

function hex(value: number): string {
  return `0x${value.toString(16).padStart(8, "0")}`;
}

function mebibytes(bytes: number): string {
  return `${Math.ceil(bytes / 1024 ** 2)} MiB`;
}

function range({ address, memoryBytes }: Piece): string {
  return `${hex(address)} to ${hex(address + memoryBytes - 1)}`;
}

/** The problem belongs to this file. */
function named(name: string, problems: readonly Problem[]): Result<never> {
  return failure(...problems.map((one) => ({ ...one, message: `${name}: ${one.message}` })));
}

function elfProgram(name: string, elf: ElfImage): ReadProgram {
  const pieces = elf.segments.map(({ physical, bytes, memorySize }) => ({
    what: name, address: physical, bytes, memoryBytes: memorySize,
  }));
  // e_entry is virtual where the kernel is linked high.
  const home = elf.segments.find(
    ({ virtual, memorySize }) => elf.entry >= virtual && elf.entry < virtual + memorySize,
  );
  const entry = home ? elf.entry - home.virtual + home.physical : elf.entry;
  const atReset = pieces.some(
    ({ address, memoryBytes }) => address <= BOARD.RAM && BOARD.RAM < address + memoryBytes,
  );
  return { name, elf, needsFirmware: !atReset, place: () => ({ pieces, entry }) };
}

export function isElf(bytes: Uint8Array): boolean {
  return bytes[0] === 0x7f && bytes[1] === 0x45 && bytes[2] === 0x4c && bytes[3] === 0x46;
}

/** Reads a program; what it is not for this machine is a sentence with the file's name. */
export function readProgram({ kind, name, bytes }: Program): Result<ReadProgram> {
  if (kind === "elf") {
    const elf = readElf(bytes);
    return elf.ok ? success(elfProgram(name, elf.value)) : named(name, elf.problems);
  }
  if (isElf(bytes)) return failure({ message: `${name}: this is an ELF file, no flat image`, hint: "Give it with --elf." });
  const linux = readLinuxImage(bytes);
  if (!linux.ok) return named(name, linux.problems);
  const at = (address: number, memoryBytes: number) => ({
    pieces: [{ what: name, address, bytes, memoryBytes }],
    entry: address,
  });
  if (linux.value) {
    const { textOffset, memoryBytes } = linux.value;
    return success({ name, elf: null, needsFirmware: true, place: () => at(BOARD.RAM + textOffset, memoryBytes) });
  }
  return success({
    name,
    elf: null,
    needsFirmware: false,
    place: (underFirmware) => at(underFirmware ? PAYLOAD_BASE : BOARD.RAM, bytes.length),
  });
}

/** OpenSBI's fw_dynamic_info: magic, version, address and mode (S) of the next stage, options, boot hart. */
function firmwareInfo(entry: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(0x4942_534f, 2, entry, 1, 0, 0).buffer);
}

function placementProblems(pieces: readonly Piece[], ramEnd: number): Problem[] {
  const problems: Problem[] = [];
  for (const piece of pieces) {
    if (piece.address >= BOARD.RAM && piece.address + piece.memoryBytes <= ramEnd) continue;
    problems.push({
      message: `${piece.what} is to lie at ${range(piece)}, outside RAM (${hex(BOARD.RAM)} to ${hex(ramEnd - 1)})`,
      hint: "Give more --memory, or link it inside RAM; GNU ld keeps ELF headers out of memory with -n.",
    });
  }
  const sorted = pieces.filter(({ memoryBytes }) => memoryBytes > 0).sort((a, b) => a.address - b.address);
  for (const [i, next] of sorted.entries()) {
    const piece = sorted[i - 1];
    if (!piece || piece.address + piece.memoryBytes <= next.address) continue;
    problems.push({
      message: `${piece.what} at ${range(piece)} overlaps ${next.what} at ${range(next)}`,
      hint: "Give more --memory, or move one of them.",
    });
  }
  return problems;
}

/** Where everything goes, or why it cannot. */
export function planBoot(request: BootRequest): Result<BootPlan> {
  const { board, payload, firmware, initrd } = request;
  const { pieces, entry } = payload.place(firmware !== null);
  if (!firmware && payload.needsFirmware) {
    return failure({
      message: `${payload.name} has nothing at ${hex(BOARD.RAM)}, where harts start without firmware`,
      hint: "Give --bios ours, or link it there.",
    });
  }
  const info = firmware ? firmwareInfo(entry) : new Uint8Array(0);
  const reserved = request.reserveFirmware ? { start: BOARD.RAM, bytes: FIRMWARE_BYTES } : null;
  const encode = (ramdisk: Chosen["initrd"]): Result<Uint8Array> => {
    const chosen = { bootargs: request.bootargs, initrd: ramdisk };
    if (!request.tree) return success(ownTree(boardTree(board), chosen, reserved));
    const given = givenTree(request.tree.bytes, board, chosen);
    return given.ok ? given : named(request.tree.name, given.problems);
  };
  // Its place follows from the tree's size, which its place does not change.
  const draft = encode(initrd && { start: 0, end: 0 });
  if (!draft.ok) return draft;
  const infoOffset = (draft.value.length + 7) & ~7;
  const treeBytes = infoOffset + info.length;
  const address = treeAddress(board.memoryBytes, treeBytes);
  if (initrd && initrd.bytes.length > address - BOARD.RAM) {
    return failure({
      message: `the ramdisk ${initrd.name} of ${mebibytes(initrd.bytes.length)} does not fit into RAM of ${mebibytes(board.memoryBytes)}`,
      hint: "Give more --memory.",
    });
  }
  const ramdisk = initrd && (address - initrd.bytes.length) & -PAGE_BYTES;
  const start = ramdisk === null ? 0 : ramdisk >>> 0;
  const tree = encode(initrd && { start, end: start + initrd.bytes.length });
  if (!tree.ok) return tree;
  const blob = new Uint8Array(treeBytes);
  blob.set(tree.value);
  blob.set(info, infoOffset);
  const all: Piece[] = [
    ...(firmware ? firmware.place(false).pieces : []),
    ...pieces,
    ...(initrd ? [{ what: initrd.name, address: start, bytes: initrd.bytes, memoryBytes: initrd.bytes.length }] : []),
    { what: "the device tree", address, bytes: blob, memoryBytes: treeBytes },
  ];
  const problems = placementProblems(all, BOARD.RAM + board.memoryBytes);
  if (problems.length > 0) return failure(...problems);
  return success({ pieces: all, treeAddress: address, infoAddress: firmware ? address + infoOffset : 0 });
}
