/**
 * Whether the sections of a saved machine can be those of any machine: what generated code and devices rely on without
 * asking. A file may pass its checksum and still hold anything; then it is refused here, or it is a machine with a strange
 * program, which harms nobody.
 */
import { failure, success, type Problem, type Result } from "../../base/result.ts";
import { isLabSound } from "../device/lab.ts";
import { isUartSound } from "../device/uart.ts";
import { isConsoleSound } from "../device/virtio/console.ts";
import { areSlotsSound } from "../device/virtio/state.ts";
import { PAGE_BYTES } from "../engine/changed-pages.ts";
import { DIRECTORY } from "../engine/tables.ts";
import { ACCESS_BYTES, ACCESS_CAPACITY, DEVICE_BASE, HART, HART_STRIDE, MACHINE, MACHINE_SAVED_BYTES, MACHINE_WORD, MARK_BYTES, MARK_CAPACITY } from "../memory/layout.ts";
import { CACHE } from "../timing/constants.ts";
import type { Memory } from "./code.ts";
import { RAM_PAGE, type SavedConfig, type Sections } from "./format.ts";
import type { Engine } from "../engine/index.ts";

/** Clocks and counts are exact as JavaScript numbers below 2^53. */
const HIGH_WORD_MAX = 0x1f_ffff;
const L1_LINES = CACHE.l1Sets * CACHE.l1Ways;
const DIRECTORY_WORDS = 1 << (DIRECTORY.SHIFT - 2);

const wordsOf = (bytes: Uint8Array): Int32Array => new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >>> 2);

function isHartSound(words: Int32Array, hart: number): boolean {
  const at = (field: number): number => words[(hart * HART_STRIDE + field) >>> 2]!;
  const counts = [HART.CLOCK, HART.INSTRET, HART.MARKS].every((field) => at(field + 4) >>> 0 <= HIGH_WORD_MAX);
  const modes = [0, 1, 3].includes(at(HART.PRIV)) && ((at(HART.MSTATUS) >>> 11) & 3) !== 2;
  const targets = [HART.PC, HART.MEPC, HART.SEPC].every((field) => (at(field) & 1) === 0);
  const vectors = [HART.MTVEC, HART.STVEC].every((field) => (at(field) & 2) === 0);
  // Nobody is parked between two calls of `run`; what was polled does not count in the next.
  const awake = at(HART.PARK_LINE) === 0;
  const latch = at(HART.MARK_LATCHED) === 0 || at(HART.MARK_LATCHED) === 1;
  const held = at(HART.HELD) === 0 || at(HART.HELD) === 1;
  return counts && modes && targets && vectors && awake && latch && held && at(HART.X) === 0;
}

function isLoopSound(sections: Sections, harts: number): boolean {
  const words = wordsOf(sections.loop);
  const at = (address: number): number => words[(address - MACHINE) >>> 2]!;
  const idle = at(MACHINE_WORD.STOP) === 0 && at(MACHINE_WORD.ACCESS_FAULT) === 0;
  const turn = at(MACHINE_WORD.TURN_HART) >>> 0 <= harts;
  const count = at(MACHINE_WORD.MARK_COUNT) >>> 0;
  return idle && turn && count <= MARK_CAPACITY && count * MARK_BYTES === sections.marks.length;
}

/** Sees a device section at its usual place. */
function areDevicesSound(devices: Uint8Array): boolean {
  const words = new Int32Array((DEVICE_BASE + devices.length) >>> 2);
  words.set(wordsOf(devices), DEVICE_BASE >>> 2);
  return isUartSound(words) && isLabSound(words) && isConsoleSound(words) && areSlotsSound(words);
}

/** Numbers of pages in the order of the file: ascending, each inside the tables, RAM or the disks. */
function areNumbersSound(numbers: Int32Array, memory: Memory, engine: Engine): boolean {
  const { trackedStart, trackedEnd } = engine.tables;
  const tables = (trackedEnd - trackedStart) / PAGE_BYTES;
  const ram = RAM_PAGE + (memory.bytes.length - memory.ramOffset) / PAGE_BYTES;
  return numbers.every((number, at) => {
    const inside = number >= 0 && (number < tables || (number >= RAM_PAGE && number < ram));
    return inside && (at === 0 || numbers[at - 1]! < number);
  });
}

function countBits(value: number): number {
  let count = 0;
  for (let rest = value; rest !== 0; rest &= rest - 1) count++;
  return count;
}

