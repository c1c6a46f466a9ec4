/**
 * `.debug_info`, `.debug_str` and `.debug_ranges`: one compile unit with functions, static
 * variables and their types.
 */
import { ByteWriter, StringTable } from "../bytes.ts";
import { isNameless } from "../layout.ts";
import type { PlacedData } from "../layout.ts";
import type { Linked } from "../linked.ts";
import type { Code } from "../piece.ts";
import type { FileNumbers } from "../rows.ts";
import { ABBREV } from "./abbrev.ts";
import { LANG_C99, OP } from "./constants.ts";
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
  private readonly types: TypeEntries;
  private readonly linked: Linked;
  private readonly files: FileNumbers;

  constructor(linked: Linked, files: FileNumbers) {
    this.linked = linked;
    this.files = files;
    this.types = new TypeEntries(this.out, LENGTH_BYTES, this.strings, linked.unit.structs);
  }

  unit(): void {
    this.out.u16(4).u32(0).u8(4);
    const name = this.files.names[0] ?? "kernel";
    this.out.uleb(ABBREV.unit).u32(this.strings.offset(name)).u32(this.strings.offset("."));
    this.out.u32(this.strings.offset(PRODUCER)).u16(LANG_C99).u32(0).u32(0).u32(0);
    const { sections } = this.linked.layout;
    for (const code of sections.flatMap((s) => s.codes)) this.function(code);
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

  private function(code: Code): void {
    const place = this.place(code.loc);
    this.out
      .uleb(place ? ABBREV.function : ABBREV.placelessFunction)
      .u32(this.strings.offset(code.name));
    if (place) this.out.uleb(place.file).uleb(place.line);
    this.out.u32(code.address).u32(code.size).uleb(1).u8(OP.call_frame_cfa);
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

function debugRanges(linked: Linked): Uint8Array {
  const w = new ByteWriter();
  for (const section of linked.layout.sections) {
    if (section.codes.length > 0 && section.size > 0)
      w.u32(section.address).u32(section.address + section.size);
  }
  return w.u32(0).u32(0).bytes();
}

export function debugInfo(linked: Linked, files: FileNumbers): DebugInfo {
  const writer = new InfoWriter(linked, files);
  writer.unit();
  const info = new ByteWriter().u32(writer.out.length).raw(writer.out.bytes()).bytes();
  return { info, strings: writer.strings.writer.bytes(), ranges: debugRanges(linked) };
}
