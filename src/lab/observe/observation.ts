/**
 * All observers behind one loop over the mark records.
 *
 * Observers read records and the image's constants only; they never touch the machine. `readMemory` is for names that live
 * in guest memory (a task's comm), and reads without side effects.
 */
import { MARK_BYTES, MARK_WORD } from "../../machine/memory/layout.ts";
import type { ImageFile } from "../image/elf.ts";
import type { Symbols } from "../image/symbols.ts";
import { GuestNames, hexAddress } from "./guest-names.ts";
import { HeapChecker } from "./heap/heap.ts";
import { MemoryRecords } from "./memory-records.ts";
import { irqsOn, stackOf } from "./record.ts";
import { SignalRecords } from "./signal-records.ts";
import { BlockLog } from "../truth/blocks.ts";
import { Timeline } from "./timeline.ts";
import { CurrentTasks } from "./current-tasks.ts";
import { CODE, type EventNumbers } from "./events.ts";
import { type LockStatControl, LockStatControls } from "./locks/control.ts";
import { LockClasses } from "./locks/lock-classes.ts";
import { LockEvent, type LockKinds, lockKinds } from "./locks/lock-event.ts";
import { LockInstances } from "./locks/lock-instances.ts";
import { lockSite } from "./locks/lock-site.ts";
import { LockStat } from "./locks/lock-stat.ts";
import { Lockdep } from "./lockdep/lockdep.ts";
import { Contexts } from "./context/contexts.ts";
import { Measures } from "./measure/measures.ts";
import type { ConsumeAccesses } from "./merge.ts";
import { Progress, type ProgressLimits, PROGRESS_OFF } from "./progress/progress.ts";
import { Quiescence } from "./quiescence/quiescence.ts";
import { RaceChecker } from "./races/races.ts";
import { ScanCosts } from "./scan-cost.ts";

const RECORD_WORDS = MARK_BYTES / 4;
const TWO_32 = 2 ** 32;
const COMM_BYTES = 16;
const PLANT_BYTES = 64;
const HARTS_MAX = 64;
/** Of a lock mark's words a and b, and of a record's head. */
const KIND_MASK = 7;
const SUBCLASS_MASK = 7;

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

/** Observers that cost too much to be always there. */
export interface ObserverChoice {
  /** Needs a machine that observes accesses. */
  readonly heap: boolean;
  /** So does this. */
  readonly races: boolean;
  /** Which blocks are live, for src/lab/truth. */
  readonly truth?: boolean;
  /** Who wants to know it, instead. */
  readonly blocks?: BlockLog;
  /** False: lock records are passed over, so that one can measure what lock_stat and lockdep take. Default: true. */
  readonly locks?: boolean;
  readonly timeline?: boolean;
  readonly lockStat?: readonly LockStatControl[];
  /** Absent: nobody looks. */
  readonly progress?: ProgressLimits;
  /** Memory too is compared between the start and the end. */
  readonly quiescence?: boolean;
}

const NOTHING_MORE: ObserverChoice = { heap: false, races: false };

export class Observation {
  readonly lockStat: LockStat;
  readonly lockStatControls: LockStatControls;
  readonly lockdep: Lockdep;
  readonly lockKinds: LockKinds;
  /** preempt = rt: spinlock_t and rwlock_t sleep. */
  readonly sleepingSpinlocks: boolean;
  /** null: not asked for. */
  readonly heap: HeapChecker | null;
  readonly races: RaceChecker | null;
  readonly progress: Progress;
  readonly contexts: Contexts;
  readonly quiescence: Quiescence;
  readonly timeline: Timeline | null;
  readonly #seesLocks: boolean;
  readonly currentTasks = new CurrentTasks();
  readonly scanCosts = new ScanCosts();
  readonly measures: Measures;
  /** null: not asked for. */
  readonly blocks: BlockLog | null;
  readonly tasks = new Map<number, Task>();
  readonly plants: PlantedBlock[] = [];
  readonly hotplug: HotplugMark[] = [];
  /** Clock of SCENARIO_START, once seen. */
  scenarioStart: number | null = null;
  /** Instructions that the boot hart had retired when it was about to run the first kthread. */
  firstKthreadInstructions: number | null = null;
  records = 0;
  readonly #numbers: EventNumbers;
  readonly #names: GuestNames;
  readonly #memory: MemoryRecords;
  readonly #signals: SignalRecords;
  readonly #percpuStarts = new Set<number>();
  readonly #lastTp = new Int32Array(64);
  /** Locks by number: classes, names, addresses. */
  readonly locks: LockInstances;
  /** The lock record at hand. */
  readonly #event = new LockEvent();

