/** Reports of the race checker in KCSAN's layout (kernel/kcsan/report.c, Linux 6.1), with the stacks of both and source lines. */
import { accessWords, raceTitle } from "../lab/run/race-summary.ts";
import type { ResultRace } from "../lab/run/resolve.ts";
import { stackLines } from "./stack.ts";
import { grouped } from "./text.ts";

const RULE = "=".repeat(66);

export function raceText(report: ResultRace, release: string): string {
  const { first, second } = report;
  const { task, hart } = second;
  return [
    RULE,
    `BUG: KCSAN: ${raceTitle(report)}`,
    "",
    ...accessLines(first),
    "",
    ...accessLines(second),
    "",
    ...valueLines(report),
    "Reported by the race checker on:",
    `CPU: ${hart} PID: ${task.pid} Comm: ${task.comm} Not tainted ${release}`,
    RULE,
  ].join("\n");
}

function accessLines(access: ResultRace["first"]): string[] {
  const { address, size, hart, interrupt, task, stack } = access;
  const by = interrupt ? "interrupt" : `task ${task.comm}/${task.pid}`;
  return [
    `${accessWords(access)} to ${address} of ${size} bytes by ${by} on cpu ${hart} at cycle ${grouped(stack.cycle)}:`,
    ...stackLines(stack, " "),
  ];
}

/** What the first access read or wrote, and what the second one did. */
function valueLines({ first, second }: ResultRace): string[] {
  if (first.value === null || second.value === null || first.address !== second.address) return [];
  const [before, after] = [first.value, second.value].map((value) => `0x${value.toString(16).padStart(8, "0")}`);
  return [before === after ? `value: ${before}` : `value changed: ${before} -> ${after}`, ""];
}
