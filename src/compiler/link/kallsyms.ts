/**
 * The symbol tables inside the guest (docs/interfaces.md): made only when something refers to them.
 * Their sizes and the order of the entries are known before layout, so one placement is enough; the
 * sizes column is filled in afterwards.
 */
import type { DataObject } from "../ir.ts";
import type { Layout } from "./layout.ts";
import type { Code } from "./assemble/piece.ts";

const NAMES = ["kallsyms_num", "kallsyms_addresses", "kallsyms_sizes", "kallsyms_names"] as const;
const STRINGS = "kallsyms_strings";

export function isKallsymsName(name: string): boolean {
  return (NAMES as readonly string[]).includes(name);
}

interface Target {
  readonly symbol: string;
  readonly addend: number;
}

function table(
  symbol: string,
  type: string,
  bytes: Uint8Array,
  targets: readonly Target[],
): DataObject {
  const relocations = targets.map((t, i) => ({ offset: i * 4, ...t }));
  return {
    symbol,
    name: symbol,
    section: ".rodata",
    align: 4,
    size: bytes.length,
    bytes,
    relocations,
    type,
    loc: 0,
  };
}

/** Kernel functions in the order in which the layout places them. */
function kernelFunctions(layout: Layout): Code[] {
  return layout.sections.filter((s) => s.spec.region === "kernel").flatMap((s) => s.codes);
}

/** Adds the tables to .rodata; the returned function fills in the sizes once placement is final. */
export function addKallsyms(layout: Layout): () => void {
  const functions = kernelFunctions(layout);
  const encoder = new TextEncoder();
  const encoded = functions.map((f) => encoder.encode(f.name));
  const strings = new Uint8Array(encoded.reduce((sum, e) => sum + e.length + 1, 0));
  const nameTargets: Target[] = [];
  let at = 0;
  for (const e of encoded) {
    nameTargets.push({ symbol: STRINGS, addend: at });
    strings.set(e, at);
    at += e.length + 1;
  }
  const words = () => new Uint8Array(functions.length * 4);
  const sizes = words();
  const count = new Uint8Array(4);
  new DataView(count.buffer).setUint32(0, functions.length, true);
  const section = layout.sections.find((s) => s.spec.name === ".rodata");
  const addresses = functions.map((f) => ({ symbol: f.symbol, addend: 0 }));
  const column = `u32[${functions.length}]`;
  const objects = [
    table("kallsyms_num", "u32", count, []),
    table("kallsyms_addresses", column, words(), addresses),
    table("kallsyms_sizes", column, sizes, []),
    table("kallsyms_names", column, words(), nameTargets),
    table(STRINGS, `u8[${strings.length}]`, strings, []),
  ];
  for (const object of objects) section?.data.push({ object, address: 0 });
  return () => {
    const view = new DataView(sizes.buffer);
    functions.forEach((f, i) => {
      view.setUint32(i * 4, f.size, true);
    });
  };
}
