/**
 * Random instructions for one case (driver.ts): the whole ISA, legal and not, at addresses where something happens.
 *
 * Left out because the two machines may rightly differ (DIFFERENCES in compare.ts says why): writes to satp without a
 * fence, counters, identity, reserved values of fields, SC after anything but its LR; and what would break the driver:
 * mtvec, stvec, mscratch, sscratch, mie, PMP.
 */
import { CSR, INSTRUCTIONS, REGISTER_NAMES, encode, type Operands } from "../../../src/isa/index.ts";
import type { Assembler } from "../../../src/machine/test-assembler.ts";

export type Random = (below: number) => number;

/** Registers that hold addresses when a snippet begins; the others hold any value. */
export const ADDRESS_REGISTERS = [8, 9, 10, 11, 12, 13, 14, 15, 18, 19, 20, 21] as const;
/** Holds an address where an atomic is permitted (with its faults the two machines differ), unless a snippet changes it. */
export const SAFE_REGISTER = 22;
const LOADS = ["lb", "lbu", "lh", "lhu", "lw"];
const STORES = ["sb", "sh", "sw"];
const ATOMICS = INSTRUCTIONS.filter(({ semantics }) => semantics.kind === "amo").map(({ mnemonic }) => mnemonic);
const COMPUTE = INSTRUCTIONS.filter(({ semantics }) => ["alu", "lui", "auipc"].includes(semantics.kind));
const BRANCHES = ["beq", "bne", "blt", "bge", "bltu", "bgeu"];
/** Read and written. */
const WRITABLE = ["sepc", "scause", "stval", "scounteren", "mepc", "mcause", "mtval", "mcounteren"];
/** Only some bits may be written: set or cleared by a mask. */
const MASKED: readonly (readonly [name: string, bits: readonly number[]])[] = [
  ["sstatus", [1 << 1, 1 << 5, 1 << 8, 1 << 18, 1 << 19]],
  ["mstatus", [1 << 1, 1 << 5, 1 << 8, 1 << 17, 1 << 18, 1 << 19, 1 << 20, 1 << 21, 1 << 22]],
  ["sie", [2, 0x20, 0x200]],
  ["sip", [2]],
];
const READABLE = [
  ...WRITABLE, "sstatus", "sie", "sip", "satp", "stvec", "mstatus", "mie", "mip", "medeleg", "mideleg", "misa", "mhartid",
  "mstatush", "pmpcfg0", "pmpcfg1", "pmpcfg2", "pmpaddr0", "pmpaddr7", "pmpaddr15", "senvcfg", "menvcfg", "menvcfgh",
];
/** May be asked for by number alone: a kernel probes them. */
const STRANGE = [0x000, 0x001, 0x003, 0x105 + 0x100, 0x106 + 0x100, 0x14d, 0x15d, 0x180 + 0x100, 0x5a8, 0x747, 0x7a0, 0x7b0, 0x8ff, 0xc03, 0xda0, 0xdff, 0xfff];

export class Snippet {
  readonly code: Assembler;
  readonly random: Random;
  private readonly labelled: string;
  private readonly wild: boolean;
  private readonly far: boolean;
  private readonly divided: boolean;
  private labels = 0;

  /** `wild`: any register may be an address, `far`: a jump may go to one, `divided`: PMP is not all open. Untranslated, it would hit devices that only one board has. */
  constructor(code: Assembler, random: Random, labelled: string, wild: boolean, far: boolean, divided: boolean) {
    this.divided = divided;
    this.wild = wild;
    this.far = far;
    this.code = code;
    this.random = random;
    this.labelled = labelled;
  }

  private pick<T>(list: readonly T[]): T {
    return list[this.random(list.length)]!;
  }
  private register(): number {
    return this.random(32);
  }
  /** sltu and slti into x0 are trace marks here. */
  private target(): number {
    const register = 1 + this.random(31);
    return register === SAFE_REGISTER ? 5 : register;
  }
  private address(): number {
    return this.pick(ADDRESS_REGISTERS);
  }
  private emit(mnemonic: string, operands: Operands): void {
    if (encode(mnemonic, operands) !== null) this.code.emit(mnemonic, operands);
  }
  private get any(): number {
    return this.random(0x1_0000_0000);
  }

  private compute(): void {
    const { mnemonic, format } = this.pick(COMPUTE);
    const imm = format === "u" ? (this.any & ~0xfff) | 0 : format === "shift" ? this.random(32) : this.random(4096) - 2048;
    this.emit(mnemonic, { rd: this.target(), rs1: this.register(), rs2: this.register(), imm });
  }

  private memory(): void {
    const imm = this.wild && !this.divided && this.random(3) === 0 ? this.random(16) - 8 : 4 * this.random(4);
    const base = this.wild && this.random(8) === 0 ? this.register() : this.address();
    if (this.random(2) === 0) this.emit(this.pick(LOADS), { rd: this.target(), rs1: base, imm });
    else this.emit(this.pick(STORES), { rs1: base, rs2: this.register(), imm });
  }

