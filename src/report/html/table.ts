/**
 * Tables: readable without a script, sorted by a click or the keyboard with it (client/tables.ts).
 *
 * A cell is sorted by `sort` where it has one, else by its text; a column of numbers stands to the right.
 */
import { type Html, html, type Part } from "./markup.ts";

export interface Column {
  readonly name: string;
  readonly align?: "left" | "right";
  /** What the column counts, as a tooltip of its head. */
  readonly title?: string;
}

export type Cell = string | Html | { readonly show: Part; readonly sort: number | string; readonly class?: string; readonly title?: string };

export interface TableOptions {
  readonly caption?: string;
  readonly sortable?: boolean;
  /** Rows beyond so many are left out, and the table says so. */
  readonly rowsMax?: number;
  readonly id?: string;
}

const ROWS_MAX = 1000;

export function dataTable(columns: readonly Column[], rows: readonly (readonly Cell[])[], options: TableOptions = {}): Html {
  const { caption, sortable = true, rowsMax = ROWS_MAX, id } = options;
  const head = columns.map(({ name, align, title }) => {
    const label = sortable ? html`<button type="button">${name}</button>` : name;
    return html`<th scope="col"${align === "right" && html` class="n"`}${title !== undefined && html` title="${title}"`}>${label}</th>`;
  });
  const body = rows.slice(0, rowsMax).map((row) => html`<tr>${row.map((cell, i) => cellOf(cell, columns[i]?.align === "right"))}</tr>`);
  const cut = rows.length > rowsMax && html`<p class="note">${rows.length - rowsMax} rows more are not shown.</p>`;
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${caption ?? columns.map(({ name }) => name).join(", ")}"><table${id !== undefined && html` id="${id}"`}${sortable && html` class="sortable"`}>${
    caption !== undefined && html`<caption>${caption}</caption>`
  }<thead><tr>${head}</tr></thead><tbody>${body}</tbody></table></div>${cut}`;
}

function cellOf(cell: Cell, number: boolean): Html {
  if (typeof cell === "string" || !("show" in cell)) return html`<td${number && html` class="n"`}>${cell}</td>`;
  const names = [number ? "n" : "", cell.class ?? ""].filter((one) => one !== "").join(" ");
  return html`<td${names !== "" && html` class="${names}"`}${cell.title !== undefined && html` title="${cell.title}"`} data-sort="${cell.sort}">${cell.show}</td>`;
}

/** A fact a row: what a run was made of. */
export function factTable(rows: readonly (readonly [string, Part])[]): Html {
  return html`<table class="facts"><tbody>${rows.map(([name, value]) => html`<tr><th scope="row">${name}</th><td>${value}</td></tr>`)}</tbody></table>`;
}
