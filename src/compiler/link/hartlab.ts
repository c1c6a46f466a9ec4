/** Makes the `.hartlab` section (src/base/hartlab-section.ts) of an image. */
import { HARTLAB_SECTION_VERSION } from "../../base/hartlab-section.ts";
import { originOf, pieceSize } from "./assemble/piece.ts";
import type {
  AccessKinds,
  FunctionInfo,
  HartlabSection,
  LineRow,
  StaticInfo,
} from "../../base/hartlab-section.ts";
import { isNameless } from "./layout.ts";
import type { Linked } from "./linked.ts";
import { inlineFrames } from "./rows.ts";
import type { FileNumbers, RowSequence } from "./rows.ts";

const PER_CPU = ".data..percpu";

function functionInfos(linked: Linked, files: FileNumbers): FunctionInfo[] {
  return linked.layout.sections
    .flatMap((section) => section.codes)
    .map((code) => {
      const place = linked.unit.locations[code.loc];
      const known = code.loc !== 0 && place !== undefined;
      return {
        name: code.name,
        address: code.address,
        size: code.size,
        file: known ? files.number(place.file) : 0,
        line: known ? place.line : 0,
        ...(code.frameBytes === 0 ? { leaf: true as const } : {}),
      };
    });
}

function staticInfos(linked: Linked, perCpu: boolean): StaticInfo[] {
  return linked.layout.sections
    .filter((section) => (section.spec.name === PER_CPU) === perCpu)
    .flatMap((section) =>
      section.data
        .filter(({ object }) => !isNameless(object))
        .map(({ object, address }) => ({
          name: object.name,
          address: perCpu ? address - section.address : address,
          size: object.size,
          type: object.type,
        })),
    );
}

function lineInfos(
  linked: Linked,
  sequences: readonly RowSequence[],
  files: FileNumbers,
): LineRow[] {
  const { locations } = linked.unit;
  /** Frames of a location, which many rows share. */
  const known = new Map<number, LineRow[3]>();
  const framesOf = (loc: number): LineRow[3] => {
    let frames = known.get(loc);
    if (!frames) {
      frames = inlineFrames(locations, loc).map(
        ({ callee, call }) => [callee, files.number(call.file), call.line] as const,
      );
      known.set(loc, frames);
    }
    return frames;
  };
  return sequences.flatMap(({ rows }) =>
    rows.map((row): LineRow => {
      const { file, line } = locations[row.loc];
      return [row.address, files.number(file), line + row.lineOffset, framesOf(row.loc)];
    }),
  );
}

const OPCODE_MASK = 0x7f;
const OPCODE_LOAD = 0x03;
const OPCODE_STORE = 0x23;

function accessKinds(linked: Linked, wordAt: (address: number) => number): AccessKinds {
  const once: number[] = [];
  const excused: number[] = [];
  for (const code of linked.layout.sections.flatMap(({ codes }) => codes)) {
    let offset = 0;
    for (const piece of code.pieces) {
      const { access = "plain", text } = "origin" in piece ? piece.origin : originOf(0);
      const address = code.address + offset;
      if ((access !== "plain" || text !== null) && isAccess(wordAt(address)))
        (access === "once" ? once : excused).push(address);
      offset += pieceSize(piece, offset);
    }
  }
  return { once: distances(once), excused: distances(excused) };
}

function isAccess(word: number): boolean {
  const opcode = word & OPCODE_MASK;
  return opcode === OPCODE_LOAD || opcode === OPCODE_STORE;
}

function distances(addresses: number[]): number[] {
  addresses.sort((a, b) => a - b);
  return addresses.map((address, i) => (address - (addresses[i - 1] ?? 0)) / 4);
}

export function hartlabSection(
  linked: Linked,
  sequences: readonly RowSequence[],
  files: FileNumbers,
  wordAt: (address: number) => number,
): HartlabSection {
  const { enums, structs, config, tasks } = linked.unit;
  const lines = lineInfos(linked, sequences, files);
  const functions = functionInfos(linked, files);
  return {
    version: HARTLAB_SECTION_VERSION,
    enums,
    structs,
    config,
    tasks,
    files: files.names,
    functions,
    statics: staticInfos(linked, false),
    percpu: staticInfos(linked, true),
    lines,
    accesses: accessKinds(linked, wordAt),
  };
}

export function hartlabBytes(section: HartlabSection): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(section));
}
