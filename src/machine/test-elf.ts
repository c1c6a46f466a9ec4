/**
 * Writes small ELF32 RISC-V executables for tests: headers at 52, then contents, then the section
 * table.
 */

export interface TestElf {
  readonly segments: readonly {
    readonly physical: number;
    readonly virtual?: number;
    readonly bytes: Uint8Array;
    readonly memorySize?: number;
  }[];
  readonly sections?: readonly { readonly name: string; readonly bytes: Uint8Array }[];
  readonly symbols?: readonly {
    readonly name: string;
    readonly address: number;
    readonly size: number;
    /** 1 object, 2 function. */
    readonly type: number;
  }[];
}

const HEADER = 52;
const PROGRAM_HEADER = 32;

/** Strings with their offsets: index 0 is the empty one. */
function stringTable(names: readonly string[]): { bytes: Uint8Array; offsets: number[] } {
  const offsets: number[] = [];
  let all = "\0";
  for (const name of names) {
    offsets.push(all.length);
    all += `${name}\0`;
  }
  return { bytes: new TextEncoder().encode(all), offsets };
}

interface Section {
  readonly name: string;
  readonly type: number;
  readonly bytes: Uint8Array;
  readonly link: number;
}

function symbolSections(symbols: NonNullable<TestElf["symbols"]>, link: number): Section[] {
  const names = stringTable(symbols.map((symbol) => symbol.name));
  const table = new DataView(new ArrayBuffer(16 * (symbols.length + 1)));
  symbols.forEach((symbol, i) => {
    const at = 16 * (i + 1);
    table.setUint32(at, names.offsets[i]!, true);
    table.setUint32(at + 4, symbol.address, true);
    table.setUint32(at + 8, symbol.size, true);
    table.setUint8(at + 12, 0x10 | symbol.type);
  });
  return [
    { name: ".symtab", type: 2, bytes: new Uint8Array(table.buffer), link },
    { name: ".strtab", type: 3, bytes: names.bytes, link: 0 },
  ];
}

export function elfFile(elf: TestElf): Uint8Array {
  const plain = (elf.sections ?? []).map((section) => ({ ...section, type: 1, link: 0 }));
  const sections: Section[] = [{ name: "", type: 0, bytes: new Uint8Array(0), link: 0 }, ...plain];
  if (elf.symbols) sections.push(...symbolSections(elf.symbols, sections.length + 1));
  const names = stringTable([...sections.map((section) => section.name), ".shstrtab"]);
  sections.push({ name: ".shstrtab", type: 3, bytes: names.bytes, link: 0 });

  const contentsAt = HEADER + PROGRAM_HEADER * elf.segments.length;
  const chunks = [
    ...elf.segments.map((segment) => segment.bytes),
    ...sections.map((one) => one.bytes),
  ];
  const offsets: number[] = [];
  let end = contentsAt;
  for (const chunk of chunks) {
    offsets.push(end);
    end += (chunk.length + 3) & ~3;
  }
  const file = new Uint8Array(end + 40 * sections.length);
  const view = new DataView(file.buffer);
  for (const [i, chunk] of chunks.entries()) file.set(chunk, offsets[i]);
  file.set([0x7f, 0x45, 0x4c, 0x46, 1, 1, 1]);
  const half = (at: number, value: number): void => view.setUint16(at, value, true);
  const word = (at: number, value: number): void => view.setUint32(at, value, true);
  const halves: [number, number][] = [
    [16, 2],
    [18, 243],
    [40, HEADER],
    [42, PROGRAM_HEADER],
    [44, elf.segments.length],
    [46, 40],
  ];
  for (const [at, value] of halves) half(at, value);
  half(48, sections.length);
  half(50, sections.length - 1);
  word(20, 1);
  word(24, 0x8000_0000);
  word(28, HEADER);
  word(32, end);
  elf.segments.forEach((segment, i) => {
    const at = HEADER + PROGRAM_HEADER * i;
    const size = segment.bytes.length;
    const fields = [
      1,
      offsets[i]!,
      segment.virtual ?? segment.physical,
      segment.physical,
      size,
      segment.memorySize ?? size,
      7,
      4,
    ];
    for (const [k, value] of fields.entries()) word(at + 4 * k, value);
  });
  sections.forEach((section, i) => {
    const at = end + 40 * i;
    const offset = offsets[elf.segments.length + i]!;
    const fields = [
      names.offsets[i]!,
      section.type,
      0,
      0,
      offset,
      section.bytes.length,
      section.link,
      0,
      1,
      0,
    ];
    for (const [k, value] of fields.entries()) word(at + 4 * k, value);
  });
  return file;
}
