/** Plain-text building blocks of the report: grouped numbers, aligned tables, headed sections. */

/** `12345678` -> `12,345,678`. */
export function grouped(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ",");
}

export function plural(count: number, one: string): string {
  return `${grouped(count)} ${one}${count === 1 ? "" : "s"}`;
}

export type Align = "left" | "right";

/** Columns as wide as their widest cell, two spaces apart; nothing behind the last cell. */
export function table(rows: readonly (readonly string[])[], align: readonly Align[]): string[] {
  const widths = align.map((_, i) => Math.max(0, ...rows.map((row) => (row[i] ?? "").length)));
  return rows.map((row) =>
    row
      .map((cell, i) => (align[i] === "right" ? cell.padStart(widths[i]) : cell.padEnd(widths[i])))
      .join("  ")
      .trimEnd(),
  );
}

/** A heading and its lines, the lines indented by two. */
export function section(heading: string, lines: readonly string[]): string {
  return [heading, ...lines.map((line) => (line === "" ? "" : `  ${line}`))].join("\n");
}
