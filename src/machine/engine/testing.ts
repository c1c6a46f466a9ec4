/**
 * Help for this folder's tests: programs from mnemonics, and an engine whose JavaScript half is the least that works
 * (direct trap to mtvec, mret, a few CSRs, one device word that stops the machine).
 */
import { CSR, REGISTER_NAMES, encode } from "../../isa/index.ts";
import type { Operands } from "../../isa/index.ts";
import { HART, HART_BASE, HART_STRIDE, MACHINE_WORD } from "../memory/layout.ts";
import type { Costs } from "../timing/constants.ts";
import { DEFAULT_MODEL } from "../timing/model.ts";
import type { Interleave, Timing } from "../types.ts";
import type { JitTuning } from "./jit/jit.ts";
import { createEngine } from "./index.ts";
import type { Engine } from "./index.ts";

export const RAM = 0x8000_0000;
/** A store here stops the machine; the value is kept in `Bench.exit`. */
export const EXIT = 0x0010_0000;
/** A store here appends a byte to `Bench.output`. */
export const CONSOLE = 0x1000_0000;

/** A program under construction; labels are byte offsets from its start. */
export class Program {
  readonly #items: { readonly mnemonic: string; readonly operands: Operands; readonly to: string | null }[] = [];
  readonly #labels = new Map<string, number>();

  label(name: string): this {
    this.#labels.set(name, this.#items.length * 4);
    return this;
  }

  /**
   * `a("addi", "a0", "a1", 4)`: registers in the order rd, rs1, rs2 (stores and branches: rs1, rs2), then the immediate
   * or a label.
   */
  a(mnemonic: string, ...operands: readonly (string | number)[]): this {
    const kind = mnemonic.split(".")[0]!;
    const noRd = /^(s[bhw]|beq|bne|blt|bge|bltu|bgeu)$/.test(kind);
    const registers = operands.filter((item) => REGISTER_NAMES.includes(String(item))).map((item) => REGISTER_NAMES.indexOf(String(item)));
    if (noRd) registers.unshift(0);
    const rest = operands.filter((item) => !REGISTER_NAMES.includes(String(item)));
    const csr = rest.find((item) => typeof item === "string" && item in CSR);
    const to = rest.find((item) => typeof item === "string" && !(item in CSR));
    const imm = rest.find((item) => typeof item === "number") as number | undefined;
    const [rd, rs1, rs2] = registers;
    this.#items.push({
      mnemonic,
      operands: { rd, rs1, rs2, imm, csr: csr === undefined ? undefined : CSR[csr] },
      to: to === undefined ? null : String(to),
    });
    return this;
  }

  /** Loads a constant in two instructions. */
  li(rd: string, value: number): this {
    const lowPart = (value << 20) >> 20;
    return this.a("lui", rd, ((value - lowPart) >>> 0) & 0xfffff000).a("addi", rd, rd, lowPart);
  }

  words(): number[] {
    return this.#items.map(({ mnemonic, operands, to }, index) => {
      const target = to === null ? undefined : this.#labels.get(to);
      if (to !== null && target === undefined) throw new Error(`no label ${to}`);
      const imm = target === undefined ? operands.imm : target - index * 4;
      const word = encode(mnemonic, { ...operands, imm });
      if (word === null) throw new Error(`cannot encode ${mnemonic} ${JSON.stringify(operands)}`);
      return word;
    });
  }
}

export interface Bench {
  readonly engine: Engine;
  readonly words: Int32Array;
  readonly log: string[];
  exit: number | null;
  output: string;
  x(hart: number, register: string): number;
  setX(hart: number, register: string, value: number): void;
  get(hart: number, field: number): number;
  set(hart: number, field: number, value: number): void;
  get64(hart: number, field: number): number;
  set64(hart: number, field: number, value: number): void;
  load(address: number, words: readonly number[]): void;
  read(address: number): number;
  run(instructions?: number, until?: number): number;
}

export interface BenchOptions {
  readonly harts?: number;
  readonly timing?: Timing;
  readonly interleave?: Interleave;
  readonly recordMarks?: boolean;
  readonly observeAccesses?: boolean;
  readonly memoryBytes?: number;
  readonly costs?: Costs;
  readonly jit?: JitTuning;
}

