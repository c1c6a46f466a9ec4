/** Instructions and pseudo-instructions as written, into pieces. Throws SyntaxProblem. */
import { SyntaxProblem } from "./expression.ts";
import type { Expression } from "./expression.ts";
import type { BranchMnemonic, Operands } from "./piece.ts";
import {
  csrNumber,
  IMMEDIATE_FORMS,
  OPERAND_SHAPES,
  REGISTERS,
  SWAPPED_BRANCHES,
  ZERO_BRANCHES,
} from "./syntax.ts";
import type { TextAssembler } from "./text.ts";

const RA = 1;
const T1 = 6;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

function expectCount(mnemonic: string, operands: readonly string[], ...allowed: number[]): void {
  if (allowed.includes(operands.length)) return;
  throw new SyntaxProblem(
    `"${mnemonic}" takes ${allowed.join(" or ")} operands, not ${operands.length}`,
  );
}

/** `imm(reg)`, `(reg)`. */
function memoryOperand(a: TextAssembler, text: string): { base: number; offset: Expression } {
  const m = /^(.*)\(\s*([a-z]\w*)\s*\)$/.exec(text);
  if (!m || !REGISTERS.has(m[2]))
    throw new SyntaxProblem(`"${text}" must have the form offset(register)`);
  const offset = m[1].trim();
  return { base: a.register(m[2]), offset: a.expression(offset === "" ? "0" : offset) };
}

function csrOperand(a: TextAssembler, text: string): number {
  const known = csrNumber(text);
  if (known !== undefined) return known;
  if (/^[a-z]/.test(text))
    throw new SyntaxProblem(`"${text}" is not a control and status register`);
  return a.constant(text);
}

/** The 20-bit operand of lui and auipc as the upper value that src/isa takes. */
function upperOperand(a: TextAssembler, text: string): Expression {
  const e = a.expression(text);
  if (e.kind !== "number" || text.includes("%hi")) return e;
  if (e.value < 0 || e.value > 0xfffff) throw new SyntaxProblem(`${text} does not fit 20 bits`);
  return { kind: "number", value: e.value << 12 };
}

function regular(
  a: TextAssembler,
  mnemonic: string,
  shape: string,
  operands: readonly string[],
): void {
  expectCount(mnemonic, operands, shape.length);
  const fields: Mutable<Operands> = {};
  let imm: Expression | null = null;
  for (let i = 0; i < shape.length; i++) {
    const text = operands[i];
    switch (shape[i]) {
      case "d":
        fields.rd = a.register(text);
        break;
      case "s":
        fields.rs1 = a.register(text);
        break;
      case "t":
        fields.rs2 = a.register(text);
        break;
      case "c":
        fields.csr = csrOperand(a, text);
        break;
      case "i":
      case "z":
        imm = a.expression(text);
        break;
      case "u":
        imm = upperOperand(a, text);
        break;
      case "m":
      case "a": {
        const memory = memoryOperand(a, text);
        fields.rs1 = memory.base;
        if (shape[i] === "m") imm = memory.offset;
        else if (memory.offset.kind !== "number" || memory.offset.value !== 0) {
          throw new SyntaxProblem(`"${mnemonic}" takes no offset`);
        }
        break;
      }
      case "b":
        branch(a, mnemonic as BranchMnemonic, fields.rs1 ?? 0, fields.rs2 ?? 0, text);
        return;
    }
  }
  a.builder.insn(mnemonic, fields, imm, a.origin);
}

function branch(
  a: TextAssembler,
  mnemonic: BranchMnemonic,
  rs1: number,
  rs2: number,
  target: string,
): void {
  const { origin } = a;
  a.builder.pieces.push({
    kind: "branch",
    mnemonic,
    rs1,
    rs2,
    target: a.expression(target),
    origin,
    far: false,
  });
}

function jump(a: TextAssembler, rd: number, scratch: number | null, target: string): void {
  const { origin } = a;
  a.builder.pieces.push({
    kind: "jump",
    rd,
    scratch,
    target: a.expression(target),
    origin,
    far: false,
  });
}

/** jalr rs | rd, rs | rd, rs, imm | rd, imm(rs) | imm(rs). */
function jalr(a: TextAssembler, operands: readonly string[]): void {
  const rd = operands.length === 1 ? RA : a.register(operands[0]);
  const target = operands[Math.min(1, operands.length - 1)];
  const { base, offset } =
    operands.length < 3 && target.includes("(")
      ? memoryOperand(a, target)
      : { base: a.register(target), offset: a.expression(operands[2] ?? "0") };
  a.builder.insn("jalr", { rd, rs1: base }, offset, a.origin);
}

/** csrr, csrw, csrs, csrc and their immediate forms. */
function shortCsr(a: TextAssembler, operands: readonly string[], mnemonic: string): void {
  const read = mnemonic === "csrr";
  const immediate = !read && (mnemonic.endsWith("i") || !REGISTERS.has(operands[1]));
  const full = read ? "csrrs" : `csrr${mnemonic[3]}${immediate ? "i" : ""}`;
  regular(a, full, immediate ? "dcz" : "dcs", read ? [...operands, "zero"] : ["zero", ...operands]);
}

