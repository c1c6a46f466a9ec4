/** Compiled and naked functions into pieces. */
import type { AsmFunction, AsmItem, Immediate } from "../../assembly.ts";
import type { NakedFunction } from "../../ir.ts";
import { CodeBuilder } from "./builder.ts";
import { binary, highPart, lowPart, numberExpression, part } from "./expression.ts";
import type { Expression } from "./expression.ts";
import { originOf } from "./piece.ts";
import type { Code, Operands, Origin, ProblemSink } from "./piece.ts";
import { TextAssembler } from "./text.ts";

const RA = 1;
const TP = 4;

/** Offset of a per-CPU variable from __per_cpu_start, or null when there is none of that name. */
export type PerCpuOffset = (symbol: string) => number | null;

function symbolExpression(symbol: string, addend: number): Expression {
  return binary("+", { kind: "symbol", name: symbol }, numberExpression(addend));
}

function immediateExpression(imm: Exclude<Immediate, number>): Expression {
  const target = symbolExpression(imm.symbol, imm.addend);
  return imm.part === "absolute" ? target : part(imm.part, target);
}

function textLines(text: string, loc: number): { text: string; origin: Origin }[] {
  return text
    .split("\n")
    .map((line, lineOffset) => ({ text: line, origin: { loc, lineOffset, text: line } }));
}

type InsnItem = Extract<AsmItem, { kind: "insn" }>;
type PerCpuImmediate = Exclude<Immediate, number>;

/**
 * An `addi` or a load from tp by a per-CPU offset that may need more than 12 bits: then the upper
 * part goes through rd, which must not be tp.
 */
function perCpuInsn(
  builder: CodeBuilder,
  item: InsnItem,
  imm: PerCpuImmediate,
  origin: Origin,
  of: PerCpuOffset,
): void {
  const base = of(imm.symbol);
  const operands: Operands = { rd: item.rd, rs1: item.rs1, rs2: item.rs2 };
  if (base === null) {
    builder.problems.add(`undefined per-CPU variable "${imm.symbol}"`, origin);
    return;
  }
  const offset = base + imm.addend;
  const { rd } = item;
  if (offset === lowPart(offset) || rd === undefined || rd === TP || rd === 0 || rd === item.rs1) {
    builder.insn(item.mnemonic, operands, numberExpression(offset), origin);
    return;
  }
  builder.insn("lui", { rd }, numberExpression(highPart(offset)), origin);
  builder.insn("add", { rd, rs1: rd, rs2: item.rs1 }, null, origin);
  builder.insn(item.mnemonic, { ...operands, rs1: rd }, numberExpression(lowPart(offset)), origin);
}

class Lowering {
  private readonly builder: CodeBuilder;
  private readonly perCpu: PerCpuOffset;
  private readonly labels = new Map<number, number>();
  /** Shared by neighbours of one place. */
  private origin = originOf(0);

  constructor(builder: CodeBuilder, perCpu: PerCpuOffset) {
    this.builder = builder;
    this.perCpu = perCpu;
  }

  private label(label: number): number {
    let index = this.labels.get(label);
    if (index === undefined) {
      index = this.builder.newLabel();
      this.labels.set(label, index);
    }
    return index;
  }

  item(item: AsmItem): void {
    const b = this.builder;
    if (item.kind === "label") {
      b.placeLabel(this.label(item.label));
      return;
    }
    if (item.loc !== this.origin.loc) this.origin = originOf(item.loc);
    const { origin } = this;
    switch (item.kind) {
      case "insn":
        this.insn(item, item.access === undefined ? origin : { ...origin, access: item.access });
        return;
      case "branch": {
        const { mnemonic, rs1, rs2 } = item;
        const target: Expression = { kind: "label", label: this.label(item.label) };
        b.pieces.push({ kind: "branch", mnemonic, rs1, rs2, target, origin, far: false });
        return;
      }
      case "jump": {
        const target: Expression = { kind: "label", label: this.label(item.label) };
        b.pieces.push({ kind: "jump", rd: 0, scratch: null, target, origin, far: false });
        return;
      }
      case "call": {
        const target = symbolExpression(item.symbol, 0);
        b.pieces.push({ kind: "jump", rd: RA, scratch: RA, target, origin, far: false });
        return;
      }
      case "li":
        b.li(item.rd, item.value, origin);
        return;
      case "la":
        b.laAbsolute(item.rd, symbolExpression(item.symbol, item.addend), origin);
        return;
      case "text":
        new TextAssembler(b).assemble(textLines(item.text, item.loc));
    }
  }

  private insn(item: InsnItem, origin: Origin): void {
    const { imm, mnemonic, rd, rs1, rs2, csr } = item;
    if (typeof imm !== "object") {
      this.builder.finished(mnemonic, { rd, rs1, rs2, imm, csr }, origin);
    } else if (imm.part === "percpu") {
      perCpuInsn(this.builder, item, imm, origin, this.perCpu);
    } else {
      this.builder.insn(mnemonic, { rd, rs1, rs2, csr }, immediateExpression(imm), origin);
    }
  }
}

export function lowerFunction(f: AsmFunction, perCpu: PerCpuOffset, problems: ProblemSink): Code {
  const { variables, scopes, returns, interrupt } = f;
  const itemStarts: number[] = [];
  const debug = { variables, scopes, itemStarts, ...(returns && { returns }), ...(interrupt && { interrupt }) };
  const builder = new CodeBuilder({ ...f, debug }, problems);
  const lowering = new Lowering(builder, perCpu);
  for (const item of f.items) {
    itemStarts.push(builder.pieces.length);
    lowering.item(item);
  }
  itemStarts.push(builder.pieces.length);
  return builder.finish();
}

export function lowerNaked(f: NakedFunction, problems: ProblemSink): Code {
  const builder = new CodeBuilder({ ...f, frameBytes: null, debug: null }, problems);
  const lines = f.lines.flatMap((line) => textLines(line.text, line.loc));
  new TextAssembler(builder).assemble(lines);
  return builder.finish();
}
