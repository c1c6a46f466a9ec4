/**
 * Race checker: two accesses to the same bytes that nothing orders, of which one writes and one is plain.
 *
 * Fed with marks and with every access (an observed machine), in order of time. What orders accesses is in order.ts; what was last done to
 * a word in history.ts; which instructions are marked in instructions.ts. By physical address, so that a second mapping is the same
 * memory. Memory that is allocated has no past. Two functions that meet so make one report.
 * Limits: REPORTS_MAX different reports. Of a word's accesses the last of each hart is remembered, so bytes of one word hide each
 * other's past, and never accuse each other. What a function does to its own frame relative to sp is not looked at, nor what runs before
 * a second hart does.
 */
import { ACCESS_KIND, ACCESS_WORD, BOARD } from "../../../machine/memory/layout.ts";
import type { ImageFile } from "../../image/elf.ts";
import type { Symbols } from "../../image/symbols.ts";
import type { CurrentTasks } from "../current-tasks.ts";
import type { ConsumeAccesses } from "../merge.ts";
import { AT, cellOf, History, SLOT, SLOT_WORDS } from "./history.ts";
import { ACCESS, Instructions, RELEASE } from "./instructions.ts";
import { Order } from "./order.ts";
import type { RaceAccess, RaceAccessKind, RaceReport } from "./types.ts";

export const REPORTS_MAX = 64;
const TWO_32 = 2 ** 32;
const MACHINE_MODE = 3;
const FENCE_WRITES = 1;
/** In slot AT.HEAD: bytes of the word, then flags and RaceAccessKind, then the task. */
const HEAD = { MARKED: 1 << 4, INTERRUPT: 1 << 5, KIND: 6, KIND_MASK: 7, TASK: 9 } as const;
const KINDS: readonly RaceAccessKind[] = ["read", "write", "read-write", "assert no writes", "assert no accesses"];
const KIND = { READ: 0, WRITE: 1, UPDATE: 2, NO_WRITES: 3, NO_ACCESSES: 4 } as const;

export class RaceChecker {
  readonly reports: RaceReport[] = [];
  dropped = 0;
  /** Plain and marked accesses that were compared with what others did. */
  checked = 0;
  readonly order: Order;
  readonly #image: ImageFile;
  readonly #symbols: Symbols;
  readonly #tasks: CurrentTasks;
  readonly #instructions: Instructions;
  readonly #history: History;
  /** By the two functions, and by the two places. */
  readonly #known = new Map<string, RaceReport | null>();
  readonly #places = new Map<string, RaceReport | null>();
  readonly #interrupts: Int32Array;
  readonly #epochShift: number;
  /** The only hart that has run the kernel so far; -1: none has, or several have. */
  #alone = -1;
  #several = false;

  constructor(image: ImageFile, symbols: Symbols, tasks: CurrentTasks, harts: number) {
    this.#image = image;
    this.#symbols = symbols;
    this.#tasks = tasks;
    this.#instructions = new Instructions(image);
    this.order = new Order(harts);
    this.#history = new History(harts);
    this.#interrupts = new Int32Array(harts);
    this.#epochShift = Math.ceil(Math.log2(harts));
  }

  interruptEntered(hart: number): void {
    this.#interrupts[hart]++;
  }

  interruptLeft(hart: number): void {
    this.#interrupts[hart]--;
  }

  /** Virtual addresses; what is not in the linear map is told by its pages. */
  allocated(address: number, bytes: number): void {
    const physical = this.#physical(address);
    if (physical !== null) this.#history.forget(physical, bytes);
  }

