/**
 * The machine as a whole: board, devices and engine put together behind `Machine` (types.ts).
 *
 * Reset, as QEMU `-M virt -bios none` leaves it: every hart at 0x8000_0000 in M mode, a0 = hart id,
 * a1 = device tree.
 */
import { assert, unreachable } from "../base/assert.ts";
import { failure, success, type Problem, type Result } from "../base/result.ts";
import {
  ByteQueue,
  getHart,
  getHart64,
  isHartNever,
  hartWord,
  setHart,
  setHart64,
  setHartNever,
  type Board,
} from "./board.ts";
import { placeBoardTree } from "./board-tree.ts";
import { loadDevice, storeDevice } from "./device/bus.ts";
import { expireTimer, raiseSoftware, resetClint } from "./device/clint.ts";
import { NO_ANSWER } from "./device/device.ts";
import { nextDeviceEvent, runDeviceEvents } from "./device/agenda.ts";
import { runningUntil } from "./device/event.ts";
import { queueRequest, resetLab } from "./device/lab.ts";
import type { BootPlan } from "./boot/plan.ts";
import { receive, resetUart, waitingInput } from "./device/uart.ts";
import { SECTOR_BYTES } from "./device/virtio/block.ts";
import { CONSOLE_MODEL, enqueueInput, queuedInput } from "./device/virtio/console.ts";
import { diskRoom, loadDisk, placeDisks, plug } from "./device/virtio/plug.ts";
import { SLOTS } from "./device/virtio/state.ts";
import { resetVirtio, wake } from "./device/virtio/transport.ts";
import { readElf, type ElfSegment } from "./elf.ts";
import { createEngine, interruptLatency, RUN, type Engine, type EngineImports } from "./engine/index.ts";
import { JIT_TUNING } from "./engine/jit/jit.ts";
import { hashBoard } from "./hash.ts";
import { MISA_VALUE, PRIV } from "./hart/bits.ts";
import { pmpRights } from "./hart/pmp.ts";
import { executeSystem, extraCycles } from "./hart/system.ts";
import { attend, enterTrap } from "./hart/trap.ts";
import { BOARD, HART, MACHINE_WORD, MAX_HARTS } from "./memory/layout.ts";
import { ImageStore } from "./snapshot/image.ts";
import { configDifferences, decodeMachine, type SavedMachine } from "./snapshot/load.ts";
import { encodeMachine } from "./snapshot/save.ts";
import { savedImage } from "./snapshot/saved-image.ts";
import { MachineSnapshot, type MachineState } from "./snapshot/state.ts";
import type { Costs } from "./timing/constants.ts";
import { DEFAULT_MODEL } from "./timing/model.ts";
import type { HartView, LabResult, Machine, MachineConfig, RunLimits, Snapshot, Stop } from "./types.ts";

const MIB = 0x10_0000;
const MEMORY_MIN = 8 * MIB;
const MEMORY_MAX = 2048 * MIB;
const DISKS_MAX = 1024 * MIB;
const BOOTARGS_BYTES_MAX = 0x1_0000;
const PAGE_BYTES = 4096;
/** `access` of the engine's translate. */
const ACCESS_READ = 0;

function diskProblems({ disks = [], virtioConsole = false }: MachineConfig): Problem[] {
  const problems: Problem[] = [];
  const places = SLOTS - (virtioConsole ? 1 : 0);
  if (disks.length > places) {
    problems.push({ message: `the board has room for ${places} disks, not ${disks.length}` });
  }
  for (const [index, { bytes }] of disks.entries()) {
    if (bytes.length > 0 && bytes.length % SECTOR_BYTES === 0) continue;
    const message = `a disk is a whole number of ${SECTOR_BYTES}-byte sectors; disk ${index} has ${bytes.length} bytes`;
    problems.push({ message });
  }
  const total = disks.reduce((sum, disk) => sum + diskRoom(disk), 0);
  if (total > DISKS_MAX) {
    problems.push({ message: `all disks together have at most 1 GiB, not ${total} bytes` });
  }
  return problems;
}

