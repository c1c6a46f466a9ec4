/** Excerpts of the guest's sources around lines that a report names, and reports with links to them. */
import { html, type Html, type Part } from "../markup.ts";
import { cut, EXCERPTS_EACH_MAX, EXCERPTS_MAX, LINE_CHARACTERS_MAX } from "./limits.ts";

/** Text of a source by its path as frames name it; null: not known. */
export type SourceOf = (file: string) => string | null;

const AROUND = 4;
const KERNEL = /^(?:kernel|firmware)\//;
/** It begins where a word begins: tried at every character of a long word it would take for ever. */
const PLACE = /(?<![\w./@-])([\w./@-]{1,200}\.ts):(\d+)/g;
/** How many excerpts of a finding stand open. */
const OPEN = 2;

/** Texts with their excerpts; one for a page, because it counts what the page has in all. */
export class Excerpts {
  readonly #sourceOf: SourceOf;
  readonly #lines = new Map<string, readonly string[] | null>();
  #count = 0;
  cut = 0;

  constructor(sourceOf: SourceOf) {
    this.#sourceOf = sourceOf;
  }

  /** The text with each `file.ts:12` a link to its excerpt beside it; `id` begins the anchors, `open` of them stand open. */
  explained(text: string, id: string, open = OPEN): Html {
    const places = new Map<string, { readonly file: string; readonly line: number; readonly anchor: string }>();
    for (const [place, file, line] of text.matchAll(PLACE)) {
      if (places.has(place) || this.#linesOf(file!)?.[Number(line) - 1] === undefined) continue;
      if (places.size === EXCERPTS_EACH_MAX || this.#count === EXCERPTS_MAX) {
        this.cut++;
        continue;
      }
      places.set(place, { file: file!, line: Number(line), anchor: `${id}-${places.size + 1}` });
      this.#count++;
    }
    const all = [...places.values()];
    // The workload's own lines say more than the kernel's that they lead to.
    const own = all.filter(({ file }) => !KERNEL.test(file));
    const shown = new Set([...own, ...all].slice(0, own.length > 0 ? Math.min(own.length, open) : open));
    const excerpts = all.map((one) => this.#excerpt(one.file, one.line, one.anchor, shown.has(one)));
    const anchors = new Map([...places].map(([place, { anchor }]) => [place, anchor]));
    return html`<div class="explained"><pre>${linked(text, anchors)}</pre>${excerpts.length > 0 && html`<div class="excerpts">${excerpts}</div>`}</div>`;
  }

  #excerpt(file: string, line: number, anchor: string, open: boolean): Html {
    const lines = this.#linesOf(file)!;
    const first = Math.max(1, line - AROUND);
    const width = String(line + AROUND).length;
    const rows = lines.slice(first - 1, line + AROUND).map((text, i) => {
      const number = first + i;
      const row = html`<span class="ln">${String(number).padStart(width)}</span>  ${cut(text, LINE_CHARACTERS_MAX)}\n`;
      return number === line ? html`<mark>${row}</mark>` : row;
    });
    return html`<details id="${anchor}"${open && html` open`}><summary><code>${file}:${line}</code> <code class="peek">${lines[line - 1]!.trim().slice(0, 90)}</code></summary><pre class="source">${rows}</pre></details>`;
  }

  #linesOf(file: string): readonly string[] | null {
    let lines = this.#lines.get(file);
    if (lines === undefined) {
      lines = this.#sourceOf(file)?.split(/\r?\n/) ?? null;
      this.#lines.set(file, lines);
    }
    return lines;
  }
}

function linked(text: string, anchors: ReadonlyMap<string, string>): Part[] {
  const parts: Part[] = [];
  let at = 0;
  for (const match of text.matchAll(PLACE)) {
    const anchor = anchors.get(match[0]);
    if (anchor === undefined) continue;
    parts.push(text.slice(at, match.index), html`<a href="#${anchor}">${match[0]}</a>`);
    at = match.index + match[0].length;
  }
  return [...parts, text.slice(at)];
}
