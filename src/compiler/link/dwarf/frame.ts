/**
 * `.debug_frame`: how to find a caller's frame from any instruction of a compiled function. It is
 * read off the code:
 *
 *   before              CFA = sp
 *   addi sp, sp, -N     CFA = sp + N
 *   sw   r, k(sp)       r is saved at CFA - (N - k)
 *   addi s0, sp, N      CFA = s0         (the body)
 *   addi sp, s0, -N     N is known again (optional)
 *   lw   s0, k(sp)      CFA = sp + N     (the end)
 *   addi sp, sp, N      CFA = sp
 *   ret, other jumps    what follows is the body again
 *
 * Naked functions have no entry: nobody knows their frames.
 */
import { decode, fieldImmediate, fieldRd, fieldRs1, fieldRs2 } from "../../../isa/index.ts";
import { ByteWriter } from "../bytes.ts";
import type { Linked } from "../linked.ts";

const RA = 1;
const SP = 2;
const S0 = 8;
const CFA = {
  advance_loc: 0x40,
  offset: 0x80,
  undefined: 0x07,
  advance_loc1: 0x02,
  advance_loc2: 0x03,
  def_cfa: 0x0c,
  def_cfa_register: 0x0d,
  def_cfa_offset: 0x0e,
} as const;
const CODE_ALIGN = 4;
const DATA_ALIGN = -4;

/** A register that calls preserve, or ra. */
function isSaved(register: number): boolean {
  return register === RA || register === S0 || register === 9 || (register >= 18 && register <= 27);
}

class FrameProgram {
  readonly out = new ByteWriter();
  private at = 0;
  private emitted = 0;
  /** Bytes between sp and the CFA. */
  private depth = 0;
  private rule: "sp" | "s0" = "sp";
  private inBody = false;
  /** The depth of the body, for the code behind an epilogue. */
  private readonly frameBytes: number;

  private readonly isInterrupt: boolean;

  /** Whoever a trap interrupted did not call: the walk ends there. */
  constructor(frameBytes: number, isInterrupt: boolean) {
    this.frameBytes = frameBytes;
    this.isInterrupt = isInterrupt;
    if (isInterrupt) this.out.u8(CFA.undefined).uleb(RA);
  }

  private before(offset: number): ByteWriter {
    const step = (offset - this.emitted) / CODE_ALIGN;
    if (step > 0) {
      if (step < 0x40) this.out.u8(CFA.advance_loc | step);
      else if (step < 0x100) this.out.u8(CFA.advance_loc1).u8(step);
      else this.out.u8(CFA.advance_loc2).u16(step);
    }
    this.emitted = offset;
    return this.out;
  }

  private useStackPointer(offset: number): void {
    this.before(offset).u8(CFA.def_cfa).uleb(SP).uleb(this.depth);
    this.rule = "sp";
  }

  private useFramePointer(offset: number): void {
    this.before(offset).u8(CFA.def_cfa).uleb(S0).uleb(0);
    this.rule = "s0";
    this.inBody = true;
  }

  /** Takes the next instruction; its effect holds from the one after it. */
  step(word: number): void {
    this.at += 4;
    const rd = fieldRd(word);
    const rs1 = fieldRs1(word);
    if (rs1 !== SP && rd !== SP && rd !== S0 && rd !== 0) return;
    const row = decode(word);
    if (!row) return;
    const imm = fieldImmediate(word, row.format);
    switch (row.mnemonic) {
      case "addi":
        if (rd === SP && rs1 === SP) {
          this.depth -= imm;
          if (this.rule === "sp") this.before(this.at).u8(CFA.def_cfa_offset).uleb(this.depth);
        } else if (rd === SP && rs1 === S0) this.depth = -imm;
        else if (rd === S0 && rs1 === SP && imm === this.depth && !this.inBody)
          this.useFramePointer(this.at);
        return;
      case "sw": {
        const register = fieldRs2(word);
        if (this.inBody || rs1 !== SP || !isSaved(register)) return;
        if (register === RA && this.isInterrupt) return;
        this.before(this.at)
          .u8(CFA.offset | register)
          .uleb((imm - this.depth) / DATA_ALIGN);
        return;
      }
      case "lw":
        if (rd === S0 && this.rule === "s0" && (rs1 === SP || rs1 === S0))
          this.useStackPointer(this.at);
        return;
      case "mret":
      case "sret":
        this.afterJump();
        return;
      case "jalr":
      case "jal":
        if (rd === 0) this.afterJump();
    }
  }

  private afterJump(): void {
    if (!this.inBody || this.rule === "s0") return;
    this.depth = this.frameBytes;
    this.useFramePointer(this.at);
  }
}

function commonEntry(): Uint8Array {
  const w = new ByteWriter()
    .u32(0xffffffff)
    .u8(4)
    .u8(0)
    .u8(4)
    .u8(0)
    .uleb(CODE_ALIGN)
    .sleb(DATA_ALIGN)
    .uleb(RA);
  w.u8(CFA.def_cfa).uleb(SP).uleb(0).align(4);
  return new ByteWriter().u32(w.length).raw(w.bytes()).bytes();
}

/** `wordAt` reads the finished code. */
export function debugFrame(linked: Linked, wordAt: (address: number) => number): Uint8Array {
  const out = new ByteWriter().raw(commonEntry());
  for (const code of linked.layout.sections.flatMap((s) => s.codes)) {
    if (code.frameBytes === null || code.size === 0) continue;
    const program = new FrameProgram(code.frameBytes, code.debug?.interrupt !== undefined);
    if (code.frameBytes > 0) {
      for (let at = 0; at + 4 <= code.size - 4; at += 4) program.step(wordAt(code.address + at));
    }
    const entry = new ByteWriter()
      .u32(0)
      .u32(code.address)
      .u32(code.size)
      .raw(program.out.bytes())
      .align(4);
    out.u32(entry.length).raw(entry.bytes());
  }
  return out.bytes();
}
