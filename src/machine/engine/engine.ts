/** Makes an engine: generates and instantiates the module, and wraps it for JavaScript. The contract is in index.ts. */
import { assert } from "../../base/assert.ts";
import { hartWord } from "../board.ts";
import { lengthOf } from "../../isa/index.ts";
import { ChangedPages, withdrawWrites } from "./changed-pages.ts";
import { BOARD, HART, MACHINE_WORD } from "../memory/layout.ts";
import { CACHE } from "../timing/constants.ts";
import { createCore, parks } from "./core.ts";
import { emitCache } from "./emit/emit-cache.ts";
import { emitCode } from "./emit/emit-code.ts";
import { emitCsr } from "./emit/emit-csr.ts";
import { emitInterpreter } from "./emit/emit-interpreter.ts";
import { emitLoop } from "./emit/emit-loop.ts";
import { emitMarks } from "./emit/emit-marks.ts";
import { accessesDrain } from "./accesses.ts";
import { emitObserve } from "./emit/emit-observe.ts";
import { emitMemory } from "./emit/emit-memory.ts";
import { emitTlb } from "./emit/emit-tlb.ts";
import { emitOrder } from "./emit/emit-order.ts";
import { emitRounds } from "./emit/emit-rounds.ts";
import { emitPark } from "./emit/emit-park.ts";
import { emitTranslate } from "./emit/emit-translate.ts";
import { Jit } from "./jit/jit.ts";
import { emitReach } from "./jit/emit-reach.ts";
import { emitSampling } from "./jit/emit-sampling.ts";
import { emitTurn } from "./emit/emit-turn.ts";
import { RUN } from "./contract.ts";
import type { Engine, EngineOptions } from "./contract.ts";
import { appendRecord, marksDrain } from "./marks.ts";
import { OP } from "./opcodes.ts";
import { pollStep } from "./poll-loops.ts";
import { predecode } from "./predecode.ts";
import { CODE_PAGES, CODE_PAGE_STRIDE, CONTEXTS, layTables } from "./tables.ts";
import type { Tables } from "./tables.ts";
import { translate } from "./translate.ts";
import type { Costs } from "../timing/constants.ts";
import { lookahead } from "../timing/model.ts";

/** Cycles (plus turns) after which WebAssembly comes back, so that V8 may put in its optimised code. */
const SLICE = 1_000_000;

/** Keeps clock + remaining within a u64. */
const REMAINING_MAX = 2 ** 52;

/** More than a hart may be ahead of the one that stops the machine, in cycle mode. */
const settleCycles = (costs: Costs): number => lookahead(costs) + 19;

/** Bytes that a reservation covers. */
const RESERVATION_BYTES = 1 << CACHE.lineShift;

const MODULES = new Map<string, WebAssembly.Module>();

/** The same options give the same module. */
function moduleFor(options: EngineOptions): WebAssembly.Module {
  const { harts, memoryBytes, storageBytes = 0, timing, interleave, recordMarks, observeAccesses, costs } = options;
  const shape = [harts, memoryBytes, storageBytes, timing, interleave, recordMarks, observeAccesses ?? false, options.jit != null];
  const key = [...shape, ...(timing === "cycle" ? Object.values(costs) : [])].join();
  const known = MODULES.get(key);
  if (known) return known;
  const core = createCore(options);
  for (const emit of [emitTlb, emitTranslate, emitCache, emitMemory, emitPark, emitCode, emitCsr, emitMarks, emitObserve, emitOrder, emitInterpreter, emitRounds, emitSampling, emitReach, emitTurn, emitLoop]) emit(core);
  const made = new WebAssembly.Module(core.module.build());
  MODULES.set(key, made);
  return made;
}

/** `fresh`: memory is as the host gave it, all zeroes. */
function resetTables(
  words: Int32Array, bytes: Uint8Array, tables: Tables, harts: number, ramBytes: number, fresh: boolean,
): void {
  const clear = (from: number, length: number, value: number): void => {
    if (value !== 0 || !fresh) bytes.fill(value, from, from + length);
  };
  clear(tables.contexts, harts * tables.contextBytes * CONTEXTS, 0xff);
  clear(tables.l1Slots, tables.l1Tags - tables.l1Slots, 0);
  clear(tables.l1Tags, tables.l1Next - tables.l1Tags, 0xff);
  clear(tables.l1Next, tables.copiedEnd - tables.l1Next, 0);
  clear(tables.l2Tags, tables.l2Next - tables.l2Tags, 0xff);
  clear(tables.l2Next, tables.directory - tables.l2Next, 0);
  clear(tables.directory, tables.executed - tables.directory, 0);
  clear(tables.executed, tables.trackedEnd - tables.executed, 0);
  clear(tables.codeOf, (ramBytes / 4096) * 4, 0);
  clear(tables.code, CODE_PAGES * CODE_PAGE_STRIDE, 0);
  for (const word of [MACHINE_WORD.TURN_HART, MACHINE_WORD.CODE_PAGES_USED]) words[word / 4] = 0;
}

