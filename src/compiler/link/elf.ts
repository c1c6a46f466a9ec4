/**
 * Writes an ELF32 little-endian RISC-V executable (System V gABI, RISC-V psABI). The file's own
 * headers are not part of any segment; a segment covers neighbouring sections of equal permissions,
 * and zeroed sections come last in theirs.
 */
import { ByteWriter, StringTable } from "./bytes.ts";

export interface ElfSection {
  readonly name: string;
  readonly address: number;
  readonly physical: number;
  /** Null: no room in the file. */
  readonly bytes: Uint8Array | null;
  readonly size: number;
  readonly align: number;
  /** Loaded sections only. */
  readonly alloc: boolean;
  readonly write: boolean;
  readonly execute: boolean;
}

export interface ElfSymbol {
  readonly name: string;
  readonly address: number;
  readonly size: number;
  readonly kind: "function" | "object" | "label";
  readonly global: boolean;
  /** Name of the section that holds it. */
  readonly section: string;
}

const EHDR = 52;
const PHDR = 32;
const SHDR = 40;
const PAGE = 4096;
const SHT = { PROGBITS: 1, SYMTAB: 2, STRTAB: 3, NOBITS: 8 } as const;
const SHN_ABS = 0xfff1;
const STT = { label: 0, object: 1, function: 2 } as const;

interface Header {
  readonly name: string;
  readonly type: number;
  readonly flags: number;
  readonly address: number;
  readonly size: number;
  readonly link: number;
  readonly info: number;
  readonly align: number;
  readonly entrySize: number;
  readonly bytes: Uint8Array | null;
  offset: number;
}

interface Segment {
  readonly first: number;
  last: number;
}

/** A section that is not loaded. */
export function plainSection(name: string, bytes: Uint8Array): ElfSection {
  return {
    name,
    address: 0,
    physical: 0,
    bytes,
    size: bytes.length,
    align: 1,
    alloc: false,
    write: false,
    execute: false,
  };
}

function symbolTable(
  symbols: readonly ElfSymbol[],
  sections: readonly ElfSection[],
): { symtab: Uint8Array; strtab: Uint8Array; locals: number } {
  const index = new Map(sections.map((s, i) => [s.name, i + 1]));
  const strings = new StringTable();
  const out = new ByteWriter().raw(new Uint8Array(16));
  const ordered = [...symbols.filter((s) => !s.global), ...symbols.filter((s) => s.global)];
  for (const s of ordered) {
    out.u32(strings.offset(s.name)).u32(s.address).u32(s.size);
    out
      .u8((s.global ? 0x10 : 0) | STT[s.kind])
      .u8(0)
      .u16(index.get(s.section) ?? SHN_ABS);
  }
  return {
    symtab: out.bytes(),
    strtab: strings.writer.bytes(),
    locals: 1 + symbols.filter((s) => !s.global).length,
  };
}

function headers(sections: readonly ElfSection[], symbols: readonly ElfSymbol[]): Header[] {
  const all: Header[] = sections.map((s) => ({
    name: s.name,
    type: s.bytes ? SHT.PROGBITS : SHT.NOBITS,
    flags: s.alloc ? 2 | (s.write ? 1 : 0) | (s.execute ? 4 : 0) : 0,
    address: s.address,
    size: s.size,
    link: 0,
    info: 0,
    align: s.align,
    entrySize: 0,
    bytes: s.bytes,
    offset: 0,
  }));
  const table = symbolTable(symbols, sections);
  const extra = (
    name: string,
    type: number,
    bytes: Uint8Array,
    link: number,
    info: number,
    entrySize: number,
  ): void => {
    const align = type === SHT.SYMTAB ? 4 : 1;
    all.push({
      name,
      type,
      flags: 0,
      address: 0,
      size: bytes.length,
      link,
      info,
      align,
      entrySize,
      bytes,
      offset: 0,
    });
  };
  extra(".symtab", SHT.SYMTAB, table.symtab, all.length + 2, table.locals, 16);
  extra(".strtab", SHT.STRTAB, table.strtab, 0, 0, 0);
  const names = new StringTable();
  for (const h of [...all.map((h) => h.name), ".shstrtab"]) names.offset(h);
  extra(".shstrtab", SHT.STRTAB, names.writer.bytes(), 0, 0, 0);
  return all;
}

