/** The assembler and linker: functions and data in, an ELF image with its symbols and listings out. */
import { failure, success } from "../../base/result.ts";
import type { Result } from "../../base/result.ts";
import type { AsmFunction } from "../assembly.ts";
import type { IrUnit } from "../ir.ts";
import { plainSection, writeElf } from "./elf.ts";
import type { ElfSection } from "./elf.ts";
import { sectionBytes } from "./emit.ts";
import { addKallsyms, isKallsymsName } from "./kallsyms.ts";
import { checkOverlap, createLayout, perCpuOffsets } from "./layout.ts";
import type { Linked } from "./linked.ts";
import { lowerFunction, lowerNaked } from "./lower.ts";
import type { Code } from "./piece.ts";
import { Problems } from "./problems.ts";
import { relax } from "./relax.ts";
import { FIRMWARE_BASE, physicalAddress } from "./sections.ts";
import { buildSymbols, checkReferences, forEachReference } from "./symbols.ts";
import { imageSymbols } from "./image-symbols.ts";
import type { ImageSymbol } from "./image-symbols.ts";

export type { ImageSymbol };

export interface Image {
  readonly elf: Uint8Array;
  /** Sorted by address. */
  readonly symbols: readonly ImageSymbol[];
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
  if (!symbols.find("_start")) problems.add('there is no function "_start", where every hart begins', null);
  if (problems.count > 0) return failure(...problems.problems);

  relax(layout, symbols);
  fillKallsyms?.();
  checkOverlap(layout, problems);
  const linked: Linked = { unit, layout, symbols };
  const sections = elfSections(linked, problems);
  if (problems.count > 0) return failure(...problems.problems);
  const named = imageSymbols(linked);
  const elf = writeElf(FIRMWARE_BASE, [...sections, plainSection(".comment", new Uint8Array(0))], named);
  return success({ elf, symbols: named });
}
