/** What the guest said. */
import type { RunResult } from "../../../lab/run/result.ts";
import { grouped } from "../../text.ts";
import { type Html, html } from "../markup.ts";
import { CONSOLE_CHARACTERS_MAX } from "./limits.ts";

export function consoleBody({ console, consoleTruncated }: RunResult): Html {
  const text = console.trimEnd();
  if (text === "") return html`<p class="none">The guest said nothing.</p>`;
  const half = CONSOLE_CHARACTERS_MAX / 2;
  const cut = text.length - CONSOLE_CHARACTERS_MAX;
  const shown = cut > 0 ? `${text.slice(0, half)}\n[${grouped(cut)} characters are left out here; --console FILE has them]\n${text.slice(-half)}` : text;
  return html`<pre class="tall" id="console-text" tabindex="0">${shown}</pre>${consoleTruncated && html`<p class="note">The guest said more than the record of the run keeps.</p>`}`;
}