  private atomic(): void {
    if (this.random(6) === 0) return this.emit("lr.w", { rd: this.target(), rs1: this.address() });
    const rs1 = SAFE_REGISTER;
    if (this.random(3) > 0) this.emit(this.pick(ATOMICS), { rd: this.target(), rs1, rs2: this.register() });
    else {
      this.emit("lr.w", { rd: 31, rs1 });
      if (this.random(2) === 0) this.emit("addi", { rd: 31, rs1: 31, imm: 1 });
      this.emit("sc.w", { rd: 30, rs1, rs2: 31 });
    }
  }

  private control(): void {
    const zero = { rd: this.random(4) === 0 ? 0 : this.target(), rs1: 0 };
    switch (this.random(8)) {
      case 0:
        return this.emit("csrrs", { ...zero, csr: this.pick(STRANGE) });
      case 1:
        return this.emit(this.pick(["csrrw", "csrrsi", "csrrci"]), { rd: 5, rs1: 5, imm: 1, csr: this.pick(STRANGE) });
      case 2:
        // Whether the counter is open, not what it shows.
        return this.emit("csrrs", { rd: 0, rs1: 0, csr: this.pick([0xc00, 0xc01, 0xc02, 0xc80, 0xc81, 0xc82, 0xb00, 0xb82]) });
      case 3:
      case 4:
        return this.emit("csrrs", { ...zero, csr: CSR[this.pick(READABLE)]! });
      case 5: {
        // An even value: bit 0 of mepc is kept by QEMU 7.2.
        const csr = CSR[this.pick(WRITABLE)]!;
        this.emit("andi", { rd: 6, rs1: this.register(), imm: -2 });
        return this.emit(this.pick(["csrrw", "csrrs"]), { rd: this.target(), rs1: 6, csr });
      }
      default: {
        const [name, bits] = this.pick(MASKED);
        const mask = this.pick(bits) | this.pick(bits);
        this.code.li("t1", mask);
        return this.emit(this.pick(["csrrs", "csrrc"]), { rd: this.target(), rs1: 6, csr: CSR[name]! });
      }
    }
  }

  private system(): void {
    const { code } = this;
    switch (this.random(12)) {
      case 0:
      case 1:
      case 2:
        return this.emit("sfence.vma", { rs1: this.random(2) * this.address(), rs2: this.random(2) * this.register() });
      case 3:
        // QEMU 7.2 does not clear MPRV, so not from M mode.
        code.emit(this.wild && !this.far ? "mret" : "sret");
        return;
      case 4:
        code.emit("mret");
        return;
      case 5:
        code.emit("ebreak");
        return;
      case 6:
        code.emit(this.pick(["fence", "fence.i", "pause"]));
        return;
      case 7:
        // Rarely something to wait for: the watchdog ends it.
        if (this.random(4) === 0) code.emit("wfi");
        return;
      case 8:
        // Reserved encodings and odd forms of system instructions.
        code.word(this.pick([0x0020_0073, 0x1020_00f3, 0x3020_8073, 0x1050_0173, 0x1200_00f3, 0x7b20_0073, 0x2220_0073, 0x0000_0000, 0xffff_ffff]));
        return;
      default:
        code.emit("ecall");
    }
  }

  /** Two bytes that are no jump, or a jump that comes out in front. */
  private compressed(): void {
    const bits = this.random(0x1_0000);
    const [quadrant, top] = [bits & 3, bits >>> 13];
    const jump = (quadrant === 1 && (top === 1 || top >= 5)) || (quadrant === 2 && top === 4);
    // c.slli, c.li and others with rd = x0 are hints; those of sp may move it, which is nothing to the driver.
    const memory = quadrant === 0 || (quadrant === 2 && (top === 2 || top === 6));
    if (quadrant !== 3 && !jump && (this.wild || !memory)) this.code.half(bits);
  }

  private jump(): void {
    const label = `${this.labelled}${this.labels++}`;
    if (this.random(3) === 0) this.code.jal(REGISTER_NAMES[this.register()]!, label);
    else this.code.branch(this.pick(BRANCHES), REGISTER_NAMES[this.register()]!, REGISTER_NAMES[this.register()]!, label);
    for (let i = this.random(3); i >= 0; i--) this.memory();
    this.code.label(label);
  }

  /** Away: to an address of the table, which holds data or nothing. */
  private leave(): void {
    this.emit("jalr", { rd: this.register(), rs1: this.address(), imm: this.random(4) === 0 ? 2 * this.random(4) : 0 });
  }

  item(): void {
    const kind = this.random(100);
    if (kind < 22) this.compute();
    else if (kind < 52) this.memory();
    else if (kind < 60) this.atomic();
    else if (kind < 75) this.control();
    else if (kind < 83) this.system();
    else if (kind < 90) this.compressed();
    else if (kind < 95) this.jump();
    else if (kind < 97 && this.far) this.leave();
    // Any word of four bytes that is not a jump or a CSR instruction.
    else {
      const word = this.any | 3;
      if (![0x63, 0x67, 0x6f, 0x73].includes(word & 0x7f)) this.code.word(word);
    }
  }
}