function configProblems(config: MachineConfig): Problem[] {
  const problems: Problem[] = [];
  const { harts, memoryBytes, bootargs } = config;
  problems.push(...diskProblems(config));
  if (!Number.isInteger(harts) || harts < 1 || harts > MAX_HARTS) {
    problems.push({ message: `a machine has 1 to ${MAX_HARTS} harts, not ${harts}` });
  }
  if (!(memoryBytes >= MEMORY_MIN && memoryBytes <= MEMORY_MAX)) {
    problems.push({ message: `RAM is 8 MiB to 2 GiB, not ${memoryBytes} bytes` });
  } else if (memoryBytes % MIB !== 0) {
    problems.push({ message: `RAM is a whole number of MiB, not ${memoryBytes} bytes` });
  }
  // A NUL would end the property early, a line feed the console's line.
  if (Array.from(bootargs).some((character) => character < " " || character === "\x7f"))
    problems.push({ message: "the boot arguments contain a control character" });
  if (bootargs.length > BOOTARGS_BYTES_MAX) {
    problems.push({
      message: `the boot arguments have ${bootargs.length} characters; the limit is ${BOOTARGS_BYTES_MAX}`,
    });
  }
  return problems;
}

/** In cycle mode several harts take turns of some 45 cycles, of which regions get too little (docs/adr/0008-region-jit.md). */
const jitPays = ({ timing, harts }: MachineConfig): boolean => timing === "functional" || harts === 1;
const costsOf = (config: MachineConfig): Costs => (config.costs ?? DEFAULT_MODEL).costs;

/** What the engine calls; `boardOf` because the board needs the engine's memory first. */
function engineImports(boardOf: () => Board, costs: Costs): EngineImports {
  const fault = (board: Board): void => {
    board.words[MACHINE_WORD.ACCESS_FAULT >>> 2] = 1;
  };
  return {
    system: (hart, instruction) => (executeSystem(boardOf(), hart, instruction) ? extraCycles(costs, instruction) : -1),
    trap: (hart, cause, tval) => enterTrap(boardOf(), hart, cause, tval),
    interrupts: (hart) => attend(boardOf(), hart),
    mmioLoad: (hart, physical, size) => {
      const board = boardOf();
      const value = loadDevice(board, hart, physical, size);
      if (value === NO_ANSWER) fault(board);
      return value ?? 0;
    },
    mmioStore: (hart, physical, size, value) => {
      const board = boardOf();
      if (!storeDevice(board, hart, physical, size, value)) fault(board);
    },
    pmpRights: (hart, physical, size, privilege) =>
      pmpRights(boardOf(), hart, physical, size, privilege),
  };
}

function createBoard(config: MachineConfig, engine: Engine): Board {
  const disks = placeDisks(config.disks ?? [], engine.ramOffset + config.memoryBytes);
  return {
    words: new Int32Array(engine.memory.buffer),
    bytes: new Uint8Array(engine.memory.buffer),
    harts: config.harts,
    ramOffset: engine.ramOffset,
    ramBytes: config.memoryBytes,
    hasLab: config.lab,
    costs: costsOf(config),
    interruptLatency: interruptLatency(config.timing, costsOf(config)),
    disks,
    virtio: plug(disks, config.virtioConsole ?? false),
    stop: null,
    console: new ByteQueue(),
    labResults: [],
    now: () => engine.now(),
    wroteRam: (offset, length) => engine.wroteRam(offset, length),
    emitRecord: (hart, event, pc, a, b, c) => engine.record(hart, event, pc, a, b, c),
  };
}

function resetBoard(board: Board, treeAddress: number): void {
  for (let hart = 0; hart < board.harts; hart++) {
    setHart(board, hart, HART.PC, BOARD.RAM | 0);
    setHart(board, hart, HART.PRIV, PRIV.M);
    setHart(board, hart, HART.MISA, MISA_VALUE);
    setHart(board, hart, HART.X + 4 * 10, hart);
    setHart(board, hart, HART.X + 4 * 11, treeAddress | 0);
    setHartNever(board, hart, HART.EVENT_CLOCK);
    setHartNever(board, hart, HART.IRQS_OFF_SINCE);
  }
  resetClint(board);
  resetLab(board);
  resetUart(board);
  resetVirtio(board);
}

function hex(value: number): string {
  return `0x${(value >>> 0).toString(16).padStart(8, "0")}`;
}

/** Why a segment cannot be loaded, or null. RAM above `limit` belongs to the device tree. */
function segmentProblem(segment: ElfSegment, limit: number): Problem | null {
  const start = segment.physical;
  const end = start + segment.memorySize;
  if (start >= BOARD.RAM && end <= limit) return null;
  const where = `[${hex(start)}, ${hex(end - 1)}]`;
  return {
    message: `a segment of the ELF file is to be loaded at ${where}, outside RAM [${hex(BOARD.RAM)}, ${hex(limit - 1)}]`,
    hint: "Link it to physical addresses inside RAM or give the machine more memory; the top holds the device tree.",
  };
}