  constructor(
    image: ImageFile,
    symbols: Symbols,
    numbers: EventNumbers,
    readMemory: (address: number, length: number) => Uint8Array | null,
    wanted: ObserverChoice = NOTHING_MORE,
    harts = HARTS_MAX,
  ) {
    this.#numbers = numbers;
    this.#names = new GuestNames(image, readMemory);
    this.heap = wanted.heap ? new HeapChecker(symbols, this.currentTasks) : null;
    this.blocks = wanted.blocks ?? (wanted.truth ? new BlockLog() : null);
    this.#seesLocks = wanted.locks ?? true;
    this.timeline = wanted.timeline ? new Timeline() : null;
    this.races = wanted.races ? new RaceChecker(image, symbols, this.currentTasks, harts) : null;
    const kinds = lockKinds(numbers.lockKinds);
    const classes = new LockClasses(symbols, (address) => image.constantString(address));
    this.locks = new LockInstances(classes, () => this.#percpuStarts);
    this.lockStat = new LockStat(this.locks, kinds, lockSite(symbols));
    this.lockStatControls = new LockStatControls(this.lockStat, wanted.lockStat ?? []);
    this.lockKinds = kinds;
    this.sleepingSpinlocks = image.section.config.preempt === "rt";
    const nameOf = (cache: number): string => (cache >>> 0 <= numbers.vmallocArea ? "" : this.#names.cacheAt(cache >>> 0).name);
    this.measures = new Measures(symbols, this.scanCosts, kinds, this.sleepingSpinlocks, nameOf);
    this.lockdep = new Lockdep(this.locks, this.currentTasks, kinds, {
      sleepingSpinlocks: this.sleepingSpinlocks,
      fairReaders: image.section.config["rwlock.fairness"] === "queued",
    });
    const limits = wanted.progress ?? PROGRESS_OFF;
    this.progress = new Progress(image.section, readMemory, symbols, this.currentTasks, this.lockdep, limits);
    this.contexts = new Contexts(numbers.atomic, numbers.boundary);
    this.quiescence = new Quiescence(wanted.quiescence ?? false, numbers.vmallocArea);
    this.#memory = new MemoryRecords(this, this.#names, numbers.vmallocArea);
    this.#signals = new SignalRecords(this);
  }

  /** One run of whole records, in order of time. */
  consume = (words: Int32Array, count: number): void => {
    const codeOf = this.#numbers.codeOf;
    const lastTp = this.#lastTp;
    this.records += count;
    for (let at = 0, end = count * RECORD_WORDS; at < end; at += RECORD_WORDS) {
      const head = words[at + MARK_WORD.HEAD];
      const code = codeOf[(head >>> 8) & 0x7ff];
      if (code === 0) continue;
      const hart = head & 0xff;
      const clock =
        (words[at + MARK_WORD.CLOCK_HIGH] >>> 0) * TWO_32 + (words[at + MARK_WORD.CLOCK_LOW] >>> 0);
      const tp = words[at + MARK_WORD.TP];
      if (tp !== lastTp[hart]) this.#noteTp(hart, tp);
      if (this.timeline !== null && Timeline.draws(code)) this.#draw(this.timeline, code, words, at, hart, clock);
      if (code >= CODE.alloc) this.#memory.take(code, words, at, hart, clock);
      else if (code <= CODE.lockWant || code === CODE.lockTryFail) {
        if (this.#seesLocks) this.#lock(code, words, at, hart, clock);
      } else this.#rare(code, words, at, hart, clock);
    }
  };

  /** Starts of the per-CPU areas that harts have used. */
  get percpuStarts(): ReadonlySet<number> {
    return this.#percpuStarts;
  }

  /** Takes access records; null: nobody wants them. */
  get accesses(): ConsumeAccesses | null {
    const { heap, races } = this;
    if (heap === null || races === null) return heap?.consume ?? races?.consume ?? null;
    return (words, places, from, to) => {
      heap.consume(words, places, from, to);
      races.consume(words, places, from, to);
    };
  }

  #lock(code: number, words: Int32Array, at: number, hart: number, clock: number): void {
    if (clock >= this.lockStatControls.dueCycle) this.lockStatControls.reached(clock);
    const event = this.#event;
    const address = words[at + MARK_WORD.C];
    if (code === CODE.lockInit) {
      const lock = this.locks.init(address, words[at + MARK_WORD.A]);
      this.lockStat.init(lock, hart);
      this.lockdep.init(lock);
      return;
    }
    const b = words[at + MARK_WORD.B];
    event.address = address;
    event.lock = this.locks.known(address);
    event.kind = words[at + MARK_WORD.A] & KIND_MASK;
    event.subclass = b & SUBCLASS_MASK;
    event.trylock = (b & this.#numbers.lockTry) !== 0;
    event.recursive = (b & this.#numbers.lockRecursive) !== 0;
    event.hart = hart;
    event.task = this.currentTasks.task[hart];
    event.clock = clock;
    event.pc = words[at + MARK_WORD.PC];
    event.ra0 = words[at + MARK_WORD.RA0];
    event.ra1 = words[at + MARK_WORD.RA1];
    event.irqsOn = irqsOn(words, at);
    if (code === CODE.lockTryFail) {
      this.progress.livelock.failed(event.task, event.lock, event.kind, stackOf(words, at, hart, clock));
      return;
    }
    this.measures.lock(code, event);
    if (code === CODE.lockAcquired) {
      this.progress.livelock.acquired(event.task, event.lock, event.trylock);
      this.lockStat.acquired(event);
      this.lockdep.acquired(event);
    } else if (code === CODE.lockRelease) {
      this.progress.lockups.released(hart, clock);
      this.lockStat.release(event);
      this.lockdep.release(event);
    } else if (code === CODE.lockWant) {
      this.lockdep.announced(event);
    } else {
      this.lockStat.contended(event);
      this.lockdep.contended(event);
    }
  }

  #draw(timeline: Timeline, code: number, words: Int32Array, at: number, hart: number, clock: number): void {
    const c = words[at + MARK_WORD.C];
    const lock = code <= CODE.lockWant ? this.locks.known(c) : -1;
    const task = this.currentTasks.task[hart];
    const [a, b] = [words[at + MARK_WORD.A], words[at + MARK_WORD.B]];
    timeline.add({ clock, hart, code, task, lock, a, b, c });
  }

  /** Class and address of a lock. */
  lockName(lock: number): string {
    const { classes } = this.locks;
    return `${classes.names[this.locks.classOf(lock, 0)]} ${hexAddress(this.locks.addressOf(lock))}`;
  }

  /** The guest has switched itself off: what it has not put back. `clock`: the latest. */
  ended(clock: number, functionName: (address: number) => string): void {
    const { progress, lockdep, quiescence, currentTasks } = this;
    const held = lockdep.holders().flatMap((task) =>
      lockdep.heldBy(task).map((one) => {
        const { name, kind } = lockdep.lockOf(one.lock);
        return { task, name, kind, stack: one.stack };
      }),
    );
    const planted = new Set(this.plants.map(({ address }) => address));
    const pointer = progress.guest.offset("kmemleak_object", "pointer");
    const metadataOf = (object: number): number | null => (pointer === null ? null : progress.guest.word(object + pointer));
    const gone = progress.histories.endedTasks().flatMap((task) => {
      const address = currentTasks.addressOf(task);
      return address !== null && currentTasks.numberOf(address) === task && quiescence.has(address) ? [address] : [];
    });
    const stacks = gone.flatMap((address) => progress.guest.task(address)?.stack ?? []);
    quiescence.ended({ clock, planted, held, ended: new Set([...gone, ...stacks]), functionName, metadataOf });
  }

  #noteTp(hart: number, tp: number): void {
    this.#lastTp[hart] = tp;
    if (tp !== 0) this.#percpuStarts.add(tp >>> 0);
  }

  #rare(code: number, words: Int32Array, at: number, hart: number, clock: number): void {
    const scans = this.scanCosts;
    const instructions = instret(words, at);
    const c = words[at + MARK_WORD.C];
    const a = words[at + MARK_WORD.A];
    const b = words[at + MARK_WORD.B];
    const task = this.currentTasks.task[hart];
    switch (code) {
      case CODE.taskSwitch:
        this.currentTasks.switched(hart, c);
        this.lockdep.switched(task, this.currentTasks.task[hart]);
        this.races?.order.switched(hart, this.currentTasks.numberOf(a), this.currentTasks.task[hart]);
        scans.switched(hart, c, a, clock, instructions);
        this.measures.sections.switched(hart, b === 0, words[at + MARK_WORD.PC], clock);
        this.progress.switched(
          this.currentTasks.numberOf(a),
          this.currentTasks.task[hart],
          b === 0,
          words[at + MARK_WORD.TP],
          stackOf(words, at, hart, clock),
        );
        break;
      case CODE.taskNew:
        this.blocks?.tasks.add(c >>> 0);
        this.#created(hart, clock, c, { pid: a, comm: this.#names.text(b >>> 0, COMM_BYTES) });
        break;
      case CODE.taskExit:
        this.lockdep.taskEnded(this.currentTasks.numberOf(c), hart, clock);
        this.blocks?.tasks.delete(c >>> 0);
        this.measures.latency.ended(this.currentTasks.numberOf(c));
        this.progress.histories.ended(this.currentTasks.numberOf(c));
        break;
      case CODE.softirqEnter:
        this.lockdep.softirqEntered(task);
        this.measures.latency.interrupted(task);
        this.measures.softirqsOff(hart, words[at + MARK_WORD.PC], clock);
        this.contexts.entered(hart, "softirq", c);
        break;
      case CODE.softirqExit:
        this.lockdep.softirqLeft(task);
        this.measures.latency.resumed(task);
        this.measures.softirqsOn(hart, clock);
        this.contexts.left("softirq", c, 0, task, stackOf(words, at, hart, clock));
        break;
      case CODE.bhDisable:
        this.lockdep.softirqsDisabled(task);
        this.measures.softirqsOff(hart, words[at + MARK_WORD.PC], clock);
        break;
      case CODE.bhEnable:
        this.lockdep.softirqsEnabled(task);
        this.measures.softirqsOn(hart, clock);
        break;
      case CODE.irqEnter:
        this.lockdep.irqEntered(hart);
        this.measures.interrupted(hart, task, words[at + MARK_WORD.PC], clock);
        this.races?.interruptEntered(hart);
        scans.interruptEntered(hart, clock, instructions);
        this.progress.interrupted(hart, c, clock);
        this.contexts.entered(hart, "interrupt", b);
        break;
      case CODE.irqExit:
        this.lockdep.irqLeft(hart);
        this.measures.resumed(hart, task, clock);
        this.races?.interruptLeft(hart);
        scans.interruptLeft(hart, instructions);
        this.contexts.left("interrupt", b, c, task, stackOf(words, at, hart, clock));
        break;
      case CODE.irqsOff:
        scans.irqsOff(hart, a >>> 0, clock);
        this.measures.sections.irqsOffEnded(hart, a >>> 0, c >>> 0, clock);
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
          name: this.#names.text(b >>> 0, PLANT_BYTES),
          kind: a === this.#numbers.plantLeak ? "leak" : "nonleak",
          cycle: clock,
        });
        break;
      case CODE.hotplug:
        this.hotplug.push({ cycle: clock, cpu: c, state: a, errno: b });
        break;
      case CODE.scenarioStart:
        if (this.scenarioStart === null) this.lockStatControls.started((this.scenarioStart = clock));
        this.measures.started();
        this.quiescence.started(clock);
        break;
      case CODE.firstKthread:
        this.lockdep.booted();
        this.firstKthreadInstructions ??= instructions;
        break;
      default:
        this.#signals.take(code, words, at, hart, clock);
    }
  }

  #created(hart: number, clock: number, address: number, task: Task): void {
    const number = this.currentTasks.created(address, task);
    this.tasks.set(address >>> 0, task);
    this.races?.order.taskCreated(hart, number);
    this.progress.taskCreated(number, task.comm, clock, this.scenarioStart !== null);
  }

}

/** Instructions retired by the record's hart. */
function instret(words: Int32Array, at: number): number {
  return (words[at + MARK_WORD.HEAD] >>> 27) * TWO_32 + (words[at + MARK_WORD.INSTRET_LOW] >>> 0);
}
