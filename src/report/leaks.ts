/**
 * kmemleak's report in Linux's form, blocks that were allocated along one way together; each frame with its source line; functions inlined
 * into a frame stand under its first line, the innermost first, so that the last place of a frame is in the function that the guest named.
 */
import type { ResultReference } from "../lab/run/resolve.ts";
import { hex, type ResultFrame, type ResultIncomplete, type ResultLeak, type ResultLeakGroup, type RunResult } from "../lab/run/result.ts";
import { stackLines } from "./stack.ts";
import { grouped, plural } from "./text.ts";

const CYCLES_PER_SECOND = 1e9;
/** Of a group; the others are counted. */
const ADDRESSES_MAX = 24;
const ADDRESSES_A_LINE = 8;
/** Of a stack; the JSON has all. */
const FRAMES_MAX = 6;

export function leakReport({ leaks }: RunResult): string {
  const byAddress = new Map(leaks.reported.map((leak) => [`${leak.address} ${leak.verdict}`, leak]));
  const blocksOf = ({ addresses, verdict }: ResultLeakGroup): ResultLeak[] => addresses.map((address) => byAddress.get(`${address} ${verdict}`)!);
  const lasting = leaks.groups.filter(({ verdict }) => verdict !== "transient");
  const transient = leaks.groups.filter(({ verdict }) => verdict === "transient");
  const seen = new Map((leaks.references ?? []).map((one) => [one.address, one]));
  const lines = [`kmemleak: ${grouped(blockCount(lasting))} unreferenced in the last report${places(lasting)}`];
  lines.push(...leaks.incomplete.map(incompleteLine));
  lines.push(...lasting.flatMap((group) => [...groupLines(group, blocksOf(group)), ...seenLines(group, seen)]));
  if (transient.length > 0) {
    lines.push("", `transient: ${grouped(blockCount(transient))} in an earlier report and gone from the last${places(transient)}`);
    lines.push(...transient.flatMap((group) => groupLines(group, blocksOf(group))));
  }
  return [...lines, "", ...plantedLines(leaks.planted)].join("\n");
}

const blockCount = (groups: readonly ResultLeakGroup[]): number => groups.reduce((sum, { count }) => sum + count, 0);

/** Of how many ways to allocate, when several blocks share one. */
const places = (groups: readonly ResultLeakGroup[]): string =>
  groups.some(({ count }) => count > 1) ? `, by ${plural(groups.length, "backtrace")}` : "";

export function incompleteLine({ kind, sinceJiffies, scan, detail }: ResultIncomplete): string {
  if (kind === "report cut") return `incomplete: the report of scan ${scan} is cut: ${detail}`;
  if (kind === "report unfinished") return `incomplete: the report of scan ${scan} has no end: ${detail}`;
  return sinceJiffies === null
    ? `incomplete: nothing is tracked: ${detail}`
    : `incomplete: nothing has been tracked since jiffies ${sinceJiffies} (${(sinceJiffies / 1000).toFixed(3)}s after power on): ${detail}`;
}

function groupLines(group: ResultLeakGroup, blocks: readonly ResultLeak[]): string[] {
  const [first] = blocks;
  const head =
    group.count === 1
      ? [`unreferenced object ${first.address} (size ${first.size}):`]
      : [`${plural(group.count, "unreferenced object")}, ${grouped(group.bytes)} bytes (size ${span(group.sizes, String)}):`, ...addressLines(group)];
  const pids = group.owners.length === 1 ? `comm "${first.comm}", pid ${first.pid}` : `by ${group.owners.join(", ")}`;
  const jiffies = span(blocks.map((leak) => leak.jiffies), String);
  const age = span(blocks.map(({ ageCycles }) => ageCycles / CYCLES_PER_SECOND), (seconds) => `${seconds.toFixed(3)}s`);
  const origin = first.verdict === "planted" ? `planted: ${countedNames(group.planted)}` : `${first.verdict}: not planted as a leak`;
  return [
    ...head,
    `  ${pids}, jiffies ${jiffies} (age ${age})`,
    "  backtrace:",
    ...backtraceLines(group.backtrace),
    `  ${origin}`,
  ];
}

/** The last reference of the first of the group that was looked for. */
function seenLines({ addresses, count }: ResultLeakGroup, seen: ReadonlyMap<string, ResultReference>): string[] {
  const known = addresses.find((address) => seen.has(address));
  if (known === undefined) return [];
  const lines = referenceLines(seen.get(known)!);
  return count === 1 ? lines : [`  of ${known}:`, ...lines];
}

