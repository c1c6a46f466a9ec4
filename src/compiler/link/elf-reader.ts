/** Reads back just enough of an ELF32 file for this folder's tests. */

export interface ReadSection {
  readonly name: string;
  readonly address: number;
  readonly size: number;
  readonly flags: number;
  readonly bytes: Uint8Array;
}
export interface ReadSegment {
  readonly offset: number;
  readonly vaddr: number;
  readonly paddr: number;
  readonly fileSize: number;
  readonly memorySize: number;
  readonly flags: number;
}
export interface ReadSymbol {
  readonly name: string;
  readonly address: number;
  readonly size: number;
  readonly info: number;
  readonly sectionIndex: number;
}
export interface ReadElf {
  readonly entry: number;
  readonly segments: readonly ReadSegment[];
  readonly sections: readonly ReadSection[];
  readonly symbols: readonly ReadSymbol[];
  section(name: string): ReadSection;
  symbol(name: string): ReadSymbol;
  /** The loaded word at a virtual address. */
  word(address: number): number;
}

function cString(bytes: Uint8Array, at: number): string {
  return new TextDecoder().decode(bytes.subarray(at, bytes.indexOf(0, at)));
}

function readSections(elf: Uint8Array, v: DataView): ReadSection[] {
  const start = v.getUint32(32, true);
  const count = v.getUint16(48, true);
  const header = (i: number, field: number): number =>
    v.getUint32(start + 40 * i + 4 * field, true);
  const content = (i: number): Uint8Array =>
    header(i, 1) === 8 ? new Uint8Array(0) : elf.slice(header(i, 4), header(i, 4) + header(i, 5));
  const names = content(v.getUint16(50, true));
  return Array.from({ length: count }, (_, i) => ({
    name: cString(names, header(i, 0)),
    address: header(i, 3),
    size: header(i, 5),
    flags: header(i, 2),
    bytes: content(i),
  }));
}

function readSymbols(table: Uint8Array, strings: Uint8Array): ReadSymbol[] {
  const v = new DataView(table.buffer, table.byteOffset, table.byteLength);
  return Array.from({ length: table.length / 16 }, (_, i) => ({
    name: cString(strings, v.getUint32(16 * i, true)),
    address: v.getUint32(16 * i + 4, true),
    size: v.getUint32(16 * i + 8, true),
    info: v.getUint8(16 * i + 12),
    sectionIndex: v.getUint16(16 * i + 14, true),
  }));
}

export function readElf(elf: Uint8Array): ReadElf {
  const v = new DataView(elf.buffer, elf.byteOffset, elf.byteLength);
  const sections = readSections(elf, v);
  const section = (name: string): ReadSection => {
    const found = sections.find((s) => s.name === name);
    if (!found) throw new Error(`no section ${name}`);
    return found;
  };
  const symbols = readSymbols(section(".symtab").bytes, section(".strtab").bytes);
  const segments = Array.from({ length: v.getUint16(44, true) }, (_, i): ReadSegment => {
    const field = (n: number): number => v.getUint32(52 + 32 * i + 4 * n, true);
    return {
      offset: field(1),
      vaddr: field(2),
      paddr: field(3),
      fileSize: field(4),
      memorySize: field(5),
      flags: field(6),
    };
  });
  return {
    entry: v.getUint32(24, true),
    segments,
    sections,
    symbols,
    section,
    symbol: (name) => {
      const found = symbols.find((s) => s.name === name);
      if (!found) throw new Error(`no symbol ${name}`);
      return found;
    },
    word: (address) => {
      const s = segments.find((p) => address >= p.vaddr && address < p.vaddr + p.memorySize);
      if (!s) throw new Error(`0x${address.toString(16)} is not loaded`);
      return address - s.vaddr < s.fileSize ? v.getUint32(s.offset + address - s.vaddr, true) : 0;
    },
  };
}
