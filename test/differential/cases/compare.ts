/**
 * Runs programs of cases here and in QEMU, and tells the story of the first case that ends differently.
 *
 * `CPU` leaves out of QEMU what this machine does not have. DIFFERENCES are the rest that may differ, each with its reason;
 * a differing case to which one applies is counted, not reported. Left out by the generator: satp changed without a fence
 * (QEMU flushes its TLB then, here a stale entry stays), counters and identity registers, hpm counters, reserved field
 * values, bit 0 of mepc, sret in M mode, PMP inside a page or under an access over two pages (QEMU checks the first page
 * with the whole size), second-level tables outside RAM.
 */
import { decode, disassemble, expand, lengthOf, REGISTER_NAMES } from "../../../src/isa/index.ts";
import type { MachineConfig } from "../../../src/machine/types.ts";
import { runOurs, runQemu, traceOurs, traceQemu, type Step } from "../machines.ts";
import { RECORD_NAMES, RECORD_WORDS, TIMED_OUT, program, type Case, type Program } from "./driver.ts";

export const CPU = ["-cpu", "rv32,f=off,d=off,h=off,sstc=off,debug=off,zba=off,zbb=off,zbc=off,zbs=off"];
const INSTRUCTIONS_MAX = 50_000_000;
const STEPS_MAX = 60_000;

type Fields = Readonly<Record<(typeof RECORD_NAMES)[number], number>>;

interface Difference {
  readonly reason: string;
  applies(ours: Fields, qemu: Fields, one: Case): boolean;
}

const u32 = (value: number): number => value >>> 0;
/** Memory-mapped parts of QEMU's board that this one does not have: boot ROM, flash, PCIe. */
const onlyInQemu = (address: number): boolean =>
  u32(address) < 0x1_0000 || (u32(address) >= 0x2000_0000 && u32(address) < 0x8000_0000);
const isFault = (cause: number): boolean => [1, 5, 7].includes(cause);

export const DIFFERENCES: readonly Difference[] = [
  {
    reason: "the fault of an atomic is a store's by the specification, in QEMU 7.2 a load's",
    applies: (ours, qemu) => {
      const pair = (mine: number, other: number): boolean => [6, 7, 15].includes(mine) && other === mine - 2;
      return pair(ours.mcause, qemu.mcause) || pair(ours.scause, qemu.scause) || pair(ours.mcause, qemu.scause);
    },
  },
  {
    reason: "a misaligned access to nothing: here the value is its address, in QEMU that of the aligned word or halfword in it",
    applies: (ours, qemu) =>
      isFault(ours.mcause) && ours.mcause === qemu.mcause && ours.mepc === qemu.mepc &&
      ours.mtval !== qemu.mtval && u32(ours.mtval ^ qemu.mtval) < 4,
  },
  {
    reason: "QEMU's board answers at addresses where this one has nothing",
    applies: (ours) => isFault(ours.mcause) && onlyInQemu(ours.mtval),
  },
];

function fieldsOf(words: Int32Array, place: number): Fields {
  const at = place * RECORD_WORDS;
  return Object.fromEntries(RECORD_NAMES.map((name, i) => [name, words[at + i]!])) as Fields;
}

function words(bytes: Uint8Array): Int32Array {
  return new Int32Array(bytes.slice(0, bytes.length & ~3).buffer);
}

export interface Outcome {
  readonly cases: number;
  /** Ended by the watchdog, on both. */
  readonly late: number;
  /** Number of cases excused by each of DIFFERENCES. */
  readonly excused: readonly number[];
  /** Causes met in M mode. */
  readonly causes: ReadonlySet<number>;
  /** Index of the first case that differs for no known reason, or -1. */
  readonly differs: number;
  readonly ours: Fields | null;
  readonly qemu: Fields | null;
}

/** Compares what one run here sent with what QEMU sent. */
export function outcomeOf(one: Program, sent: Uint8Array, qemuSent: Uint8Array): Outcome {
  const [mine, other] = [words(sent), words(qemuSent)];
  const excused = DIFFERENCES.map(() => 0);
  const causes = new Set<number>();
  let late = 0;
  for (let place = 0; place < one.cases.length; place++) {
    const [ours, qemu] = [fieldsOf(mine, place), fieldsOf(other, place)];
    causes.add(ours.mcause);
    if (ours.hash === TIMED_OUT && ours.traps === 0) late++;
    if (RECORD_NAMES.every((name) => ours[name] === qemu[name])) continue;
    const reason = DIFFERENCES.findIndex((difference) => difference.applies(ours, qemu, one.cases[place]!));
    if (reason < 0) return { cases: one.cases.length, late, excused, causes, differs: place, ours, qemu };
    excused[reason]!++;
  }
  return { cases: one.cases.length, late, excused, causes, differs: -1, ours: null, qemu: null };
}

