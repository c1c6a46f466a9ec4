/** Findings with their whole reports, and the guest's source around each place that a report names. */
import type { FindingText } from "../../finding-texts.ts";
import { type Html, html } from "../markup.ts";
import { guestTime } from "../numbers.ts";
import { FINDINGS_MAX, TEXT_CHARACTERS_MAX } from "./limits.ts";
import type { Excerpts } from "./source.ts";

/** The first so many stand open. */
const OPEN = 8;

export function findingsBody(findings: readonly FindingText[], excerpts: Excerpts): Html {
  if (findings.length === 0) return html`<p class="none">none</p>`;
  const shown = findings.slice(0, FINDINGS_MAX).map((one, i) => finding(one, i < OPEN, excerpts));
  const more = findings.length - shown.length;
  const notes = [
    more > 0 ? `${more} findings more are not on this page; \`--json\` has them all.` : "",
    excerpts.cut > 0 ? `${excerpts.cut} places more are named without an excerpt of the source.` : "",
  ].filter((one) => one !== "");
  return html`${shown}${notes.length > 0 && html`<p class="note">${notes.join(" ")}</p>`}`;
}

function finding({ id, kind, summary, text, cycle }: FindingText, open: boolean, excerpts: Excerpts): Html {
  const cut = text.length > TEXT_CHARACTERS_MAX;
  const whole = cut ? `${text.slice(0, TEXT_CHARACTERS_MAX)}\n[${text.length - TEXT_CHARACTERS_MAX} characters more; --json has them]` : text;
  const when = cycle === null ? null : html` <a class="when" href="#timeline" data-clock="${cycle}">at ${guestTime(cycle)}</a>`;
  return html`<details class="finding" id="finding-${id}"${open && html` open`}><summary><span class="badge bad">${kind}</span> <b>${id}</b> ${summary}${when}</summary>${excerpts.explained(whole, `at-${id}`)}</details>`;
}
