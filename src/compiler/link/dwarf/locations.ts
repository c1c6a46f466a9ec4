/**
 * `.debug_loc`: where a variable is, by stretches of code. Addresses are absolute (the unit begins at 0).
 *
 *   in a register       DW_OP_reg9
 *   on the frame        DW_OP_fbreg -20                          the frame base is the CFA
 *   computed            DW_OP_breg9 0, DW_OP_const1u 4, DW_OP_plus, DW_OP_stack_value
 *   of 64 bits          both words, each followed by DW_OP_piece 4
 */
import type { DebugOperation, PlacedVariable, VariableRange, VariableWord } from "../../assembly.ts";
import { ByteWriter } from "../bytes.ts";
import type { Code, CodeDebug } from "../assemble/piece.ts";
import { pieceSize } from "../assemble/piece.ts";
import { OP } from "./constants.ts";

export type AddressOf = (symbol: string) => number;

/** Address of each piece of a function, and its end. */
export function pieceAddresses(code: Code): number[] {
  const addresses: number[] = [];
  let offset = 0;
  for (const piece of code.pieces) {
    addresses.push(code.address + offset);
    offset += pieceSize(piece, offset);
  }
  addresses.push(code.address + offset);
  return addresses;
}

function endOf(range: VariableRange, { itemStarts }: CodeDebug, pieces: readonly number[]): number {
  const first = itemStarts[range.to];
  if (range.end === "start") return pieces[first];
  const behind = itemStarts[range.to + 1];
  if (range.end === "call") return pieces[behind] - 1;
  return first === behind ? pieces[first] : pieces[first + 1];
}

export class LocationLists {
  readonly out = new ByteWriter();
  private readonly addressOf: AddressOf;

  constructor(addressOf: AddressOf) {
    this.addressOf = addressOf;
  }

  /** The offset of the variable's list; null when it is nowhere. */
  add(variable: PlacedVariable, debug: CodeDebug, pieces: readonly number[]): number | null {
    const at = this.out.length;
    for (const range of variable.ranges) {
      const start = pieces[debug.itemStarts[range.from]];
      const end = endOf(range, debug, pieces);
      if (end <= start) continue;
      const where = this.expression(range.words);
      this.out.u32(start).u32(end).u16(where.length).raw(where);
    }
    if (this.out.length === at) return null;
    this.out.u32(0).u32(0);
    return at;
  }

  private expression(words: readonly VariableWord[]): Uint8Array {
    const w = new ByteWriter();
    for (const word of words) {
      this.word(w, word);
      if (words.length > 1) w.u8(OP.piece).uleb(4);
    }
    return w.bytes();
  }

  private word(w: ByteWriter, word: VariableWord): void {
    switch (word.kind) {
      case "register":
        w.u8(OP.reg0 + word.register);
        return;
      case "memory":
        w.u8(OP.fbreg).sleb(word.offset);
        return;
      case "value":
        for (const operation of word.expression) this.operation(w, operation);
        w.u8(OP.stack_value);
    }
  }

  private operation(w: ByteWriter, operation: DebugOperation): void {
    switch (operation.op) {
      case "const":
        constant(w, operation.value);
        return;
      case "register":
        w.u8(OP.breg0 + operation.register).sleb(0);
        return;
      case "load":
        w.u8(OP.fbreg).sleb(operation.offset).u8(OP.deref);
        return;
      case "frame":
        w.u8(OP.fbreg).sleb(operation.offset);
        return;
      case "address":
        w.u8(OP.addr).u32(this.addressOf(operation.symbol) + operation.addend);
        return;
      default:
        w.u8(OP[operation.op]);
    }
  }
}

function constant(w: ByteWriter, value: number): void {
  if (value >= 0 && value < 32) w.u8(OP.lit0 + value);
  else if (value >= 0 && value < 256) w.u8(OP.const1u).u8(value);
  else w.u8(OP.const4u).u32(value);
}