class VirtMachine implements Machine {
  readonly config: MachineConfig;
  private readonly board: Board;
  private readonly engine: Engine;
  private readonly images: ImageStore;
  private readonly treeAddress: number;
  private readonly treeBytes: number;
  private started = false;
  end: Stop | null = null;

  constructor(config: MachineConfig, engine: Engine, board: Board) {
    this.config = config;
    this.engine = engine;
    this.board = board;
    this.images = new ImageStore(board, engine);
    const { blob, address } = placeBoardTree(config);
    this.treeAddress = address;
    this.treeBytes = blob.length;
    board.bytes.set(blob, this.ramAt(address));
    resetBoard(board, address);
    engine.reset();
    engine.wroteRam(address - BOARD.RAM, blob.length);
    board.disks.forEach((disk, index) => loadDisk(board, disk, config.disks![index]!.bytes));
  }

  private ramAt(address: number): number {
    return this.board.ramOffset + (address - BOARD.RAM);
  }

  loadElf(bytes: Uint8Array): Result<void> {
    assert(!this.started, "machine: loadElf comes before the first run");
    const image = readElf(bytes);
    if (!image.ok) return image;
    const { segments } = image.value;
    const problems = segments.flatMap((segment) => segmentProblem(segment, this.treeAddress) ?? []);
    if (problems.length > 0) return failure(...problems);
    for (const segment of segments) {
      const at = this.ramAt(segment.physical);
      this.board.bytes.fill(0, at, at + segment.memorySize);
      this.board.bytes.set(segment.bytes, at);
      this.engine.wroteRam(segment.physical - BOARD.RAM, segment.memorySize);
    }
    return success(undefined);
  }

  loadPlan({ pieces, treeAddress, infoAddress }: BootPlan): void {
    assert(!this.started, "machine: loadPlan comes before the first run");
    const { board } = this;
    // The board's own tree goes.
    this.writePhysical(this.treeAddress, new Uint8Array(this.treeBytes));
    for (const { address, bytes } of pieces) {
      const written = this.writePhysical(address, bytes);
      assert(written, "machine: a plan's pieces lie in RAM");
    }
    for (let hart = 0; hart < board.harts; hart++) {
      setHart(board, hart, HART.X + 4 * 11, treeAddress | 0);
      setHart(board, hart, HART.X + 4 * 12, infoAddress | 0);
    }
  }

  run(limits: RunLimits): Stop {
    assert(this.end === null, "machine: run after the machine has ended");
    this.started = true;
    this.engine.setAttentionMarks(limits.attention ?? []);
    const stop = this.stopFor(this.runEngine(limits));
    const { kind } = stop;
    const ended =
      kind === "poweroff" || kind === "reboot" || kind === "failure" || kind === "fault";
    if (ended) this.end = stop;
    if (ended && kind !== "fault" && this.config.timing === "cycle") this.engine.settle();
    return stop;
  }

  /** Runs the engine from device event to device event (device/event.ts). */
  private runEngine({ maxInstructions, untilCycle = Infinity }: RunLimits): number {
    const { board } = this;
    for (;;) {
      const next = nextDeviceEvent(board);
      const reason = this.engine.run(maxInstructions, Math.min(untilCycle, next));
      if (reason !== RUN.CYCLE) return reason;
      const reached = runningUntil(board);
      runDeviceEvents(board, reached);
      if (board.stop) return RUN.STOPPED;
      if (reached >= untilCycle) return RUN.CYCLE;
    }
  }

  private stopFor(reason: number): Stop {
    const { board } = this;
    switch (reason) {
      case RUN.BUDGET:
        return { kind: "budget" };
      case RUN.CYCLE:
        return { kind: "cycle" };
      case RUN.MARK:
        return { kind: "mark", event: board.words[MACHINE_WORD.MARK_EVENT >>> 2]! };
      case RUN.DEADLOCK:
        return { kind: "deadlock", detail: this.describeWaiting() };
      case RUN.DRAIN:
        return { kind: "drain" };
      case RUN.BREAK: {
        const hart = board.words[MACHINE_WORD.BREAK_HART >>> 2]!;
        return { kind: "break", hart, pc: getHart(board, hart, HART.PC) >>> 0 };
      }
      case RUN.STOPPED: {
        const { stop } = board;
        assert(stop, "machine: a stop has a reason");
        board.stop = null;
        board.words[MACHINE_WORD.STOP >>> 2] = 0;
        return stop;
      }
      default:
        return unreachable(`machine: engine stop ${reason}`);
    }
  }