const ms = (cycles: number): string => `${(cycles / 1e6).toFixed(6)} ms`;
const who = ({ task }: Pick<NonNullable<ResultReference["onStack"]>, "task">): string => `${task.comm}/${task.pid}`;

/** Where its last reference stood, and what was last done with it. */
export function referenceLines({ memory, onStack, used, lostHolder }: ResultReference): string[] {
  const stack = (by: NonNullable<ResultReference["onStack"]>): string[] => stackLines(by.stack, "      ").slice(0, FRAMES_MAX);
  const lines: string[] = [];
  if (memory === null) lines.push("    last reference: on stacks and in registers only");
  else if (memory.by === null) lines.push(`    last reference: ${memory.place}, since ${ms(memory.since)}; it is still there`);
  else {
    const how = memory.ended === "freed" ? `${who(memory.by)} freed what it stood in` : `${who(memory.by)} overwrote it with ${hex(memory.value)}`;
    lines.push(`    last reference: ${memory.place}, from ${ms(memory.since)} to ${ms(memory.by.stack.cycle)}, when ${how} on hart ${memory.by.stack.hart}`, ...stack(memory.by));
  }
  if (lostHolder !== null) lines.push(`    a lost block refers to it: ${lostHolder}`);
  if (onStack !== null && onStack.stack.cycle > (memory?.since ?? 0)) {
    lines.push(`    last put on a stack: ${who(onStack)}'s, at ${ms(onStack.stack.cycle)} on hart ${onStack.stack.hart}`, ...stack(onStack));
  }
  if (used !== null) {
    const what = used.what === "its address read" ? "its address read from memory" : used.what;
    lines.push(`    last seen in a register: ${what} by ${who(used)} at ${ms(used.stack.cycle)} on hart ${used.stack.hart}`, ...stack(used));
  }
  return lines;
}

/** `8` or `8..64` */
function span(values: readonly number[], text: (value: number) => string): string {
  const [least, most] = [text(Math.min(...values)), text(Math.max(...values))];
  return least === most ? least : `${least}..${most}`;
}

function addressLines({ addresses }: ResultLeakGroup): string[] {
  const shown = addresses.slice(0, ADDRESSES_MAX);
  const lines = Array.from({ length: Math.ceil(shown.length / ADDRESSES_A_LINE) }, (_, line) =>
    `  ${shown.slice(line * ADDRESSES_A_LINE, (line + 1) * ADDRESSES_A_LINE).join(" ")}`,
  );
  return addresses.length > shown.length ? [...lines, `  and ${grouped(addresses.length - shown.length)} more`] : lines;
}

function backtraceLines(frames: readonly ResultFrame[]): string[] {
  const width = Math.max(0, ...frames.map((frame) => guestText(frame).length));
  return frames.map((frame, i) => {
    const first = i === 0 || endsGroup(frames[i - 1], frame);
    const last = i + 1 === frames.length || endsGroup(frame, frames[i + 1]);
    const place = frame.file === null ? "" : `${frame.file}:${frame.line}`;
    const inlined = last ? "" : ` ${frame.function} (inlined)`;
    return `    ${(first ? guestText(frame) : "").padEnd(width)}  ${place}${inlined}`.trimEnd();
  });
}

/** Source frames of one guest frame share its address; a recursive call repeats it after the function itself. */
function endsGroup(frame: ResultFrame, next: ResultFrame): boolean {
  return frame.address !== next.address || frame.symbol.startsWith(`${frame.function}+`);
}

function guestText(frame: ResultFrame): string {
  return `[<${frame.address.slice(2)}>] ${frame.symbol}`;
}

function plantedLines(planted: RunResult["leaks"]["planted"]): string[] {
  const leaks = planted.blocks.filter((block) => block.kind === "leak");
  if (leaks.length === 0) return ["planted leaks: none"];
  const names = (reported: boolean): string =>
    countedNames(leaks.filter((block) => block.reported === reported).map((block) => block.name));
  const innocent = planted.blocks.filter((block) => block.kind === "nonleak" && block.reported);
  return [
    `planted leaks found: ${planted.found} of ${planted.expected}: ${names(true)}`,
    `planted leaks missed: ${names(false)}`,
    ...(innocent.length > 0
      ? [
          `planted with a reference, and reported: ${countedNames(innocent.map((block) => block.name))}`,
        ]
      : []),
  ];
}

/** `a, b x 3` */
function countedNames(names: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return (
    [...counts].map(([name, count]) => (count === 1 ? name : `${name} x ${count}`)).join(", ") ||
    "none"
  );
}