/** The directory of cycle mode, in the pages of the file: [sharers low, sharers high, owner] of a line. */
class SavedDirectory {
  readonly #pages = new Map<number, Int32Array>();
  readonly #first: number;
  readonly #words: number;

  constructor({ numbers, pages }: Sections, engine: Engine) {
    const { directory, executed, trackedStart } = engine.tables;
    this.#first = (directory - trackedStart) >>> 2;
    this.#words = (executed - directory) >>> 2;
    wordsOf(numbers).forEach((number, at) => {
      if (number < RAM_PAGE) this.#pages.set(number, wordsOf(pages.subarray(at * PAGE_BYTES, (at + 1) * PAGE_BYTES)));
    });
  }

  #word(index: number): number {
    const at = this.#first + index;
    return this.#pages.get(at >>> 10)?.[at & 1023] ?? 0;
  }

  holds(line: number, hart: number): boolean {
    return ((this.#word(line * DIRECTORY_WORDS + (hart >>> 5)) >>> (hart & 31)) & 1) !== 0;
  }

  /** How many copies it says there are; -1: an owner that is not the one holder. */
  copies(): number {
    let copies = 0;
    for (const page of this.#pages.keys()) {
      const from = Math.max(0, page * 1024 - this.#first);
      const to = Math.min(this.#words, (page + 1) * 1024 - this.#first);
      for (let entry = from; entry < to; entry += DIRECTORY_WORDS) {
        const [low, high, owner] = [this.#word(entry), this.#word(entry + 1), this.#word(entry + 2)];
        const holders = countBits(low) + countBits(high);
        if (owner !== 0 && (owner >>> 0 > 64 || holders !== 1 || !this.holds(entry / DIRECTORY_WORDS, owner - 1))) return -1;
        copies += holders;
      }
    }
    return copies;
  }
}

/** L1 tags and directory say the same, and a line is where it can be found. */
function areCachesSound(sections: Sections, memory: Memory, engine: Engine): boolean {
  const { l1Tags, data } = engine.tables;
  const tags = wordsOf(sections.tables).subarray((l1Tags - data) >>> 2);
  const lines = memory.ramBytes >>> CACHE.lineShift;
  const directory = new SavedDirectory(sections, engine);
  let held = 0;
  for (let hart = 0; hart < memory.harts; hart++) {
    const own = tags.subarray(hart * L1_LINES, (hart + 1) * L1_LINES);
    for (let way = 0; way < L1_LINES; way++) {
      const line = own[way]!;
      if (line === -1) continue;
      const set = Math.floor(way / CACHE.l1Ways);
      const placed = line >>> 0 < lines && (line & (CACHE.l1Sets - 1)) === set;
      if (!placed || own.indexOf(line, set * CACHE.l1Ways) !== way || !directory.holds(line, hart)) return false;
      held++;
    }
  }
  return directory.copies() === held;
}

/** Lengths first, then contents; a problem names the section. */
export function checkSections(sections: Sections, memory: Memory, engine: Engine, config: SavedConfig): Result<void> {
  const cycle = config.timing === "cycle";
  const { tables } = engine;
  const accessRoom = config.observeAccesses ? ACCESS_BYTES * ACCESS_CAPACITY : 0;
  const numbers = wordsOf(sections.numbers);
  const harts = wordsOf(sections.harts);
  const checks: readonly (readonly [name: string, sound: () => boolean])[] = [
    ["harts", () => sections.harts.length === memory.harts * HART_STRIDE],
    ["devices", () => sections.devices.length === MACHINE - DEVICE_BASE],
    ["loop", () => sections.loop.length === MACHINE_SAVED_BYTES],
    ["tables", () => sections.tables.length === tables.copiedEnd - tables.data],
    ["pages", () => areNumbersSound(numbers, memory, engine)],
    ["harts", () => Array.from({ length: memory.harts }, (_, hart) => hart).every((hart) => isHartSound(harts, hart))],
    ["accesses", () => sections.accesses.length % ACCESS_BYTES === 0 && sections.accesses.length <= accessRoom],
    ["loop", () => isLoopSound(sections, memory.harts)],
    ["devices", () => areDevicesSound(sections.devices)],
    ["caches", () => !cycle || areCachesSound(sections, memory, engine)],
  ];
  for (const [name, sound] of checks) {
    if (sound()) continue;
    const problem: Problem = {
      message: `the snapshot's ${name} cannot be those of a machine`,
      hint: "The file is damaged or was not written by hartlab.",
    };
    return failure(problem);
  }
  return success(undefined);
}
