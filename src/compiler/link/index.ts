/**
 * The assembler and linker: functions and data in, an ELF image with its symbols and listings out.
 */
import { HARTLAB_SECTION } from "../../base/hartlab-section.ts";
import { failure, success } from "../../base/result.ts";
import type { Result } from "../../base/result.ts";
import type { AsmFunction } from "../assembly.ts";
import type { IrUnit } from "../ir.ts";
import { dwarfSections } from "./dwarf/index.ts";
import { plainSection, writeElf } from "./elf.ts";
import type { ElfSection } from "./elf.ts";
import { sectionBytes } from "./emit.ts";
import { hartlabBytes, hartlabSection } from "./hartlab.ts";
import { imageSymbols } from "./image-symbols.ts";
import type { ImageSymbol } from "./image-symbols.ts";
import { addKallsyms, isKallsymsName } from "./kallsyms.ts";
import { checkOverlap, createLayout, perCpuOffsets } from "./layout.ts";
import type { Linked } from "./linked.ts";
import { makeListing } from "./listing/listing.ts";
import type { Listing } from "./listing/listing.ts";
import { lowerFunction, lowerNaked } from "./assemble/lower.ts";
import type { Code } from "./assemble/piece.ts";
import { Problems } from "./assemble/problems.ts";
import { relax } from "./assemble/relax.ts";
import { FileNumbers, lineRows } from "./rows.ts";
import { FIRMWARE_BASE, physicalAddress } from "./sections.ts";
import { buildSymbols, checkReferences, forEachReference } from "./symbols.ts";

export type { ImageSymbol, Listing };

export interface Image {
  readonly elf: Uint8Array;
  /** Sorted by address. */
  readonly symbols: readonly ImageSymbol[];
  /** Readable texts; with the sources by path, their lines are shown between the instructions. */
  listing(sources?: ReadonlyMap<string, string>): Listing;
}

function lowerAll(unit: IrUnit, functions: readonly AsmFunction[], problems: Problems): Code[] {
  const offsets = perCpuOffsets(unit.data);
  const perCpu = (symbol: string): number | null => offsets.get(symbol) ?? null;
  return [
    ...unit.naked.map((f) => lowerNaked(f, problems)),
    ...functions.map((f) => lowerFunction(f, perCpu, problems)),
  ];
}

function elfSections(linked: Linked, problems: Problems): ElfSection[] {
  const perCpuStart = linked.symbols.address("__per_cpu_start");
  const sections: ElfSection[] = [];
  for (const section of linked.layout.sections) {
    if (section.size === 0) continue;
    const { spec, address, size } = section;
    sections.push({
      name: spec.name,
      address,
      physical: physicalAddress(spec, address),
      bytes: sectionBytes(section, linked.symbols, perCpuStart, problems),
      size,
      align: spec.align,
      alloc: true,
      write: spec.flags === "w",
      execute: spec.flags === "x",
    });
  }
  return sections;
}

/** Same input, same bytes. */
export function link(unit: IrUnit, functions: readonly AsmFunction[]): Result<Image> {
  const problems = new Problems(unit.locations);
  const codes = lowerAll(unit, functions, problems);
  const layout = createLayout(codes, unit.data, problems);
  let usesKallsyms = false;
  forEachReference(codes, unit.data, (name) => {
    if (isKallsymsName(name)) usesKallsyms = true;
  });
  const fillKallsyms = usesKallsyms ? addKallsyms(layout) : null;
  const symbols = buildSymbols(layout, problems);
  checkReferences(codes, unit.data, symbols, problems);
  if (!symbols.find("_start"))
    problems.add('there is no function "_start", where every hart begins', null);
  if (problems.count > 0) return failure(...problems.problems);

  relax(layout, symbols);
  fillKallsyms?.();
  checkOverlap(layout, problems);
  const linked: Linked = { unit, layout, symbols };
  const sections = elfSections(linked, problems);
  if (problems.count > 0) return failure(...problems.problems);
  return success(finish(linked, sections));
}

/** Reads words of the loaded sections by address. */
function wordReader(sections: readonly ElfSection[]): (address: number) => number {
  const views = sections
    .filter((s) => s.bytes !== null)
    .map((s) => {
      const bytes = s.bytes ?? new Uint8Array(0);
      return {
        start: s.address,
        end: s.address + bytes.length - 3,
        view: new DataView(bytes.buffer, bytes.byteOffset),
      };
    });
  let last = views[0];
  return (address) => {
    if (!(address >= last.start && address < last.end)) {
      last = views.find((v) => address >= v.start && address < v.end) ?? last;
    }
    return address >= last.start && address < last.end
      ? last.view.getUint32(address - last.start, true)
      : 0;
  };
}

function finish(linked: Linked, sections: readonly ElfSection[]): Image {
  const rows = lineRows(linked);
  const files = new FileNumbers(linked);
  const wordAt = wordReader(sections);
  const symbols = imageSymbols(linked);
  const debug = dwarfSections(linked, rows, files, wordAt);
  const hartlab = plainSection(HARTLAB_SECTION, hartlabBytes(hartlabSection(linked, rows, files, wordAt)));
  const elf = writeElf(FIRMWARE_BASE, [...sections, ...debug, hartlab], symbols);
  return {
    elf,
    symbols,
    listing: (sources) => makeListing(linked, rows, symbols, wordAt, sources),
  };
}
