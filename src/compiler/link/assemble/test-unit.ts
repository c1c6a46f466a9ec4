/** Small units for this folder's tests: functions as text, data as bytes. */
import type { AsmFunction } from "../../assembly.ts";
import type { DataObject, IrUnit, Location, NakedFunction } from "../../ir.ts";

/** Naked functions by name; line n of each text is at line n of its file. */
export interface UnitText {
  readonly naked?: Readonly<Record<string, { readonly section?: string; readonly text: string }>>;
  readonly data?: readonly (Partial<DataObject> & { readonly symbol: string })[];
  readonly locations?: readonly Location[];
}

const NOWHERE: Location = { file: "", line: 0, column: 0, functionName: "", inlinedAt: 0 };

export function makeUnit(text: UnitText): IrUnit {
  const locations: Location[] = [...(text.locations ?? [NOWHERE])];
  const naked = Object.entries(text.naked ?? {}).map(([symbol, f]): NakedFunction => {
    const section = f.section ?? ".text";
    const file = `${section.startsWith(".fw.") ? "firmware" : "kernel"}/${symbol}.ts`;
    const lines = f.text.split("\n").map((line, i) => {
      locations.push({ file, line: i + 1, column: 1, functionName: symbol, inlinedAt: 0 });
      return { text: line, loc: locations.length - 1 };
    });
    return { symbol, name: symbol, section, loc: lines[0].loc, exported: true, lines };
  });
  const data = (text.data ?? []).map(
    (d): DataObject => ({
      name: d.symbol,
      section: ".data",
      align: 4,
      size: d.bytes?.length ?? 4,
      bytes: new Uint8Array(0),
      relocations: [],
      type: "u32",
      loc: 0,
      ...d,
    }),
  );
  const files = [...new Set(locations.map((l) => l.file).filter((f) => f !== ""))];
  return {
    locations,
    functions: [],
    naked,
    data,
    structs: {},
    enums: {},
    config: {},
    tasks: [],
    files,
  };
}

export function asmFunction(
  symbol: string,
  items: AsmFunction["items"],
  more: Partial<AsmFunction> = {},
): AsmFunction {
  return {
    symbol,
    name: symbol,
    section: ".text",
    exported: true,
    loc: 0,
    items,
    frameBytes: 0,
    variables: [],
    scopes: { parents: [], of: [] },
    ...more,
  };
}