  setBreakpoints(addresses: readonly number[]): void {
    const offsets = addresses.map((address) => {
      const physical = this.physicalOf(address);
      assert(physical !== null && (address & 1) === 0, `machine: ${hex(address)} is code in RAM`);
      return physical - BOARD.RAM;
    });
    this.engine.setBreakpoints(offsets);
  }

  /** Where the first hart that maps it has a virtual address in RAM. */
  private physicalOf(address: number): number | null {
    for (let hart = 0; hart < this.board.harts; hart++) {
      const physical = this.engine.translate(hart, address | 0, ACCESS_READ, PRIV.S);
      const offset = (physical >>> 0) - BOARD.RAM;
      if (physical !== -1 && offset >= 0 && offset < this.board.ramBytes) return physical >>> 0;
    }
    return null;
  }

  hold(hart: number): void {
    assert(this.board.harts === 1 || this.config.interleave === "exact", "machine: harts are held in exact order");
    this.setHeld(hart, 1);
  }

  release(hart: number): void {
    if (getHart(this.board, hart, HART.HELD) === 0) return;
    setHart64(this.board, hart, HART.CLOCK, this.engine.now());
    this.setHeld(hart, 0);
  }

  /** The turn that the last `run` cut short does not go on: it was made for another order. */
  private setHeld(hart: number, held: 0 | 1): void {
    setHart(this.board, hart, HART.HELD, held);
    this.board.words[MACHINE_WORD.TURN_HART >>> 2] = 0;
  }

  interrupt(hart: number, source: "timer" | "software"): void {
    if (source === "timer") expireTimer(this.board, hart);
    else raiseSoftware(this.board, hart);
  }

  private describeWaiting(): string {
    const harts = Array.from({ length: this.board.harts }, (_, hart) => {
      const held = getHart(this.board, hart, HART.HELD) !== 0;
      const how = held ? "held before" : getHart(this.board, hart, HART.WFI) !== 0 ? "in wfi before" : "polling at";
      const enabled = hex(getHart(this.board, hart, HART.MIE));
      return `hart ${hart} ${how} ${hex(getHart(this.board, hart, HART.PC))} (mie ${enabled})`;
    });
    return `no timer or event is to come: ${harts.join(", ")}`;
  }

  hart(index: number): HartView {
    assert(index >= 0 && index < this.board.harts, "machine: no such hart");
    const { board } = this;
    const x = hartWord(index, HART.X);
    const registers = Uint32Array.from(board.words.subarray(x, x + 32));
    registers[0] = 0;
    return {
      pc: getHart(board, index, HART.PC) >>> 0,
      privilege: getHart(board, index, HART.PRIV),
      x: registers,
      clock: getHart64(board, index, HART.CLOCK),
      instructions: getHart64(board, index, HART.INSTRET),
      marks: getHart64(board, index, HART.MARKS),
      waiting: getHart(board, index, HART.WFI) !== 0,
      held: getHart(board, index, HART.HELD) !== 0,
      irqsOff: isHartNever(board, index, HART.IRQS_OFF_SINCE)
        ? null
        : { since: getHart64(board, index, HART.IRQS_OFF_SINCE), pc: getHart(board, index, HART.IRQS_OFF_PC) >>> 0 },
    };
  }

  drainMarks(consume: (words: Int32Array, count: number) => void): void {
    this.engine.drainMarks(consume);
  }

  drainAccesses(consume: (words: Int32Array, places: Int32Array, count: number) => void): void {
    this.engine.drainAccesses(consume);
  }

  drainConsole(): Uint8Array {
    return this.board.console.drain();
  }

  sendConsole(bytes: Uint8Array): number {
    if (!this.config.virtioConsole) return receive(this.board, bytes);
    const taken = enqueueInput(this.board, bytes);
    wake(this.board, this.board.virtio.indexOf(CONSOLE_MODEL), this.board.now());
    return taken;
  }

  unreadInput(): number {
    return this.config.virtioConsole ? queuedInput(this.board) : waitingInput(this.board);
  }

  requestLab(op: number, arg: number): number | null {
    assert(this.config.lab, "machine: the board has a lab device");
    return queueRequest(this.board, op, arg);
  }

  drainLabResults(): LabResult[] {
    return this.board.labResults.splice(0);
  }

  readPhysical(address: number, length: number): Uint8Array | null {
    const start = (address >>> 0) - BOARD.RAM;
    if (start < 0 || length < 0 || start + length > this.board.ramBytes) return null;
    const at = this.board.ramOffset + start;
    return this.board.bytes.slice(at, at + length);
  }

