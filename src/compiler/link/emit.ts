/** Pieces and data into the bytes of their sections, once every address is known. */
import { encode } from "../../isa/index.ts";
import { evaluate, forEachSymbol, highPart, lowPart } from "./assemble/expression.ts";
import type { Expression } from "./assemble/expression.ts";
import type { OutputSection, PlacedData } from "./layout.ts";
import { originOf } from "./assemble/piece.ts";
import type { BranchMnemonic, Code, Operands, Origin, Piece, ProblemSink } from "./assemble/piece.ts";
import { scopeOf } from "./assemble/relax.ts";
import type { MutableScope } from "./assemble/relax.ts";
import type { SymbolTable } from "./symbols.ts";

const INVERSE: Readonly<Record<BranchMnemonic, BranchMnemonic>> = {
  beq: "bne",
  bne: "beq",
  blt: "bge",
  bge: "blt",
  bltu: "bgeu",
  bgeu: "bltu",
};

function describeTarget(e: Expression): string {
  const names: string[] = [];
  forEachSymbol(e, (name) => names.push(`"${name}"`));
  return names.length === 0 ? "" : ` to ${names.join(", ")}`;
}

class Emitter {
  private readonly bytes: Uint8Array;
  private readonly view: DataView;
  private readonly base: number;
  private readonly symbols: SymbolTable;
  private readonly perCpuStart: number;
  private readonly problems: ProblemSink;

  constructor(
    bytes: Uint8Array,
    base: number,
    symbols: SymbolTable,
    perCpuStart: number,
    problems: ProblemSink,
  ) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.base = base;
    this.symbols = symbols;
    this.perCpuStart = perCpuStart;
    this.problems = problems;
  }

  private word(address: number, word: number): void {
    this.view.setUint32(address - this.base, word, true);
  }

  private insn(
    address: number,
    mnemonic: string,
    operands: Operands,
    target: Expression,
    origin: Origin,
  ): void {
    const word = encode(mnemonic, operands);
    if (word !== null) {
      this.word(address, word);
      return;
    }
    this.problems.add(
      `the operand ${operands.imm ?? ""} of "${mnemonic}"${describeTarget(target)} is out of range`,
      origin,
    );
  }

  code(code: Code): void {
    const scope = scopeOf(code, this.symbols, this.perCpuStart);
    for (const piece of code.pieces) scope.here += this.piece(piece, scope, code);
  }

  /** Returns the number of bytes. */
  private piece(piece: Piece, scope: MutableScope, code: Code): number {
    const at = scope.here;
    switch (piece.kind) {
      case "label":
        return 0;
      case "word":
        this.word(at, piece.word);
        return 4;
      case "insn": {
        const imm = evaluate(piece.imm, scope);
        this.insn(at, piece.mnemonic, { ...piece.operands, imm }, piece.imm, piece.origin);
        return 4;
      }
      case "branch":
        return this.branch(piece, at, scope);
      case "jump":
        return this.jump(piece, at, scope);
      case "data": {
        piece.values.forEach((value, i) => {
          this.datum(at + i * piece.width, piece.width, evaluate(value, scope));
        });
        return piece.width * piece.values.length;
      }
      case "space": {
        for (let i = 0; i < piece.count; i++) this.view.setUint8(at - this.base + i, piece.fill);
        return piece.count;
      }
      case "align":
        return this.padding(at, -(at - code.address) & (piece.alignment - 1));
    }
  }

  private branch(
    piece: Extract<Piece, { kind: "branch" }>,
    at: number,
    scope: MutableScope,
  ): number {
    const { mnemonic, rs1, rs2, target, origin } = piece;
    const distance = (evaluate(target, scope) - at) | 0;
    if (!piece.far) {
      this.insn(at, mnemonic, { rs1, rs2, imm: distance }, target, origin);
      return 4;
    }
    this.insn(at, INVERSE[mnemonic], { rs1, rs2, imm: 8 }, target, origin);
    this.insn(at + 4, "jal", { rd: 0, imm: distance - 4 }, target, origin);
    return 8;
  }

  private jump(piece: Extract<Piece, { kind: "jump" }>, at: number, scope: MutableScope): number {
    const { rd, target, origin } = piece;
    const distance = (evaluate(target, scope) - at) | 0;
    if (!piece.far || piece.scratch === null) {
      this.insn(at, "jal", { rd, imm: distance }, target, origin);
      return 4;
    }
    this.insn(at, "auipc", { rd: piece.scratch, imm: highPart(distance) }, target, origin);
    this.insn(at + 4, "jalr", { rd, rs1: piece.scratch, imm: lowPart(distance) }, target, origin);
    return 8;
  }

  /** Whole words of padding are nops. */
  private padding(at: number, count: number): number {
    const nop = encode("addi", { rd: 0, rs1: 0, imm: 0 }) ?? 0;
    for (let i = count & 3; i < count; i += 4) this.word(at + i, nop);
    return count;
  }

  private datum(address: number, width: 1 | 2 | 4, value: number): void {
    const at = address - this.base;
    if (width === 1) this.view.setUint8(at, value);
    else if (width === 2) this.view.setUint16(at, value, true);
    else this.view.setUint32(at, value, true);
  }

  data(placed: PlacedData): void {
    const { object, address } = placed;
    this.bytes.set(object.bytes, address - this.base);
    for (const r of object.relocations)
      this.word(address + r.offset, this.symbols.address(r.symbol) + r.addend);
  }
}

/** The contents of a section; null for one that takes no room in the file. */
export function sectionBytes(
  section: OutputSection,
  symbols: SymbolTable,
  perCpuStart: number,
  problems: ProblemSink,
): Uint8Array | null {
  if (section.spec.zero) {
    for (const { object } of section.data) {
      if (object.relocations.length === 0 && object.bytes.every((byte) => byte === 0)) continue;
      problems.add(
        `"${object.name}" has contents, but ${section.spec.name} holds zeroes only`,
        originOf(object.loc),
      );
    }
    return null;
  }
  const bytes = new Uint8Array(section.size);
  const emitter = new Emitter(bytes, section.address, symbols, perCpuStart, problems);
  for (const code of section.codes) emitter.code(code);
  for (const placed of section.data) emitter.data(placed);
  return bytes;
}
