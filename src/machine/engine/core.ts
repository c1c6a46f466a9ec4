/**
 * The module that the emit-*.ts files build together: options, imports, globals, and all functions declared ahead, so
 * that they may call each other.
 *
 * Conventions of the generated code. `s` is the address of a hart's block, `left` the cycles left in its turn (its
 * clock is turnEnd - left). A slow path reports through globals: STATUS (0: done), SLOW_COST (penalty cycles),
 * CAUSE and TVAL of a trap. What is not done has changed nothing that the guest could see.
 */
import { HART, HART_BASE, HART_STRIDE, MACHINE_WORD } from "../memory/layout.ts";
import { I32, I64, call, choose, get, getGlobal, i32, i64, ret, sequence, setGlobal, when } from "../../isa/wasm/code.ts";
import type { Callee, Global, Local, Node, Operand, Statement, Value } from "../../isa/wasm/code.ts";
import { ModuleBuilder } from "../../isa/wasm/module.ts";
import type { EngineOptions } from "./contract.ts";
import type { Costs } from "../timing/constants.ts";
import { lookahead } from "../timing/model.ts";
import { regionSignature } from "./jit/signature.ts";
import { CONTEXTS, REGIONS_MAX, layTables } from "./tables.ts";
import type { Tables } from "./tables.ts";

/** How a turn ended. */
export const STATUS = {
  /** Its time is over. */
  DONE: 0,
  /** The next instruction concerns other harts, and one of them comes first. */
  REFUSED: 1,
  TRAP: 2,
  /** The instruction in HART.INSN is for the `system` import. */
  SYSTEM: 3,
  /** A device access is done, registers and PC included. */
  COMPLETED: 4,
  MARK: 5,
  DRAIN: 6,
  /** The cost of reaching what other harts hold is spent (SLOW_COST); the instruction is still to be done. */
  PAID: 7,
  /** The hart stands at a breakpoint. */
  BREAK: 8,
} as const;

/** How far private work runs ahead of the order between harts, in functional mode. */
const FUNCTIONAL_AHEAD_CYCLES = 500;
/** A reservation older than this may be dropped by a store to its page (functional mode; see emit-cache.ts). */
export const RESERVATION_CYCLES = 2048;

/** access of `translate`. */
export const ACCESS = { LOAD: 0, STORE: 1, FETCH: 2 } as const;

export interface Core {
  readonly module: ModuleBuilder;
  readonly tables: Tables;
  readonly harts: number;
  readonly ramBytes: number;
  readonly cycle: boolean;
  readonly ahead: boolean;
  readonly recordMarks: boolean;
  /** Memory accesses leave records (emit-observe.ts). */
  readonly observe: boolean;
  /** Type of the regions of tier 2 in the table of functions; null: no JIT. */
  readonly regionType: number | null;
  /** Harts take turns of one instruction in an interpreter of their own (emit-rounds.ts). */
  readonly rounds: boolean;
  /** Harts that poll leave the order (emit-park.ts). */
  readonly parks: boolean;
  readonly costs: Costs;
  readonly status: Global;
  readonly slowCost: Global;
  readonly cause: Global;
  readonly tval: Global;
  /** Clock at which `left` is 0. */
  readonly turnEnd: Global;
  /** PTE flags of the last translation, less what PMP does not permit. */
  readonly flags: Global;
  /** Whether the last translation may enter the line table. */
  readonly cacheable: Global;
  /** Whether the line just missed moved between harts. */
  readonly moved: Global;
  readonly imports: Readonly<Record<"system" | "trap" | "interrupts" | "mmioLoad" | "mmioStore" | "pmpRights" | "predecode" | "predecodeSplit" | "wroteRegions" | "dropRegions", Callee>>;
  readonly functions: Readonly<Record<FunctionName, Callee>>;
}

