/**
 * The image as text: disassembly with source lines (`.asm`), symbols (`.sym`) and line rows
 * (`.lines`).
 */
import { decode, disassemble, fieldImmediate } from "../../../isa/index.ts";
import type { ImageSymbol } from "../image-symbols.ts";
import type { Linked } from "../linked.ts";
import type { Code } from "../assemble/piece.ts";
import { inlineFrames } from "../rows.ts";
import type { Row, RowSequence } from "../rows.ts";
import { sizeReport } from "./size-report.ts";

/** A word of code, which is never compressed here, or of data. */
export const textOf = (word: number, at: number): string =>
  (word & 3) === 3 ? disassemble(word, at) : `.word 0x${(word >>> 0).toString(16)}`;

export interface Listing {
  readonly asm: string;
  readonly sym: string;
  readonly lines: string;
  /** size-report.ts */
  readonly sizes: string;
}

function hex(value: number): string {
  return (value >>> 0).toString(16).padStart(8, "0");
}

/** The symbol with an extent that holds the address, or null. */
function nameAt(extents: readonly ImageSymbol[], address: number): string | null {
  let low = 0;
  let high = extents.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (extents[middle].address <= address) low = middle;
    else high = middle - 1;
  }
  const found = extents[low];
  if (!found || address < found.address || address >= found.address + found.size) return null;
  const offset = address - found.address;
  return offset === 0 ? found.name : `${found.name}+0x${offset.toString(16)}`;
}

class AsmListing {
  private readonly out: string[] = [];
  private readonly linked: Linked;
  private readonly rowAt = new Map<number, Row>();
  private readonly extents: readonly ImageSymbol[];
  private readonly wordAt: (address: number) => number;
  private readonly sources: ReadonlyMap<string, readonly string[]>;

  constructor(
    linked: Linked,
    rows: readonly RowSequence[],
    symbols: readonly ImageSymbol[],
    wordAt: (address: number) => number,
    sources: ReadonlyMap<string, string>,
  ) {
    this.linked = linked;
    for (const s of rows) for (const row of s.rows) this.rowAt.set(row.address, row);
    this.extents = symbols.filter((s) => s.size > 0);
    this.wordAt = wordAt;
    this.sources = new Map([...sources].map(([path, text]) => [path, text.split("\n")]));
  }

  text(): string {
    for (const section of this.linked.layout.sections) {
      if (section.codes.length === 0) continue;
      this.out.push(`section ${section.spec.name}`, "");
      for (const code of section.codes) this.code(code);
    }
    return this.out.join("\n");
  }

  private code(code: Code): void {
    this.out.push(`${hex(code.address)} <${code.name}>: (${code.size} bytes)`);
    for (let at = code.address; at < code.address + code.size; at += 4) {
      const row = this.rowAt.get(at);
      if (row) this.source(row);
      const word = this.wordAt(at);
      this.out.push(`${hex(at)}:  ${hex(word)}  ${textOf(word, at)}${this.target(word, at)}`);
    }
    this.out.push("");
  }

  private source(row: Row): void {
    const { locations } = this.linked.unit;
    const { file, line } = locations[row.loc];
    const number = line + row.lineOffset;
    const frames = inlineFrames(locations, row.loc).map(
      ({ callee, call }) => ` ${callee} at ${call.file}:${call.line}`,
    );
    const text = this.sources.get(file)?.[number - 1];
    const inlined = frames.length === 0 ? "" : ` [inlined:${frames.join(",")}]`;
    this.out.push(`; ${file}:${number}${inlined}${text === undefined ? "" : `  ${text.trim()}`}`);
  }

  private target(word: number, at: number): string {
    const row = decode(word);
    if (row?.format !== "j") return "";
    const name = nameAt(this.extents, (at + fieldImmediate(word, row.format)) >>> 0);
    return name === null ? "" : ` <${name}>`;
  }
}

function symbolText(symbols: readonly ImageSymbol[]): string {
  return symbols
    .map(
      (s) =>
        `${hex(s.address)} ${s.size.toString(16).padStart(6)} ${s.kind.padEnd(8)} ` +
        `${(s.section || "-").padEnd(14)} ${s.name}\n`,
    )
    .join("");
}

function lineText(linked: Linked, rows: readonly RowSequence[]): string {
  const { locations } = linked.unit;
  return rows
    .flatMap((s) => s.rows)
    .map((row) => {
      const { file, line } = locations[row.loc];
      const frames = inlineFrames(locations, row.loc).map(
        ({ callee, call }) => ` ${callee}@${call.file}:${call.line}`,
      );
      return `${hex(row.address)} ${file}:${line + row.lineOffset}${frames.join("")}\n`;
    })
    .join("");
}

export function makeListing(
  linked: Linked,
  rows: readonly RowSequence[],
  symbols: readonly ImageSymbol[],
  wordAt: (address: number) => number,
  sources: ReadonlyMap<string, string> = new Map(),
): Listing {
  return {
    asm: new AsmListing(linked, rows, symbols, wordAt, sources).text(),
    sym: symbolText(symbols),
    lines: lineText(linked, rows),
    sizes: sizeReport(linked),
  };
}
