/**
 * `.debug_info`, `.debug_str`, `.debug_ranges` and `.debug_loc`: one compile unit with functions, their parameters and
 * variables by block, what was inlined into them, static variables and types. A variable that is nowhere has no location,
 * which debuggers show as optimized out.
 */
import type { PlacedVariable } from "../../assembly.ts";
import { ByteWriter, StringTable } from "../bytes.ts";
import type { LocationId } from "../../ir.ts";
import { isNameless } from "../layout.ts";
import type { PlacedData } from "../layout.ts";
import type { Linked } from "../linked.ts";
import type { Code } from "../assemble/piece.ts";
import type { FileNumbers } from "../rows.ts";
import { ABBREV, CHILDLESS } from "./abbrev.ts";
import { INL_INLINED, LANG_C99, OP } from "./constants.ts";
import { codeTree, inlinedNames } from "./inline.ts";
import type { CodeNode } from "./inline.ts";
import { LocationLists, pieceAddresses } from "./locations.ts";
import { TypeEntries } from "./types.ts";

const PRODUCER = "hartlab";
/** unit_length, which the offsets inside a unit count too. */
const LENGTH_BYTES = 4;

export interface DebugInfo {
  readonly info: Uint8Array;
  readonly strings: Uint8Array;
  readonly ranges: Uint8Array;
  readonly locations: Uint8Array;
}

interface PlacedCode {
  readonly code: Code;
  readonly pieces: readonly number[];
  readonly tree: readonly CodeNode[];
}

class InfoWriter {
  readonly out = new ByteWriter();
  readonly strings = new StringTable();
  readonly ranges = new ByteWriter();
  readonly lists: LocationLists;
  private readonly types: TypeEntries;
  /** Offset inside the unit of the entry for each name that was inlined. */
  private readonly inlined = new Map<string, number>();
  /** Of the function being written, by body. */
  private variables = new Map<string, PlacedVariable[]>();
  private readonly linked: Linked;
  private readonly files: FileNumbers;

  constructor(linked: Linked, files: FileNumbers) {
    this.linked = linked;
    this.files = files;
    this.lists = new LocationLists((symbol) => linked.symbols.address(symbol));
    this.types = new TypeEntries(this.out, LENGTH_BYTES, this.strings, linked.unit.structs);
  }

  unit(): void {
    this.unitRanges();
    this.out.u16(4).u32(0).u8(4);
    const name = this.files.names[0] ?? "kernel";
    this.out.uleb(ABBREV.unit).u32(this.strings.offset(name)).u32(this.strings.offset("."));
    this.out.u32(this.strings.offset(PRODUCER)).u16(LANG_C99).u32(0).u32(0).u32(0);
    const { sections } = this.linked.layout;
    const codes = sections.flatMap((s) => s.codes);
    const pieces = codes.map(pieceAddresses);
    const trees = codes.map((code, i) => codeTree(code, pieces[i], this.linked.unit.locations));
    for (const inlined of inlinedNames(trees)) {
      this.inlined.set(inlined, this.out.length + LENGTH_BYTES);
      this.out.uleb(ABBREV.inlinedName).u32(this.strings.offset(inlined)).u8(INL_INLINED);
    }
    codes.forEach((code, i) => {
      this.function({ code, pieces: pieces[i], tree: trees[i] });
    });
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

  private function({ code, pieces, tree }: PlacedCode): void {
    const place = this.place(code.loc);
    const { returns } = code.debug ?? {};
    const shape = returns === undefined ? ABBREV.function : ABBREV.resultFunction;
    this.variables = this.variablesByBody(code);
    const full = this.localsOf(0, -1).length > 0 || tree.length > 0;
    this.out.uleb((place ? shape : ABBREV.placelessFunction) + (full ? 0 : CHILDLESS)).u32(this.strings.offset(code.name));
    if (place && returns !== undefined) this.types.reference(returns, 4);
    if (place) this.out.uleb(place.file).uleb(place.line);
    this.out.u32(code.address).u32(code.size).uleb(1).u8(OP.call_frame_cfa);
    this.locals(code, pieces, 0, -1);
    for (const node of tree) this.node(code, pieces, node, 0);
    if (full) this.out.u8(0);
  }

  /** By inlined call (0: the function itself) and scope. */
  private variablesByBody({ debug }: Code): Map<string, PlacedVariable[]> {
    const bodies = new Map<string, PlacedVariable[]>();
    for (const variable of debug?.variables ?? []) {
      const key = `${this.linked.unit.locations[variable.loc].inlinedAt}:${variable.scope}`;
      const list = bodies.get(key);
      if (list) list.push(variable);
      else bodies.set(key, [variable]);
    }
    return bodies;
  }

  private localsOf(inlinedAt: LocationId, scope: number): readonly PlacedVariable[] {
    return this.variables.get(`${inlinedAt}:${scope}`) ?? [];
  }

  /** Variables declared in one block of one (inlined) body of the function. */
  private locals(code: Code, pieces: readonly number[], inlinedAt: LocationId, scope: number): void {
    const { debug } = code;
    for (const variable of this.localsOf(inlinedAt, scope)) {
      const { name, type, size, loc, isParameter } = variable;
      const place = this.place(loc);
      if (!debug || !place) continue;
      const list = this.lists.add(variable, debug, pieces);
      const found = isParameter ? ABBREV.parameter : ABBREV.movingVariable;
      const lost = isParameter ? ABBREV.lostParameter : ABBREV.lostVariable;
      this.out.uleb(list === null ? lost : found).u32(this.strings.offset(name));
      this.types.reference(type, size);
      this.out.uleb(place.file).uleb(place.line);
      if (list !== null) this.out.u32(list);
    }
  }

  private node(code: Code, pieces: readonly number[], node: CodeNode, outer: LocationId): void {
    const single = node.ranges.length === 1;
    const body = node.inlined?.call ?? outer;
    const full = node.children.length > 0 || this.localsOf(body, node.scope).length > 0;
    const childless = full ? 0 : CHILDLESS;
    if (node.inlined) {
      const { file, line } = this.place(node.inlined.call) ?? { file: 1, line: 0 };
      this.out
        .uleb((single ? ABBREV.inlinedRange : ABBREV.inlinedRanges) + childless)
        .u32(this.inlined.get(node.inlined.callee) ?? 0)
        .uleb(file)
        .uleb(line);
    } else this.out.uleb((single ? ABBREV.blockRange : ABBREV.blockRanges) + childless);
    if (single) {
      const [{ start, end }] = node.ranges;
      this.out.u32(start).u32(end - start);
    } else {
      this.out.u32(this.ranges.length);
      for (const { start, end } of node.ranges) this.ranges.u32(start).u32(end);
      this.ranges.u32(0).u32(0);
    }
    this.locals(code, pieces, body, node.scope);
    for (const child of node.children) this.node(code, pieces, child, body);
    if (full) this.out.u8(0);
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

export function debugInfo(linked: Linked, files: FileNumbers): DebugInfo {
  const writer = new InfoWriter(linked, files);
  writer.unit();
  const info = new ByteWriter().u32(writer.out.length).raw(writer.out.bytes()).bytes();
  return {
    info,
    strings: writer.strings.writer.bytes(),
    ranges: writer.ranges.bytes(),
    locations: writer.lists.out.bytes(),
  };
}
