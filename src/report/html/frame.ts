/**
 * The frame of a page: head, verdict, links to its sections, style sheet and script; one file that asks for nothing else.
 *
 * The page brings its own content security policy: nothing is loaded from anywhere, and only the style sheet and the script whose hashes
 * it names are used; so there are no style attributes and no handlers in the markup. Data for the script stand in elements of
 * type application/json. Without a script (or where a server's policy forbids it) text, tables and charts are there all the same.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { utf8ToBytes } from "@noble/hashes/utils.js";
import { CLIENT_SCRIPT } from "./client.generated.ts";
import { embeddedJson, type Html, html, join, type Part, rawHtml } from "./markup.ts";
import { STYLE } from "./style.ts";

export interface Section {
  /** Letters and hyphens: the section's anchor. */
  readonly id: string;
  readonly title: string;
  /** Beside the title in the list of sections: how many there are. */
  readonly count?: number;
  readonly body: Html;
}

export interface Page {
  /** Of the window, and the heading. */
  readonly title: string;
  /** Good, bad or open: the colour of the verdict. */
  readonly verdict: "pass" | "fail" | "undecided";
  /** The verdict's line, of which the first word is coloured; and what stands below it. */
  readonly headline: string;
  readonly lead: Part;
  readonly sections: readonly Section[];
  /** For the script: element ids and what they hold. */
  readonly data?: Readonly<Record<string, unknown>>;
  /** What made the page. */
  readonly foot: string;
}

export function page({ title, verdict, headline, lead, sections, data = {}, foot }: Page): string {
  const policy = `default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; style-src ${hashOf(STYLE)}; script-src ${hashOf(CLIENT_SCRIPT)}`;
  const word = headline.split(" ", 1)[0]!;
  const links = sections.map(({ id, title: name, count }) => html`<a href="#${id}">${name}${count !== undefined && html` <span class="count">${count}</span>`}</a>`);
  const islands = Object.entries(data).map(([id, value]) => html`<script type="application/json" id="${id}">${rawHtml(embeddedJson(value))}</script>\n`);
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${rawHtml(policy)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>${title}</title>
<link rel="icon" href="data:,">
<style>${rawHtml(STYLE)}</style>
</head>
<body>
<a class="skip" href="#main">Skip to the report</a>
<header class="${verdict}">
<p class="what">${title}</p>
<h1 id="verdict"><b>${word}</b>${headline.slice(word.length)}</h1>
${lead}
</header>
<nav aria-label="Sections">${links}</nav>
<main id="main">
${join(sections.map(({ id, title: name, body }) => html`<section id="${id}"><h2>${name}</h2>\n${body}\n</section>`), "\n")}
</main>
<footer>${foot}</footer>
${islands}<script>${rawHtml(CLIENT_SCRIPT)}</script>
</body>
</html>
`.text;
}

/** As a policy names an inline element. */
function hashOf(text: string): string {
  return `'sha256-${btoa(String.fromCharCode(...sha256(utf8ToBytes(text))))}'`;
}
