/**
 * One look at a machine that stands still: all live blocks, who refers to them, and what the guest's kmemleak thinks of them.
 *
 * Roots are the registers of all harts (but the scanning one, in which stands what it looked at), static and per-CPU memory, the used part of every task's stack, and pages that somebody
 * allocated as such (whoever refers to those, they count as used). kmemleak's metadata and its early log are no references. A hart in machine
 * mode may have its task's registers anywhere in the firmware's memory, all of which is a root, and that task's whole stack counts as used.
 */
import type { StructInfo } from "../../base/hartlab-section.ts";
import type { Machine } from "../../machine/types.ts";
import type { ImageFile } from "../image/elf.ts";
import type { Block, BlockLog } from "./blocks.ts";
import { GuestWords } from "./memory.ts";
import { BlockIndex, reach, type Reference, referencesIn, type Region, type Registers } from "./reach.ts";

const METADATA = "kmemleak_object";
const METADATA_CACHE = /^kmemleak/;
/** Static memory of kmemleak that holds addresses of blocks. */
const METADATA_STATICS: ReadonlySet<string> = new Set(["early_log", "mem_pool"]);
const STACK_BYTES_DEFAULT = 8192;
/** The first stack, twice as large as any: so much of it is aligned as it must be. */
const FIRST_STACK = "init_stack_space";
const MACHINE_MODE = 3;
const SP = 2;
const KERNEL_START = 0xc000_0000;
const PAGE = 4096;
/** Physical; the kernel's tables do not map it. */
const FIRMWARE_START = 0x8000_0000;
const FIRMWARE_END = 0x8040_0000;

/** What the guest notes of a block. */
export interface Noted {
  readonly flags: number;
  readonly minCount: number;
  readonly count: number;
  readonly areas: readonly { readonly start: number; readonly end: number }[];
}

export interface Look {
  readonly cycle: number;
  /** In order of addresses; indices below are theirs. */
  readonly blocks: readonly Block[];
  readonly reached: Uint8Array;
  /** By block: live references to it. */
  readonly references: ReadonlyMap<number, readonly Reference[]>;
  /** By block: words that a scan may see and that nobody uses: unused stack, page structures. */
  readonly stale: ReadonlyMap<number, readonly Reference[]>;
  /** By address of the block. */
  readonly noted: ReadonlyMap<number, Noted>;
  readonly roots: readonly Region[];
  /** The machine's memory as it was; only until the machine goes on. */
  readonly words: GuestWords;
}

export interface Watched {
  readonly machine: Machine;
  readonly image: ImageFile;
  readonly log: BlockLog;
  /** The hart that scans. */
  readonly scanner: () => number;
  /** Starts of the per-CPU areas seen. */
  readonly percpu: ReadonlySet<number>;
  /** Address of the task_struct that a hart runs, or null. */
  readonly current: (hart: number) => number | null;
  readonly taskName: (task: number) => string;
}

export function look(watched: Watched): Look {
  const { machine, log } = watched;
  const words = wordsOf(machine);
  const blocks = [...log.live.values()].filter(({ from }) => !METADATA_CACHE.test(from)).sort((a, b) => a.address - b.address);
  const index = new BlockIndex(blocks);
  const { used, unused } = stacks(watched, words);
  const roots = [...staticRegions(watched), ...percpuRegions(watched, words), ...used, ...pageRegions(watched, used)];
  const { reached, references } = reach(index, roots, registersOf(watched), words);
  const first = watched.image.section.statics.filter(({ name }) => name === FIRST_STACK);
  unused.push(...first.map(({ name, address, size }): Region => ({ kind: "unused stack", name, start: address, end: address + size })));
  const stale = referencesIn(index, [...unused, ...pageStructures(watched, words)], words);
  return {
    cycle: clockOf(machine),
    blocks,
    reached,
    references: byBlock(references),
    stale: byBlock(stale),
    noted: notedBlocks(watched, words),
    roots,
    words,
  };
}

/** Memory as it is now; the firmware's lies below the kernel's addresses. */
export function wordsOf(machine: Machine): GuestWords {
  return new GuestWords((address, length) =>
    address >= FIRMWARE_START && address < FIRMWARE_END ? machine.readPhysical(address, length) : machine.readVirtual(address, length),
  );
}

function clockOf(machine: Machine): number {
  let clock = Infinity;
  for (let hart = 0; hart < machine.config.harts; hart++) clock = Math.min(clock, machine.hart(hart).clock);
  return clock;
}

function byBlock(references: readonly Reference[]): Map<number, Reference[]> {
  const map = new Map<number, Reference[]>();
  for (const one of references) {
    const known = map.get(one.block);
    if (known === undefined) map.set(one.block, [one]);
    else known.push(one);
  }
  return map;
}

function registersOf({ machine, scanner }: Watched): Registers[] {
  const all = Array.from({ length: machine.config.harts }, (_, hart) => ({ name: `hart ${hart}`, values: [...machine.hart(hart).x] }));
  return all.filter((_, hart) => hart !== scanner());
}

function staticRegions({ image }: Watched): Region[] {
  return image.section.statics
    .filter(({ name }) => !METADATA_STATICS.has(name) && name !== FIRST_STACK)
    .map(({ name, address, size }) => ({ kind: "static", name, start: address, end: address + size }));
}

