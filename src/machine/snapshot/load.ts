/**
 * Reads the file form of a machine (format.ts). Bytes are not believed: whatever they are, the answer is a machine state
 * or a sentence. check.ts looks into the sections.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { failure, success, type Problem, type Result } from "../../base/result.ts";
import { PAGE_BYTES } from "../engine/changed-pages.ts";
import { PRESET_NAMES, timingModel } from "../timing/model.ts";
import type { LabResult, MachineConfig, Stop } from "../types.ts";
import {
  FORMAT_VERSION, HASH_BYTES, MAGIC, PREFIX_BYTES, SECTIONS, type Header, type SavedConfig, type SectionName, type Sections,
} from "./format.ts";
import { savedConfig } from "./save.ts";

export interface SavedMachine {
  readonly header: Header;
  readonly config: MachineConfig;
  readonly sections: Sections;
}

const DISK_BYTES_MAX = 1 << 30;
const RESULTS_MAX = 1 << 20;
const BROKEN = "The file is damaged or was not written by hartlab.";

const bad = (message: string, hint: string = BROKEN): Result<never> => failure({ message, hint });
const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null && !Array.isArray(value);
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}

/** Prefix, lengths and checksum. */
function headerBytes(bytes: Uint8Array): Result<Uint8Array> {
  const magic = new TextEncoder().encode(MAGIC);
  if (!sameBytes(bytes.subarray(0, MAGIC.length), magic)) {
    return bad("this is no snapshot of a machine", "hartlab boot --save FILE writes one.");
  }
  if (bytes.length < PREFIX_BYTES + HASH_BYTES) return bad(`the snapshot is truncated: it has ${bytes.length} bytes`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const version = view.getUint32(MAGIC.length, true);
  if (version !== FORMAT_VERSION) {
    return bad(`the snapshot has format ${version}; this hartlab reads format ${FORMAT_VERSION}`, "Use the hartlab that wrote it.");
  }
  const length = view.getUint32(MAGIC.length + 4, true);
  if (length !== bytes.length) {
    const how = length > bytes.length ? "is truncated" : "has something behind its end";
    return bad(`the snapshot ${how}: it has ${bytes.length} bytes and says ${length}`);
  }
  const body = bytes.subarray(0, length - HASH_BYTES);
  if (!sameBytes(sha256(body), bytes.subarray(length - HASH_BYTES))) return bad("the snapshot's checksum does not fit its contents");
  const head = view.getUint32(MAGIC.length + 8, true);
  if (head > body.length - PREFIX_BYTES) return bad("the snapshot's header is longer than the file");
  return success(bytes.subarray(PREFIX_BYTES, PREFIX_BYTES + head));
}

function readSections(bytes: Uint8Array, start: number): Sections | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = bytes.length - HASH_BYTES;
  const sections: Partial<Record<SectionName, Uint8Array>> = {};
  let at = start;
  for (const name of SECTIONS) {
    if (at + 4 > end) return null;
    const length = view.getUint32(at, true);
    if (at + 4 + length > end) return null;
    // A copy: aligned, and without the rest of the file.
    sections[name] = bytes.slice(at + 4, at + 4 + length);
    at += 4 + length;
  }
  return at === end ? (sections as Sections) : null;
}

function isConfig(value: unknown): value is SavedConfig {
  if (!isObject(value)) return false;
  const { harts, memoryBytes, timing, interleave, bootargs, lab, recordMarks, observeAccesses, virtioConsole, costs, disks } = value;
  const flags = [lab, recordMarks, observeAccesses, virtioConsole].every((flag) => typeof flag === "boolean");
  const modes = (timing === "functional" || timing === "cycle") && (interleave === "exact" || interleave === "ahead");
  const disksFit =
    Array.isArray(disks) &&
    disks.every((disk) => isObject(disk) && isCount(disk.bytes) && typeof disk.readOnly === "boolean") &&
    disks.reduce<number>((sum, disk) => sum + disk.bytes, 0) <= DISK_BYTES_MAX;
  const costsFit =
    isObject(costs) && PRESET_NAMES.some((name) => name === costs.preset) && isObject(costs.changed) &&
    Object.values(costs.changed).every(isCount);
  return isCount(harts) && isCount(memoryBytes) && typeof bootargs === "string" && flags && modes && disksFit && costsFit;
}

function isLabResult(value: unknown): value is LabResult {
  if (!isObject(value)) return false;
  return ["sequence", "op", "arg", "cycle", "result"].every((field) => Number.isSafeInteger(value[field]));
}

function isEnd(value: unknown): value is Stop | null {
  if (value === null) return true;
  if (!isObject(value)) return false;
  if (value.kind === "failure") return isCount(value.code);
  if (value.kind === "fault") return isCount(value.hart) && typeof value.detail === "string";
  return value.kind === "poweroff" || value.kind === "reboot";
}

function readHeader(bytes: Uint8Array): Header | null {
  try {
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    if (!isObject(value)) return null;
    const { shape, config, labResults, started, end } = value;
    const resultsFit = Array.isArray(labResults) && labResults.length <= RESULTS_MAX && labResults.every(isLabResult);
    if (typeof shape !== "string" || !isConfig(config) || !resultsFit || typeof started !== "boolean" || !isEnd(end)) return null;
    return { shape, config, labResults, started, end };
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError) return null;
    throw error;
  }
}

/** Disks of zeroes: their contents are among the pages. */
function configOf(saved: SavedConfig): Result<MachineConfig> {
  const { costs, disks, ...rest } = saved;
  const model = timingModel(costs.preset as (typeof PRESET_NAMES)[number], costs.changed);
  if (!model.ok) return model;
  const made = disks.map(({ bytes, readOnly }) => ({ bytes: new Uint8Array(bytes), readOnly }));
  return success({ ...rest, costs: model.value, disks: made });
}

export function decodeMachine(given: Uint8Array): Result<SavedMachine> {
  // `slice` of a subclass (Node's Buffer) may not copy.
  const bytes = new Uint8Array(given.buffer, given.byteOffset, given.length);
  const head = headerBytes(bytes);
  if (!head.ok) return head;
  const header = readHeader(head.value);
  if (!header) return bad("the snapshot's header cannot be understood");
  const config = configOf(header.config);
  if (!config.ok) return config;
  const sections = readSections(bytes, PREFIX_BYTES + head.value.length);
  if (!sections) return bad("the snapshot's sections do not fill the file");
  const { numbers, pages } = sections;
  if (numbers.length % 4 !== 0 || numbers.length * (PAGE_BYTES / 4) !== pages.length) return bad("the snapshot's pages do not match their numbers");
  return success({ header, config: config.value, sections });
}

/** Where a wanted configuration differs from the saved one, key by key; `recordMarks` may, it changes nothing. */
export function configDifferences(saved: SavedConfig, wanted: MachineConfig): Problem[] {
  const other: Readonly<Record<string, unknown>> = { ...savedConfig(wanted) };
  const problems: Problem[] = [];
  for (const [key, value] of Object.entries(saved)) {
    const [was, is] = [JSON.stringify(value), JSON.stringify(other[key])];
    if (key === "recordMarks" || was === is) continue;
    problems.push({ message: `the snapshot is of a machine with ${key} ${was}, not ${is}`, hint: "A snapshot goes on as the machine it was." });
  }
  return problems;
}
