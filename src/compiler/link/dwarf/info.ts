/**
 * `.debug_info`, `.debug_str` and `.debug_ranges`: one compile unit with functions, what
 * was inlined into them, static variables and their types.
 */
import { ByteWriter, StringTable } from "../bytes.ts";
import type { LocationId } from "../../ir.ts";
import { isNameless } from "../layout.ts";
import type { PlacedData } from "../layout.ts";
import type { Linked } from "../linked.ts";
import type { Code } from "../assemble/piece.ts";
import type { FileNumbers, RowSequence } from "../rows.ts";
import { ABBREV } from "./abbrev.ts";
import { INL_INLINED, LANG_C99, OP } from "./constants.ts";
import { inlinedNames, inlineTrees } from "./inline.ts";
import type { InlineNode } from "./inline.ts";
import { TypeEntries } from "./types.ts";

const PRODUCER = "hartlab";
/** unit_length, which the offsets inside a unit count too. */
const LENGTH_BYTES = 4;

export interface DebugInfo {
  readonly info: Uint8Array;
  readonly strings: Uint8Array;
  readonly ranges: Uint8Array;
}

class InfoWriter {
  readonly out = new ByteWriter();
  readonly strings = new StringTable();
  readonly ranges = new ByteWriter();
  private readonly types: TypeEntries;
  /** Offset inside the unit of the entry for each name that was inlined. */
  private readonly inlined = new Map<string, number>();
  private readonly linked: Linked;
  private readonly files: FileNumbers;

  constructor(linked: Linked, files: FileNumbers) {
    this.linked = linked;
    this.files = files;
    this.types = new TypeEntries(this.out, LENGTH_BYTES, this.strings, linked.unit.structs);
  }

  unit(sequences: readonly RowSequence[]): void {
    this.unitRanges();
    this.out.u16(4).u32(0).u8(4);
    const name = this.files.names[0] ?? "kernel";
    this.out.uleb(ABBREV.unit).u32(this.strings.offset(name)).u32(this.strings.offset("."));
    this.out.u32(this.strings.offset(PRODUCER)).u16(LANG_C99).u32(0).u32(0).u32(0);
    const { sections } = this.linked.layout;
    const codes = sections.flatMap((s) => s.codes);
    const trees = inlineTrees(sequences, codes, this.linked.unit.locations);
    for (const inlined of inlinedNames(trees.values())) {
      this.inlined.set(inlined, this.out.length + LENGTH_BYTES);
      this.out.uleb(ABBREV.inlinedName).u32(this.strings.offset(inlined)).u8(INL_INLINED);
    }
    for (const code of codes) this.function(code, trees.get(code.address) ?? []);
    for (const placed of sections.flatMap((s) => s.data)) this.variable(placed);
    this.types.flush();
    this.out.u8(0);
  }

  private place(loc: number): { file: number; line: number } | null {
    const location = this.linked.unit.locations[loc];
    return loc === 0 || !location
      ? null
      : { file: this.files.number(location.file) + 1, line: location.line };
  }

  private unitRanges(): void {
    for (const { address, size, codes } of this.linked.layout.sections) {
      if (codes.length > 0 && size > 0) this.ranges.u32(address).u32(address + size);
    }
    this.ranges.u32(0).u32(0);
  }

  private function(code: Code, inlined: readonly InlineNode[]): void {
    const place = this.place(code.loc);
    this.out
      .uleb(place ? ABBREV.function : ABBREV.placelessFunction)
      .u32(this.strings.offset(code.name));
    if (place) this.out.uleb(place.file).uleb(place.line);
    this.out.u32(code.address).u32(code.size).uleb(1).u8(OP.call_frame_cfa);
    this.locals(code, 0);
    for (const node of inlined) this.inlinedCall(code, node);
    this.out.u8(0);
  }

  /** Variables declared in one (inlined) body of the function. */
  private locals(code: Code, inlinedAt: LocationId): void {
    const { locations } = this.linked.unit;
    for (const { name, type, size, loc, offset, isParameter } of code.variables) {
      const place = this.place(loc);
      if (locations[loc].inlinedAt !== inlinedAt || !place) continue;
      this.out
        .uleb(isParameter ? ABBREV.parameter : ABBREV.variable)
        .u32(this.strings.offset(name));
      this.types.reference(type, size);
      const where = new ByteWriter().u8(OP.fbreg).sleb(offset).bytes();
      this.out.uleb(place.file).uleb(place.line).uleb(where.length).raw(where);
    }
  }

  private inlinedCall(code: Code, node: InlineNode): void {
    const { file, line } = this.place(node.call) ?? { file: 1, line: 0 };
    const single = node.ranges.length === 1;
    this.out
      .uleb(single ? ABBREV.inlinedRange : ABBREV.inlinedRanges)
      .u32(this.inlined.get(node.callee) ?? 0)
      .uleb(file)
      .uleb(line);
    if (single) {
      const [{ start, end }] = node.ranges;
      this.out.u32(start).u32(end - start);
    } else {
      this.out.u32(this.ranges.length);
      for (const { start, end } of node.ranges) this.ranges.u32(start).u32(end);
      this.ranges.u32(0).u32(0);
    }
    this.locals(code, node.call);
    for (const child of node.children) this.inlinedCall(code, child);
    this.out.u8(0);
  }

  private variable({ object, address }: PlacedData): void {
    if (isNameless(object)) return;
    const place = this.place(object.loc);
    this.out
      .uleb(place ? ABBREV.variable : ABBREV.placelessVariable)
      .u32(this.strings.offset(object.name));
    this.types.reference(object.type, object.size);
    if (place) this.out.uleb(place.file).uleb(place.line);
    this.out.uleb(5).u8(OP.addr).u32(address);
  }
}

export function debugInfo(
  linked: Linked,
  sequences: readonly RowSequence[],
  files: FileNumbers,
): DebugInfo {
  const writer = new InfoWriter(linked, files);
  writer.unit(sequences);
  const info = new ByteWriter().u32(writer.out.length).raw(writer.out.bytes()).bytes();
  return { info, strings: writer.strings.writer.bytes(), ranges: writer.ranges.bytes() };
}
