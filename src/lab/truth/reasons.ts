/**
 * Why kmemleak reported a block that is in use, and why it did not report one that is lost: from what a look at the begin and one at the
 * end of the scan saw.
 *
 * A word is visible to a scan when it stands in static or per-CPU memory, on a stack, or in the part of a tracked block that is
 * scanned. Registers, pages, and blocks that are not tracked, ignored or not scanned are not.
 */
import type { Look, Noted } from "./look.ts";
import type { Reference } from "./reach.ts";

export const FALSE_REASONS = [
  "moved pointer", "hidden node", "held by a suspect", "register only", "unscanned memory only", "disguised pointer", "no reference found",
] as const;
export type FalseReason = (typeof FALSE_REASONS)[number];

export type MissedReason =
  | "stale word in live memory"
  | "stale word on an unused stack"
  | "word in page structures"
  | "held by a missed leak"
  | "register"
  | "changed since the scan before"
  | "too young"
  | "not tracked"
  | "marked as no leak"
  | "freed"
  | "report cut"
  | "no report"
  | "white, and not reported";

export interface Why<Reason> {
  readonly reason: Reason;
  readonly detail: string;
}

const NO_SCAN = 4;
const FULL_SCAN = 8;

export const hexOf = (value: number): string => `0x${(value >>> 0).toString(16).padStart(8, "0")}`;

/** Where a reference stands, in words. */
export function placeOf(look: Look, { address, holder }: Reference): string {
  if (typeof holder === "number") {
    const block = look.blocks[holder];
    return `${hexOf(address!)} in the block ${hexOf(block.address)} (${block.from})`;
  }
  if ("values" in holder) return `a register of ${holder.name}`;
  if (holder.kind === "static") return `${holder.name}${address === holder.start ? "" : `+0x${(address! - holder.start).toString(16)}`}`;
  return `${hexOf(address!)} in ${{ percpu: "per-CPU memory of", stack: "the stack of", "unused stack": "the unused stack of", page: "the", "page structures": "" }[holder.kind]} ${holder.name}`;
}

/** Whether a scan looks at the word of the reference. */
export function isVisible(look: Look, { address, holder }: Reference): boolean {
  if (typeof holder !== "number") return !("values" in holder) && holder.kind !== "page";
  const noted = look.noted.get(look.blocks[holder].address);
  return noted !== undefined && address !== null && isScanned(noted, address);
}

function isScanned({ flags, minCount, areas }: Noted, address: number): boolean {
  if (minCount === -1 || (flags & NO_SCAN) !== 0) return false;
  if (areas.length === 0 || (flags & FULL_SCAN) !== 0) return true;
  return areas.some(({ start, end }) => address >= start && address + 4 <= end);
}

/** White: the scan found too few references. */
function isWhite(look: Look, block: number): boolean {
  const noted = look.noted.get(look.blocks[block].address);
  return noted !== undefined && noted.count < noted.minCount;
}

/**
 * Of a block that is in use although it was reported. `begin` is null when the scan's begin was not seen; `standing`: address and
 * value of words that held them all the time.
 */
export function whyFalse(address: number, begin: Look | null, end: Look, standing: ReadonlyMap<number, number>): Why<FalseReason> {
  const block = end.blocks.findIndex((one) => one.address === address);
  const now = block < 0 ? [] : (end.references.get(block) ?? []);
  const visible = now.filter((one) => isVisible(end, one));
  const free = visible.filter(({ holder }) => typeof holder !== "number" || !isWhite(end, holder));
  const before = begin === null ? [] : referencesTo(begin, address).filter((one) => isVisible(begin, one));
  const stood = free.find((one) => standing.get(one.address ?? 0) === one.value);
  if (stood !== undefined) {
    return { reason: "hidden node", detail: `${placeOf(end, stood)} held its address from the scan's begin to its end, and the lookup did not find it` };
  }
  if (free.length > 0) {
    const from = before.length === 0 ? "nowhere that a scan looks" : placeOf(begin!, before[0]);
    return { reason: "moved pointer", detail: `at ${from} when the scan began, at ${placeOf(end, free[0])} when it ended` };
  }
  if (visible.length > 0) return { reason: "held by a suspect", detail: `at ${placeOf(end, visible[0])}, which is suspected itself` };
  // Visible when the scan began: it has left for a register, or somewhere else where no scan looks.
  if (before.length > 0 && now.length > 0) {
    return { reason: "moved pointer", detail: `at ${placeOf(begin!, before[0])} when the scan began, at ${placeOf(end, now[0])} when it ended` };
  }
  const memory = now.find((one) => one.address !== null);
  if (memory !== undefined) return { reason: "unscanned memory only", detail: `at ${placeOf(end, memory)}` };
  if (now.length > 0) return { reason: "register only", detail: `in ${placeOf(end, now[0])}` };
  return { reason: "no reference found", detail: "nothing that is in use holds its address" };
}

function referencesTo(look: Look, address: number): readonly Reference[] {
  const block = look.blocks.findIndex((one) => one.address === address);
  return block < 0 ? [] : (look.references.get(block) ?? []);
}

/**
 * Of a lost block that is not in a report, as the scan that the report is of saw it. `youngSince`: blocks allocated later were too young;
 * `isMissed`: whether another block is lost and not there either.
 */
export function whyMissed(
  { address, cycle: plantedAt }: { readonly address: number; readonly cycle: number },
  end: Look,
  youngSince: number,
  isMissed: (address: number) => boolean,
): Why<MissedReason> {
  const block = end.blocks.findIndex((one) => one.address === address && one.stack.clock <= plantedAt);
  if (block < 0) return { reason: "freed", detail: "it was freed before the scan ended" };
  const noted = end.noted.get(address);
  if (noted === undefined) return { reason: "not tracked", detail: "kmemleak has no object for it" };
  if (noted.minCount <= 0) {
    return { reason: "marked as no leak", detail: noted.minCount === 0 ? "kmemleak_not_leak or an allocator's own" : "kmemleak_ignore" };
  }
  if (end.blocks[block].stack.clock > youngSince) {
    return { reason: "too young", detail: `allocated ${end.cycle - end.blocks[block].stack.clock} cycles before the scan's end` };
  }
  const live = end.references.get(block) ?? [];
  const visible = live.filter((one) => isVisible(end, one));
  const strange = visible.find(({ holder }) => typeof holder !== "number" || !isMissed(end.blocks[holder].address));
  const at = (one: Reference): string => `${placeOf(end, one)} holds ${hexOf(one.value)}`;
  if (strange !== undefined) return { reason: "stale word in live memory", detail: at(strange) };
  if (visible.length > 0) return { reason: "held by a missed leak", detail: at(visible[0]) };
  const stale = end.stale.get(block) ?? [];
  const stack = stale.find(({ holder }) => typeof holder === "object" && "kind" in holder && holder.kind === "unused stack");
  if (stack !== undefined) return { reason: "stale word on an unused stack", detail: at(stack) };
  if (stale.length > 0) return { reason: "word in page structures", detail: at(stale[0]) };
  if (noted.count < noted.minCount) return { reason: "white, and not reported", detail: "the scan found it lost, the report does not have it" };
  return live.length > 0
    ? { reason: "register", detail: at(live[0]) }
    : { reason: "changed since the scan before", detail: "no word refers to it: its contents had changed, or the reference went while the scan ran" };
}

