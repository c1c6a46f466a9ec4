/**
 * Random items of RV32IMA code for program.ts: a few instructions each, that leave the registers of
 * the frame alone.
 *
 * Registers: sp middle of the scratch area, gp loop counter, tp hash of the traps met, t5 and t6
 * belong to the trap handler, t4 holds addresses; all others are fair game. Left out because the
 * two machines may rightly differ: SC after LR with a store between, or within the same line at
 * another address; misaligned jumps; CSRs that show extensions; and faults of atomics, which QEMU
 * 7.2 calls a load's (cause 4, 5), the specification a store's.
 */
import type { Assembler } from "../../src/machine/test-assembler.ts";
import { CSR, REGISTER_NAMES } from "../../src/isa/index.ts";

export const SCRATCH_BYTES = 4096;

/** mulberry32: small, and good enough to choose instructions. */
export function randomSource(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

const RESERVED = new Set(["zero", "sp", "gp", "tp", "t4", "t5", "t6"]);
export const FREE = REGISTER_NAMES.filter((name) => !RESERVED.has(name));
const ALU = ["add", "sub", "sll", "slt", "sltu", "xor", "srl", "sra", "or", "and"];
const ALU_IMM = ["addi", "slti", "sltiu", "xori", "ori", "andi"];
const SHIFT_IMM = ["slli", "srli", "srai"];
const MULDIV = ["mul", "mulh", "mulhsu", "mulhu", "div", "divu", "rem", "remu"];
const LOADS: readonly (readonly [string, number])[] = [
  ["lb", 1],
  ["lbu", 1],
  ["lh", 2],
  ["lhu", 2],
  ["lw", 4],
];
const STORES: readonly (readonly [string, number])[] = [
  ["sb", 1],
  ["sh", 2],
  ["sw", 4],
];
const BRANCHES = ["beq", "bne", "blt", "bge", "bltu", "bgeu"];
const AMOS = [
  "amoswap.w",
  "amoadd.w",
  "amoxor.w",
  "amoand.w",
  "amoor.w",
  "amomin.w",
  "amomax.w",
  "amominu.w",
  "amomaxu.w",
];
const ORDERS = ["", ".aq", ".rl", ".aqrl"];
/** Registers that hold any value on both machines. */
export const PLAIN_CSRS = ["mscratch", "sscratch", "mcause", "mtval", "scause", "stval"];
const EDGES = [0, 1, -1, 2, -2, 0x7fff_ffff, -0x8000_0000, 0x8000, 0xffff, 31, 32];

export class Generator {
  readonly random: (below: number) => number;
  readonly code: Assembler;
  private labels = 0;

  constructor(seed: number, code: Assembler) {
    this.random = randomSource(seed);
    this.code = code;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.random(list.length)]!;
  }

  source(): string {
    return this.random(12) === 0 ? "zero" : this.pick(FREE);
  }

  target(): string {
    return this.random(30) === 0 ? "zero" : this.pick(FREE);
  }

  /**
   * A target that does not turn `slti` or `sltu` into a trace mark, which only one of the machines
   * counts apart.
   */
  computed(mnemonic: string): string {
    return mnemonic === "slti" || mnemonic === "sltu" ? this.pick(FREE) : this.target();
  }

  value(): number {
    return this.random(3) === 0 ? this.pick(EDGES) : this.random(0x1_0000_0000) | 0;
  }

  freshLabel(): string {
    return `random${this.labels++}`;
  }

  offset(size: number): number {
    return (this.random(SCRATCH_BYTES) - SCRATCH_BYTES / 2) & -size;
  }

  /** Leaves an aligned scratch address in t4. */
  address(offset = this.offset(4)): void {
    this.code.op("addi", "t4", "sp", offset);
  }

  memory(): void {
    if (this.random(2) === 0) {
      const [mnemonic, size] = this.pick(LOADS);
      this.code.load(mnemonic, this.target(), "sp", this.offset(size));
    } else {
      const [mnemonic, size] = this.pick(STORES);
      this.code.store(mnemonic, this.source(), "sp", this.offset(size));
    }
  }

  /** Both machines do misaligned loads and stores in RAM without a trap. */
  misaligned(): void {
    const offset = Math.min(this.offset(1), SCRATCH_BYTES / 2 - 4);
    const [load, store] = this.pick([
      ["lw", "sw"],
      ["lh", "sh"],
      ["lhu", "sh"],
    ] as const);
    if (this.random(2) === 0) this.code.load(load, this.target(), "sp", offset);
    else this.code.store(store, this.source(), "sp", offset);
  }

  /**
   * A jump or branch over the next few instructions; they may be skipped, but all their words are
   * real.
   */
  forward(): void {
    const { code } = this;
    const label = this.freshLabel();
    switch (this.random(6)) {
      case 0:
        code.jal(this.target(), label);
        break;
      case 1: {
        const odd = this.random(2);
        code.la("t4", label).op("jalr", this.target(), "t4", odd);
        break;
      }
      default:
        code.branch(this.pick(BRANCHES), this.source(), this.source(), label);
    }
    for (let i = this.random(4); i > 0; i--) this.simple();
    code.label(label);
  }

  /** A short loop backwards, at most 8 times round. */
  backward(): void {
    const { code } = this;
    const label = this.freshLabel();
    code.op("addi", "t4", "zero", 1 + this.random(8)).label(label);
    for (let i = this.random(3); i > 0; i--) this.arithmetic();
    code.op("addi", "t4", "t4", -1).branch("bne", "t4", "zero", label);
  }

  atomic(): void {
    const { code } = this;
    this.address();
    const kind = this.random(4);
    if (kind > 0) {
      const mnemonic = this.pick(AMOS) + this.pick(ORDERS);
      code.op(mnemonic, this.target(), "t4", this.source());
      return;
    }
    const offset = this.offset(64);
    this.address(offset);
    code.op(`lr.w${this.pick(ORDERS)}`, this.target(), "t4", 0);
    for (let i = this.random(4); i > 0; i--) this.arithmetic();
    if (this.random(3) === 0) this.address(offset ^ 64);
    code.op(`sc.w${this.pick(ORDERS)}`, this.target(), "t4", this.source());
    if (this.random(3) === 0) code.op("sc.w", this.target(), "t4", this.source());
  }

  control(): void {
    const { code } = this;
    const csr = CSR[this.pick(PLAIN_CSRS)]!;
    if (this.random(2) === 0) {
      code.csr(this.pick(["csrrw", "csrrs", "csrrc"]), this.target(), csr, this.source());
    } else {
      const mnemonic = this.pick(["csrrwi", "csrrsi", "csrrci"]);
      const rd = REGISTER_NAMES.indexOf(this.target());
      code.emit(mnemonic, { rd, csr, imm: this.random(32) });
    }
  }

  /** Something that traps; the handler hashes it and goes on behind it. */
  trap(): void {
    const { code } = this;
    switch (this.random(5)) {
      case 0:
        code.emit("ecall");
        break;
      case 1:
        code.emit("ebreak");
        break;
      case 2:
        code.word(this.pick([0xffff_ffff, 0x0000_0000, 0x0000_300b, 0xc000_1073, 0x7020_0073]));
        break;
      case 3:
        code.li("t4", 0x0a00_0000 + 4 * this.random(1024)).load("lw", this.target(), "t4");
        break;
      default:
        code.li("t4", 0x0900_0000 + 4 * this.random(1024)).store("sw", this.source(), "t4");
    }
  }

  arithmetic(): void {
    const { code } = this;
    switch (this.random(6)) {
      case 0: {
        const mnemonic = this.pick(ALU_IMM);
        code.op(mnemonic, this.computed(mnemonic), this.source(), this.random(4096) - 2048);
        break;
      }
      case 1:
        code.op(this.pick(SHIFT_IMM), this.target(), this.source(), this.random(32));
        break;
      case 2:
        code.op(this.pick(MULDIV), this.target(), this.source(), this.source());
        break;
      case 3:
        code.emit(this.pick(["lui", "auipc"]), {
          rd: REGISTER_NAMES.indexOf(this.target()),
          imm: this.random(0x10_0000) << 12,
        });
        break;
      default: {
        const mnemonic = this.pick(ALU);
        code.op(mnemonic, this.computed(mnemonic), this.source(), this.source());
      }
    }
  }

  /** One instruction that does not jump. */
  simple(): void {
    if (this.random(2) === 0) this.memory();
    else this.arithmetic();
  }

  item(): void {
    const kind = this.random(100);
    if (kind < 40) this.arithmetic();
    else if (kind < 63) this.memory();
    else if (kind < 65) this.misaligned();
    else if (kind < 77) this.forward();
    else if (kind < 80) this.backward();
    else if (kind < 88) this.atomic();
    else if (kind < 92) this.control();
    else if (kind < 95) this.trap();
    else if (kind < 97) this.code.li(this.pick(FREE), this.value());
    else this.code.emit(this.pick(["fence", "fence.i", "pause"]), {});
  }
}
