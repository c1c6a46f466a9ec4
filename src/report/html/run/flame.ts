/** The flame graph's section: the folded stacks as a tree, without what is too little to be seen; and the functions that most is spent in. */
import type { FoldedProfile } from "../../../lab/profile/folded.ts";
import { grouped } from "../../text.ts";
import type { FlameData } from "../flame/data.ts";
import { type Html, html } from "../markup.ts";
import { guestTime, percent } from "../numbers.ts";
import { dataTable } from "../table.ts";
import { FLAME_NODES_MAX } from "./limits.ts";

interface Node {
  readonly name: string;
  total: number;
  own: number;
  readonly children: Map<string, Node>;
}

const FUNCTIONS_MAX = 60;
/** Hart and task, before the functions begin. */
const HEAD_FRAMES = 2;

export function flameSection({ by, period, stacks, sameRun }: FoldedProfile): { data: FlameData; body: Html } {
  const root = tree(stacks);
  const { data, left } = flatten(root, by);
  const notes = [
    `Every ${grouped(period)} cycles of guest time each hart was asked where it stands; a sample stands for ${by === "cycles" ? "these cycles" : "the instructions that the hart retired since the one before"}.`,
    sameRun ? "" : "The run that was sampled is a second one, and it ended a little differently from this one (another hash).",
    left > 0 ? `${grouped(left)} frames that together are ${percent(leftShare(data, root))} or less each are not drawn; --folded has them.` : "",
  ];
  const body = html`<div class="flame" id="flame-view" hidden>
<div class="controls"><button type="button" data-do="all">whole profile</button><label>Find <input type="search" data-do="find" placeholder="function" spellcheck="false" autocomplete="off"></label><output class="range"></output></div>
<div class="flame-box"></div>
<p class="detail" role="status" aria-live="polite"></p>
</div>
<noscript><p class="note">The flame graph is drawn by the page's script, which does not run here.</p></noscript>
<p class="note">${notes.filter((one) => one !== "").join(" ")}</p>
${functions(stacks, root.total, by)}`;
  return { data, body };
}

function tree(stacks: FoldedProfile["stacks"]): Node {
  const make = (name: string): Node => ({ name, total: 0, own: 0, children: new Map() });
  const root = make("all harts");
  for (const [stack, value] of stacks) {
    let at = root;
    at.total += value;
    for (const name of stack.split(";")) {
      let next = at.children.get(name);
      if (next === undefined) at.children.set(name, (next = make(name)));
      next.total += value;
      at = next;
    }
    at.own += value;
  }
  return root;
}

/** The largest nodes; a parent is never smaller than its child, so they make a tree. */
function flatten(root: Node, unit: string): { data: FlameData; left: number } {
  const totals: number[] = [];
  const visit = (one: Node): void => {
    totals.push(one.total);
    one.children.forEach(visit);
  };
  visit(root);
  totals.sort((a, b) => b - a);
  const least = totals.length > FLAME_NODES_MAX ? totals[FLAME_NODES_MAX]! + 1 : 0;
  const names: string[] = [];
  const nameAt = new Map<string, number>();
  const nodes: number[] = [];
  const write = (one: Node, parent: number): void => {
    let name = nameAt.get(one.name);
    if (name === undefined) nameAt.set(one.name, (name = names.push(one.name) - 1));
    const index = nodes.push(parent, name, one.total, one.own) / 4 - 1;
    for (const next of one.children.values()) if (next.total >= least) write(next, index);
  };
  write(root, -1);
  return { data: { unit, names, nodes }, left: totals.length - nodes.length / 4 };
}

/** The smallest share that is drawn. */
function leftShare({ nodes }: FlameData, { total }: Node): number {
  let least = total;
  for (let i = 2; i < nodes.length; i += 4) least = Math.min(least, nodes[i]!);
  return least / Math.max(1, total);
}

function functions(stacks: FoldedProfile["stacks"], total: number, by: string): Html {
  const own = new Map<string, number>();
  const within = new Map<string, number>();
  for (const [stack, value] of stacks) {
    const frames = stack.split(";").slice(HEAD_FRAMES);
    const last = frames.at(-1);
    if (last !== undefined) own.set(last, (own.get(last) ?? 0) + value);
    for (const name of new Set(frames)) within.set(name, (within.get(name) ?? 0) + value);
  }
  const figure = (value: number) => ({ show: by === "cycles" ? guestTime(value) : grouped(value), sort: value });
  const rows = [...within]
    .sort((a, b) => (own.get(b[0]) ?? 0) - (own.get(a[0]) ?? 0) || (a[0] < b[0] ? -1 : 1))
    .slice(0, FUNCTIONS_MAX)
    .map(([name, value]) => {
      const self = own.get(name) ?? 0;
      return [{ show: html`<code>${name}</code>`, sort: name }, figure(self), { show: percent(self / Math.max(1, total)), sort: self }, figure(value), { show: percent(value / Math.max(1, total)), sort: value }];
    });
  const right = (name: string, title: string) => ({ name, align: "right" as const, title });
  const columns = [{ name: "function" }, right("own", `${by} in the function itself`), right("own share", "of all harts"), right("with callees", `${by} in it and what it called`), right("share", "of all harts")];
  return html`<details><summary>The ${FUNCTIONS_MAX} functions that most is spent in</summary>${dataTable(columns, rows, { id: "function-table" })}</details>`;
}