function fenceSet(text: string): number {
  if (!/^i?o?r?w?$/.test(text) || text === "") {
    throw new SyntaxProblem(`"${text}" is not a set of i, o, r and w`);
  }
  return [..."iorw"].reduce((bits, c) => bits * 2 + (text.includes(c) ? 1 : 0), 0);
}

function fence(a: TextAssembler, operands: readonly string[]): void {
  const [pred, succ] = operands.length === 0 ? ["iorw", "iorw"] : operands;
  const imm = (fenceSet(pred) << 4) | fenceSet(succ);
  a.builder.finished("fence", { rd: 0, rs1: 0, imm }, a.origin);
}

/** rd, rs forms: mnemonic -> the real instruction with "$" for the source register. */
const UNARY: Readonly<Record<string, readonly string[]>> = {
  mv: ["addi", "$", "0"],
  not: ["xori", "$", "-1"],
  neg: ["sub", "zero", "$"],
  seqz: ["sltiu", "$", "1"],
  snez: ["sltu", "zero", "$"],
  sltz: ["slt", "$", "zero"],
  sgtz: ["slt", "zero", "$"],
  "zext.b": ["andi", "$", "255"],
};

const COUNTERS: Readonly<Record<string, string>> = {
  rdcycle: "cycle",
  rdcycleh: "cycleh",
  rdtime: "time",
  rdtimeh: "timeh",
  rdinstret: "instret",
  rdinstreth: "instreth",
};

function real(a: TextAssembler, mnemonic: string, operands: readonly string[]): void {
  const shape = OPERAND_SHAPES.get(mnemonic);
  if (shape === undefined) throw new SyntaxProblem(`unknown instruction "${mnemonic}"`);
  const immediate = operands.length === 3 && !REGISTERS.has(operands[2]);
  const short = immediate ? IMMEDIATE_FORMS[mnemonic] : undefined;
  if (short) regular(a, short, "dsi", operands);
  else regular(a, mnemonic, shape, operands);
}

type Expand = (a: TextAssembler, operands: readonly string[], mnemonic: string) => void;
/** Allowed numbers of operands, and what it becomes. */
type Pseudo = readonly [counts: readonly number[], expand: Expand];

const OTHERS: Readonly<Record<string, Pseudo>> = {
  nop: [[0], (a) => real(a, "addi", ["zero", "zero", "0"])],
  unimp: [[0], (a) => real(a, "csrrw", ["zero", "cycle", "zero"])],
  ret: [[0], (a) => jalr(a, ["zero", "ra"])],
  li: [[2], (a, o) => a.builder.li(a.register(o[0]), a.constant(o[1]), a.origin)],
  la: [[2], (a, o) => a.builder.laRelative(a.register(o[0]), a.expression(o[1]), a.origin)],
  lla: [[2], (a, o) => a.builder.laRelative(a.register(o[0]), a.expression(o[1]), a.origin)],
  j: [[1], (a, o) => jump(a, 0, null, o[0])],
  jal: [[1, 2], (a, o) => jump(a, o.length === 1 ? RA : a.register(o[0]), null, o[o.length - 1])],
  jr: [[1], (a, o) => jalr(a, ["zero", o[0]])],
  jalr: [[1, 2, 3], jalr],
  call: [[1], (a, o) => jump(a, RA, RA, o[0])],
  tail: [[1], (a, o) => jump(a, 0, T1, o[0])],
  fence: [[0, 2], fence],
  "sfence.vma": [[0, 1, 2], (a, o) => real(a, "sfence.vma", [o[0] ?? "zero", o[1] ?? "zero"])],
};

function pseudoTable(): Map<string, Pseudo> {
  const table = new Map<string, Pseudo>(Object.entries(OTHERS));
  for (const [name, [mnemonic, ...rest]] of Object.entries(UNARY)) {
    const fill = (rs: string) => rest.map((o) => (o === "$" ? rs : o));
    table.set(name, [[2], (a, o) => real(a, mnemonic, [o[0], ...fill(o[1])])]);
  }
  for (const [name, csr] of Object.entries(COUNTERS)) {
    table.set(name, [[1], (a, o) => shortCsr(a, [o[0], csr], "csrr")]);
  }
  for (const name of ["csrr", "csrw", "csrs", "csrc", "csrwi", "csrsi", "csrci"]) {
    table.set(name, [[2], shortCsr]);
  }
  for (const [name, mnemonic] of Object.entries(SWAPPED_BRANCHES)) {
    const expand: Expand = (a, o) => branch(a, mnemonic, a.register(o[1]), a.register(o[0]), o[2]);
    table.set(name, [[3], expand]);
  }
  for (const [name, { mnemonic, swap }] of Object.entries(ZERO_BRANCHES)) {
    const expand: Expand = (a, o) => {
      const rs = a.register(o[0]);
      branch(a, mnemonic, swap ? 0 : rs, swap ? rs : 0, o[1]);
    };
    table.set(name, [[2], expand]);
  }
  return table;
}

const PSEUDO = pseudoTable();

/** Writes the pieces of one statement. */
export function expandPseudo(
  a: TextAssembler,
  mnemonic: string,
  operands: readonly string[],
): void {
  const pseudo = PSEUDO.get(mnemonic);
  if (!pseudo) {
    real(a, mnemonic, operands);
    return;
  }
  const [counts, expand] = pseudo;
  expectCount(mnemonic, operands, ...counts);
  expand(a, operands, mnemonic);
}
