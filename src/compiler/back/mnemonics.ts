/** Which instruction does which IR operation. */
import type { AmoOp, BinaryOp, Condition, MemoryOrder } from "../ir.ts";

/** By width: zero-extending, sign-extending. */
export const LOAD_MNEMONICS: Readonly<Record<1 | 2 | 4, readonly [string, string]>> = {
  1: ["lbu", "lb"], 2: ["lhu", "lh"], 4: ["lw", "lw"],
};

export const STORE_MNEMONICS: Readonly<Record<1 | 2 | 4, string>> = { 1: "sb", 2: "sh", 4: "sw" };

/** Binary operations with a 12-bit immediate form; sub negates. */
export const IMMEDIATE_FORMS: Readonly<Partial<Record<BinaryOp, string>>> = {
  add: "addi", sub: "addi", and: "andi", or: "ori", xor: "xori", slt: "slti", sltu: "sltiu",
  sll: "slli", srl: "srli", sra: "srai",
};

export const AMO_MNEMONICS: Readonly<Record<AmoOp, string>> = {
  swap: "amoswap.w", add: "amoadd.w", and: "amoand.w", or: "amoor.w", xor: "amoxor.w",
  min: "amomin.w", max: "amomax.w", minu: "amominu.w", maxu: "amomaxu.w",
};

export const ORDER_SUFFIXES: Readonly<Record<MemoryOrder, string>> = {
  "relaxed": "", "acquire": ".aq", "release": ".rl", "acquire-release": ".aqrl",
};

/** The acquire half goes to LR, the release half to SC. */
export const LR_SUFFIXES: Readonly<Record<MemoryOrder, string>> = {
  "relaxed": "", "acquire": ".aq", "release": "", "acquire-release": ".aq",
};
export const SC_SUFFIXES: Readonly<Record<MemoryOrder, string>> = {
  "relaxed": "", "acquire": "", "release": ".rl", "acquire-release": ".rl",
};

/** Device input and output bits stay clear. */
export const FENCE_BITS: Readonly<Record<"r" | "w" | "rw", number>> = { r: 2, w: 1, rw: 3 };

export const BRANCHES: Readonly<Record<Condition, "beq" | "bne" | "blt" | "bge" | "bltu" | "bgeu">> = {
  eq: "beq", ne: "bne", lt: "blt", ge: "bge", ltu: "bltu", geu: "bgeu",
};

export const INVERSE: Readonly<Record<Condition, Condition>> = {
  eq: "ne", ne: "eq", lt: "ge", ge: "lt", ltu: "geu", geu: "ltu",
};