function staticWord({ image }: Watched, words: GuestWords, name: string): number | null {
  const found = image.section.statics.find((one) => one.name === name);
  return found === undefined ? null : words.word(found.address);
}

function percpuRegions(watched: Watched, words: GuestWords): Region[] {
  const template = watched.image.section.percpu.reduce((most, { address, size }) => Math.max(most, address + size), 0);
  const unit = staticWord(watched, words, "pcpu_unit_size") ?? 0;
  return [...watched.percpu].map((start, cpu) => ({ kind: "percpu", name: `CPU ${cpu}`, start, end: start + Math.max(template, unit) }));
}

/** The used and the unused part of every stack. */
function stacks({ machine, image, log, current, taskName }: Watched, words: GuestWords): { used: Region[]; unused: Region[] } {
  const used: Region[] = [];
  const unused: Region[] = [];
  const bytes = stackBytes(image);
  const add = (name: string, bottom: number, sp: number): void => {
    const inside = sp >= bottom && sp <= bottom + bytes ? sp : bottom;
    used.push({ kind: "stack", name, start: inside, end: bottom + bytes });
    if (inside > bottom) unused.push({ kind: "unused stack", name, start: bottom, end: inside });
  };
  const { stack, sp } = taskLayout(image);
  const owners = new Map([...log.tasks].map((task) => [words.word(task + stack) ?? 0, task]));
  const nameAt = (bottom: number, hart: number): string => (owners.has(bottom) ? taskName(owners.get(bottom)!) : `hart ${hart}`);
  // Whose stack a hart stands on says who runs there: a switch may have been made whose record has not come out yet.
  const running = new Set<number>();
  for (let hart = 0; hart < machine.config.harts; hart++) {
    const view = machine.hart(hart);
    const inKernel = view.privilege !== MACHINE_MODE && view.x[SP] >= KERNEL_START;
    const task = current(hart);
    const bottom = inKernel ? Math.floor((view.x[SP] - 1) / bytes) * bytes : task === null ? null : words.word(task + stack);
    if (bottom === null || bottom < KERNEL_START) continue;
    running.add(bottom);
    add(nameAt(bottom, hart), bottom, inKernel ? view.x[SP] : bottom);
  }
  for (const [bottom, task] of owners) {
    if (bottom >= KERNEL_START && !running.has(bottom)) add(taskName(task), bottom, words.word(task + sp) ?? bottom);
  }
  return { used, unused };
}

function stackBytes(image: ImageFile): number {
  const first = image.section.statics.find(({ name }) => name === FIRST_STACK);
  return first === undefined ? STACK_BYTES_DEFAULT : first.size / 2;
}

function taskLayout(image: ImageFile): { stack: number; sp: number } {
  const { structs } = image.section;
  const thread = offsetOf(structs.task_struct, "thread");
  return { stack: offsetOf(structs.task_struct, "stack"), sp: thread + offsetOf(structs.thread_struct, "sp") };
}

function offsetOf(struct: StructInfo | undefined, field: string): number {
  return struct?.fields.find(({ name }) => name === field)?.offset ?? 0;
}

function pageRegions({ log, image }: Watched, used: readonly Region[]): Region[] {
  const bytesOfStack = stackBytes(image);
  const bottoms = new Set(used.map(({ end }) => end - bytesOfStack));
  return [...log.rawPages]
    .filter(([address]) => !bottoms.has(address))
    .map(([address, bytes]) => ({ kind: "page", name: `page 0x${address.toString(16)}`, start: address, end: address + bytes }));
}

/** struct page for all of memory: a scan reads them; what is there about a block is the allocator's. */
function pageStructures(watched: Watched, words: GuestWords): Region[] {
  const start = staticWord(watched, words, "mem_map");
  const bytes = watched.image.section.structs.page?.size;
  if (start === null || bytes === undefined || start < KERNEL_START) return [];
  const end = start + (watched.machine.config.memoryBytes / PAGE) * bytes;
  return [{ kind: "page structures", name: "mem_map", start, end }];
}

/** What kmemleak's metadata say, found by its allocations: whatever index the design has. */
function notedBlocks({ image, log }: Watched, words: GuestWords): Map<number, Noted> {
  const noted = new Map<number, Noted>();
  const struct = image.section.structs[METADATA];
  if (struct === undefined) return noted;
  const at = (name: string): number => offsetOf(struct, name);
  const area = image.section.structs.kmemleak_scan_area;
  const size = offsetOf(area, area?.fields.some(({ name }) => name === "size") ? "size" : "length");
  const fields = { pointer: at("pointer"), flags: at("flags"), min: at("min_count"), count: at("count"), areas: at("areas") };
  for (const { address, from } of log.live.values()) {
    if (from !== METADATA) continue;
    const word = (offset: number): number => words.word(address + offset) ?? 0;
    const areas: { start: number; end: number }[] = [];
    for (let next = word(fields.areas); next >= KERNEL_START && areas.length < 64; next = words.word(next + offsetOf(area, "next")) ?? 0) {
      const start = words.word(next + offsetOf(area, "start")) ?? 0;
      areas.push({ start, end: start + (words.word(next + size) ?? 0) });
    }
    const flags = word(fields.flags);
    // Freed blocks' metadata live on for a grace period.
    if ((flags & 1) === 0) continue;
    noted.set(word(fields.pointer), { flags, minCount: word(fields.min) | 0, count: word(fields.count) | 0, areas });
  }
  return noted;
}
