/**
 * The stack of a hart wherever it happens to stand: unlike at a mark, a function may not have its frame yet, or have it no more.
 *
 * A frame stands when s0 is the sp of entry, that is sp plus what the function's first instruction took off it; at the first
 * instruction and at `ret` it never does. Without a frame the return address is in ra and s0 is the caller's. Functions that do not begin
 * with `addi sp, sp, -N` are literal assembly and taken to have their frame (or, if they are leaves, none): wrong within the kernel's
 * switch of tasks, where registers are half one task's and half the other's. A caller of the firmware is not on the firmware's stack.
 */
import type { Symbols } from "../image/symbols.ts";
import { callers } from "../run/second-look.ts";
import type { HartView, Machine } from "../../machine/types.ts";

const MACHINE = 3;
const RA = 1;
const SP = 2;
const FP = 8;
/** `addi sp, sp, imm` but for the immediate. */
const ADDI_SP = 0x00010113;
const ADDI_SP_MASK = 0x000fffff;
const RET = 0x00008067;
const C_RET = 0x8082;

export class Unwinder {
  readonly #machine: Machine;
  readonly #symbols: Symbols;
  /** By address of the function: bytes of its frame, 0: not known. */
  readonly #frames = new Map<number, number>();

  constructor(machine: Machine, symbols: Symbols) {
    this.#machine = machine;
    this.#symbols = symbols;
  }

  /** Code addresses, innermost first: the pc, then return addresses. */
  stack({ pc, x, privilege }: HartView): number[] {
    const saved = callers(this.#machine, x[FP]!);
    const ra = x[RA]!;
    // The firmware's trap handler has no frame; whom it interrupted may have one, and no call made yet: then ra is in it already.
    const framed = this.#hasFrame(pc, x) || (privilege === MACHINE && ra === saved[0]);
    return [pc, ...(framed ? [] : [ra]), ...saved];
  }

  #hasFrame(pc: number, x: Uint32Array): boolean {
    const symbols = this.#symbols;
    const entry = symbols.entryOf(pc);
    if (entry === null) return true;
    if (symbols.isLeaf(pc) || pc === entry) return false;
    const bytes = this.#frameBytes(entry);
    if (bytes === 0) return true;
    const word = this.#word(pc);
    return x[FP] === (x[SP]! + bytes) >>> 0 && word !== RET && (word & 0xffff) !== C_RET;
  }

  #frameBytes(entry: number): number {
    let bytes = this.#frames.get(entry);
    if (bytes === undefined) {
      const word = this.#word(entry);
      bytes = (word & ADDI_SP_MASK) === ADDI_SP && word < 0 ? -(word >> 20) : 0;
      this.#frames.set(entry, bytes);
    }
    return bytes;
  }

  /** 0 where nothing can be read. */
  #word(address: number): number {
    const bytes = this.#machine.readVirtual(address, 4);
    return bytes === null ? 0 : new DataView(bytes.buffer, bytes.byteOffset, 4).getInt32(0, true);
  }
}
