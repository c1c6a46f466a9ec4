/** Tables that a click or a key on a column's head sorts: numbers downwards first, text upwards. */

export function sortableTables(): void {
  for (const table of document.querySelectorAll<HTMLTableElement>("table.sortable")) {
    const heads = [...table.querySelectorAll("thead th")];
    heads.forEach((head, column) => {
      head.querySelector("button")?.addEventListener("click", () => sort(table, heads, column));
    });
  }
}

function sort(table: HTMLTableElement, heads: readonly Element[], column: number): void {
  const head = heads[column]!;
  const body = table.tBodies[0]!;
  const before = head.getAttribute("aria-sort");
  const first = head.classList.contains("n") ? "descending" : "ascending";
  const order = before === null ? first : before === "ascending" ? "descending" : "ascending";
  for (const one of heads) one.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", order);
  const sign = order === "ascending" ? 1 : -1;
  const rows = [...body.rows].map((row) => ({ row, key: keyOf(row.cells[column]) }));
  rows.sort((a, b) => sign * compare(a.key, b.key));
  body.append(...rows.map(({ row }) => row));
}

function keyOf(cell: HTMLTableCellElement | undefined): string {
  return cell?.dataset["sort"] ?? cell?.textContent ?? "";
}

/** As numbers where both are; what is none comes after what is. */
function compare(a: string, b: string): number {
  const [x, y] = [number(a), number(b)];
  if (Number.isNaN(x) && Number.isNaN(y)) return a < b ? -1 : a > b ? 1 : 0;
  if (Number.isNaN(x)) return 1;
  return Number.isNaN(y) ? -1 : x - y;
}

function number(text: string): number {
  const plain = text.replaceAll(",", "").trim();
  return plain === "" ? NaN : Number(plain);
}
