/** Below the verdict: how to run this again, the figures that identify the run, and what was expected. */
import type { RunResult } from "../../../lab/run/result.ts";
import { grouped } from "../../text.ts";
import { guestTime } from "../numbers.ts";
import { type Html, html } from "../markup.ts";
import { cut, LINE_CHARACTERS_MAX } from "./limits.ts";
import { factTable } from "../table.ts";

export function lead(result: RunResult, command: string): Html {
  const { instructions, cycles, perHart, hash, expect } = result;
  const facts = factTable([
    ["Reproduce", html`<code class="command" id="reproduce">${command}</code>`],
    ["Hash", html`<code id="hash">${hash}</code>`],
    ["Seed, harts", `${result.seed}, ${result.harts}`],
    ["Guest time", `${guestTime(cycles)} (${grouped(cycles)} cycles, ${result.timing} timing)`],
    ["Instructions", `${grouped(instructions)} (${perHart.map(grouped).join(" + ")})`],
  ]);
  const rows = expect.map(({ name, pass, undecided, detail }) => {
    const [word, look] = pass ? ["ok", "ok"] : undecided ? ["undecided", "open"] : ["failed", "bad"];
    return html`<tr><td><span class="badge ${look}">${word}</span></td><th scope="row" class="wrap">${name}</th><td>${cut(detail, LINE_CHARACTERS_MAX)}</td></tr>`;
  });
  const expected = rows.length === 0 ? html`<p class="none">The scenario expects nothing.</p>` : html`<table class="facts" id="expectations"><caption>Expectations</caption><tbody>${rows}</tbody></table>`;
  return html`<div class="columns lead"><div>${facts}</div><div>${expected}</div></div>`;
}
