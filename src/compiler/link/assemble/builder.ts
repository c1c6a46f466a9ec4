/**
 * Collects the pieces of one function: instructions are encoded at once when nothing in them
 * depends on an address, `li` and `la` are expanded, labels are numbered.
 */
import { encode } from "../../../isa/index.ts";
import type { CodeDebug } from "./piece.ts";
import type { LocationId } from "../../ir.ts";
import { binary, highPart, lowPart, numberExpression, part } from "./expression.ts";
import type { Expression } from "./expression.ts";
import type { Code, Operands, Origin, Piece, ProblemSink } from "./piece.ts";

export interface CodeHeader {
  readonly symbol: string;
  readonly name: string;
  readonly section: string;
  readonly exported: boolean;
  readonly loc: LocationId;
  readonly frameBytes: number | null;
  readonly debug: CodeDebug | null;
}

/**
 * `lui`/`addi` values that make `value`; `upper` is null when one `addi` is enough, `lower` when
 * one `lui` is.
 */
export function splitConstant(value: number): { upper: number | null; lower: number | null } {
  const low = lowPart(value);
  if (low === (value | 0)) return { upper: null, lower: low };
  return { upper: highPart(value), lower: low === 0 ? null : low };
}

export class CodeBuilder {
  readonly pieces: Piece[] = [];
  readonly globals: { name: string; label: number }[] = [];
  alignment = 4;
  readonly problems: ProblemSink;
  private readonly header: CodeHeader;
  private labelCount = 0;

  constructor(header: CodeHeader, problems: ProblemSink) {
    this.header = header;
    this.problems = problems;
  }

  newLabel(): number {
    return this.labelCount++;
  }

  placeLabel(label: number): void {
    this.pieces.push({ kind: "label", label });
  }

  /** An instruction by its real mnemonic; a symbolic immediate waits for addresses. */
  insn(mnemonic: string, operands: Operands, imm: Expression | null, origin: Origin): void {
    if (imm !== null && imm.kind !== "number") {
      this.pieces.push({ kind: "insn", mnemonic, operands, imm, origin });
      return;
    }
    this.finished(mnemonic, imm === null ? operands : { ...operands, imm: imm.value }, origin);
  }

  /** An instruction that depends on no address. */
  finished(mnemonic: string, operands: Operands, origin: Origin): void {
    const word = encode(mnemonic, operands);
    if (word !== null) this.pieces.push({ kind: "word", word, origin });
    else this.problems.add(describeMisfit(mnemonic, operands.imm, this.header.name), origin);
  }

  li(rd: number, value: number, origin: Origin): void {
    const { upper, lower } = splitConstant(value);
    if (upper !== null) this.insn("lui", { rd }, numberExpression(upper), origin);
    if (lower === null) return;
    this.insn("addi", { rd, rs1: upper === null ? 0 : rd }, numberExpression(lower), origin);
  }

  /** Absolute: `lui` and `addi`. */
  laAbsolute(rd: number, target: Expression, origin: Origin): void {
    this.insn("lui", { rd }, part("hi", target), origin);
    this.insn("addi", { rd, rs1: rd }, part("lo", target), origin);
  }

  /**
   * Relative to the program counter: `auipc` and `addi`; right before and after paging is switched
   * on.
   */
  laRelative(rd: number, target: Expression, origin: Origin): void {
    const anchor = this.newLabel();
    this.placeLabel(anchor);
    this.insn("auipc", { rd }, part("hi", binary("-", target, { kind: "here" })), origin);
    this.insn(
      "addi",
      { rd, rs1: rd },
      part("lo", binary("-", target, { kind: "label", label: anchor })),
      origin,
    );
  }

  finish(): Code {
    const { symbol, name, section, exported, loc, frameBytes, debug } = this.header;
    return {
      symbol,
      name,
      section,
      exported,
      loc,
      frameBytes,
      debug,
      pieces: this.pieces,
      globals: this.globals,
      alignment: this.alignment,
      labelOffsets: new Int32Array(this.labelCount).fill(-1),
      address: 0,
      size: 0,
    };
  }
}

export function describeMisfit(
  mnemonic: string,
  imm: number | undefined,
  functionName: string,
): string {
  const operand = imm === undefined ? "an operand" : `the immediate ${imm}`;
  return `${operand} of "${mnemonic}" does not fit, or there is no such instruction (in ${functionName})`;
}