/** name: parameters, results; w is an i32, l an i64. */
const FUNCTIONS = {
  /** (pte, access, privilege, mstatus): permitted */
  permits: "wwww:w",
  /** (s, physical, size, access, privilege): permitted by PMP; takes what PMP does not permit of the page from FLAGS */
  guard: "wwwww:w",
  /** (s, va, access, privilege, mutate): physical page | SUPERPAGE | flags, or 0 and CAUSE */
  walk: "wwwww:w",
  /** (s, va): whether a walk would touch what other harts hold of the page tables */
  tablesElsewhere: "ww:w",
  /** (s, offset, write): the walker reads, or writes A and D of, a page-table entry */
  walkLine: "www:",
  /** (s, va, access, size, left): physical address, or STATUS; no more than `size` bytes there, all in one page */
  translate: "wwwww:w",
  /** (s, va): physical address or -1, by the current translation and without a trace */
  peekAddress: "ww:w",
  /** (s, va): word or 0 */
  peek: "ww:w",
  /** (s, bits) */
  flush: "ww:",
  /** (s, bits): sfence.vma */
  fence: "ww:",
  /** (hart, line): word index of its L1 way, or -1 */
  findWay: "ww:w",
  /** (hart, line): word index of the way that it now has */
  fillLine: "ww:w",
  /** (hart, line): invalidates all other copies */
  takeLine: "ww:",
  /** (way): forgets its line-table slot */
  unlink: "w:",
  /** (hart, line): drops a reservation on it */
  breakReservation: "ww:",
  /** (s, offset): whether another hart's reservation forbids fast writes to the page; drops those on the line */
  reserved: "ww:w",
  /** (s, va, offset, way, writable) */
  install: "wwwww:",
  /** (s, va, offset, write, left): makes the line present; STATUS, SLOW_COST */
  touch: "wwwww:",
  /** (page of linear memory): it is no longer as the last snapshot has it */
  markPage: "w:",
  /** (offset): predecoded entries of what overlaps a word that was written */
  wroteCode: "w:",
  /** (s, va, left, descriptor, register address): value */
  slowLoad: "wwwww:w",
  slowStore: "wwwww:",
  misalignedLoad: "wwww:w",
  misalignedStore: "wwwww:",
  /** (s, va, left, is LR): host address */
  slowAtomic: "wwww:w",
  /** (s, va, left, value): 0 or 1 */
  slowConditional: "wwww:w",
  /** (s, va, left): address of the predecoded page */
  fetchPage: "www:w",
  /** (ram page): address of a fresh predecoded page */
  takeCodePage: "w:w",
  /** (s, instruction, left, pc, retired): whether it was done */
  fastCsr: "wwwww:w",
  /** (s, event, pc, a, b, c, clock, instret) */
  append: "wwwwwwll:",
  /** (s, event, c, pc, left, retired): STATUS */
  fireMark: "wwwwww:w",
  /** (s, entry, context, time): time; why and where are in EXIT_REASON and EXIT_ENTRY */
  interpret: "",
  /** (s, va, left, physical, kind << 4 | bytes, value, written): appends an access record */
  observe: "wwwwwww:",
  /** (s, va, descriptor, left): host address of what an access of a region missed, or 0 */
  reach: "wwww:w",
  /** interpret, with samples taken */
  sample: "",
  /** (s, entry): a turn ended there; the hart may be parked (emit-park.ts) */
  park: "ww:",
  /** (s, clock) */
  unpark: "wl:",
  /** (line + 1 or 0 for all, clock): how many were woken */
  wake: "wl:w",
  /** (s): sets the hart's place in the order (emit-order.ts) */
  refreshKey: "w:",
  refreshKeys: ":",
  /** (block of the hart before, harts left of the round + 1, rounds, block of the one that begins it): all harts, one instruction each in turn */
  interpretRounds: "wwww:",
  /** (hart first in the order, its clock): whether rounds were done */
  rounds: "wl:w",
  /** `run` but for what is parked in the end */
  drive: ":w",
  /** (s, first word of an entry, host address): its atomic operation */
  amo: "www:",
  /** (s, budget): left */
  turn: "ww:w",
} as const;
export type FunctionName = keyof typeof FUNCTIONS;
/** Those that engine.ts calls. */
const EXPORTED: ReadonlySet<string> = new Set<FunctionName>(["reach", "wroteCode"]);

/** One instruction at a time: nothing that tier 2 could do, and records are made where time is counted as usual. */
export const hasRounds = (options: EngineOptions): boolean =>
  options.timing === "functional" && options.interleave === "exact" && options.harts > 1 && !options.observeAccesses;

/** Poll loops are parked only where turns are long, and where nobody wants to see each load; tier 2 knows nothing of them. */
export const parks = (options: EngineOptions): boolean =>
  options.timing === "cycle" && options.interleave === "ahead" && options.harts > 1 &&
  !options.observeAccesses && !options.jit;

const typesOf = (letters: string) => [...letters].map((letter) => (letter === "l" ? I64 : I32));

export function createCore(options: EngineOptions): Core {
  const tables = layTables(options.harts, options.memoryBytes, options.timing, options.storageBytes);
  const module = new ModuleBuilder({ module: "engine", name: "memory", pages: tables.wasmPages });
  const host = (name: string, params: string, results: string): Callee =>
    module.importFunction("engine", name, typesOf(params), typesOf(results));
  const imports = {
    system: host("system", "ww", "w"),
    trap: host("trap", "www", ""),
    interrupts: host("interrupts", "w", ""),
    mmioLoad: host("mmioLoad", "www", "w"),
    mmioStore: host("mmioStore", "wwww", ""),
    pmpRights: host("pmpRights", "wwww", "w"),
    predecode: host("predecode", "ww", ""),
    predecodeSplit: host("predecodeSplit", "ww", ""),
    wroteRegions: host("wroteRegions", "w", ""),
    dropRegions: host("dropRegions", "", ""),
  };
  const { params, results } = regionSignature(options.timing);
  if (options.jit) module.importTable("engine", "regions", REGIONS_MAX);
  const functions = Object.fromEntries(
    Object.entries(FUNCTIONS).map(([name, signature]) => {
      const time = options.timing === "cycle" ? "l" : "w";
      const [params, results] = (signature === "" ? `www${time}:${time}` : signature).split(":");
      return [name, module.declare(name, typesOf(params!), typesOf(results!), EXPORTED.has(name))];
    }),
  ) as Record<FunctionName, Callee>;
  return {
    module,
    tables,
    imports,
    functions,
    harts: options.harts,
    ramBytes: options.memoryBytes,
    cycle: options.timing === "cycle",
    ahead: options.interleave === "ahead",
    recordMarks: options.recordMarks,
    observe: options.observeAccesses ?? false,
    regionType: options.jit ? module.typeOf(params, results) : null,
    parks: parks(options),
    rounds: hasRounds(options),
    costs: options.costs,
    status: module.global(I32),
    slowCost: module.global(I32),
    cause: module.global(I32),
    tval: module.global(I32),
    turnEnd: module.global(I64),
    flags: module.global(I32),
    cacheable: module.global(I32),
    moved: module.global(I32),
  };
}

