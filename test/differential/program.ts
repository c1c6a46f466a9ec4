/**
 * Random RV32IMA programs that end: a prologue fills the registers, a loop of random items runs
 * over them and over 4 KiB of scratch memory, an epilogue sends registers and scratch over the UART
 * and powers off.
 *
 * Registers: sp middle of the scratch area, gp loop counter, tp hash of the traps met, t5 and t6
 * belong to the trap handler, t4 holds addresses; all others are fair game. A trap's cause, value
 * and pc go into the hash and execution goes on behind it. Left out because the two machines may
 * rightly differ: SC after LR with a store between, or within the same line at another address;
 * misaligned jumps; CSRs that show extensions. QEMU 7.2 calls a fault of an AMO a load's (cause 4,
 * 5), the specification a store's: left out as well.
 */
import { Assembler } from "../../src/machine/test-assembler.ts";
import { CSR, REGISTER_NAMES } from "../../src/isa/index.ts";

export const SCRATCH_BYTES = 4096;
/** What the epilogue sends: x0..x31, then the scratch area. */
export const DUMP_BYTES = 128 + SCRATCH_BYTES;

export interface Program {
  readonly seed: number;
  readonly bytes: Uint8Array;
  readonly base: number;
  /** First instruction of the trap handler. */
  readonly handler: number;
  /** Where the comparison of single steps ends. */
  readonly epilogue: number;
  /** Instructions of the prologue; before its end, registers hold what reset left. */
  readonly settled: number;
}

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
const FREE = REGISTER_NAMES.filter((name) => !RESERVED.has(name));
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
const PLAIN_CSRS = ["mscratch", "sscratch", "mcause", "mtval", "scause", "stval"];
const EDGES = [0, 1, -1, 2, -2, 0x7fff_ffff, -0x8000_0000, 0x8000, 0xffff, 31, 32];

class Generator {
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

/** Adds cause, value and pc of a trap to the hash in tp, then skips the instruction. */
function emitHandler(code: Assembler): void {
  code.label("handler");
  for (const name of ["mcause", "mtval", "mepc"]) {
    code.op("slli", "t5", "tp", 5).op("sub", "tp", "t5", "tp");
    code.csr("csrrs", "t6", CSR[name]!, "zero").op("add", "tp", "tp", "t6");
  }
  code.op("addi", "t6", "t6", 4).csr("csrrw", "zero", CSR["mepc"]!, "t6").emit("mret");
}

/**
 * Sends the dump byte by byte, then powers off; `t5` and `t6` are saved like the rest before they
 * are used.
 */
function emitEpilogue(code: Assembler): void {
  code.label("epilogue").csr("csrrw", "zero", CSR["mscratch"]!, "t6").la("t6", "dump");
  for (let i = 0; i < 31; i++) code.store("sw", REGISTER_NAMES[i]!, "t6", 4 * i);
  code.csr("csrrs", "t5", CSR["mscratch"]!, "zero").store("sw", "t5", "t6", 124);
  code.la("t5", "end").li("t4", 0x1000_0000);
  code.label("send").load("lbu", "t3", "t4", 5).op("andi", "t3", "t3", 0x20);
  code.branch("beq", "t3", "zero", "send");
  code.load("lbu", "t3", "t6", 0).store("sb", "t3", "t4", 0).op("addi", "t6", "t6", 1);
  code.branch("bne", "t6", "t5", "send");
  code.li("t4", 0x10_0000).li("t3", 0x5555).store("sw", "t3", "t4", 0);
  code.label("hang").jal("zero", "hang");
}

export function randomProgram(seed: number, items = 120, rounds = 100): Program {
  const code = new Assembler();
  const generator = new Generator(seed, code);
  code.la("t4", "handler").csr("csrrw", "zero", CSR["mtvec"]!, "t4");
  code
    .la("sp", "scratch")
    .op("addi", "sp", "sp", SCRATCH_BYTES / 4)
    .op("addi", "sp", "sp", SCRATCH_BYTES / 4);
  code.li("gp", rounds).li("tp", 0).li("t4", 0).li("t5", 0).li("t6", 0);
  for (const name of FREE) code.li(name, generator.value());
  for (const name of PLAIN_CSRS) code.csr("csrrw", "zero", CSR[name]!, "zero");
  code.label("loop");
  for (let i = 0; i < items; i++) generator.item();
  code.op("addi", "gp", "gp", -1).branch("beq", "gp", "zero", "epilogue").jal("zero", "loop");
  emitHandler(code.align(64));
  emitEpilogue(code);
  code.align(4096).label("dump").space(32).label("scratch");
  for (let i = 0; i < SCRATCH_BYTES / 4; i++) code.word(generator.value());
  code.label("end");
  return {
    seed,
    bytes: code.bytes(),
    base: code.base,
    handler: code.addressOf("handler"),
    epilogue: code.addressOf("epilogue"),
    settled: (code.addressOf("loop") - code.base) / 4,
  };
}
