/** Named snapshots, and what grew and what leaked between them. */
import type { ResultSnapshots } from "../lab/run/resolve.ts";
import { stackLines } from "./stack.ts";
import { type Align, grouped, plural, section, table } from "./text.ts";

/** Of a stack, and of groups that leak nothing; the JSON has all. */
const FRAMES_MAX = 6;
const GROWN_MAX = 6;

export function snapshotsSection({ taken, between }: ResultSnapshots): string {
  if (taken.length === 0) return "snapshots: none taken";
  const head = ["name", "cycle", "blocks", "bytes", "unreachable", "bytes"];
  const rows = taken.map((one) => [one.name, ...[one.cycle, one.blocks, one.bytes, one.unreachableBlocks, one.unreachableBytes].map(grouped)]);
  const lines = table([head, ...rows], head.map((_, at): Align => (at === 0 ? "left" : "right")));
  return [section("snapshots", lines), ...between.map(betweenText)].join("\n\n");
}

function betweenText(one: ResultSnapshots["between"][number]): string {
  const leaking = one.groups.filter(({ leakedBlocks }) => leakedBlocks > 0);
  const growing = one.groups.filter(({ leakedBlocks }) => leakedBlocks === 0);
  const lines = [
    `leaked: ${plural(one.leakedBlocks, "block")}, ${grouped(one.leakedBytes)} bytes`,
    ...leaking.flatMap((group) => groupLines(group, `${plural(group.leakedBlocks, "block")}, ${grouped(group.leakedBytes)} bytes, leaked of ${grouped(group.blocks)} new`)),
    `allocated and still there: ${plural(one.allocatedBlocks, "block")}, ${grouped(one.allocatedBytes)} bytes; freed: ${plural(one.freedBlocks, "block")}, ${grouped(one.freedBytes)} bytes`,
    ...growing.slice(0, GROWN_MAX).flatMap((group) => groupLines(group, `${plural(group.blocks, "block")}, ${grouped(group.bytes)} bytes, still referred to`)),
  ];
  const more = Math.max(0, growing.length - GROWN_MAX) + one.dropped;
  if (more > 0) lines.push(`and ${plural(more, "more origin")}`);
  return section(`between ${one.from} and ${one.to}`, lines);
}

function groupLines(group: ResultSnapshots["between"][number]["groups"][number], what: string): string[] {
  const { from, task, stack, address } = group;
  return [`  ${what}: ${from}, by ${task.comm}/${task.pid}, such as ${address}`, ...stackLines(stack, "    ").slice(0, FRAMES_MAX)];
}
