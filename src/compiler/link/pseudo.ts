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
        return branch(a, mnemonic as BranchMnemonic, fields.rs1 ?? 0, fields.rs2 ?? 0, text);
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
  expectCount("jalr", operands, 1, 2, 3);
  const emit = (rd: number, rs1: number, imm: Expression) =>
    a.builder.insn("jalr", { rd, rs1 }, imm, a.origin);
  if (operands.length === 3)
    return emit(a.register(operands[0]), a.register(operands[1]), a.expression(operands[2]));
  const rd = operands.length === 1 ? RA : a.register(operands[0]);
  const target = operands[operands.length - 1];
  if (target.includes("(")) {
    const memory = memoryOperand(a, target);
    return emit(rd, memory.base, memory.offset);
  }
  emit(rd, a.register(target), a.expression("0"));
}

/** csrr, csrw, csrs, csrc and their immediate forms. */
function shortCsr(a: TextAssembler, mnemonic: string, operands: readonly string[]): void {
  expectCount(mnemonic, operands, 2);
  if (mnemonic === "csrr") return regular(a, "csrrs", "dcs", [operands[0], operands[1], "zero"]);
  const immediate = mnemonic.endsWith("i") || !REGISTERS.has(operands[1]);
  const real = `csrr${mnemonic[3]}${immediate ? "i" : ""}`;
  regular(a, real, immediate ? "dcz" : "dcs", ["zero", ...operands]);
}

function fenceSet(text: string): number {
  if (!/^i?o?r?w?$/.test(text) || text === "")
    throw new SyntaxProblem(`"${text}" is not a set of i, o, r and w`);
  return (
    (text.includes("i") ? 8 : 0) |
    (text.includes("o") ? 4 : 0) |
    (text.includes("r") ? 2 : 0) |
    (text.includes("w") ? 1 : 0)
  );
}

function fence(a: TextAssembler, operands: readonly string[]): void {
  expectCount("fence", operands, 0, 2);
  const [pred, succ] = operands.length === 0 ? ["iorw", "iorw"] : operands;
  a.builder.insn(
    "fence",
    { rd: 0, rs1: 0, imm: (fenceSet(pred) << 4) | fenceSet(succ) },
    null,
    a.origin,
  );
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
  const immediate = IMMEDIATE_FORMS[mnemonic];
  if (immediate && operands.length === 3 && !REGISTERS.has(operands[2]))
    return regular(a, immediate, "dsi", operands);
  regular(a, mnemonic, shape, operands);
}

function branchForms(a: TextAssembler, mnemonic: string, operands: readonly string[]): boolean {
  if (Object.hasOwn(SWAPPED_BRANCHES, mnemonic)) {
    expectCount(mnemonic, operands, 3);
    const name = SWAPPED_BRANCHES[mnemonic as keyof typeof SWAPPED_BRANCHES];
    branch(a, name, a.register(operands[1]), a.register(operands[0]), operands[2]);
    return true;
  }
  if (!Object.hasOwn(ZERO_BRANCHES, mnemonic)) return false;
  expectCount(mnemonic, operands, 2);
  const form = ZERO_BRANCHES[mnemonic as keyof typeof ZERO_BRANCHES];
  const rs = a.register(operands[0]);
  branch(a, form.mnemonic, form.swap ? 0 : rs, form.swap ? rs : 0, operands[1]);
  return true;
}

/** Writes the pieces of one statement. */
export function expandPseudo(
  a: TextAssembler,
  mnemonic: string,
  operands: readonly string[],
): void {
  const unary = Object.hasOwn(UNARY, mnemonic) ? UNARY[mnemonic] : undefined;
  if (unary) {
    expectCount(mnemonic, operands, 2);
    return real(a, unary[0], [
      operands[0],
      ...unary.slice(1).map((o) => (o === "$" ? operands[1] : o)),
    ]);
  }
  if (Object.hasOwn(COUNTERS, mnemonic))
    return shortCsr(a, "csrr", [operands[0], COUNTERS[mnemonic]]);
  if (branchForms(a, mnemonic, operands)) return;
  switch (mnemonic) {
    case "nop":
      expectCount(mnemonic, operands, 0);
      return real(a, "addi", ["zero", "zero", "0"]);
    case "li":
      expectCount(mnemonic, operands, 2);
      return a.builder.li(a.register(operands[0]), a.constant(operands[1]), a.origin);
    case "la":
    case "lla":
      expectCount(mnemonic, operands, 2);
      return a.builder.laRelative(a.register(operands[0]), a.expression(operands[1]), a.origin);
    case "j":
      expectCount(mnemonic, operands, 1);
      return jump(a, 0, null, operands[0]);
    case "jal":
      expectCount(mnemonic, operands, 1, 2);
      return jump(
        a,
        operands.length === 1 ? RA : a.register(operands[0]),
        null,
        operands[operands.length - 1],
      );
    case "jr":
      expectCount(mnemonic, operands, 1);
      return jalr(a, ["zero", operands[0]]);
    case "jalr":
      return jalr(a, operands);
    case "call":
      expectCount(mnemonic, operands, 1);
      return jump(a, RA, RA, operands[0]);
    case "tail":
      expectCount(mnemonic, operands, 1);
      return jump(a, 0, T1, operands[0]);
    case "ret":
      expectCount(mnemonic, operands, 0);
      return jalr(a, ["zero", "ra"]);
    case "csrr":
    case "csrw":
    case "csrs":
    case "csrc":
    case "csrwi":
    case "csrsi":
    case "csrci":
      return shortCsr(a, mnemonic, operands);
    case "fence":
      return fence(a, operands);
    case "sfence.vma":
      expectCount(mnemonic, operands, 0, 1, 2);
      a.builder.insn(
        mnemonic,
        { rd: 0, rs1: a.register(operands[0] ?? "zero"), rs2: a.register(operands[1] ?? "zero") },
        null,
        a.origin,
      );
      return;
    case "unimp":
      return real(a, "csrrw", ["zero", "cycle", "zero"]);
  }
  real(a, mnemonic, operands);
}
