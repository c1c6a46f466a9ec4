/**
 * The file form of a machine, version 1. Little-endian:
 *
 *   "hartlab-snapshot"  16 bytes
 *   u32 version, u32 bytes of the whole file, u32 bytes of the header
 *   header              JSON (`Header`), UTF-8
 *   harts, devices, loop, tables, marks, accesses, console, numbers, pages   each a u32 length and its bytes
 *   SHA-256             32 bytes, over everything before
 *
 * `harts`, `devices`, `loop`: those sections of linear memory (image.ts). `tables`: TLBs and L1s (engine/tables.ts `data`
 * to `copiedEnd`). `numbers`: u32 page numbers, ascending, of the pages that are not all zeroes: the tracked tables count
 * from 0, RAM and then disks from RAM_PAGE on. `pages`: their contents, 4096 bytes each. What is derived from all that
 * (line tables, predecoded code) is not in the file.
 *
 * `Header.shape` stands for everything that decides what the bytes mean: the places of fields, the sizes of tables.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";
import type { Tables } from "../engine/tables.ts";
import { ACCESS_BYTES, DEVICE, DEVICE_BASE, HART, LAYOUT_VERSION, MACHINE, MACHINE_SAVED_BYTES, MACHINE_WORD, MARK_BYTES } from "../memory/layout.ts";
import { CACHE } from "../timing/constants.ts";
import type { Interleave, LabResult, Stop, Timing } from "../types.ts";

export const MAGIC = "hartlab-snapshot";
export const FORMAT_VERSION = 1;
export const HASH_BYTES = 32;
/** Magic, version, length of the file, length of the header. */
export const PREFIX_BYTES = MAGIC.length + 12;
/** Number of the first page of RAM; tables have fewer pages than that. */
export const RAM_PAGE = 0x10_0000;
export const SECTIONS = ["harts", "devices", "loop", "tables", "marks", "accesses", "console", "numbers", "pages"] as const;
export type SectionName = (typeof SECTIONS)[number];
export type Sections = Readonly<Record<SectionName, Uint8Array>>;

/** A configuration without what is in the memory. */
export interface SavedConfig {
  readonly harts: number;
  readonly memoryBytes: number;
  readonly timing: Timing;
  readonly interleave: Interleave;
  readonly bootargs: string;
  readonly lab: boolean;
  readonly recordMarks: boolean;
  readonly observeAccesses: boolean;
  readonly virtioConsole: boolean;
  readonly costs: { readonly preset: string; readonly changed: Readonly<Record<string, number>> };
  readonly disks: readonly { readonly bytes: number; readonly readOnly: boolean }[];
}

export interface Header {
  readonly shape: string;
  readonly config: SavedConfig;
  readonly labResults: readonly LabResult[];
  readonly started: boolean;
  readonly end: Stop | null;
}

/** Differs whenever saved bytes of one build of hartlab would be read wrongly by another. */
export function shapeOf(tables: Tables): string {
  const { data, fetch, l1Tags, l1Next, copiedEnd, trackedStart, l2Tags, l2Next, directory, executed, codeBits, trackedEnd } = tables;
  const copied = [fetch, l1Tags, l1Next, copiedEnd].map((at) => at - data);
  const tracked = [l2Tags, l2Next, directory, executed, codeBits, trackedEnd].map((at) => at - trackedStart);
  const places = Object.values(DEVICE).map((at) => at - DEVICE_BASE);
  const words = Object.entries(MACHINE_WORD).filter(([, at]) => at < MACHINE + MACHINE_SAVED_BYTES);
  const all = [LAYOUT_VERSION, HART, places, words, MARK_BYTES, ACCESS_BYTES, CACHE, copied, tracked];
  return bytesToHex(sha256(utf8ToBytes(JSON.stringify(all)))).slice(0, 16);
}
