/**
 * Markup whose interpolated strings are escaped: the only way in which text becomes part of a page.
 *
 * html`<td>${text}</td>` escapes `text`, whatever it is; only what html`...` itself made (or `rawHtml`, for our own constants) is taken
 * as it stands. Fit for element content and for attributes in double quotes.
 *
 * What could mislead a reader is made visible: control characters as their pictures (␛), and the characters that turn the
 * direction of text as ⟨U+202E⟩, so that a guest's console or a task's name can neither hide nor reorder anything.
 */

export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export type Part = Html | string | number | null | undefined | false | readonly Part[];

const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
/** C0 but tab and newline, DEL, C1; marks and overrides of direction; lone halves of surrogate pairs. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it looks for
const UNSAFE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]|[\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  let text = strings[0]!;
  parts.forEach((part, i) => {
    text += partText(part) + strings[i + 1]!;
  });
  return new Html(text);
}

/** Our own constant text, such as a style sheet. Never anything from outside. */
export function rawHtml(text: string): Html {
  return new Html(text);
}

export function join(parts: readonly Part[], between = ""): Html {
  return new Html(parts.map(partText).join(between));
}

function partText(part: Part): string {
  if (part === null || part === undefined || part === false) return "";
  if (part instanceof Html) return part.text;
  if (typeof part === "object") return part.map(partText).join("");
  return escapeText(String(part));
}

export function escapeText(text: string): string {
  return visible(text).replace(/[&<>"']/g, (one) => ENTITIES[one]!);
}

/** The text with nothing invisible in it. */
export function visible(text: string): string {
  return text.replaceAll("\r\n", "\n").replace(UNSAFE, (one) => {
    const code = one.charCodeAt(0);
    if (code < 0x20) return String.fromCharCode(0x2400 + code);
    if (code === 0x7f) return "␡";
    return code >= 0xd800 && code <= 0xdfff ? "\ufffd" : `⟨U+${code.toString(16).toUpperCase().padStart(4, "0")}⟩`;
  });
}

/** A value as JSON that may stand inside a script element; in its texts nothing is invisible either. */
export function embeddedJson(value: unknown): string {
  return JSON.stringify(value, (_, one: unknown) => (typeof one === "string" ? visible(one) : one)).replace(/[<>&\u2028\u2029]/g, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
