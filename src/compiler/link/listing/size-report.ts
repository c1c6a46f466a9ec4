/**
 * What takes how much of the image: code, constants, variables and zeroed storage by subsystem, the folder of the source file.
 *
 *   subsystem         code   rodata     data      bss    total
 *   kernel/mm        21344      812     1204     8832    32192
 *
 * Inlined code counts where it was inlined. What has no source (strings, the table of symbol names) stands in its own row.
 */
import type { Linked } from "../linked.ts";

interface Sizes {
  code: number;
  rodata: number;
  data: number;
  bss: number;
}
const COLUMNS = ["code", "rodata", "data", "bss"] as const;
const SOURCELESS = "(strings and tables)";

const totalOf = (sizes: Sizes): number => COLUMNS.reduce((sum, column) => sum + sizes[column], 0);

function collect(linked: Linked): Map<string, Sizes> {
  const { locations } = linked.unit;
  const all = new Map<string, Sizes>();
  const rowOf = (loc: number): Sizes => {
    const file = loc === 0 ? "" : locations[loc].file;
    const name = file === "" ? SOURCELESS : file.split("/").slice(0, -1).join("/");
    let row = all.get(name);
    if (!row) all.set(name, (row = { code: 0, rodata: 0, data: 0, bss: 0 }));
    return row;
  };
  for (const { spec, codes, data } of linked.layout.sections) {
    for (const code of codes) rowOf(code.loc).code += code.size;
    for (const { object } of data) {
      const column = /bss/.test(spec.name) ? "bss" : spec.flags === "w" ? "data" : "rodata";
      rowOf(object.loc)[column] += object.size;
    }
  }
  return all;
}

export function sizeReport(linked: Linked): string {
  const rows = [...collect(linked)].sort(([a, x], [b, y]) => totalOf(y) - totalOf(x) || (a < b ? -1 : 1));
  const sum = { code: 0, rodata: 0, data: 0, bss: 0 };
  for (const [, sizes] of rows) for (const column of COLUMNS) sum[column] += sizes[column];
  const line = (name: string, cells: readonly (string | number)[]): string =>
    `${name.padEnd(24)}${cells.map((cell) => String(cell).padStart(9)).join("")}\n`;
  const print = ([name, sizes]: readonly [string, Sizes]): string =>
    line(name, [...COLUMNS.map((column) => sizes[column]), totalOf(sizes)]);
  return [line("subsystem", [...COLUMNS, "total"]), ...rows.map(print), print(["total", sum])].join("");
}