/** Number of the hart whose block is at `s`. */
export const hartOf = (s: Local): Value => i32.shrU(i32.sub(get(s), HART_BASE), Math.log2(HART_STRIDE));
/** Address of the block of a hart. */
export const blockOf = (hart: Operand): Value => i32.add(i32.mul(hart, HART_STRIDE), HART_BASE);
/** Address of a hart's part of a per-hart table. */
export const partOf = (base: number, stride: number, hart: Operand): Value => i32.add(i32.mul(hart, stride), base);
/** Address of the line table that a hart uses now; its execution table is lineBytes further. */
export const contextOf = (core: Core, s: Local): Value =>
  partOf(core.tables.contexts, core.tables.contextBytes, i32.add(i32.mul(hartOf(s), CONTEXTS), i32.ne(field(s, HART.PRIV), 3)));
export const field = (s: Local, offset: number): Value => i32.load(get(s), offset);
export const setField = (s: Local, offset: number, value: Operand): Statement => i32.store(get(s), value, offset);

/** Whoever writes RAM or a tracked table (tables.ts) marks the page of that address. */
export const mark = (core: Core, address: Value): Node =>
  when(i32.eqz(i32.load8U(i32.shrU(address, 12), core.tables.dirty)), [
    call(core.functions.markPage, i32.shrU(address, 12)),
  ]);
/** Whether the model sees which code was executed: a hart that runs ahead does it on code, too. */
export const seesCode = (core: Core): boolean => core.cycle && core.harts > 1;

/** Ends a slow path that must wait for its hart's turn in the order. */
export const refuse = (core: Core, value?: Value): Node => sequence(setGlobal(core.status, STATUS.REFUSED), ret(value));
/** An ordered operation may be done while left > SLACK. */
export const mustWait = (_core: Core, left: Local): Value => i32.leS(get(left), i32.load(0, MACHINE_WORD.SLACK));
/** Ends a slow path with an exception. */
export const raise = (core: Core, cause: Operand, tval: Operand, value?: Value): Node =>
  sequence(
    setGlobal(core.cause, cause),
    setGlobal(core.tval, tval),
    setGlobal(core.status, STATUS.TRAP),
    ret(value),
  );
export const failed = (core: Core): Value => getGlobal(core.status);
export const addCost = (core: Core, cycles: Operand): Statement =>
  sequence(...(core.cycle ? [setGlobal(core.slowCost, i32.add(getGlobal(core.slowCost), cycles))] : []));
/** Cycles of private work ahead of the order; in cycle mode nothing that one hart does changes what another one holds any sooner. */
export const aheadCycles = (core: Core): number =>
  !core.ahead ? 0 : core.cycle ? lookahead(core.costs) : FUNCTIONAL_AHEAD_CYCLES;

/** Whether the instruction at hand has waited for what other harts hold. */
export const isPaid = (core: Core, s: Local, left: Local): Value =>
  i64.eq(i64.load(get(s), HART.PAID_AT), i64.add(clockAt(core, left), 1));
/** What touches what other harts hold has spent `cycles` (at least the lookahead) before it does. Cycle mode. */
export const payFirst = (core: Core, s: Local, left: Local, cycles: Operand, value?: Value): Node =>
  core.cycle && core.harts > 1
    ? when(i32.eqz(isPaid(core, s, left)), [
        setField(s, HART.PAID_CYCLES, cycles),
        setGlobal(core.slowCost, i32.add(getGlobal(core.slowCost), field(s, HART.PAID_CYCLES))),
        setGlobal(core.status, STATUS.PAID),
        ret(value),
      ])
    : sequence();
/** Takes off SLOW_COST what was spent before. */
export const creditPaid = (core: Core, s: Local, left: Local): Node =>
  when(isPaid(core, s, left), [
    setGlobal(core.slowCost, i32.sub(getGlobal(core.slowCost), choose(
      i32.ltU(getGlobal(core.slowCost), field(s, HART.PAID_CYCLES)), getGlobal(core.slowCost), field(s, HART.PAID_CYCLES),
    ))),
    setField(s, HART.PAID_CYCLES, 0),
  ]);
/** The hart's clock, u64. */
export const clockAt = (core: Core, left: Local): Value => i64.sub(getGlobal(core.turnEnd), i64.extendS(get(left)));
export const syncClock = (core: Core, s: Local, left: Local): Statement =>
  i64.store(get(s), clockAt(core, left), HART.CLOCK);
