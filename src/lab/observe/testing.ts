/** For tests: an image's `.hartlab` section and mark records made by hand. */
import { HARTLAB_SECTION_VERSION, type HartlabSection } from "../../base/hartlab-section.ts";
import { MARK_BYTES, MARK_WORD } from "../../machine/memory/layout.ts";
import { ImageFile } from "../image/elf.ts";
import { Symbols } from "../image/symbols.ts";
import { eventNumbers } from "./events.ts";
import { Observation, type ObserverChoice } from "./observation.ts";

/** Read-only data of the image below: names by address. */
const STRINGS: ReadonlyMap<number, string> = new Map([
  [0xc0005000, "first.lock"],
  [0xc0005100, "first.lock"],
  [0xc0005200, "lost"],
  [0xc0005300, "other.lock"],
]);
const STRINGS_START = 0xc0005000;

export const KIND = {
  spin: 1,
  raw: 2,
  read: 3,
  write: 4,
  mutex: 5,
  sem_read: 6,
  sem_write: 7,
} as const;
export const TRY = 0x100;
export const RECURSIVE = 0x200;

export const MARKS = {
  LOCK_INIT: 1,
  LOCK_CONTENDED: 2,
  LOCK_ACQUIRED: 3,
  LOCK_RELEASE: 4,
  LOCK_TRYFAIL: 5,
  LOCK_ACQUIRE: 6,
  SWITCH: 8,
  TASK_EXIT: 10,
  IRQ_ENTER: 12,
  IRQ_EXIT: 13,
  SOFTIRQ_ENTER: 14,
  SOFTIRQ_EXIT: 15,
  SCAN_BEGIN: 24,
  SCAN_CHUNK: 25,
  SCAN_END: 26,
  PLANT: 28,
  SCENARIO_START: 30,
  FIRST_KTHREAD: 32,
  BH_DISABLE: 33,
  BH_ENABLE: 34,
  IRQS_OFF: 0x701,
} as const;

export const SECTION: HartlabSection = {
  version: HARTLAB_SECTION_VERSION,
  enums: {
    MARK: MARKS,
    LOCK_KIND: KIND,
    LOCK_FLAG: { try: TRY, recursive: RECURSIVE },
    PLANT: { leak: 1, nonleak: 2 },
    LAB_OP: { online: 1, offline: 2, scan: 3 },
  },
  structs: {
    spinlock_t: { size: 8, fields: [{ name: "owner", offset: 0, type: "u32", size: 4 }] },
    zone: {
      size: 24,
      fields: [
        { name: "free", offset: 0, type: "u32", size: 4 },
        { name: "lock", offset: 8, type: "spinlock_t", size: 8 },
      ],
    },
  },
  accesses: { once: [], excused: [] },
  config: { marks: true },
  tasks: [],
  files: ["kernel/mm/slab.ts", "kernel/locking/spinlock.ts"],
  functions: [
    { name: "kfree", address: 0xc0001000, size: 0x100, file: 0, line: 10 },
    { name: "_spin_lock", address: 0xc0002000, size: 0x40, file: 1, line: 5 },
    { name: "kmalloc", address: 0xc0003000, size: 0x100, file: 0, line: 40 },
  ],
  statics: [
    { name: "zones", address: 0xc0010000, size: 48, type: "StructArray<zone, 2>" },
    { name: "list_lock", address: 0xc0010040, size: 8, type: "spinlock_t" },
  ],
  percpu: [{ name: "rq", address: 16, size: 24, type: "zone" }],
  lines: [
    [0xc0001000, 0, 11, []],
    [0xc0001010, 1, 7, [["spin_lock", 0, 13]]],
    [0xc0002000, 1, 6, []],
    [0xc0003000, 0, 41, []],
  ],
};

function strings(): Uint8Array {
  const bytes = new Uint8Array(0x400);
  for (const [address, text] of STRINGS) {
    bytes.set(new TextEncoder().encode(`${text}\0`), address - STRINGS_START);
  }
  return bytes;
}

/** Of an image built with `config`. */
export function observation(config: HartlabSection["config"] = {}, wanted: Partial<ObserverChoice> = {}): Observation {
  const section = { ...SECTION, config: { ...SECTION.config, ...config } };
  const image = new ImageFile(section, [
    { start: STRINGS_START, physical: STRINGS_START, bytes: strings(), writable: false },
  ]);
  return new Observation(image, new Symbols(section), eventNumbers(section), () => null, { heap: false, races: false, ...wanted });
}

export interface Mark {
  readonly event: keyof typeof MARKS;
  readonly clock: number;
  readonly hart?: number;
  readonly instret?: number;
  readonly a?: number;
  readonly b?: number;
  readonly c?: number;
  readonly pc?: number;
  readonly tp?: number;
  readonly ra0?: number;
  readonly ra1?: number;
  /** Supervisor interrupts are on; default false. */
  readonly irqsOn?: boolean;
}

/** The records as the machine hands them out. */
export function records(marks: readonly Mark[]): Int32Array {
  const words = new Int32Array((marks.length * MARK_BYTES) / 4);
  marks.forEach((mark, i) => {
    const at = (i * MARK_BYTES) / 4;
    words[at + MARK_WORD.CLOCK_LOW] = mark.clock;
    words[at + MARK_WORD.CLOCK_HIGH] = Math.floor(mark.clock / 2 ** 32);
    words[at + MARK_WORD.INSTRET_LOW] = mark.instret ?? 0;
    words[at + MARK_WORD.HEAD] =
      (mark.hart ?? 0) |
      (MARKS[mark.event] << 8) |
      (mark.irqsOn ? 1 << 26 : 0) |
      (Math.floor((mark.instret ?? 0) / 2 ** 32) << 27);
    words[at + MARK_WORD.PC] = mark.pc ?? 0xc0001004;
    words[at + MARK_WORD.A] = mark.a ?? 0;
    words[at + MARK_WORD.B] = mark.b ?? 0;
    words[at + MARK_WORD.C] = mark.c ?? 0;
    words[at + MARK_WORD.TP] = mark.tp ?? 0;
    words[at + MARK_WORD.RA0] = mark.ra0 ?? 0;
    words[at + MARK_WORD.RA1] = mark.ra1 ?? 0;
  });
  return words;
}

/** An observation that has seen the marks. */
export function observed(
  marks: readonly Mark[],
  config: HartlabSection["config"] = {},
  wanted: Partial<ObserverChoice> = {},
): Observation {
  const seen = observation(config, wanted);
  seen.consume(records(marks), marks.length);
  return seen;
}
