/**
 * Random items of RV32IMAC code for program.ts: a few instructions each, that leave the registers of
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
/** Those that three bits can name. */
const SHORT = REGISTER_NAMES.slice(8, 16);
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

  /** A compressed instruction that computes or touches the scratch area. */
  compressed(): void {
    const { code } = this;
    const any = (): number => REGISTER_NAMES.indexOf(this.pick(FREE));
    const few = (): number => REGISTER_NAMES.indexOf(this.pick(SHORT));
    const small = (): number => this.random(64) - 32;
    const rd = few();
    switch (this.random(12)) {
      case 0:
        code.emit("c.addi", { rd: this.random(8) === 0 ? 0 : any(), imm: small() });
        break;
      case 1:
        code.emit("c.li", { rd: any(), imm: small() });
        break;
      case 2:
        code.emit("c.lui", { rd: any(), imm: (small() || 1) << 12 });
        break;
      case 3:
        code.emit(this.pick(["c.srli", "c.srai"]), { rd, imm: 1 + this.random(31) });
        break;
      case 4:
        code.emit("c.andi", { rd, imm: small() });
        break;
      case 5:
        code.emit("c.slli", { rd: any(), imm: 1 + this.random(31) });
        break;
      case 6:
      case 7:
        code.emit(this.pick(["c.mv", "c.add"]), { rd: any(), rs2: any() });
        break;
      case 8:
        this.shortMemory();
        break;
      default:
        code.emit(this.pick(["c.sub", "c.xor", "c.or", "c.and"]), { rd, rs2: few() });
    }
  }

  /** Loads and stores of two bytes, by sp (middle of the scratch area) and by a register set to it. */
  shortMemory(): void {
    const { code } = this;
    const word = (): number => 4 * this.random(32);
    const rd = REGISTER_NAMES.indexOf(this.pick(FREE));
    const few = REGISTER_NAMES.indexOf(this.pick(SHORT));
    const base = REGISTER_NAMES.indexOf(this.pick(SHORT));
    switch (this.random(4)) {
      case 0:
        code.emit("c.lwsp", { rd, imm: word() });
        break;
      case 1:
        code.emit("c.swsp", { rs2: rd, imm: word() });
        break;
      case 2:
        code.emit("c.addi4spn", { rd: base, imm: 4 + word() }).emit("c.lw", { rd: few, rs1: base, imm: word() });
        break;
      default:
        code.emit("c.addi4spn", { rd: base, imm: 4 + word() }).emit("c.sw", { rs2: few, rs1: base, imm: word() });
    }
  }

  /** Compressed jumps and branches over the next few instructions. */
  shortForward(): void {
    const { code } = this;
    const label = this.freshLabel();
    const target = this.pick(FREE);
    switch (this.random(4)) {
      case 0:
        code.shortJump(this.pick(["c.j", "c.jal"]), label);
        break;
      case 1:
        code.la(target, label).emit(this.pick(["c.jr", "c.jalr"]), { rs1: REGISTER_NAMES.indexOf(target) });
        break;
      default:
        code.shortJump(this.pick(["c.beqz", "c.bnez"]), label, this.pick(SHORT));
    }
    for (let i = this.random(4); i > 0; i--) this.simple();
    code.label(label);
  }

  /** Compressed instructions that trap; a nop fills the four bytes that the handler skips. */
  shortTrap(): void {
    const { code } = this;
    switch (this.random(3)) {
      case 0:
        code.emit("c.ebreak");
        break;
      case 1:
        // c.lwsp x0, c.jr x0, c.addw: reserved.
        code.half(this.pick([0x4002, 0x8002, 0x9c21, 0x0000, 0x0004, 0x6101]));
        break;
      default: {
        const base = REGISTER_NAMES.indexOf(this.pick(SHORT));
        code.li(REGISTER_NAMES[base]!, 0x0a00_0000 + 4 * this.random(1024));
        code.emit("c.lw", { rd: REGISTER_NAMES.indexOf(this.pick(SHORT)), rs1: base, imm: 4 * this.random(32) });
      }
    }
    code.emit("c.addi", { rd: 0, imm: 0 });
  }

  /** One instruction that does not jump. */
  simple(): void {
    const kind = this.random(6);
    if (kind < 2) this.compressed();
    else if (kind < 4) this.memory();
    else this.arithmetic();
  }

  item(): void {
    const kind = this.random(100);
    if (kind < 24) this.arithmetic();
    else if (kind < 43) this.compressed();
    else if (kind < 45) this.shortForward();
    else if (kind < 46) this.shortTrap();
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
