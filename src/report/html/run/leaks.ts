/** kmemleak's report: leaks that share a verdict and a backtrace stand together. */
import type { ResultLeakGroup, RunResult } from "../../../lab/run/result.ts";
import { type Html, html } from "../markup.ts";
import { dataTable } from "../table.ts";
import { incompleteLine, referenceLines } from "../../leaks.ts";
import { snapshotsSection } from "../../snapshots.ts";
import { truthSection } from "../../truth.ts";
import { cut, LEAK_GROUPS_MAX, TEXT_CHARACTERS_MAX } from "./limits.ts";
import type { Excerpts } from "./source.ts";

const LOOK = { planted: "ok", extra: "bad", transient: "open" } as const;

export function leaksBody({ leaks, truth, snapshots }: RunResult, excerpts: Excerpts): Html {
  const { groups, planted } = leaks;
  const counts = html`<p>${planted.found} of ${planted.expected} planted leaks found, ${planted.missed} missed, ${planted.extra} extra, ${planted.transient} transient.</p>`;
  const lacking = leaks.incomplete.map((one) => html`<p class="note">${incompleteLine(one)}</p>`);
  const shown = groups.slice(0, LEAK_GROUPS_MAX).map((group, i) => leakGroup(group, i + 1, leaks, excerpts));
  const more = groups.length > shown.length && html`<p class="note">${groups.length - shown.length} groups more are not on this page.</p>`;
  const score = truth !== null && html`<h3>Beside the truth</h3><pre class="tall">${cut(truthSection(truth), TEXT_CHARACTERS_MAX)}</pre>`;
  const grown = snapshots !== null && html`<h3>Between snapshots</h3><pre class="tall">${cut(snapshotsSection(snapshots), TEXT_CHARACTERS_MAX)}</pre>`;
  return html`${counts}${lacking}${shown}${more}${plantedTable(leaks)}${score}${grown}`;
}

function leakGroup(group: ResultLeakGroup, number: number, { references }: RunResult["leaks"], excerpts: Excerpts): Html {
  const { verdict, count, bytes, sizes, backtrace, planted, owners } = group;
  const names = [...new Set(planted.length > 0 ? planted : owners)].slice(0, 12).join(", ");
  const where = backtrace.find(({ file }) => file !== null && !/^kernel\/(?:mm|lib)\//.test(file)) ?? backtrace[0];
  const place = where === undefined || where.file === null ? "" : ` in ${where.function} (${where.file}:${where.line})`;
  const trace = backtrace.map((frame) => `[<${frame.address.slice(2)}>] ${frame.function}${frame.file === null ? "" : ` (${frame.file}:${frame.line})`}`);
  const addresses = group.addresses.slice(0, 40).join(" ");
  const seen = references?.find(({ address }) => group.addresses.includes(address));
  const last = seen === undefined || group.verdict === "transient" ? [] : ["", `${seen.address}:`, ...referenceLines(seen)];
  const text = [...trace, ...last, "", `${addresses}${count > 40 ? ` and ${count - 40} more` : ""}`].join("\n");
  const amount = sizes.length === 1 ? `${count} × ${sizes[0]} bytes` : `${count} blocks, ${bytes} bytes`;
  return html`<details class="leak"><summary><span class="badge ${LOOK[verdict]}">${verdict}</span> ${amount}${place}: ${names}</summary>${excerpts.explained(text, `leak-${number}`, 0)}</details>`;
}

function plantedTable({ planted }: RunResult["leaks"]): Html | null {
  if (planted.blocks.length === 0) return null;
  const rows = planted.blocks.map(({ name, kind, address, reported }) => [name, kind === "leak" ? "a leak" : "no leak", address, reported ? "yes" : "no"]);
  return html`<details><summary>What the workload planted: ${planted.blocks.length} blocks</summary>${dataTable([{ name: "name" }, { name: "planted as" }, { name: "address" }, { name: "reported" }], rows, { rowsMax: 500 })}</details>`;
}
