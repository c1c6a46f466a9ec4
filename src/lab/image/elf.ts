/**
 * What the lab reads from an ELF32: the `.hartlab` section and the loaded bytes by virtual address.
 *
 * Strings named by marks lie in the image's read-only data, so they are read here and not from the running machine.
 */
import {
  HARTLAB_SECTION,
  HARTLAB_SECTION_VERSION,
  type HartlabSection,
} from "../../base/hartlab-section.ts";
import { failure, type Result, success } from "../../base/result.ts";

const PT_LOAD = 1;
const PF_W = 2;
/** Longest name that is read from the guest. */
const STRING_BYTES_MAX = 256;

interface Segment {
  readonly start: number;
  readonly physical: number;
  readonly bytes: Uint8Array;
  readonly writable: boolean;
}

export class ImageFile {
  readonly section: HartlabSection;
  /** The linear map: addresses from `linearStart` on lie so far above the physical ones. */
  readonly linearStart: number;
  readonly linearOffset: number;
  readonly #segments: readonly Segment[];

  constructor(section: HartlabSection, segments: readonly Segment[]) {
    this.section = section;
    this.#segments = segments;
    const mapped = segments.filter(({ start, physical }) => start !== physical);
    this.linearStart = mapped.reduce((least, { start }) => Math.min(least, start), 2 ** 32);
    this.linearOffset = mapped.length === 0 ? 0 : mapped[0].start - mapped[0].physical;
  }

  /** An aligned word of the image's text or constant data; null: there is none. */
  constantWord(address: number): number | null {
    for (const { start, bytes, writable } of this.#segments) {
      const at = address - start;
      if (writable || at < 0 || at + 4 > bytes.length) continue;
      return bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
    }
    return null;
  }

  /** The word of code at a virtual address, of which two bytes suffice; null where the image has none. */
  codeWord(address: number): number | null {
    for (const { start, bytes } of this.#segments) {
      const at = address - start;
      if (at < 0 || at + 2 > bytes.length) continue;
      const half = (i: number): number => bytes[at + i] | (bytes[at + i + 1] << 8);
      return (half(0) | (at + 4 <= bytes.length ? half(2) << 16 : 0)) >>> 0;
    }
    return null;
  }

  /** Whether a text stands in the image's constant data. */
  hasConstantString(text: string): boolean {
    const wanted = new TextEncoder().encode(`${text}\0`);
    return this.#segments.some(({ bytes, writable }) => {
      if (writable) return false;
      for (let at = bytes.indexOf(wanted[0]); at >= 0; at = bytes.indexOf(wanted[0], at + 1)) {
        if (wanted.every((byte, i) => bytes[at + i] === byte)) return true;
      }
      return false;
    });
  }

  /** The NUL-terminated text at a virtual address of the image's constant data; null where there is none. */
  constantString(address: number): string | null {
    for (const { start, bytes, writable } of this.#segments) {
      const at = address - start;
      if (writable || at < 0 || at >= bytes.length) continue;
      return cString(bytes.subarray(at, at + STRING_BYTES_MAX));
    }
    return null;
  }
}

/** The text up to the first NUL; null when there is no NUL. */
export function cString(bytes: Uint8Array): string | null {
  const end = bytes.indexOf(0);
  return end < 0 ? null : new TextDecoder().decode(bytes.subarray(0, end));
}

export function readImage(elf: Uint8Array): Result<ImageFile> {
  const view = new DataView(elf.buffer, elf.byteOffset, elf.byteLength);
  if (elf.length < 52 || view.getUint32(0, false) !== 0x7f454c46 || elf[4] !== 1) {
    return failure({
      message: "the kernel image is not a 32-bit ELF file",
      hint: "Build it again.",
    });
  }
  const segments: Segment[] = [];
  const programAt = view.getUint32(28, true);
  const programSize = view.getUint16(42, true);
  for (let i = 0; i < view.getUint16(44, true); i++) {
    const at = programAt + i * programSize;
    if (view.getUint32(at, true) !== PT_LOAD) continue;
    const offset = view.getUint32(at + 4, true);
    segments.push({
      start: view.getUint32(at + 8, true),
      physical: view.getUint32(at + 12, true),
      bytes: elf.subarray(offset, offset + view.getUint32(at + 16, true)),
      writable: (view.getUint32(at + 24, true) & PF_W) !== 0,
    });
  }
  const section = findSection(elf, view);
  if (section === null) {
    return failure({
      message: `the kernel image has no ${HARTLAB_SECTION} section, which the observers need`,
      hint: "Build the kernel with `hartlab build`.",
    });
  }
  const parsed = JSON.parse(new TextDecoder().decode(section)) as HartlabSection;
  if (parsed.version !== HARTLAB_SECTION_VERSION) {
    return failure({
      message: `the kernel image has version ${parsed.version} of ${HARTLAB_SECTION}; this hartlab reads version ${HARTLAB_SECTION_VERSION}`,
      hint: "Build the image with this version of hartlab.",
    });
  }
  return success(new ImageFile(parsed, segments));
}

function findSection(elf: Uint8Array, view: DataView): Uint8Array | null {
  const tableAt = view.getUint32(32, true);
  const entrySize = view.getUint16(46, true);
  const count = view.getUint16(48, true);
  if (count === 0) return null;
  const namesAt = view.getUint32(tableAt + view.getUint16(50, true) * entrySize + 16, true);
  for (let i = 0; i < count; i++) {
    const at = tableAt + i * entrySize;
    const name = cString(elf.subarray(namesAt + view.getUint32(at, true)));
    if (name !== HARTLAB_SECTION) continue;
    const offset = view.getUint32(at + 16, true);
    return elf.subarray(offset, offset + view.getUint32(at + 20, true));
  }
  return null;
}
