/**
 * Places functions and data into the output sections and defines the linker's symbols. `place` may
 * be repeated while relaxation makes functions larger; the order of everything is fixed from the
 * start: `_start` first, then the input's order.
 */
import type { DataObject, LocationId } from "../ir.ts";
import { originOf, pieceSize } from "./assemble/piece.ts";
import type { Code, ProblemSink } from "./assemble/piece.ts";
import {
  END_SYMBOL,
  FIRMWARE_BASE,
  KERNEL_BASE,
  KERNEL_PHYSICAL,
  outputSection,
  PAGE,
  SECTION_END_ALIGN,
  SECTIONS,
} from "./sections.ts";
import type { SectionSpec } from "./sections.ts";

export interface PlacedData {
  readonly object: DataObject;
  /** Set by placement. */
  address: number;
}

/** String constants and the like: they have an address, but no name that a reader would know. */
export function isNameless(object: DataObject): boolean {
  return /^$|^\.|^str\.\d+$/.test(object.name);
}

export interface OutputSection {
  readonly spec: SectionSpec;
  readonly codes: Code[];
  readonly data: PlacedData[];
  address: number;
  size: number;
}

export interface Layout {
  readonly sections: readonly OutputSection[];
  /** Symbols that the linker defines. */
  readonly edges: ReadonlyMap<string, { address: number }>;
}

const PER_CPU = ".data..percpu";
const ENTRY = "_start";
const KNOWN = SECTIONS.map((s) => s.name).join(" ");

function roundUp(value: number, alignment: number): number {
  return Math.ceil(value / alignment) * alignment;
}

/** Sorts functions and data into sections; unknown section names are problems. */
export function createLayout(
  codes: readonly Code[],
  data: readonly DataObject[],
  problems: ProblemSink,
): Layout {
  const sections = SECTIONS.map(
    (spec): OutputSection => ({ spec, codes: [], data: [], address: 0, size: 0 }),
  );
  const bySpec = new Map(sections.map((s) => [s.spec, s]));
  const target = (
    name: string,
    isCode: boolean,
    what: string,
    loc: LocationId,
  ): OutputSection | null => {
    const spec = outputSection(name, isCode);
    if (spec) return bySpec.get(spec) ?? null;
    problems.add(
      `there is no section "${name}" for ${what}`,
      originOf(loc),
      `Known sections: ${KNOWN}.`,
    );
    return null;
  };
  for (const code of codes) {
    const name = code.symbol === ENTRY ? ".fw.start" : code.section;
    const section = target(name, true, `the function "${code.name}"`, code.loc);
    if (code.symbol === ENTRY) section?.codes.unshift(code);
    else section?.codes.push(code);
  }
  const ordinary = data.filter((d) => d.section !== PER_CPU);
  const perCpu = data.filter((d) => d.section === PER_CPU);
  for (const object of [...ordinary, ...orderPerCpu(perCpu)]) {
    target(object.section, false, `"${object.name}"`, object.loc)?.data.push({
      object,
      address: 0,
    });
  }
  const edges = new Map<string, { address: number }>([[END_SYMBOL, { address: 0 }]]);
  for (const { spec } of sections) {
    for (const name of [...spec.startSymbols, ...spec.endSymbols]) edges.set(name, { address: 0 });
  }
  return { sections, edges };
}

function placeCode(code: Code, address: number): number {
  code.address = roundUp(address, code.alignment);
  let offset = 0;
  for (const piece of code.pieces) {
    if (piece.kind === "label") code.labelOffsets[piece.label] = offset;
    else offset += pieceSize(piece, offset);
  }
  code.size = offset;
  return code.address + roundUp(offset, 4);
}

/** Whole pages are page aligned: page tables and stacks rely on it. */
function alignmentOf(object: DataObject): number {
  return object.size > 0 && object.size % PAGE === 0 ? PAGE : Math.max(1, object.align);
}

function placeData(placed: PlacedData, address: number): number {
  placed.address = roundUp(address, alignmentOf(placed.object));
  return placed.address + placed.object.size;
}

function setEdges(layout: Layout, names: readonly string[], address: number): void {
  for (const name of names) {
    const edge = layout.edges.get(name);
    if (edge) edge.address = address;
  }
}

/** Gives every section, function, object and edge symbol its address. */
export function place(layout: Layout): void {
  const cursor = { firmware: FIRMWARE_BASE, kernel: KERNEL_BASE };
  for (const section of layout.sections) {
    const { spec } = section;
    let at = roundUp(cursor[spec.region], spec.align);
    section.address = at;
    for (const code of section.codes) at = placeCode(code, at);
    for (const data of section.data) at = placeData(data, at);
    at = roundUp(at, SECTION_END_ALIGN[spec.name] ?? 4);
    section.size = at - section.address;
    cursor[spec.region] = at;
    setEdges(layout, spec.startSymbols, section.address);
    setEdges(layout, spec.endSymbols, at);
  }
  setEdges(layout, [END_SYMBOL], roundUp(cursor.kernel, PAGE));
}

/** Firmware and kernel must not run into each other or off the end of the address space. */
export function checkOverlap(layout: Layout, problems: ProblemSink): void {
  const end = (region: string): number =>
    Math.max(
      ...layout.sections.filter((s) => s.spec.region === region).map((s) => s.address + s.size),
    );
  if (end("firmware") > KERNEL_PHYSICAL) {
    problems.add(
      `the firmware ends at 0x${end("firmware").toString(16)}, beyond the kernel's start`,
      null,
    );
  }
  if (end("kernel") > 0x1_0000_0000 - PAGE)
    problems.add("the kernel does not fit below the end of the address space", null);
}

/** Small per-CPU variables come first, so that their offsets fit the 12 bits of a load or store. */
function orderPerCpu(objects: readonly DataObject[]): DataObject[] {
  return [...objects].sort((a, b) => a.size - b.size);
}

/** Offsets of the per-CPU variables from the start of their section; they do not depend on code. */
export function perCpuOffsets(data: readonly DataObject[]): Map<string, number> {
  const offsets = new Map<string, number>();
  let at = 0;
  for (const object of orderPerCpu(data.filter((d) => d.section === PER_CPU))) {
    const placed: PlacedData = { object, address: 0 };
    at = placeData(placed, at);
    offsets.set(object.symbol, placed.address);
  }
  return offsets;
}
