/** Findings with their whole reports, and the guest's source around each place that a report names. */
import type { FindingText } from "../../finding-texts.ts";
import { type Html, html } from "../markup.ts";
import { guestTime } from "../numbers.ts";
import { cut, FINDINGS_MAX, LINE_CHARACTERS_MAX, REPORTS_CHARACTERS_MAX, TEXT_CHARACTERS_MAX } from "./limits.ts";
import type { Excerpts } from "./source.ts";

/** The first so many stand open. */
const OPEN = 8;

export function findingsBody(findings: readonly FindingText[], excerpts: Excerpts): Html {
  if (findings.length === 0) return html`<p class="none">none</p>`;
  let left = REPORTS_CHARACTERS_MAX;
  const shown = findings.slice(0, FINDINGS_MAX).map((one, i) => {
    const text = cut(one.text, Math.min(TEXT_CHARACTERS_MAX, left));
    left = Math.max(0, left - text.length);
    return finding({ ...one, text }, i < OPEN, excerpts);
  });
  const more = findings.length - shown.length;
  const notes = [
    more > 0 ? `${more} findings more are not on this page; \`--json\` has them all.` : "",
    excerpts.cut > 0 ? `${excerpts.cut} places more are named without an excerpt of the source.` : "",
  ].filter((one) => one !== "");
  return html`${shown}${notes.length > 0 && html`<p class="note">${notes.join(" ")}</p>`}`;
}

function finding({ id, kind, summary, text, cycle }: FindingText, open: boolean, excerpts: Excerpts): Html {
  const when = cycle === null ? null : html` <a class="when" href="#timeline" data-clock="${cycle}">at ${guestTime(cycle)}</a>`;
  return html`<details class="finding" id="finding-${id}"${open && html` open`}><summary><span class="badge bad">${kind}</span> <b>${id}</b> ${cut(summary, LINE_CHARACTERS_MAX)}${when}</summary>${excerpts.explained(text, `at-${id}`)}</details>`;
}