/** null: QEMU did not come to an end in its time. */
export function sentByQemu(one: Program): Uint8Array | null {
  const sent = runQemu(one.elf, 1, CPU);
  return sent.length === one.cases.length * RECORD_WORDS * 4 ? sent : null;
}

export function sentByUs(one: Program, way: Partial<MachineConfig>, elf = one.elf): Uint8Array {
  const { stop, sent } = runOurs(elf, INSTRUCTIONS_MAX, way);
  if (stop.kind !== "poweroff" || sent.length !== one.cases.length * RECORD_WORDS * 4) {
    throw new Error(`seed ${one.seed}: ours ended with ${JSON.stringify(stop)} after ${sent.length} bytes`);
  }
  return sent;
}

function hex(value: number): string {
  return u32(value).toString(16).padStart(8, "0");
}

function textAt({ start, bytes }: Case, pc: number): string {
  const at = pc - start;
  if (at < 0 || at + 2 > bytes.length) return "(not in the snippet)";
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const low = view.getUint16(at, true);
  const short = lengthOf(low) === 2;
  const word = short ? low : at + 4 <= bytes.length ? view.getUint32(at, true) : 0;
  const known = short ? expand(word) !== null : decode(word) !== null;
  return known ? disassemble(word, pc) : `.${short ? "half" : "word"} 0x${word.toString(16)}`;
}

function listing(one: Case): string[] {
  const lines: string[] = [];
  for (let at = 0; at + 2 <= one.bytes.length; ) {
    const low = new DataView(one.bytes.buffer, one.bytes.byteOffset).getUint16(at, true);
    lines.push(`    ${hex(one.start + at)}: ${textAt(one, one.start + at)}`);
    at += lengthOf(low);
  }
  return lines;
}

/** Steps of the snippet and of what follows it, without what only one machine shows. */
function stepsFrom(one: Program, steps: readonly Step[]): Step[] {
  const first = steps.findIndex(([pc]) => pc === one.cases[0]!.start);
  return steps.slice(Math.max(0, first)).filter(([pc]) => !one.handlers.includes(pc!));
}

/** The first step after which registers differ, both states side by side. */
function firstStep(one: Program, elf: Uint8Array): string[] {
  const ours = stepsFrom(one, traceOurs(elf, one.end, STEPS_MAX));
  const qemu = stepsFrom(one, traceQemu(one.elf, CPU));
  const names = ["pc", ...REGISTER_NAMES];
  for (let i = 1; i < Math.min(ours.length, qemu.length); i++) {
    if (!names.some((_, k) => ours[i]![k] !== qemu[i]![k])) continue;
    const pc = ours[i - 1]![0]!;
    const state = names.map((name, k) => {
      const [mine, other] = [hex(ours[i]![k]!), hex(qemu[i]![k]!)];
      return `    ${name.padEnd(4)} ours ${mine}  qemu ${other}${mine === other ? "" : "  <-"}`;
    });
    return [`first difference after step ${i}, at ${hex(pc)}: ${textAt(one.cases[0]!, pc)}`, ...state];
  }
  return ["registers and jumps agree in every step: look at CSRs and memory in the hash"];
}

/** Changes one word of the snippet of a case in our ELF only: a machine that is known to be wrong. */
export function sabotage(one: Program, place: number): Uint8Array {
  const wrong = one.elf.slice();
  const { bytes } = one.cases[place]!;
  const at = Buffer.from(wrong.buffer, wrong.byteOffset, wrong.length).indexOf(bytes);
  // The first instruction becomes c.addi16sp sp, 16; the next halfword c.nop.
  new DataView(wrong.buffer, wrong.byteOffset).setUint32(at, 0x0001_6141, true);
  return wrong;
}

/** The whole story of case `index` of `seed`; null when it runs alike. */
export function story(seed: number, index: number, wrong: boolean): string | null {
  const one = program(seed, [index]);
  const elf = wrong ? sabotage(one, 0) : one.elf;
  const qemu = sentByQemu(one);
  if (!qemu) return null;
  const outcome = outcomeOf(one, sentByUs(one, {}, elf), qemu);
  if (outcome.differs < 0) return null;
  const table = RECORD_NAMES.map((name) => `    ${name.padEnd(7)} ours ${hex(outcome.ours![name])}  qemu ${hex(outcome.qemu![name])}`);
  return [
    `seed ${seed}, case ${index} ends differently`, ...table, "  snippet:", ...listing(one.cases[0]!), ...firstStep(one, elf),
    `reproduce: npx tsx test/differential/cases/replay.ts ${seed} ${index}${wrong ? " sabotage" : ""}`,
  ].join("\n");
}
