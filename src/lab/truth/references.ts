/**
 * Where the last reference to each suspected leak stood, and who ended it: a reverse index of the words that hold addresses of suspects.
 *
 * The suspects are known only when the run has ended, so it is made once more on a machine that records accesses: each word that is stored and points
 * into a suspect opens a hold, which ends when the word is overwritten or its block is freed. So places in memory are exact, to the
 * instruction. Words on stacks are kept apart (nothing tells when a frame is gone: the last one stored is told), and registers are seen by what is done with them:
 * the last access to the block, or the last time its address was read from memory. Words in blocks that are suspects themselves are no references.
 * What the allocators and kmemleak do, and all that the scanning task does while a scan runs, is not looked at; nor is anything from the begin of the scan on that
 * first had the suspect in a report.
 */
import type { StructInfo } from "../../base/hartlab-section.ts";
import { ACCESS_KIND, ACCESS_WORD } from "../../machine/memory/layout.ts";
import type { ImageFile } from "../image/elf.ts";
import type { Symbols } from "../image/symbols.ts";
import type { ConsumeAccesses } from "../observe/merge.ts";
import type { Form, Raw, Stack } from "../observe/moment.ts";
import type { Observation } from "../observe/observation.ts";
import { type Block, BlockLog } from "./blocks.ts";
import { hexOf } from "./reasons.ts";

/** So many are followed. */
export const SUSPECTS_MAX = 256;
const TWO_32 = 2 ** 32;
const PAGES = 1 << 20;
const MACHINE_MODE = 3;
const METADATA = /^kmemleak/;
const METADATA_STATICS: ReadonlySet<string> = new Set(["early_log"]);
const EXEMPT = ["kernel/mm/slab", "kernel/mm/page", "kernel/mm/kmemleak", "kernel/mm/vmap", "kernel/mm/vmalloc", "kernel/mm/pcpu"];
const STACK_BYTES_DEFAULT = 8192;
const FIRST_STACK = "init_stack_space";

/** A block that is in the last report. */
export interface Suspect {
  readonly address: number;
  /** The first scan that had it in a report. */
  readonly scan: number;
}

/** Who did something, and where. */
export interface Doing<F extends Form = Raw> {
  readonly task: F["task"];
  readonly stack: F["stack"];
}

export interface ReferenceReport<F extends Form = Raw> {
  /** Of the suspect. */
  readonly address: F["address"];
  /** The last word outside of stacks; null: there never was one. */
  readonly memory: {
    readonly place: string;
    readonly since: number;
    readonly ended: "overwritten" | "freed" | "still there";
    /** What it was overwritten with. */
    readonly value: number;
    /** Who ended it; null: it is still there. */
    readonly by: Doing<F> | null;
  } | null;
  /** The last word stored on a stack; null: none was. */
  readonly onStack: Doing<F> | null;
  /** The last thing done with the address while it stood in a register; null: nothing. */
  readonly used: (Doing<F> & { readonly what: "read" | "written" | "its address read" }) | null;
  /** A block that is lost itself refers to it. */
  readonly lostHolder: string | null;
}

interface Hold {
  readonly word: number;
  readonly place: string;
  readonly since: number;
}

interface Followed {
  readonly suspect: Suspect;
  end: number;
  closed: boolean;
  readonly open: Map<number, Hold>;
  memory: ReferenceReport["memory"];
  onStack: Doing | null;
  used: ReferenceReport["used"];
  /** Words in blocks that are suspects, by address. */
  readonly inLost: Map<number, string>;
}

type Place = { readonly kind: "memory" | "stack" | "lost" | "ignored"; readonly name: string };

export class References extends BlockLog {
  readonly #followed = new Map<number, Followed>();
  readonly #byPage = new Map<number, Followed[]>();
  /** 1: a suspect lies in the page; 2: a word there holds, or held, an address of one. */
  readonly #pages = new Uint8Array(PAGES);
  readonly #exempt = new Map<number, boolean>();
  readonly #symbols: Symbols;
  readonly #image: ImageFile;
  readonly #word: (address: number) => number | null;
  #observation: Observation | null = null;

  constructor(suspects: readonly Suspect[], image: ImageFile, symbols: Symbols, word: (address: number) => number | null) {
    super();
    this.#image = image;
    this.#symbols = symbols;
    this.#word = word;
    for (const suspect of suspects.slice(0, SUSPECTS_MAX)) {
      this.#followed.set(suspect.address, fresh(suspect));
    }
  }

