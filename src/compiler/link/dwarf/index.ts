/**
 * The debug sections of an image: DWARF 4, enough for gdb to show source lines, functions, frames
 * and static data.
 */
import { plainSection } from "../elf.ts";
import type { ElfSection } from "../elf.ts";
import type { Linked } from "../linked.ts";
import type { FileNumbers, RowSequence } from "../rows.ts";
import { debugAbbrev } from "./abbrev.ts";
import { debugFrame } from "./frame.ts";
import { debugInfo } from "./info.ts";
import { debugLine } from "./line.ts";

export function dwarfSections(
  linked: Linked,
  sequences: readonly RowSequence[],
  files: FileNumbers,
  wordAt: (address: number) => number,
): ElfSection[] {
  const { info, strings, ranges, locations } = debugInfo(linked, files);
  return [
    plainSection(".debug_info", info),
    plainSection(".debug_abbrev", debugAbbrev()),
    plainSection(".debug_line", debugLine(linked, sequences, files)),
    plainSection(".debug_str", strings),
    plainSection(".debug_ranges", ranges),
    ...(locations.length > 0 ? [plainSection(".debug_loc", locations)] : []),
    plainSection(".debug_frame", debugFrame(linked, wordAt)),
  ];
}