const low = (value: number): number => (value % 0x1_0000_0000) | 0;
const high = (value: number): number => Math.floor(value / 0x1_0000_0000) | 0;

interface Exports {
  readonly run: () => number;
  readonly wroteCode: (offset: number) => void;
  readonly reach: unknown;
}

/** One instruction at a time leaves nothing to compile, and regions leave no records of accesses. */
const withUsableJit = (options: EngineOptions): EngineOptions =>
  (options.interleave === "exact" && options.harts > 1) || options.observeAccesses ? { ...options, jit: null } : options;

export function createEngine(wanted: EngineOptions): Engine {
  const options = withUsableJit(wanted);
  const { harts, memoryBytes, storageBytes = 0, imports, jit: tuning, timing, costs } = options;
  const tables = layTables(harts, memoryBytes, options.timing, storageBytes);
  assert(tables.wasmPages <= 0x1_0000, "engine: memory and tables fit 4 GiB");
  const memory = new WebAssembly.Memory({ initial: tables.wasmPages, maximum: tables.wasmPages });
  const words = new Int32Array(memory.buffer);
  const bytes = new Uint8Array(memory.buffer);
  const halves = new Uint16Array(memory.buffer);
  const { ramOffset } = tables;
  const ahead = options.interleave === "ahead";
  const drainMarks = marksDrain(words, harts);
  const drainAccesses = accessesDrain(words, tables.accesses, harts);
  const jit = tuning && new Jit({ words, memory, tables, tuning, timing, costs: tuning.costs ?? costs, ahead });
  const instance = new WebAssembly.Instance(moduleFor(options), {
    engine: {
      memory,
      regions: jit?.cache.table,
      wroteRegions: (offset: number) => jit?.wroteCode(offset >>> 0),
      dropRegions: () => jit?.dropAll(),
      system: (hart: number, insn: number) => imports.system(hart, insn),
      trap: (hart: number, cause: number, tval: number) => imports.trap(hart, cause, tval),
      interrupts: (hart: number) => imports.interrupts(hart),
      mmioLoad: (hart: number, at: number, size: number) => imports.mmioLoad(hart, at >>> 0, size),
      mmioStore: (hart: number, at: number, size: number, value: number) =>
        imports.mmioStore(hart, at >>> 0, size, value),
      pmpRights: (hart: number, at: number, size: number, privilege: number) =>
        imports.pmpRights(hart, at >>> 0, size, privilege),
      predecode: (entry: number, offset: number) => {
        const half = (ramOffset + (offset >>> 0)) >>> 1;
        const second = (offset & 0xfff) === 0xffe ? 0 : halves[half + 1]!;
        const bits = halves[half]! | (second << 16);
        const halfAt = (at: number): number => halves[(ramOffset + at) >>> 1]!;
        if (breakpoints.has(offset)) words[entry >>> 2] = OP.BREAK;
        else predecode(words, entry >>> 2, bits, offset, polls ? (branch) => pollStep(halfAt, offset, branch, options.costs) : undefined);
        if (!seesCode) return;
        executed(offset);
        // Of an instruction over the end of a page only the first half: it is fetched in its place of the order.
        executed(Math.min(offset + lengthOf(bits) - 1, offset | 0xfff));
      },
      predecodeSplit: (entry: number, word: number) => predecode(words, entry >>> 2, word, -1),
    },
  });
  const polls = parks(options);
  const seesCode = options.timing === "cycle" && harts > 1;
  let breakpoints: ReadonlySet<number> = new Set();
  const changes = new ChangedPages(words, bytes, tables);
  const executed = (offset: number): void => {
    const at = (tables.codeBits >>> 2) + (offset >>> 7);
    words[at]! |= 1 << ((offset >>> 2) & 31);
    changes.mark(at >>> 10);
  };
  const { run, wroteCode, reach } = instance.exports as unknown as Exports;
  if (jit) jit.cache.reach = reach;
  const read64 = (at: number): number => (words[at]! >>> 0) + (words[at + 1]! >>> 0) * 0x1_0000_0000;
  const write64 = (address: number, value: number): void => {
    words[address / 4] = value === Infinity ? -1 : low(value);
    words[address / 4 + 1] = value === Infinity ? -1 : high(value);
  };
  const all = (field: number): number[] => Array.from({ length: harts }, (_, hart) => read64(hartWord(hart, field)));
  /** Whether the tables are as reset left them: nothing has run. */
  let unused = true;
  const reset = (fresh: boolean): void => {
    jit?.dropAll();
    resetTables(words, bytes, tables, harts, memoryBytes, fresh);
    // Where nothing is marked there are zeroes; the L2 is not empty so.
    const changed = fresh ? tables.directory : tables.trackedEnd;
    changes.markRange(tables.trackedStart, changed - tables.trackedStart);
    unused = true;
    words[MACHINE_WORD.ACCESS_NEXT / 4] = tables.accesses;
    for (let hart = 0; hart < harts; hart++) {
      words.fill(-1, hartWord(hart, HART.EVENT_CLOCK), hartWord(hart, HART.EVENT_CLOCK) + 2);
    }
  };
  reset(true);

  /** What a hart's block holds within a call of `run` only. */
  const forgetRun = (hart: number): void => {
    words[hartWord(hart, HART.SCRATCH)] = 0;
    words.fill(0, hartWord(hart, HART.POLL_ENTRY), hartWord(hart, HART.ROUND_COUNT) + 1);
  };

  const runLimited = (maxInstructions: number, untilCycle: number): number => {
    unused = false;
    const retired = all(HART.INSTRET).reduce((sum, count) => sum + count, 0);
    write64(MACHINE_WORD.REMAINING, Math.min(Math.max(0, maxInstructions - retired), REMAINING_MAX));
    write64(MACHINE_WORD.UNTIL, untilCycle);
    for (;;) {
      write64(MACHINE_WORD.SLICE, SLICE);
      const reason = run();
      jit?.afterSlice();
      if (reason !== 0) return reason;
    }
  };

  return {
    memory,
    ramOffset,
    tables,
    changes,
    jit,
    withdrawWrites: () => withdrawWrites(words, tables, harts),
    dropCode: (offset) => wroteCode(offset),
    run: (maxInstructions, untilCycle) => {
      const reason = runLimited(maxInstructions, untilCycle);
      for (let hart = 0; hart < harts; hart++) forgetRun(hart);
      return reason;
    },
    settle: () => {
      const end = read64(MACHINE_WORD.STOPPED_AT / 4) + settleCycles(options.costs);
      let reason: number;
      do {
        words[MACHINE_WORD.STOP / 4] = 0;
        reason = runLimited(Infinity, end);
      } while (reason !== RUN.CYCLE);
      words[MACHINE_WORD.STOP / 4] = 0;
      for (let hart = 0; hart < harts; hart++) forgetRun(hart);
    },
    now: () => Math.max(...all(HART.CLOCK)),
    wroteRam: (offset, length) => {
      const inside = offset >= 0 && length >= 0 && offset + length <= memoryBytes + storageBytes;
      assert(inside, "engine: wroteRam is inside RAM and storage");
      changes.markRange(ramOffset + offset, length);
      if (offset >= memoryBytes) return;
      for (let hart = 0; hart < harts; hart++) {
        const line = (words[hartWord(hart, HART.RESERVATION)]! >>> 0) - BOARD.RAM - 1;
        if (line + RESERVATION_BYTES > offset && line < offset + length) words[hartWord(hart, HART.RESERVATION)] = 0;
      }
      for (let at = offset & ~3; at < offset + length; ) {
        const nextPage = (at & ~0xfff) + 0x1000;
        const decoded = words[(tables.codeOf >>> 2) + (at >>> 12)] !== 0;
        const wasExecuted = seesCode && bytes[tables.executed + (at >>> 12)] !== 0;
        if (!decoded && !wasExecuted) at = nextPage;
        else for (; at < Math.min(nextPage, offset + length); at += 4) wroteCode(at);
      }
    },
    flushCode: () => {
      if (unused) return;
      jit?.dropAll();
      bytes.fill(0, tables.code, tables.code + CODE_PAGES * CODE_PAGE_STRIDE);
      bytes.fill(0, tables.codeOf, tables.codeOf + (memoryBytes / 4096) * 4);
      bytes.fill(0xff, tables.contexts, tables.contexts + harts * tables.contextBytes * CONTEXTS);
      words[MACHINE_WORD.CODE_PAGES_USED / 4] = 0;
    },
    reset: () => reset(unused),
    translate: (hart, virtual, _access, privilege) =>
      translate(words, ramOffset, memoryBytes, words[hartWord(hart, HART.SATP)]!, virtual, privilege),
    setBreakpoints: (offsets) => {
      assert(jit === null || offsets.length === 0, "engine: breakpoints are for tier 1");
      const old = breakpoints;
      breakpoints = new Set(offsets);
      const changed = [...old, ...offsets].filter((offset) => old.has(offset) !== breakpoints.has(offset));
      for (const offset of changed) if (words[(tables.codeOf >>> 2) + (offset >>> 12)] !== 0) wroteCode(offset & ~3);
    },
    setAttentionMarks: (events) => {
      words.fill(0, MACHINE_WORD.ATTENTION_EVENTS / 4, MACHINE_WORD.ATTENTION_EVENTS / 4 + 64);
      for (const event of events) words[MACHINE_WORD.ATTENTION_EVENTS / 4 + (event >>> 5)]! |= 1 << (event & 31);
    },
    record: (hart, event, pc, a, b, c) => appendRecord(words, options.recordMarks, hart, { event, pc, a, b, c }),
    drainMarks: (consume) => drainMarks(earliest(), consume),
    drainAccesses: (consume) => drainAccesses(earliest(), consume),
  };

  /** No hart will produce a record before this clock any more. */
  function earliest(): number {
    let clock = Infinity;
    for (let hart = 0; hart < harts; hart++) {
      if ((words[hartWord(hart, HART.WFI)]! | words[hartWord(hart, HART.HELD)]!) !== 0) continue;
      clock = Math.min(clock, read64(hartWord(hart, HART.CLOCK)));
    }
    return clock;
  }
}