  /** That of the second run, which tells who runs where. */
  watch(observation: Observation): void {
    this.#observation = observation;
  }

  override allocated(block: Block): void {
    super.allocated(block);
    const before = this.#followed.get(block.address);
    if (before === undefined || before.closed) return;
    // Another block at the address of one that was freed.
    for (const [page, all] of this.#byPage) this.#byPage.set(page, all.filter((one) => one !== before));
    const now = fresh(before.suspect);
    now.end = block.address + block.bytes;
    this.#followed.set(block.address, now);
    for (let page = block.address >>> 12; page <= (now.end - 1) >>> 12; page++) {
      this.#byPage.set(page, [...(this.#byPage.get(page) ?? []), now]);
      this.#pages[page] |= 1;
    }
  }

  override freed(address: number, stack: Stack): void {
    const block = this.live.get(address >>> 0);
    if (block !== undefined) this.#gone(block.address, block.address + block.bytes, stack);
    super.freed(address, stack);
  }

  override pagesFreed(address: number, stack: Stack): void {
    const bytes = this.rawPages.get(address >>> 0);
    if (bytes !== undefined) this.#gone(address >>> 0, (address >>> 0) + bytes, stack);
    super.pagesFreed(address, stack);
  }

  #gone(start: number, end: number, stack: Stack): void {
    for (const one of this.#followed.values()) {
      if (one.closed) continue;
      for (const hold of one.open.values()) if (hold.word >= start && hold.word < end) this.#ended(one, hold, "freed", 0, stack);
      for (const word of one.inLost.keys()) if (word >= start && word < end) one.inLost.delete(word);
    }
  }

  #ended(one: Followed, hold: Hold, ended: "overwritten" | "freed", value: number, stack: Stack): void {
    one.open.delete(hold.word);
    const { place, since } = hold;
    one.memory = { place, since, ended, value, by: { task: this.#observation!.currentTasks.task[stack.hart], stack } };
  }

  consume: ConsumeAccesses = (words, places, from, to) => {
    const { scanCosts } = this.#observation!;
    const scanner = scanCosts.active ? scanCosts.runsOn : -1;
    if (scanCosts.active) this.#close(scanCosts.number);
    const pages = this.#pages;
    for (let record = from; record < to; record++) {
      const at = places[record];
      const head = words[at + ACCESS_WORD.HEAD];
      if (((head >>> 24) & 3) === MACHINE_MODE || (head & 0xff) === scanner) continue;
      const kind = (head >>> 12) & 15;
      if (kind === ACCESS_KIND.FENCE || kind === ACCESS_KIND.SC_FAILED) continue;
      const address = words[at + ACCESS_WORD.VIRTUAL] >>> 0;
      const isLoad = kind === ACCESS_KIND.LOAD || kind === ACCESS_KIND.LR;
      const value = words[at + (kind === ACCESS_KIND.AMO ? ACCESS_WORD.WRITTEN : ACCESS_WORD.VALUE)] >>> 0;
      if ((pages[address >>> 12] & 1) !== 0) this.#used(address, isLoad ? "read" : "written", words, at);
      if (!isLoad && (pages[address >>> 12] & 2) !== 0) this.#stored(address, value, words, at);
      if (((head >>> 8) & 15) === 4 && (pages[value >>> 12] & 1) !== 0) this.#points(address, value, isLoad, words, at);
    }
  };

  /** From the scan `number` on there is nothing more to learn of those that it reported. */
  #close(number: number): void {
    for (const one of this.#followed.values()) if (one.suspect.scan <= number) one.closed = true;
  }

  #find(address: number): Followed | null {
    const one = this.#byPage.get(address >>> 12)?.find(({ suspect, end }) => address >= suspect.address && address < end);
    return one === undefined || one.closed ? null : one;
  }

  #used(address: number, what: NonNullable<ReferenceReport["used"]>["what"], words: Int32Array, at: number): void {
    const one = this.#find(address);
    if (one !== null && !this.#isAllocators(words, at)) one.used = { what, ...this.#doing(words, at) };
  }

