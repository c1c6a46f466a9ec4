/**
 * Which source line each instruction comes from: the one list from which `.debug_line`, `.hartlab`
 * and the listings are made. A row holds from its address to the next row's; rows are sorted by
 * address.
 */
import type { Location, LocationId } from "../ir.ts";
import type { Linked } from "./linked.ts";
import { pieceSize } from "./assemble/piece.ts";
import type { Code, Piece } from "./assemble/piece.ts";

export interface Row {
  readonly address: number;
  /** Never 0. */
  readonly loc: LocationId;
  /** Lines below the location (multi-line literal assembly). */
  readonly lineOffset: number;
}

/** The rows of one executable section, and its end. */
export interface RowSequence {
  readonly rows: readonly Row[];
  readonly end: number;
}

function placeOf(piece: Piece): { loc: LocationId; lineOffset: number } | null {
  return "origin" in piece && piece.origin.loc !== 0 ? piece.origin : null;
}

/** Places that differ in their column only are one row. */
function sameLine(
  locations: readonly Location[],
  a: Row,
  b: { loc: LocationId; lineOffset: number },
): boolean {
  if (a.loc === b.loc) return a.lineOffset === b.lineOffset;
  const [p, q] = [locations[a.loc], locations[b.loc]];
  return (
    p.line + a.lineOffset === q.line + b.lineOffset &&
    p.inlinedAt === q.inlinedAt &&
    p.file === q.file
  );
}

function codeRows(code: Code, locations: readonly Location[], rows: Row[]): void {
  let current = code.loc === 0 ? null : { address: code.address, loc: code.loc, lineOffset: 0 };
  let offset = 0;
  for (const piece of code.pieces) {
    const place = placeOf(piece);
    const address = code.address + offset;
    if (place && !(current && sameLine(locations, current, place))) {
      if (current && current.address !== address) rows.push(current);
      current = { address, loc: place.loc, lineOffset: place.lineOffset };
    }
    offset += pieceSize(piece, offset);
  }
  if (current) rows.push(current);
}

/** One sequence for each executable section that has code with places. */
export function lineRows(linked: Linked): RowSequence[] {
  const sequences: RowSequence[] = [];
  for (const section of linked.layout.sections) {
    const rows: Row[] = [];
    for (const code of section.codes) codeRows(code, linked.unit.locations, rows);
    if (rows.length > 0) sequences.push({ rows, end: section.address + section.size });
  }
  return sequences;
}

/** Numbers the source files: those of the unit first, in its order. */
export class FileNumbers {
  readonly names: string[] = [];
  private readonly numbers = new Map<string, number>();

  constructor(linked: Linked) {
    for (const name of linked.unit.files) this.number(name);
  }

  /** From 0. */
  number(name: string): number {
    let n = this.numbers.get(name);
    if (n === undefined) {
      n = this.names.length;
      this.names.push(name);
      this.numbers.set(name, n);
    }
    return n;
  }
}

/** The calls through which inlined code came here, from the innermost outwards. */
export function inlineFrames(
  locations: readonly Location[],
  loc: LocationId,
): { callee: string; call: Location }[] {
  const frames: { callee: string; call: Location }[] = [];
  let inner = locations[loc];
  while (inner !== undefined && inner.inlinedAt !== 0) {
    const call = locations[inner.inlinedAt];
    frames.push({ callee: inner.functionName, call });
    inner = call;
  }
  return frames;
}
