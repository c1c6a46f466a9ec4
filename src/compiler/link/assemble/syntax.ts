/**
 * How each instruction's operands are written. One letter an operand: d rd, s rs1, t rs2, i
 * immediate, u upper immediate (20 bits, or %hi), m `imm(rs1)`, a `(rs1)`, c CSR, z five-bit
 * immediate, b branch target. Encoding is the business of src/isa; this is only the written form.
 */
import { CSR, REGISTER_NAMES } from "../../../isa/index.ts";

const SHAPES: readonly (readonly [shape: string, mnemonics: string])[] = [
  ["dst", "add sub sll slt sltu xor srl sra or and mul mulh mulhsu mulhu div divu rem remu"],
  ["dsi", "addi slti sltiu xori ori andi slli srli srai"],
  ["dm", "lb lh lw lbu lhu"],
  ["tm", "sb sh sw"],
  ["stb", "beq bne blt bge bltu bgeu"],
  ["du", "lui auipc"],
  ["dcs", "csrrw csrrs csrrc"],
  ["dcz", "csrrwi csrrsi csrrci"],
  ["st", "sfence.vma"],
  ["", "ecall ebreak wfi sret mret fence.i pause"],
];
const ORDERED: readonly (readonly [shape: string, mnemonics: string])[] = [
  ["da", "lr.w"],
  [
    "dta",
    "sc.w amoswap.w amoadd.w amoxor.w amoand.w amoor.w amomin.w amomax.w amominu.w amomaxu.w",
  ],
];

function buildShapes(): Map<string, string> {
  const shapes = new Map<string, string>();
  for (const [shape, names] of SHAPES) for (const name of names.split(" ")) shapes.set(name, shape);
  for (const [shape, names] of ORDERED) {
    for (const name of names.split(" ")) {
      for (const suffix of ["", ".aq", ".rl", ".aqrl"]) shapes.set(name + suffix, shape);
    }
  }
  return shapes;
}

/** Mnemonic -> operand letters, for instructions whose text is regular. */
export const OPERAND_SHAPES: ReadonlyMap<string, string> = buildShapes();

function buildRegisters(): Map<string, number> {
  const registers = new Map<string, number>();
  REGISTER_NAMES.forEach((name, number) => {
    registers.set(name, number);
    registers.set(`x${number}`, number);
  });
  return registers.set("fp", 8);
}

export const REGISTERS: ReadonlyMap<string, number> = buildRegisters();

export function csrNumber(name: string): number | undefined {
  return Object.hasOwn(CSR, name) ? CSR[name] : undefined;
}

/** `bgt a, b` is `blt b, a`. */
export const SWAPPED_BRANCHES = { bgt: "blt", ble: "bge", bgtu: "bltu", bleu: "bgeu" } as const;

/** `beqz a` is `beq a, zero`; `blez a` is `bge zero, a`. */
export const ZERO_BRANCHES = {
  beqz: { mnemonic: "beq", swap: false },
  bnez: { mnemonic: "bne", swap: false },
  bltz: { mnemonic: "blt", swap: false },
  bgez: { mnemonic: "bge", swap: false },
  blez: { mnemonic: "bge", swap: true },
  bgtz: { mnemonic: "blt", swap: true },
} as const;

/** `add a, b, 4` is accepted for `addi a, b, 4`. */
export const IMMEDIATE_FORMS: Readonly<Record<string, string>> = {
  add: "addi",
  slt: "slti",
  sltu: "sltiu",
  xor: "xori",
  or: "ori",
  and: "andi",
  sll: "slli",
  srl: "srli",
  sra: "srai",
};
