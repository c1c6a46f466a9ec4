/** What a run is a function of: scenario, machine, configuration, boot parameters, tasks and events. */
import { conditionRows } from "../../conditions.ts";
import { type Html, html } from "../markup.ts";
import { dataTable, factTable } from "../table.ts";
import { guestTime } from "../numbers.ts";
import { grouped } from "../../text.ts";
import { cut, TEXT_CHARACTERS_MAX } from "./limits.ts";
import type { RunPage } from "./page.ts";

export function conditionsBody({ scenario, scenarioText, config, defaults, result }: RunPage): Html {
  const rows = conditionRows(scenario, config, defaults);
  const cost = result.costs === null ? [] : Object.entries(result.costs.changed).map(([name, cycles]) => `${name}=${cycles}`);
  const facts = factTable([
    ...rows.map(([name, value]) => [name, value] as const),
    ...(cost.length > 0 ? [["changed costs", cost.join(" ")] as const] : []),
    ["instruction budget", grouped(scenario.limits.instructions)],
    ["observers", ["locks", "lock order", ...(scenario.observe.heap ? ["heap"] : []), ...(scenario.observe.races ? ["races"] : [])].join(", ")],
  ]);
  return html`<div class="columns"><div class="wide">${facts}</div><div>${tasks(scenario)}${events(result)}</div></div>${configuration(config, defaults)}${file(scenarioText)}`;
}

function tasks({ tasks: all }: RunPage["scenario"]): Html {
  if (all.length === 0) return html`<p class="none">no tasks</p>`;
  const rows = all.map(({ run, on, repeat, at }) => [run, Array.isArray(on) ? on.join(", ") : String(on), String(repeat ?? 1), at ? guestTime(at) : "0"]);
  return dataTable([{ name: "task" }, { name: "on" }, { name: "repeat", align: "right" }, { name: "at", align: "right" }], rows, { caption: "Tasks", sortable: false });
}

function events({ events: all }: RunPage["result"]): Html | null {
  if (all.length === 0) return null;
  const rows = all.map(({ detail, cycle, result, latencyCycles }) => [
    detail,
    cycle === null ? "-" : guestTime(cycle),
    result,
    latencyCycles === null ? "-" : guestTime(latencyCycles),
  ]);
  const columns = [{ name: "event" }, { name: "injected at", align: "right" as const }, { name: "result" }, { name: "latency", align: "right" as const }];
  return dataTable(columns, rows, { caption: "Events", sortable: false });
}

function configuration(config: RunPage["config"], defaults: RunPage["defaults"]): Html {
  const keys = Object.keys(config).sort();
  const rows = keys.map((key) => {
    const [value, usual] = [String(config[key]), String(defaults[key] ?? "")];
    const changed = key in defaults && value !== usual;
    return [key, changed ? { show: html`<b>${value}</b>`, sort: value } : value, usual];
  });
  return html`<details><summary>Kernel configuration, all ${keys.length} keys</summary>${dataTable([{ name: "key" }, { name: "value" }, { name: "default" }], rows)}</details>`;
}

function file(text: string): Html {
  return html`<details><summary>The scenario's file</summary><pre class="tall">${cut(text, TEXT_CHARACTERS_MAX)}</pre></details>`;
}
