/**
 * Reading ELF32 RISC-V executables from bytes that may be anything: every offset is checked before
 * it is followed, and what is wrong is said in a sentence. Nothing is loaded here; machine.ts
 * copies the segments.
 *
 * Segments load at p_paddr, e_entry is ignored (harts start at 0x8000_0000). Section and symbol
 * tables are optional. Limits: ELF_LIMITS. Source: System V ABI, chapter 4; RISC-V ELF psABI.
 */
import { failure, success, type Problem, type Result } from "../base/result.ts";

export interface ElfSegment {
  readonly physical: number;
  readonly virtual: number;
  readonly memorySize: number;
  /** The part that comes from the file; the rest up to `memorySize` is zero. */
  readonly bytes: Uint8Array;
}

export interface ElfSection {
  readonly name: string;
  readonly address: number;
  readonly size: number;
  /** Empty for sections without contents in the file. */
  readonly bytes: Uint8Array;
}

export interface ElfSymbol {
  readonly name: string;
  readonly address: number;
  readonly size: number;
  readonly kind: "function" | "object" | "none";
  readonly global: boolean;
}

export interface ElfImage {
  readonly entry: number;
  readonly segments: readonly ElfSegment[];
  readonly sections: readonly ElfSection[];
  readonly symbols: readonly ElfSymbol[];
  /** The bytes of the first section of that name, or null. */
  section(name: string): Uint8Array | null;
}

export const ELF_LIMITS = { segments: 256, sections: 4096, symbols: 1_000_000 } as const;

const HEADER_BYTES = 52;
const PROGRAM_HEADER_BYTES = 32;
const SECTION_HEADER_BYTES = 40;
const SYMBOL_BYTES = 16;
const MACHINE_RISCV = 243;
const TYPE_EXECUTABLE = 2;
const PT_LOAD = 1;
const SHT = { SYMTAB: 2, NOBITS: 8 } as const;

interface SectionHeader {
  readonly nameAt: number;
  readonly type: number;
  readonly address: number;
  readonly offset: number;
  readonly size: number;
  readonly link: number;
}

function problem(message: string, hint?: string): Problem {
  return hint === undefined ? { message } : { message, hint };
}

const WANTED = "Give an executable linked for RV32 (ELF32, little-endian, machine RISC-V).";

/** What is wrong with the file header, or null. */
function headerProblem(bytes: Uint8Array, view: DataView): Problem | null {
  const magic = bytes.length >= 4 && view.getUint32(0) === 0x7f454c46;
  if (!magic)
    return problem("the image is not an ELF file: it does not start with 7f 45 4c 46", WANTED);
  if (bytes.length < HEADER_BYTES) return problem("the ELF file is truncated inside its header");
  if (bytes[4] === 2) return problem("the ELF file is 64-bit; this machine is RV32", WANTED);
  if (bytes[4] !== 1) return problem(`the ELF file has the unknown class ${bytes[4]}`, WANTED);
  if (bytes[5] !== 1) return problem("the ELF file is not little-endian", WANTED);
  const machine = view.getUint16(18, true);
  if (machine !== MACHINE_RISCV) {
    return problem(
      `the ELF file is for another machine (e_machine ${machine}, RISC-V is ${MACHINE_RISCV})`,
      WANTED,
    );
  }
  const type = view.getUint16(16, true);
  if (type !== TYPE_EXECUTABLE) {
    return problem(
      `the ELF file is not an executable (e_type ${type})`,
      "Link it to fixed addresses first.",
    );
  }
  return null;
}

function readSegments(bytes: Uint8Array, view: DataView): Result<ElfSegment[]> {
  const at = view.getUint32(28, true);
  const size = view.getUint16(42, true);
  const count = view.getUint16(44, true);
  if (count === 0)
    return failure(problem("the ELF file has no program headers, so there is nothing to load"));
  if (count > ELF_LIMITS.segments) {
    return failure(
      problem(`the ELF file has ${count} program headers; the limit is ${ELF_LIMITS.segments}`),
    );
  }
  if (size < PROGRAM_HEADER_BYTES)
    return failure(problem(`the ELF file's program headers have ${size} bytes each`));
  if (at + count * size > bytes.length)
    return failure(problem("the ELF file is truncated inside its program headers"));
  const segments: ElfSegment[] = [];
  for (let i = 0; i < count; i++) {
    const header = at + i * size;
    if (view.getUint32(header, true) !== PT_LOAD) continue;
    const offset = view.getUint32(header + 4, true);
    const fileSize = view.getUint32(header + 16, true);
    const memorySize = view.getUint32(header + 20, true);
    if (memorySize === 0 && fileSize === 0) continue;
    if (offset + fileSize > bytes.length) {
      return failure(
        problem(
          `the ELF file is truncated: segment ${i} ends at byte ${offset + fileSize} of ${bytes.length}`,
        ),
      );
    }
    if (fileSize > memorySize) {
      return failure(
        problem(
          `segment ${i} of the ELF file is larger in the file (${fileSize}) than in memory (${memorySize})`,
        ),
      );
    }
    segments.push({
      virtual: view.getUint32(header + 8, true),
      physical: view.getUint32(header + 12, true),
      memorySize,
      bytes: bytes.subarray(offset, offset + fileSize),
    });
  }
  if (segments.length === 0)
    return failure(problem("the ELF file has no PT_LOAD segment, so there is nothing to load"));
  return success(segments);
}

