/**
 * Opcodes of predecoded entries: one for each value-computing row of the instruction table, and those that only the
 * engine knows. Opcodes of compressed instructions end in `.c`: the same, but two bytes long. An entry is opcode | rd offset << 8 | rs1 offset << 16 | rs2 offset << 24, then one word of immediate;
 * register offsets are bytes into the hart's block, and writes to x0 go to HART.SCRATCH.
 */
import { COMPRESSED, INSTRUCTIONS } from "../../isa/index.ts";
import type { Instruction } from "../../isa/index.ts";

const SPECIAL = [
  /** Not decoded yet; must be 0. */
  "UNDECODED",
  /** Behind the last instruction of a page. */
  "PAGE_END",
  /** imm: the word. */
  "ILLEGAL",
  /** imm: the word, for the `system` import. */
  "SYSTEM",
  /** imm: the word, a CSR that emit-csr.ts may do. */
  "CSR",
  "NOP",
  /** rd = imm: lui, and addi from x0. */
  "CONSTANT",
  /** rd = pc + imm */
  "AUIPC",
  /** sltu x0: a, b of a mark. */
  "MARK_LATCH",
  /** slti x0: c and the event. */
  "MARK_FIRE",
  "FENCE",
  "PAUSE",
  /** The instruction's second half is in the next page. */
  "SPLIT",
  /** imm: address of the record of the region that begins here (tables.ts REGION). */
  "REGION",
  /** imm: distance in bytes of entries, inside the page. */
  "JAL",
  /** imm: distance in bytes of code. */
  "JAL_FAR",
  "JALR",
  "LR",
  "SC",
  /** A breakpoint, instead of the instruction's own entry. */
  "BREAK",
] as const;

/** Rows that get an opcode of their own; branches get a second one for targets outside the page. */
const ROWS: readonly Instruction[] = INSTRUCTIONS.filter(({ semantics }) =>
  ["alu", "branch", "load", "store", "amo"].includes(semantics.kind),
);

/** What compressed instructions become. */
const SHORT: readonly string[] = [
  "NOP", "CONSTANT", "JAL", "JAL_FAR", "JALR", "beq", "bne", "beq.far", "bne.far",
  ...COMPRESSED.map((row) => row.base.mnemonic).filter((mnemonic) => ROWS.some((row) => row.mnemonic === mnemonic)),
];

export const OPCODE_NAMES: readonly string[] = [
  ...SPECIAL,
  ...ROWS.map((row) => row.mnemonic),
  ...ROWS.filter((row) => row.semantics.kind === "branch").map((row) => `${row.mnemonic}.far`),
  ...new Set(SHORT.map((name) => `${name}.c`)),
  // Last: branches that close a poll loop (poll-loops.ts has their immediate).
  ...ROWS.filter((row) => row.semantics.kind === "branch").map((row) => `${row.mnemonic}.poll`),
  "beq.poll.c",
  "bne.poll.c",
];
if (OPCODE_NAMES.length > 256) throw new Error("engine: an opcode is one byte");

const NUMBERS: ReadonlyMap<string, number> = new Map(OPCODE_NAMES.map((name, number) => [name, number]));

export const OP = Object.fromEntries(SPECIAL.map((name, number) => [name, number])) as Record<
  (typeof SPECIAL)[number],
  number
>;

export const FIRST_POLL_OPCODE = OPCODE_NAMES.findIndex((name) => name.includes(".poll"));

/** Opcode of a row's mnemonic, of `mnemonic.far` or `.poll`, or of one of these with `.c`. */
export function opcodeOf(name: string): number {
  const number = NUMBERS.get(name);
  if (number === undefined) throw new Error(`engine: no opcode for ${name}`);
  return number;
}

export type BranchKind = "near" | "far" | "poll";

/** An opcode's name in its parts. */
export function partsOf(name: string): { readonly plain: string; readonly branch: BranchKind; readonly short: boolean } {
  const short = name.endsWith(".c");
  const long = short ? name.slice(0, -2) : name;
  if (long.endsWith(".far")) return { plain: long.slice(0, -4), branch: "far", short };
  if (long.endsWith(".poll")) return { plain: long.slice(0, -5), branch: "poll", short };
  return { plain: long, branch: "near", short };
}

/** The rows by opcode, for the generator. */
export function rowOf(name: string): Instruction | null {
  const mnemonic = partsOf(name).plain;
  return ROWS.find((row) => row.mnemonic === mnemonic) ?? null;
}
