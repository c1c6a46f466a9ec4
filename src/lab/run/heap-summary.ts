/** What a report of the heap checker is called, and the line of the findings that it makes. */
import type { ResultHeap } from "./resolve.ts";

const SLAB_WORD: Readonly<Record<ResultHeap["area"], string>> = {
  slab: "slab-",
  kmalloc: "page-",
  vmalloc: "vmalloc-",
  page: "page-",
};

/** `slab-use-after-free`, `vmalloc-out-of-bounds`, `double-free` …, as KASAN and KMSAN call them. */
export function heapKind({ kind, area }: ResultHeap): string {
  return kind === "use-after-free" || kind === "out-of-bounds" ? SLAB_WORD[area] + kind : kind;
}

export function heapSummary(report: ResultHeap): string {
  const { access, size, block, offset, count } = report;
  const what =
    access === "free" ? `free of ${report.address}` : `${access} of size ${size} at ${report.address}`;
  const of = block === null ? "" : ` (${whereInBlock(offset, block.size)} a ${block.size}-byte ${blockName(block)})`;
  const times = count > 1 ? `, seen ${count} times` : "";
  return `${heapKind(report)} in ${placeOf(report)}: ${what}${of}${times}`;
}

/** `52 bytes inside of`, `4 bytes to the right of`: where an address lies, in KASAN's words. */
export function whereInBlock(offset: number, size: number): string {
  if (offset < 0) return `${-offset} bytes to the left of`;
  return offset < size ? `${offset} bytes inside of` : `${offset - size} bytes to the right of`;
}

function blockName({ cache, area }: NonNullable<ResultHeap["block"]>): string {
  return cache !== null ? `object of ${cache}` : `${area} block`;
}

/** Code on the way from who did it to the mark that tells of it: of a free the allocators, of an access that faulted the trap. */
const FREERS = ["kernel/mm/"];
const TRAP = ["kernel/irq/fault.ts", "kernel/arch/traps.ts"];

/** The function that did it: the innermost one, but for what only carries it out or tells of it. */
export function heapFrame({ access, stack }: ResultHeap): ResultHeap["stack"]["frames"][number] | undefined {
  const { frames } = stack;
  const told = access === "free" ? FREERS : TRAP;
  return frames.find(({ file }) => file !== null && !told.some((one) => file.startsWith(one))) ?? frames[0];
}

/** Its name, and the line. */
function placeOf(report: ResultHeap): string {
  const { stack } = report;
  const frame = heapFrame(report);
  return frame === undefined ? stack.at.symbol : `${frame.function} (${frame.file}:${frame.line})`;
}