  /** A word that may have held an address holds something else now. */
  #stored(address: number, value: number, words: Int32Array, at: number): void {
    const word = address & ~3;
    for (const one of this.#followed.values()) {
      if (one.closed || (value >= one.suspect.address && value < one.end)) continue;
      const hold = one.open.get(word >>> 0);
      if (hold !== undefined) this.#ended(one, hold, "overwritten", value, this.#doing(words, at).stack);
      one.inLost.delete(word >>> 0);
    }
  }

  /** A word that was read or stored points into a suspect. */
  #points(address: number, value: number, isLoad: boolean, words: Int32Array, at: number): void {
    const one = this.#find(value);
    if (one === null || this.#isAllocators(words, at)) return;
    if (isLoad) {
      one.used = { what: "its address read", ...this.#doing(words, at) };
      return;
    }
    if (one.open.has(address)) return;
    const { kind, name } = this.#place(address);
    if (kind === "stack") one.onStack = this.#doing(words, at);
    else if (kind === "lost") one.inLost.set(address, name);
    else if (kind === "memory") one.open.set(address, { word: address, place: name, since: this.#doing(words, at).stack.clock });
    this.#pages[address >>> 12] |= 2;
  }

  #doing(words: Int32Array, at: number): Doing {
    const clock = (words[at + ACCESS_WORD.CLOCK_HIGH] >>> 0) * TWO_32 + (words[at + ACCESS_WORD.CLOCK_LOW] >>> 0);
    const hart = words[at + ACCESS_WORD.HEAD] & 0xff;
    const stack: Stack = { pc: words[at + ACCESS_WORD.PC] >>> 0, ra0: 0, ra1: 0, hart, clock };
    return { task: this.#observation!.currentTasks.task[hart], stack };
  }

  /** It is an allocator's or kmemleak's, or of a call that still allocates or frees. */
  #isAllocators(words: Int32Array, at: number): boolean {
    const { currentTasks, measures } = this.#observation!;
    if (measures.latency.allocating(currentTasks.task[words[at + ACCESS_WORD.HEAD] & 0xff]) > 0) return true;
    return this.#isExempt(words[at + ACCESS_WORD.PC] >>> 0);
  }

  #isExempt(pc: number): boolean {
    let known = this.#exempt.get(pc);
    if (known === undefined) {
      known = this.#symbols.frames(pc).some(({ file }) => file !== null && EXEMPT.some((start) => file.startsWith(start)));
      this.#exempt.set(pc, known);
    }
    return known;
  }

  #place(address: number): Place {
    const { statics, structs } = this.#image.section;
    const first = statics.find(({ name }) => name === FIRST_STACK);
    const stackBytes = first === undefined ? STACK_BYTES_DEFAULT : first.size / 2;
    const field = offsetOf(structs.task_struct, "stack");
    for (const task of this.tasks) {
      const bottom = this.#word(task + field);
      if (bottom !== null && address >= bottom && address < bottom + stackBytes) return { kind: "stack", name: "" };
    }
    const found = statics.find(({ address: start, size }) => address >= start && address < start + size);
    if (found === first && first !== undefined) return { kind: "stack", name: "" };
    if (found !== undefined) {
      const name = `${found.name}${address === found.address ? "" : `+0x${(address - found.address).toString(16)}`}`;
      return { kind: METADATA_STATICS.has(found.name) ? "ignored" : "memory", name };
    }
    for (const block of this.live.values()) {
      if (address < block.address || address >= block.address + block.bytes) continue;
      if (METADATA.test(block.from) || block.own) return { kind: "ignored", name: "" };
      const lost = this.#followed.has(block.address);
      return { kind: lost ? "lost" : "memory", name: `${hexOf(address)} in the block ${hexOf(block.address)} (${block.from})` };
    }
    for (const [page, bytes] of this.rawPages) {
      if (address >= page && address < page + bytes) return { kind: "memory", name: `${hexOf(address)} in the page ${hexOf(page)}` };
    }
    return { kind: "memory", name: hexOf(address) };
  }

  /** Call at the end of the run. */
  reports(): ReferenceReport[] {
    return [...this.#followed.values()].map(({ suspect, open, memory, onStack, used, inLost }): ReferenceReport => {
      const still = [...open.values()].at(-1);
      return {
        address: suspect.address,
        memory: still === undefined ? memory : { place: still.place, since: still.since, ended: "still there", value: 0, by: null },
        onStack,
        used,
        lostHolder: [...inLost.values()].at(-1) ?? null,
      };
    });
  }
}

const fresh = (suspect: Suspect): Followed => ({
  suspect, end: suspect.address, closed: false, open: new Map(), memory: null, onStack: null, used: null, inLost: new Map(),
});

function offsetOf(struct: StructInfo | undefined, field: string): number {
  return struct?.fields.find(({ name }) => name === field)?.offset ?? 0;
}
