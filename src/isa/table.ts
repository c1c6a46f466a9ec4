/**
 * The instruction table: RV32IMA, Zicsr, Zifencei, Zihintpause and the privileged instructions; compressed.ts has C.
 *
 * Rows whose word is a special case of another row (pause of fence) come first; `decode` takes the first match.
 * Sources: RISC-V unprivileged manual chapters "RV32/64G instruction set listings", privileged manual chapter 3.
 */
import type { CostClass, Format, Instruction, Semantics } from "./instruction.ts";
import { choose, i32, i64, select } from "./wasm/code.ts";
import type { Value } from "./wasm/code.ts";

const OPCODE = {
  load: 0x03, miscMem: 0x0f, opImm: 0x13, auipc: 0x17, store: 0x23, amo: 0x2f,
  op: 0x33, lui: 0x37, branch: 0x63, jalr: 0x67, jal: 0x6f, system: 0x73,
} as const;

const MASK_OPCODE = 0x7f;
const MASK_FUNCT3 = 0x707f;
const MASK_FUNCT7 = 0xfe00707f;
/** funct5 without aq and rl. */
const MASK_AMO = 0xf800707f;

const row = (
  mnemonic: string, format: Format, match: number, mask: number, cost: CostClass, semantics: Semantics,
): Instruction => ({ mnemonic, format, match: match >>> 0, mask: mask >>> 0, cost, semantics });

type Compute = (a: Value, b: Value) => Value;

const register = (mnemonic: string, funct7: number, funct3: number, value: Compute, cost: CostClass = "alu") =>
  row(mnemonic, "r", (funct7 << 25) | (funct3 << 12) | OPCODE.op, MASK_FUNCT7, cost, { kind: "alu", value });

const immediate = (mnemonic: string, funct3: number, value: Compute) =>
  row(mnemonic, "i", (funct3 << 12) | OPCODE.opImm, MASK_FUNCT3, "alu", { kind: "alu", value });

const shift = (mnemonic: string, funct7: number, funct3: number, value: Compute) =>
  row(mnemonic, "shift", (funct7 << 25) | (funct3 << 12) | OPCODE.opImm, MASK_FUNCT7, "alu", { kind: "alu", value });

const branch = (mnemonic: string, funct3: number, taken: Compute) =>
  row(mnemonic, "b", (funct3 << 12) | OPCODE.branch, MASK_FUNCT3, "branch", { kind: "branch", taken });

const load = (mnemonic: string, funct3: number, bytes: 1 | 2 | 4, signed: boolean) =>
  row(mnemonic, "load", (funct3 << 12) | OPCODE.load, MASK_FUNCT3, "load", { kind: "load", bytes, signed });

const store = (mnemonic: string, funct3: number, bytes: 1 | 2 | 4) =>
  row(mnemonic, "s", (funct3 << 12) | OPCODE.store, MASK_FUNCT3, "store", { kind: "store", bytes });

const amo = (mnemonic: string, funct5: number, value: Compute) =>
  row(mnemonic, "amo", (funct5 << 27) | 0x2000 | OPCODE.amo, MASK_AMO, "atomic", { kind: "amo", value });

const csr = (mnemonic: string, funct3: number, operation: "write" | "set" | "clear") =>
  row(mnemonic, funct3 >= 4 ? "csri" : "csr", (funct3 << 12) | OPCODE.system, MASK_FUNCT3, "csr", { kind: "csr", operation });

const fixed = (mnemonic: string, word: number, cost: CostClass = "system", semantics: Semantics = { kind: "system" }) =>
  row(mnemonic, "none", word, 0xffffffff, cost, semantics);

const highHalf = (product: Value): Value => i32.wrap(i64.shrU(product, 32));

/** Division by zero gives all ones and the dividend; the overflow of -2^31 / -1 gives -2^31 and 0. */
const divide: Compute = (a, b) =>
  choose(i32.eqz(b), -1, choose(i32.eq(b, -1), i32.sub(0, a), i32.divS(a, b)));
const remainder: Compute = (a, b) => choose(i32.eqz(b), a, choose(i32.eq(b, -1), 0, i32.remS(a, b)));

