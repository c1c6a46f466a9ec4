/**
 * The symbols of the image under their source names, for the symbol table, listings and the lab.
 */
import type { ElfSymbol } from "./elf.ts";
import { isNameless } from "./layout.ts";
import type { Linked } from "./linked.ts";

export type ImageSymbol = ElfSymbol;

/**
 * Sorted by address; edge symbols come before what begins at their address. Nameless data (strings)
 * is left out.
 */
export function imageSymbols(linked: Linked): ImageSymbol[] {
  const { sections, edges } = linked.layout;
  const found: ImageSymbol[] = [];
  for (const section of sections) {
    const where = section.spec.name;
    for (const name of [...section.spec.startSymbols, ...section.spec.endSymbols]) {
      found.push({
        name,
        address: edges.get(name)?.address ?? 0,
        size: 0,
        kind: "label",
        global: true,
        section: where,
      });
    }
    for (const code of section.codes) {
      const { name, address, size, exported } = code;
      found.push({ name, address, size, kind: "function", global: exported, section: where });
      for (const g of code.globals) {
        const at = address + code.labelOffsets[g.label];
        found.push({
          name: g.name,
          address: at,
          size: 0,
          kind: "label",
          global: true,
          section: where,
        });
      }
    }
    for (const { object, address } of section.data) {
      if (isNameless(object)) continue;
      found.push({
        name: object.name,
        address,
        size: object.size,
        kind: "object",
        global: false,
        section: where,
      });
    }
  }
  for (const [name, edge] of edges) {
    if (found.some((s) => s.kind === "label" && s.name === name)) continue;
    found.push({ name, address: edge.address, size: 0, kind: "label", global: true, section: "" });
  }
  const order = { label: 0, function: 1, object: 2 };
  return found.sort(
    (a, b) => a.address - b.address || order[a.kind] - order[b.kind] || (a.name < b.name ? -1 : 1),
  );
}