  writePhysical(address: number, bytes: Uint8Array): boolean {
    const start = (address >>> 0) - BOARD.RAM;
    if (start < 0 || start + bytes.length > this.board.ramBytes) return false;
    this.board.bytes.set(bytes, this.board.ramOffset + start);
    this.engine.wroteRam(start, bytes.length);
    return true;
  }

  readVirtual(address: number, length: number): Uint8Array | null {
    if (length < 0 || (address >>> 0) + length > 0x1_0000_0000) return null;
    const result = new Uint8Array(length);
    let done = 0;
    while (done < length) {
      const from = (address >>> 0) + done;
      const count = Math.min(length - done, PAGE_BYTES - (from % PAGE_BYTES));
      const physical = this.engine.translate(0, from | 0, ACCESS_READ, PRIV.S);
      const part = physical === -1 ? null : this.readPhysical(physical, count);
      if (!part) return null;
      result.set(part, done);
      done += count;
    }
    return result;
  }

  private state(): MachineState {
    const { board, started, end } = this;
    return { image: this.images.take(), console: board.console.copy(), labResults: [...board.labResults], started, end };
  }

  snapshot(): Snapshot {
    return new MachineSnapshot(this, this.engine.now(), this.state());
  }

  restore(snapshot: Snapshot): void {
    assert(snapshot instanceof MachineSnapshot && snapshot.owner === this, "machine: a snapshot of this machine");
    this.become(snapshot.state);
  }

  private become(state: MachineState): void {
    const { board } = this;
    this.images.restore(state.image);
    board.stop = null;
    board.console.replace(state.console);
    board.labResults.splice(0, board.labResults.length, ...state.labResults);
    this.started = state.started;
    this.end = state.end;
  }

  save(): Uint8Array {
    return encodeMachine(this.state(), this.config, this.engine);
  }

  /** A fresh machine becomes the saved one; or it is to be thrown away. */
  adopt({ header, sections }: SavedMachine): Result<void> {
    const image = savedImage(header, sections, this.board, this.engine);
    if (!image.ok) return image;
    const { labResults, started, end } = header;
    this.become({ image: image.value, console: sections.console, labResults, started, end });
    return success(undefined);
  }

  readDisk(index: number): Uint8Array {
    const disk = this.board.disks[index];
    assert(disk, "machine: no such disk");
    return this.board.bytes.slice(disk.at, disk.at + disk.sectors * SECTOR_BYTES);
  }

  hash(): string {
    return hashBoard(this.board);
  }
}

/**
 * The machine that `save` wrote. With a configuration only if it is the saved one (but for `recordMarks`, which may be
 * chosen anew); else why not, and nothing is left behind. `jit` as in a configuration: it is outside what is saved.
 */
export function loadMachine(bytes: Uint8Array, wanted?: MachineConfig, jit = wanted?.jit): Result<Machine> {
  const saved = decodeMachine(bytes);
  if (!saved.ok) return saved;
  const { header, config } = saved.value;
  const differences = wanted ? configDifferences(header.config, wanted) : [];
  if (differences.length > 0) return failure(...differences);
  const made = makeMachine({ ...config, recordMarks: wanted?.recordMarks ?? config.recordMarks, jit });
  if (!made.ok) return made;
  const adopted = made.value.adopt(saved.value);
  return adopted.ok ? made : adopted;
}

/** A machine at reset; bad configuration comes back as sentences. */
export function createMachine(config: MachineConfig): Result<Machine> {
  return makeMachine(config);
}

function makeMachine(config: MachineConfig): Result<VirtMachine> {
  const problems = configProblems(config);
  if (problems.length > 0) return failure(...problems);
  let board: Board | null = null;
  const boardOf = (): Board => {
    assert(board, "machine: the engine runs only when the board is there");
    return board;
  };
  const { harts, memoryBytes, timing, interleave, recordMarks } = config;
  let engine: Engine;
  try {
    engine = createEngine({
      harts,
      memoryBytes,
      storageBytes: (config.disks ?? []).reduce((sum, disk) => sum + diskRoom(disk), 0),
      timing,
      interleave,
      recordMarks,
      observeAccesses: config.observeAccesses ?? false,
      jit: (config.jit ?? jitPays(config)) ? JIT_TUNING : null,
      costs: costsOf(config),
      imports: engineImports(boardOf, costsOf(config)),
    });
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return failure({
      message: `the host cannot give ${memoryBytes} bytes of memory to the machine`,
      hint: "Use less.",
    });
  }
  board = createBoard(config, engine);
  return success(new VirtMachine(config, engine, board));
}