export const INSTRUCTIONS: readonly Instruction[] = [
  row("lui", "u", OPCODE.lui, MASK_OPCODE, "alu", { kind: "lui" }),
  row("auipc", "u", OPCODE.auipc, MASK_OPCODE, "alu", { kind: "auipc" }),
  row("jal", "j", OPCODE.jal, MASK_OPCODE, "jump", { kind: "jal" }),
  row("jalr", "jalr", OPCODE.jalr, MASK_FUNCT3, "jumpRegister", { kind: "jalr" }),

  branch("beq", 0, i32.eq),
  branch("bne", 1, i32.ne),
  branch("blt", 4, i32.ltS),
  branch("bge", 5, i32.geS),
  branch("bltu", 6, i32.ltU),
  branch("bgeu", 7, i32.geU),

  load("lb", 0, 1, true),
  load("lh", 1, 2, true),
  load("lw", 2, 4, true),
  load("lbu", 4, 1, false),
  load("lhu", 5, 2, false),
  store("sb", 0, 1),
  store("sh", 1, 2),
  store("sw", 2, 4),

  immediate("addi", 0, i32.add),
  immediate("slti", 2, i32.ltS),
  immediate("sltiu", 3, i32.ltU),
  immediate("xori", 4, i32.xor),
  immediate("ori", 6, i32.or),
  immediate("andi", 7, i32.and),
  shift("slli", 0x00, 1, i32.shl),
  shift("srli", 0x00, 5, i32.shrU),
  shift("srai", 0x20, 5, i32.shrS),

  register("add", 0x00, 0, i32.add),
  register("sub", 0x20, 0, i32.sub),
  register("sll", 0x00, 1, i32.shl),
  register("slt", 0x00, 2, i32.ltS),
  register("sltu", 0x00, 3, i32.ltU),
  register("xor", 0x00, 4, i32.xor),
  register("srl", 0x00, 5, i32.shrU),
  register("sra", 0x20, 5, i32.shrS),
  register("or", 0x00, 6, i32.or),
  register("and", 0x00, 7, i32.and),

  register("mul", 0x01, 0, i32.mul, "mul"),
  register("mulh", 0x01, 1, (a, b) => highHalf(i64.mul(i64.extendS(a), i64.extendS(b))), "mul"),
  register("mulhsu", 0x01, 2, (a, b) => highHalf(i64.mul(i64.extendS(a), i64.extendU(b))), "mul"),
  register("mulhu", 0x01, 3, (a, b) => highHalf(i64.mul(i64.extendU(a), i64.extendU(b))), "mul"),
  register("div", 0x01, 4, divide, "div"),
  register("divu", 0x01, 5, (a, b) => choose(i32.eqz(b), -1, i32.divU(a, b)), "div"),
  register("rem", 0x01, 6, remainder, "div"),
  register("remu", 0x01, 7, (a, b) => choose(i32.eqz(b), a, i32.remU(a, b)), "div"),

  row("lr.w", "lr", 0x1000202f, 0xf9f0707f, "atomic", { kind: "lr" }),
  row("sc.w", "amo", 0x1800202f, MASK_AMO, "atomic", { kind: "sc" }),
  amo("amoswap.w", 0x01, (_old, b) => b),
  amo("amoadd.w", 0x00, i32.add),
  amo("amoxor.w", 0x04, i32.xor),
  amo("amoand.w", 0x0c, i32.and),
  amo("amoor.w", 0x08, i32.or),
  amo("amomin.w", 0x10, (old, b) => select(i32.ltS(old, b), old, b)),
  amo("amomax.w", 0x14, (old, b) => select(i32.gtS(old, b), old, b)),
  amo("amominu.w", 0x18, (old, b) => select(i32.ltU(old, b), old, b)),
  amo("amomaxu.w", 0x1c, (old, b) => select(i32.gtU(old, b), old, b)),

  fixed("pause", 0x0100000f, "fence", { kind: "pause" }),
  fixed("fence.tso", 0x8330000f, "fence", { kind: "fence" }),
  row("fence", "fence", OPCODE.miscMem, MASK_FUNCT3, "fence", { kind: "fence" }),
  row("fence.i", "none", 0x0000100f, MASK_FUNCT3, "system", { kind: "system" }),

  csr("csrrw", 1, "write"),
  csr("csrrs", 2, "set"),
  csr("csrrc", 3, "clear"),
  csr("csrrwi", 5, "write"),
  csr("csrrsi", 6, "set"),
  csr("csrrci", 7, "clear"),
  fixed("ecall", 0x00000073),
  fixed("ebreak", 0x00100073),
  fixed("sret", 0x10200073),
  fixed("mret", 0x30200073),
  fixed("wfi", 0x10500073),
  row("sfence.vma", "sfence", 0x12000073, 0xfe007fff, "system", { kind: "system" }),
];