/** All harts start at RAM in M mode with a0 = hart. */
export function createBench(program: Program | readonly number[], options: BenchOptions = {}): Bench {
  const harts = options.harts ?? 1;
  const at = (hart: number, field: number): number => (HART_BASE + hart * HART_STRIDE + field) >>> 2;
  const log: string[] = [];
  const get = (hart: number, field: number): number => words[at(hart, field)]!;
  const set = (hart: number, field: number, value: number): void => {
    words[at(hart, field)] = value;
  };
  const trap = (hart: number, cause: number, tval: number): void => {
    log.push(`trap ${hart} cause ${cause} tval ${(tval >>> 0).toString(16)} pc ${(get(hart, HART.PC) >>> 0).toString(16)}`);
    set(hart, HART.MEPC, get(hart, HART.PC));
    set(hart, HART.MCAUSE, cause);
    set(hart, HART.MTVAL, tval);
    set(hart, HART.MSTATUS, (get(hart, HART.MSTATUS) & ~0x1800) | (get(hart, HART.PRIV) << 11));
    set(hart, HART.PRIV, 3);
    set(hart, HART.PC, get(hart, HART.MTVEC));
    if (get(hart, HART.MTVEC) === 0) words[MACHINE_WORD.STOP / 4] = 1;
  };
  const engine = createEngine({
    harts,
    memoryBytes: options.memoryBytes ?? 8 << 20,
    timing: options.timing ?? "functional",
    interleave: options.interleave ?? "exact",
    recordMarks: options.recordMarks ?? true,
    observeAccesses: options.observeAccesses ?? false,
    jit: options.jit ?? null,
    costs: options.costs ?? DEFAULT_MODEL.costs,
    imports: {
      trap,
      system: (hart, insn) => systemOf(hart, insn),
      interrupts: (hart) => {
        log.push(`interrupts ${hart} at ${bench.get64(hart, HART.CLOCK)}`);
        set(hart, HART.ATTENTION, 0);
        set(hart, HART.WFI, 0);
        set(hart, HART.MIP, bench.get64(hart, HART.CLOCK) >= bench.get64(hart, HART.TIMER_CLOCK) ? 0x80 : 0);
      },
      mmioLoad: (_hart, physical) => {
        if (physical !== EXIT) words[MACHINE_WORD.ACCESS_FAULT / 4] = 1;
        return 0x1234_8765;
      },
      mmioStore: (_hart, physical, size, value) => {
        if (physical === CONSOLE) {
          bench.output += String.fromCharCode(value & 0xff);
          return;
        }
        if (physical !== EXIT) {
          words[MACHINE_WORD.ACCESS_FAULT / 4] = 1;
          return;
        }
        log.push(`store ${size} ${value >>> 0}`);
        bench.exit = value;
        words[MACHINE_WORD.STOP / 4] = 1;
      },
      pmpRights: () => 7,
    },
  });
  const words = new Int32Array(engine.memory.buffer);
  const CSR_FIELD = new Map<number, number>([
    [CSR.satp!, HART.SATP], [CSR.mstatus!, HART.MSTATUS], [CSR.mepc!, HART.MEPC], [CSR.mtvec!, HART.MTVEC],
    [CSR.mcause!, HART.MCAUSE], [CSR.mtval!, HART.MTVAL], [CSR.mscratch!, HART.MSCRATCH],
  ]);
  const systemOf = (hart: number, insn: number): number => {
    const pc = get(hart, HART.PC);
    if (insn === 0x73) {
      trap(hart, 8 + get(hart, HART.PRIV), 0);
      return -1;
    }
    set(hart, HART.PC, pc + 4);
    if (insn === 0x30200073) {
      set(hart, HART.PRIV, (get(hart, HART.MSTATUS) >>> 11) & 3);
      set(hart, HART.PC, get(hart, HART.MEPC));
    } else if (insn === 0x10500073) {
      set(hart, HART.WFI, 1);
    } else if ((insn & 0xfe007fff) >>> 0 === 0x12000073) {
      set(hart, HART.FLUSH, 2);
    } else if ((insn & 0x7f) === 0x73) {
      const field = CSR_FIELD.get(insn >>> 20);
      const rs1 = (insn >>> 15) & 31;
      const rd = (insn >>> 7) & 31;
      const old = insn >>> 20 === CSR.mhartid ? hart : get(hart, field ?? HART.MSCRATCH);
      const source = insn & 0x4000 ? rs1 : get(hart, rs1 * 4);
      const kind = (insn >>> 12) & 3;
      if (field !== undefined && (kind === 1 || rs1 !== 0)) {
        set(hart, field, kind === 1 ? source : kind === 2 ? old | source : old & ~source);
        set(hart, HART.FLUSH, 2);
      }
      if (rd !== 0) set(hart, rd * 4, old);
    }
    return 0;
  };
  const register = (name: string): number => REGISTER_NAMES.indexOf(name) * 4;
  const ram = engine.ramOffset;
  const bench: Bench = {
    engine,
    words,
    log,
    exit: null,
    output: "",
    get,
    set,
    x: (hart, name) => get(hart, register(name)),
    setX: (hart, name, value) => set(hart, register(name), value),
    get64: (hart, field) => (get(hart, field) >>> 0) + (get(hart, field + 4) >>> 0) * 0x1_0000_0000,
    set64: (hart, field, value) => {
      set(hart, field, value | 0);
      set(hart, field + 4, Math.floor(value / 0x1_0000_0000));
    },
    load: (address, values) => {
      values.forEach((value, index) => (words[(ram + address - RAM) / 4 + index] = value));
      engine.flushCode();
    },
    read: (address) => words[(ram + address - RAM) >>> 2]!,
    run: (instructions = 1_000_000, until = Number.POSITIVE_INFINITY) => engine.run(instructions, until),
  };
  bench.load(RAM, program instanceof Program ? program.words() : program);
  for (let hart = 0; hart < harts; hart++) {
    set(hart, HART.PC, RAM | 0);
    set(hart, HART.PRIV, 3);
    set(hart, 10 * 4, hart);
    words.fill(-1, at(hart, HART.TIMER_CLOCK), at(hart, HART.TIMER_CLOCK) + 2);
    words.fill(-1, at(hart, HART.IRQS_OFF_SINCE), at(hart, HART.IRQS_OFF_SINCE) + 2);
  }
  return bench;
}
