/** The timeline's section, and what its script draws from: lanes thinned out to what a page can hold, saying so. */
import type { RunResult } from "../../../lab/run/result.ts";
import type { FindingText } from "../../finding-texts.ts";
import { grouped } from "../../text.ts";
import { type Html, html } from "../markup.ts";
import { guestTime } from "../numbers.ts";
import type { Lane, LaneKind, MarkData, TimelineData, Track } from "../timeline/data.ts";
import { type Digest, LOCKS_MAX } from "../timeline/digest.ts";
import { BLOCK_GRAINS, chooseGrain, Slices, thin } from "../timeline/slices.ts";
import { cut, LINE_CHARACTERS_MAX, MARKS_MAX, SLICES_MAX } from "./limits.ts";

const SCAN_COLOUR = 6;

export interface ThinnedCounts {
  readonly grain: number;
  readonly single: number;
  readonly blocks: number;
  readonly inBlocks: number;
  readonly locks: number;
  readonly marksLeft: number;
}

export function timelineData(made: Digest, result: RunResult, findings: readonly FindingText[]): { data: TimelineData; thinned: ThinnedCounts } {
  const { harts, names, from, to } = made;
  const locks = made.locks.contended();
  const drawn = locks.slice(0, LOCKS_MAX);
  const scans = new Slices();
  for (const scan of result.scans) scans.add(scan.startCycle, scan.startCycle + scan.cycles, names.of(`scan ${scan.number}`, SCAN_COLOUR));
  const lanes = [...harts.harts.flatMap(({ run, interrupt, wait }) => [run, interrupt, wait]), ...drawn.flatMap(({ hold, waiters }) => [hold, waiters])];
  const grain = chooseGrain(lanes, SLICES_MAX);
  const counts = { single: 0, blocks: 0, inBlocks: 0 };
  const lane = (kind: LaneKind, slices: Slices): Lane => {
    const { numbers, single, blocks, inBlocks } = thin(slices, grain, from);
    counts.single += single;
    counts.blocks += blocks;
    counts.inBlocks += inBlocks;
    return { kind, slices: numbers };
  };
  const hartTracks = harts.harts.map(({ run, interrupt, wait }, i): Track => ({ name: `hart ${i}`, lanes: [lane("run", run), lane("interrupt", interrupt), lane("wait", wait)] }));
  const lockTracks = drawn.map(({ name, hold, waiters }): Track => ({ name, lanes: [lane("hold", hold), lane("waiters", waiters)] }));
  const groups = [
    { name: "Harts", tracks: hartTracks },
    ...(scans.count > 0 ? [{ name: "kmemleak", tracks: [{ name: "scans", lanes: [{ kind: "scan" as const, slices: thin(scans, 1, from).numbers }] }] }] : []),
    ...(lockTracks.length > 0 ? [{ name: "Locks", tracks: lockTracks }] : []),
  ];
  const marks = marksOf(made, result, findings);
  return {
    data: { from, to, names: names.texts, colours: names.colours, groups, marks: marks.slice(0, MARKS_MAX) },
    thinned: { grain, ...counts, locks: locks.length, marksLeft: Math.max(0, marks.length - MARKS_MAX) },
  };
}

function marksOf({ hotplug }: Digest, result: RunResult, findings: readonly FindingText[]): MarkData[] {
  const marks: MarkData[] = [];
  const add = (clock: number | null, kind: MarkData["kind"], text: string, link = ""): void => {
    if (clock !== null) marks.push({ clock, text: cut(text, LINE_CHARACTERS_MAX), kind, link });
  };
  add(result.scenarioStart, "event", "the scenario starts");
  for (const { cycle, detail, result: answer } of result.events) add(cycle, "event", `${detail}: ${answer}`);
  for (const { clock, cpu, state } of hotplug) add(clock, "event", `CPU ${cpu}: hotplug state ${state}`);
  for (const { cycle, step, who, action } of result.steps) add(cycle, "step", `step ${step}: ${who} ${action}`, "steps");
  for (const { cycle, id, summary } of findings) add(cycle, "finding", `${id}: ${summary}`, `finding-${id}`);
  return marks.sort((a, b) => a.clock - b.clock);
}

export function timelineBody(made: Digest, { grain, single, blocks, inBlocks, locks, marksLeft }: ThinnedCounts): Html {
  const notes = [
    blocks === 0
      ? `All ${grouped(single)} slices are drawn singly.`
      : `Drawn are ${grouped(single)} slices singly and ${grouped(blocks)} hatched blocks that stand for ${grouped(inBlocks)} more: slices shorter than ${guestTime(grain)} that lie closer together than that, in blocks of at most ${guestTime(grain * BLOCK_GRAINS)}. --trace has every one.`,
    locks > LOCKS_MAX ? `Of ${locks} locks that somebody waited for, the ${LOCKS_MAX} with most waits have tracks.` : "",
    made.dropped > 0 ? `The record of events was full at ${guestTime(made.last)}: ${grouped(made.dropped)} later events are neither here nor in the heatmap, tasks and memory.` : "",
    marksLeft > 0 ? `${grouped(marksLeft)} marks more are not drawn.` : "",
    "A wait lane shows waits while the waiter has the hart; a lock's lanes show its holder, and below how many wait.",
  ].filter((one) => one !== "");
  return html`<div class="timeline" id="timeline-view" hidden>
<div class="controls" role="toolbar" aria-label="Timeline">
<button type="button" data-do="in" title="zoom in (+)">+</button><button type="button" data-do="out" title="zoom out (-)">−</button><button type="button" data-do="left" title="earlier (←)">←</button><button type="button" data-do="right" title="later (→)">→</button><button type="button" data-do="all" title="the whole run (0)">whole run</button>
<label>Find <input type="search" data-do="find" placeholder="task or lock" spellcheck="false" autocomplete="off"></label>
<output class="range"></output>
</div>
<div class="frame"><div class="canvas-box" tabindex="0" role="application" aria-label="Timeline of harts and locks. Plus and minus zoom, left and right move, up and down choose a track, comma and period step through its slices, 0 shows the whole run."><canvas></canvas></div></div>
<p class="detail" role="status" aria-live="polite"></p>
</div>
<noscript><p class="note">The timeline is drawn by the page's script, which does not run here.</p></noscript>
<p class="note">${notes.join(" ")}</p>`;
}