  /** `all`: nobody else accesses it; else nobody writes. */
  exclusive(address: number, bytes: number, all: boolean, pc: number, hart: number, clock: number): void {
    const physical = this.#physical(address);
    if (physical === null || !this.#several) return;
    const low = clock | 0;
    const high = (clock / TWO_32) | 0;
    const kind = all ? KIND.NO_ACCESSES : KIND.NO_WRITES;
    for (let at = physical; at < physical + bytes; ) {
      const size = Math.min(4 - (at & 3), physical + bytes - at);
      this.#access(hart, at, size, kind, false, 0, pc, low, high);
      at += size;
    }
  }

  consume: ConsumeAccesses = (words, places, from, to) => {
    const { order } = this;
    const instructions = this.#instructions;
    for (let record = from; record < to; record++) {
      const at = places[record];
      const head = words[at + ACCESS_WORD.HEAD];
      const hart = head & 0xff;
      const kind = (head >>> 12) & 15;
      if (kind === ACCESS_KIND.FENCE) {
        if ((words[at + ACCESS_WORD.VALUE] & FENCE_WRITES) !== 0) order.fence(hart);
        continue;
      }
      if (kind === ACCESS_KIND.SC_FAILED) continue;
      const physical = words[at + ACCESS_WORD.PHYSICAL];
      const what = instructions.at(words[at + ACCESS_WORD.PC]);
      const word = physical >>> 2;
      if (((head >>> 24) & 3) === MACHINE_MODE) {
        this.#firmware(hart, words, at, kind, word);
        continue;
      }
      if (what === ACCESS.SKIP || physical >>> 0 < BOARD.RAM) continue;
      if (!this.#several && this.#stillAlone(hart)) continue;
      this.checked++;
      const bytes = (head >>> 8) & 15;
      const pc = words[at + ACCESS_WORD.PC];
      const low = words[at + ACCESS_WORD.CLOCK_LOW];
      const high = words[at + ACCESS_WORD.CLOCK_HIGH];
      const value = words[at + ACCESS_WORD.VALUE];
      if (what === ACCESS.PLAIN) {
        this.#access(hart, physical, bytes, kind === ACCESS_KIND.LOAD ? KIND.READ : KIND.WRITE, false, value, pc, low, high);
        continue;
      }
      const shift = (physical & 3) * 8;
      const bits = (bytes === 4 ? -1 : (1 << (8 * bytes)) - 1) << shift;
      const release = what === ACCESS.ATOMIC + RELEASE;
      if (kind === ACCESS_KIND.LOAD || kind === ACCESS_KIND.LR) {
        order.read(hart, word, bits, value << shift);
        this.#access(hart, physical, bytes, KIND.READ, true, value, pc, low, high);
      } else if (kind === ACCESS_KIND.STORE) {
        this.#access(hart, physical, bytes, KIND.WRITE, true, value, pc, low, high);
        order.write(hart, word, false);
        order.written(hart, word, bits, (value << shift) & bits);
      } else {
        const written = kind === ACCESS_KIND.AMO ? words[at + ACCESS_WORD.WRITTEN] : value;
        if (kind === ACCESS_KIND.AMO) order.read(hart, word, bits, value);
        this.#access(hart, physical, bytes, KIND.UPDATE, true, written, pc, low, high);
        order.update(hart, word, release);
        order.written(hart, word, bits, written);
      }
    }
  };

  /** Machine mode: all that it reads and writes orders. */
  #firmware(hart: number, words: Int32Array, at: number, kind: number, word: number): void {
    const value = words[at + ACCESS_WORD.VALUE];
    if (kind === ACCESS_KIND.LOAD || kind === ACCESS_KIND.LR) {
      this.order.read(hart, word, -1, value);
      return;
    }
    this.order.update(hart, word, true);
    this.order.written(hart, word, -1, kind === ACCESS_KIND.AMO ? words[at + ACCESS_WORD.WRITTEN] : value);
  }

  #stillAlone(hart: number): boolean {
    if (this.#alone === -1) this.#alone = hart;
    this.#several = hart !== this.#alone;
    return !this.#several;
  }

  #physical(address: number): number | null {
    const physical = (address >>> 0) - this.#image.linearOffset;
    return address >>> 0 >= this.#image.linearStart ? physical : null;
  }

