/** The line of the findings that a report of the race checker makes, and how it calls the two functions. */
import type { ResultRace } from "./resolve.ts";

type Access = ResultRace["first"];

/** `data-race in f / g`, in the order of the alphabet: as KCSAN calls it, which cannot know who came first. */
export function raceTitle({ first, second }: ResultRace): string {
  return `data-race in ${[first, second].map(functionOf).sort().join(" / ")}`;
}

export function raceSummary(report: ResultRace): string {
  const { first, second, count } = report;
  const times = count > 1 ? `, seen ${count} times` : "";
  return `${raceTitle(report)}: ${accessWords(first)} to ${first.address} at ${placeOf(first)}, ${accessWords(second)} at ${placeOf(second)}${times}`;
}

/** `read`, `write (marked)`, `assert no writes` … */
export function accessWords({ kind, marked }: Access): string {
  return marked ? `${kind} (marked)` : kind;
}

function functionOf({ stack }: Access): string {
  return stack.at.symbol.replace(/\+.*/, "");
}

function placeOf({ stack }: Access): string {
  const [frame] = stack.frames;
  return frame === undefined ? stack.at.symbol : `${frame.file}:${frame.line}`;
}
