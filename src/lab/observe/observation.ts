/**
 * All observers behind one loop over the mark records.
 *
 * Observers read records and the image's constants only; they never touch the machine. `readMemory` is for names that live
 * in guest memory (a task's comm), and reads without side effects.
 */
import { MARK_BYTES, MARK_WORD } from "../../machine/memory/layout.ts";
import { cString, type ImageFile } from "../image/elf.ts";
import type { Symbols } from "../image/symbols.ts";
import { CODE, type EventNumbers } from "./events.ts";
import { LockClasses } from "./lock-classes.ts";
import { LockStat } from "./lock-stat.ts";
import { ScanCosts } from "./scan-cost.ts";

const RECORD_WORDS = MARK_BYTES / 4;
const TWO_32 = 2 ** 32;
const COMM_BYTES = 16;
const LOCKING_FOLDER = "kernel/locking/";

export interface Task {
  readonly pid: number;
  readonly comm: string;
}

export interface PlantedBlock {
  readonly address: number;
  readonly name: string;
  readonly kind: "leak" | "nonleak";
  readonly cycle: number;
}

/** A CPU's state as the guest announced it. */
export interface HotplugMark {
  readonly cycle: number;
  readonly cpu: number;
  readonly state: number;
  readonly errno: number;
}

export class Observation {
  readonly lockStat: LockStat;
  readonly scanCosts = new ScanCosts();
  readonly tasks = new Map<number, Task>();
  readonly plants: PlantedBlock[] = [];
  readonly hotplug: HotplugMark[] = [];
  /** Clock of SCENARIO_START, once seen. */
  scenarioStart: number | null = null;
  /** Instructions that the boot hart had retired when it was about to run the first kthread. */
  firstKthreadInstructions: number | null = null;
  records = 0;
  readonly #numbers: EventNumbers;
  readonly #image: ImageFile;
  readonly #readMemory: (address: number, length: number) => Uint8Array | null;
  readonly #percpuStarts = new Set<number>();
  readonly #lastTp = new Int32Array(64);

  constructor(
    image: ImageFile,
    symbols: Symbols,
    numbers: EventNumbers,
    readMemory: (address: number, length: number) => Uint8Array | null,
  ) {
    this.#image = image;
    this.#numbers = numbers;
    this.#readMemory = readMemory;
    const kinds = numbers.lockKinds;
    this.lockStat = new LockStat(
      new LockClasses(symbols, (address) => image.constantString(address)),
      { names: kinds, read: kinds.indexOf("read"), mutex: kinds.indexOf("mutex") },
      lockSite(symbols),
      () => this.#percpuStarts,
    );
  }

  /** One run of whole records, in order of time. */
  consume = (words: Int32Array, count: number): void => {
    const codeOf = this.#numbers.codeOf;
    const locks = this.lockStat;
    const current = this.scanCosts.current;
    const lastTp = this.#lastTp;
    this.records += count;
    for (let at = 0, end = count * RECORD_WORDS; at < end; at += RECORD_WORDS) {
      const head = words[at + MARK_WORD.HEAD];
      const code = codeOf[(head >>> 8) & 0x7ff];
      if (code === 0) continue;
      const hart = head & 0xff;
      const clock =
        (words[at + MARK_WORD.CLOCK_HIGH] >>> 0) * TWO_32 + (words[at + MARK_WORD.CLOCK_LOW] >>> 0);
      const c = words[at + MARK_WORD.C];
      const a = words[at + MARK_WORD.A];
      const b = words[at + MARK_WORD.B];
      const tp = words[at + MARK_WORD.TP];
      if (tp !== lastTp[hart]) this.#noteTp(hart, tp);
      switch (code) {
        case CODE.lockAcquired:
          locks.acquired(
            c,
            a,
            b,
            hart,
            current[hart],
            clock,
            words[at + MARK_WORD.PC],
            words[at + MARK_WORD.RA0],
            words[at + MARK_WORD.RA1],
          );
          break;
        case CODE.lockRelease:
          locks.release(c, a, hart, clock);
          break;
        case CODE.lockContended:
          locks.contended(
            c,
            a,
            b,
            hart,
            current[hart],
            clock,
            words[at + MARK_WORD.PC],
            words[at + MARK_WORD.RA0],
            words[at + MARK_WORD.RA1],
          );
          break;
        case CODE.lockInit:
          locks.init(c, a, hart);
          break;
        default:
          this.#rare(code, hart, clock, instret(words, at), a, b, c);
      }
    }
  };

  #noteTp(hart: number, tp: number): void {
    this.#lastTp[hart] = tp;
    if (tp !== 0) this.#percpuStarts.add(tp >>> 0);
  }

  #rare(
    code: number,
    hart: number,
    clock: number,
    instructions: number,
    a: number,
    b: number,
    c: number,
  ): void {
    const scans = this.scanCosts;
    switch (code) {
      case CODE.taskSwitch:
        scans.switched(hart, c, a, clock, instructions);
        break;
      case CODE.taskNew:
        this.tasks.set(c >>> 0, { pid: a, comm: this.#name(b >>> 0, COMM_BYTES) });
        break;
      case CODE.irqEnter:
        scans.interruptEntered(hart, clock, instructions);
        break;
      case CODE.irqExit:
        scans.interruptLeft(hart, instructions);
        break;
      case CODE.irqsOff:
        scans.irqsOff(hart, a >>> 0, clock);
        break;
      case CODE.scanBegin:
        scans.begin(c >>> 0, hart, clock, instructions);
        break;
      case CODE.scanChunk:
        scans.chunk(c >>> 0, a >>> 0, b >>> 0);
        break;
      case CODE.scanEnd:
        scans.end(a >>> 0, b >>> 0, clock, instructions);
        break;
      case CODE.plant:
        this.plants.push({
          address: c >>> 0,
          name: this.#name(b >>> 0, 64),
          kind: a === this.#numbers.plantLeak ? "leak" : "nonleak",
          cycle: clock,
        });
        break;
      case CODE.hotplug:
        this.hotplug.push({ cycle: clock, cpu: c, state: a, errno: b });
        break;
      case CODE.scenarioStart:
        this.scenarioStart ??= clock;
        break;
      case CODE.firstKthread:
        this.firstKthreadInstructions ??= instructions;
        break;
    }
  }

  #name(address: number, length: number): string {
    const constant = this.#image.constantString(address);
    if (constant !== null) return constant;
    const bytes = this.#readMemory(address, length);
    return (bytes && cString(bytes)) || `0x${address.toString(16).padStart(8, "0")}`;
  }
}

/** Instructions retired by the record's hart. */
function instret(words: Int32Array, at: number): number {
  return (words[at + MARK_WORD.HEAD] >>> 27) * TWO_32 + (words[at + MARK_WORD.INSTRET_LOW] >>> 0);
}

/** Who took a lock: the innermost of pc, ra and the caller's ra whose code is not only of kernel/locking. */
function lockSite(symbols: Symbols): (pc: number, ra0: number, ra1: number) => number {
  const own = new Map<number, boolean>();
  const inLocking = (address: number): boolean => {
    let answer = own.get(address);
    if (answer === undefined) {
      const frames = symbols.frames(address);
      answer = frames.length > 0 && frames.every((frame) => frame.file.startsWith(LOCKING_FOLDER));
      own.set(address, answer);
    }
    return answer;
  };
  return (pc, ra0, ra1) => {
    if (pc === 0) return 0;
    if (!inLocking(pc)) return pc;
    return ra0 !== 0 && !inLocking(ra0 - 1) ? ra0 : ra1 || ra0 || pc;
  };
}