  #access(
    hart: number, physical: number, bytes: number, kind: number, marked: boolean, value: number, pc: number, low: number, high: number,
  ): void {
    const cell = cellOf(physical);
    const table = this.#history.page(physical);
    const epoch = (this.order.now(hart) << this.#epochShift) | hart;
    const reads = kind === KIND.READ || kind === KIND.NO_WRITES;
    const slot = cell + (!reads ? SLOT.WRITE : marked ? SLOT.MARKED_READ : SLOT.PLAIN_READ);
    const mask = ((1 << bytes) - 1) << (physical & 3);
    const interrupt = this.#interrupts[hart] > 0 ? HEAD.INTERRUPT : 0;
    const head = mask | (marked ? HEAD.MARKED : 0) | interrupt | (kind << HEAD.KIND) | (this.#tasks.task[hart] << HEAD.TASK);
    // The same again, with nothing passed on in between: whatever races with this one races with the other. The later one is told.
    if (table[slot] === epoch && (table[slot + AT.HEAD] & (15 | HEAD.MARKED)) === (mask | (marked ? HEAD.MARKED : 0))) {
      this.#keep(table, slot, epoch, pc, low, high, head, value);
      return;
    }
    const write = cell + SLOT.WRITE;
    if (this.#conflicts(table, write, hart, mask, marked) && !this.#hasSeen(table, cell, hart)) this.#report(table, write, physical, epoch, pc, low, high, head, value);
    let into = table;
    let where = slot;
    if (reads) {
      const before = table[slot];
      if (before < 0) {
        into = this.#history.vector(before);
        where = hart * SLOT_WORDS;
      } else if (before !== 0 && !this.#knows(hart, before)) {
        into = this.#history.share(table, slot, before & ((1 << this.#epochShift) - 1));
        where = hart * SLOT_WORDS;
      }
    } else {
      this.#againstReads(table, cell + SLOT.PLAIN_READ, physical, epoch, pc, low, high, head, value);
      if (!marked) this.#againstReads(table, cell + SLOT.MARKED_READ, physical, epoch, pc, low, high, head, value);
    }
    // A hart's own marked write does not end its assertion that others keep away: what races with the one races with the other.
    const mine = table[slot] === epoch && (table[slot + AT.HEAD] & mask) === mask;
    if (marked && mine && ((table[slot + AT.HEAD] >>> HEAD.KIND) & HEAD.KIND_MASK) === KIND.NO_ACCESSES) return;
    this.#keep(into, where, epoch, pc, low, high, head, value);
  }

  #keep(into: Int32Array, where: number, epoch: number, pc: number, low: number, high: number, head: number, value: number): void {
    into[where + AT.EPOCH] = epoch;
    into[where + AT.PC] = pc;
    into[where + AT.CLOCK_LOW] = low;
    into[where + AT.CLOCK_HIGH] = high;
    into[where + AT.HEAD] = head;
    into[where + AT.VALUE] = value;
  }

  /** The write at hand comes after all these reads, or races with them; either way they are of the past. */
  #againstReads(
    table: Int32Array, slot: number, physical: number, epoch: number, pc: number, low: number, high: number, head: number, value: number,
  ): void {
    const before = table[slot];
    if (before === 0) return;
    const hart = epoch & ((1 << this.#epochShift) - 1);
    const marked = (head & HEAD.MARKED) !== 0;
    const vector = before < 0 ? this.#history.vector(before) : null;
    const from = vector ?? table;
    const first = vector === null ? slot : 0;
    const last = vector === null ? slot : vector.length - SLOT_WORDS;
    for (let at = first; at <= last; at += SLOT_WORDS) {
      if (this.#conflicts(from, at, hart, head & 15, marked)) this.#report(from, at, physical, epoch, pc, low, high, head, value);
    }
    this.#history.clear(table, slot);
  }

  #conflicts(table: Int32Array, slot: number, hart: number, mask: number, marked: boolean): boolean {
    const before = table[slot + AT.EPOCH];
    if (before === 0 || this.#knows(hart, before)) return false;
    const head = table[slot + AT.HEAD];
    return (head & mask) !== 0 && !(marked && (head & HEAD.MARKED) !== 0);
  }

  /**
   * The last write is a marked one, and the hart has made a marked read since: the two are not at it at the same time, even though a
   * fence before the write does not order the write itself.
   */
  #hasSeen(table: Int32Array, cell: number, hart: number): boolean {
    if ((table[cell + SLOT.WRITE + AT.HEAD] & HEAD.MARKED) === 0) return false;
    const read = table[cell + SLOT.MARKED_READ];
    if (read === 0 || (read > 0 && (read & ((1 << this.#epochShift) - 1)) !== hart)) return false;
    const from = read < 0 ? this.#history.vector(read) : table;
    const at = read < 0 ? hart * SLOT_WORDS : cell + SLOT.MARKED_READ;
    return from[at] !== 0 && clockOf(from, at) > clockOf(table, cell + SLOT.WRITE);
  }

  /** The hart's present comes after that epoch. */
  #knows(hart: number, epoch: number): boolean {
    const { clocks, harts } = this.order;
    const other = epoch & ((1 << this.#epochShift) - 1);
    return other === hart || clocks[hart * harts + other] >= epoch >>> this.#epochShift;
  }

  #report(
    table: Int32Array, slot: number, physical: number, epoch: number, pc: number, low: number, high: number, head: number, value: number,
  ): void {
    const place = `${table[slot + AT.PC]} ${pc}`;
    const again = this.#places.get(place);
    if (again !== undefined) {
      if (again !== null) again.count++;
      return;
    }
    const names = [table[slot + AT.PC], pc].map((one) => this.#symbols.functionName(one >>> 0)).sort().join(" / ");
    let report = this.#known.get(names);
    if (report === undefined) {
      report = this.reports.length === REPORTS_MAX ? null : this.#made(table, slot, physical, [epoch, pc, low, high, head, value]);
      if (report === null) this.dropped++;
      else this.reports.push(report);
      this.#known.set(names, report);
    } else if (report !== null) report.count++;
    this.#places.set(place, report);
  }

  #made(table: Int32Array, slot: number, physical: number, now: readonly number[]): RaceReport {
    const word = (physical & ~3) >>> 0;
    return {
      count: 1,
      first: this.#told(table.subarray(slot, slot + SLOT_WORDS), word),
      second: this.#told(now, word),
    };
  }

  #told(slot: ArrayLike<number>, word: number): RaceAccess {
    const head = slot[AT.HEAD];
    const hart = slot[AT.EPOCH] & ((1 << this.#epochShift) - 1);
    const kind = (head >>> HEAD.KIND) & HEAD.KIND_MASK;
    const mask = head & 15;
    return {
      kind: KINDS[kind],
      marked: (head & HEAD.MARKED) !== 0,
      size: bits(mask),
      address: word + 31 - Math.clz32(mask & -mask) + this.#image.linearOffset,
      hart,
      interrupt: (head & HEAD.INTERRUPT) !== 0,
      task: head >>> HEAD.TASK,
      value: kind >= KIND.NO_WRITES ? null : slot[AT.VALUE] >>> 0,
      stack: {
        pc: slot[AT.PC] >>> 0,
        ra0: 0,
        ra1: 0,
        hart,
        clock: clockOf(slot, 0),
      },
    };
  }
}

function clockOf(slot: ArrayLike<number>, at: number): number {
  return (slot[at + AT.CLOCK_HIGH] >>> 0) * TWO_32 + (slot[at + AT.CLOCK_LOW] >>> 0);
}

function bits(mask: number): number {
  let count = 0;
  for (let rest = mask; rest !== 0; rest &= rest - 1) count++;
  return count;
}