function readSectionHeaders(bytes: Uint8Array, view: DataView): Result<SectionHeader[]> {
  const at = view.getUint32(32, true);
  const size = view.getUint16(46, true);
  const count = at === 0 ? 0 : view.getUint16(48, true);
  if (count === 0) return success([]);
  if (count > ELF_LIMITS.sections) {
    return failure(
      problem(`the ELF file has ${count} sections; the limit is ${ELF_LIMITS.sections}`),
    );
  }
  if (size < SECTION_HEADER_BYTES)
    return failure(problem(`the ELF file's section headers have ${size} bytes each`));
  if (at + count * size > bytes.length)
    return failure(problem("the ELF file is truncated inside its section headers"));
  const headers: SectionHeader[] = [];
  for (let i = 0; i < count; i++) {
    const header = at + i * size;
    const type = view.getUint32(header + 4, true);
    const offset = view.getUint32(header + 16, true);
    const length = view.getUint32(header + 20, true);
    if (i > 0 && type !== SHT.NOBITS && offset + length > bytes.length) {
      return failure(
        problem(
          `the ELF file is truncated: section ${i} ends at byte ${offset + length} of ${bytes.length}`,
        ),
      );
    }
    headers.push({
      nameAt: view.getUint32(header, true),
      type,
      address: view.getUint32(header + 12, true),
      offset,
      size: length,
      link: view.getUint32(header + 24, true),
    });
  }
  return success(headers);
}

function contents(bytes: Uint8Array, header: SectionHeader | undefined): Uint8Array {
  if (!header || header.type === SHT.NOBITS || header.type === 0) return new Uint8Array(0);
  return bytes.subarray(header.offset, header.offset + header.size);
}

const DECODER = new TextDecoder();

function stringAt(table: Uint8Array, at: number): string {
  if (at >= table.length) return "";
  const end = table.indexOf(0, at);
  return DECODER.decode(table.subarray(at, end < 0 ? table.length : end));
}

function readSymbols(bytes: Uint8Array, headers: readonly SectionHeader[]): Result<ElfSymbol[]> {
  const table = headers.find((header) => header.type === SHT.SYMTAB);
  if (!table) return success([]);
  const names = contents(bytes, headers[table.link]);
  const data = contents(bytes, table);
  const count = Math.floor(data.length / SYMBOL_BYTES);
  if (count > ELF_LIMITS.symbols) {
    return failure(
      problem(`the ELF file has ${count} symbols; the limit is ${ELF_LIMITS.symbols}`),
    );
  }
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const symbols: ElfSymbol[] = [];
  for (let i = 1; i < count; i++) {
    const at = i * SYMBOL_BYTES;
    const name = stringAt(names, view.getUint32(at, true));
    const info = view.getUint8(at + 12);
    const type = info & 15;
    if (name === "" || type > 2) continue;
    symbols.push({
      name,
      address: view.getUint32(at + 4, true),
      size: view.getUint32(at + 8, true),
      kind: type === 2 ? "function" : type === 1 ? "object" : "none",
      global: info >> 4 !== 0,
    });
  }
  return success(symbols);
}

/** Reads an executable; the views in the result share `bytes`. */
export function readElf(bytes: Uint8Array): Result<ElfImage> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const wrong = headerProblem(bytes, view);
  if (wrong) return failure(wrong);
  const segments = readSegments(bytes, view);
  if (!segments.ok) return segments;
  const headers = readSectionHeaders(bytes, view);
  if (!headers.ok) return headers;
  const symbols = readSymbols(bytes, headers.value);
  if (!symbols.ok) return symbols;
  const names = contents(bytes, headers.value[view.getUint16(50, true)]);
  const sections = headers.value.map((header) => ({
    name: stringAt(names, header.nameAt),
    address: header.address,
    size: header.size,
    bytes: contents(bytes, header),
  }));
  return success({
    entry: view.getUint32(24, true),
    segments: segments.value,
    sections,
    symbols: symbols.value,
    section: (name) => sections.find((section) => section.name === name)?.bytes ?? null,
  });
}