/**
 * Neighbours with equal permissions and the same distance between virtual and physical address
 * share a segment.
 */
function segmentsOf(sections: readonly ElfSection[]): Segment[] {
  const segments: Segment[] = [];
  sections.forEach((s, i) => {
    if (!s.alloc) return;
    const current = segments[segments.length - 1];
    const before = current && sections[current.last];
    const joins =
      before !== undefined &&
      before.write === s.write &&
      before.execute === s.execute &&
      before.address - before.physical === s.address - s.physical &&
      (before.bytes !== null || s.bytes === null);
    if (joins) current.last = i;
    else segments.push({ first: i, last: i });
  });
  return segments;
}

/**
 * File offsets: inside a segment as in memory, and congruent to the address modulo the page size.
 */
function assignOffsets(all: Header[], segments: readonly Segment[], start: number): number {
  let at = start;
  for (const { first, last } of segments) {
    at += (all[first].address - at) & (PAGE - 1);
    for (let i = first; i <= last; i++) all[i].offset = at + (all[i].address - all[first].address);
    for (let i = last; i >= first; i--) {
      if (all[i].bytes === null) continue;
      at = all[i].offset + all[i].size;
      break;
    }
  }
  for (const h of all) {
    if ((h.flags & 2) !== 0) continue;
    at = Math.ceil(at / h.align) * h.align;
    h.offset = at;
    at += h.size;
  }
  return Math.ceil(at / 4) * 4;
}

function fileHeader(
  entry: number,
  segments: number,
  sections: number,
  sectionsAt: number,
): Uint8Array {
  const EM_RISCV = 243;
  const w = new ByteWriter().raw([0x7f, 0x45, 0x4c, 0x46, 1, 1, 1]).raw(new Uint8Array(9));
  w.u16(2).u16(EM_RISCV).u32(1).u32(entry).u32(EHDR).u32(sectionsAt).u32(0);
  return w
    .u16(EHDR)
    .u16(PHDR)
    .u16(segments)
    .u16(SHDR)
    .u16(sections)
    .u16(sections - 1)
    .bytes();
}

function programHeaders(
  sections: readonly ElfSection[],
  all: readonly Header[],
  segments: readonly Segment[],
): Uint8Array {
  const PT_LOAD = 1;
  const w = new ByteWriter();
  for (const { first, last } of segments) {
    const s = sections[first];
    const parts = sections.slice(first, last + 1);
    const fileEnd = Math.max(
      s.address,
      ...parts.filter((p) => p.bytes).map((p) => p.address + p.size),
    );
    const memoryEnd = sections[last].address + sections[last].size;
    w.u32(PT_LOAD).u32(all[first].offset).u32(s.address).u32(s.physical);
    w.u32(fileEnd - s.address)
      .u32(memoryEnd - s.address)
      .u32(4 | (s.write ? 2 : 0) | (s.execute ? 1 : 0))
      .u32(PAGE);
  }
  return w.bytes();
}

function sectionHeaders(all: readonly Header[]): Uint8Array {
  const w = new ByteWriter().raw(new Uint8Array(SHDR));
  let nameAt = 1;
  for (const h of all) {
    w.u32(nameAt).u32(h.type).u32(h.flags).u32(h.address).u32(h.offset).u32(h.size);
    w.u32(h.link).u32(h.info).u32(h.align).u32(h.entrySize);
    nameAt += h.name.length + 1;
  }
  return w.bytes();
}

/**
 * `sections`: loaded ones first, in address order within each segment; names are ASCII and unique.
 */
export function writeElf(
  entry: number,
  sections: readonly ElfSection[],
  symbols: readonly ElfSymbol[],
): Uint8Array {
  const all = headers(sections, symbols);
  const segments = segmentsOf(sections);
  const sectionsAt = assignOffsets(all, segments, EHDR + PHDR * segments.length);
  const file = new Uint8Array(sectionsAt + SHDR * (all.length + 1));
  file.set(fileHeader(entry, segments.length, all.length + 1, sectionsAt), 0);
  file.set(programHeaders(sections, all, segments), EHDR);
  for (const h of all) if (h.bytes) file.set(h.bytes, h.offset);
  file.set(sectionHeaders(all), sectionsAt);
  return file;
}
