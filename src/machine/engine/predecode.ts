/**
 * From an instruction to the engine's 8-byte entry (opcodes.ts), one a halfword of code.
 *
 * A compressed instruction is predecoded as the base instruction that it stands for, under the opcode of two bytes' length.
 */
import { CSR, decode, expand, fieldCsr, fieldImmediate, fieldRd, fieldRs1, fieldRs2, lengthOf } from "../../isa/index.ts";
import { HART } from "../memory/layout.ts";
import { OP, opcodeOf } from "./opcodes.ts";
import { ENTRY_SHIFT } from "./tables.ts";

/** CSRs that emit-csr.ts reads and writes without a call to JavaScript. */
const FAST_CSRS: ReadonlySet<number> = new Set(
  ["sstatus", "sscratch", "sepc", "scause", "stval", "cycle", "time", "instret", "cycleh", "timeh", "instreth"].map(
    (name) => CSR[name]!,
  ),
);
const PAGE_BYTES = 4096;

const entry = (opcode: number, word: number, writesRd = true): number => {
  const rd = writesRd ? fieldRd(word) : 0;
  const target = rd === 0 ? HART.SCRATCH : rd * 4;
  return (opcode | (target << 8) | (fieldRs1(word) << 18) | (fieldRs2(word) << 26)) | 0;
};

/** The jump stays in the page. `offset` is all ones for an entry that is not in its page. */
const isNear = (offset: number, distance: number): boolean =>
  offset >= 0 && ((offset & (PAGE_BYTES - 1)) + distance) >>> 12 === 0;

/**
 * Writes the two words of the entry for the instruction that begins with `bits` (a whole one, but for the last halfword
 * of a page), which is at `offset` of its page; -1: it stands apart. `pollOf`: see poll-loops.ts.
 */
export function predecode(
  words: Int32Array, at: number, bits: number, offset: number, pollOf: (branch: number) => number | null = () => null,
): void {
  const put = (head: number, immediate: number): void => {
    words[at] = head;
    words[at + 1] = immediate;
  };
  const short = lengthOf(bits) === 2;
  if (!short && offset >= 0 && (offset & (PAGE_BYTES - 1)) === PAGE_BYTES - 2) return put(OP.SPLIT, 0);
  const word = short ? expand(bits) : bits;
  const row = word === null ? null : decode(word);
  if (word === null || !row) return put(OP.ILLEGAL, short ? bits & 0xffff : bits);
  const code = (name: string): number => opcodeOf(short ? `${name}.c` : name);
  const { semantics, mnemonic } = row;
  const immediate = fieldImmediate(word, row.format);
  const toZero = fieldRd(word) === 0;
  switch (semantics.kind) {
    case "alu":
      if (!toZero) {
        if (mnemonic === "addi" && fieldRs1(word) === 0) return put(entry(code("CONSTANT"), word), immediate);
        return put(entry(code(mnemonic), word), immediate);
      }
      if (mnemonic === "sltu") return put(entry(OP.MARK_LATCH, word), 0);
      if (mnemonic === "slti" && immediate > 0) return put(entry(OP.MARK_FIRE, word), immediate);
      // A computation into x0 costs one cycle, whatever it would have computed.
      return put(entry(code("NOP"), word), 0);
    case "lui":
      return put(entry(code("CONSTANT"), word), immediate);
    case "auipc":
      return put(entry(OP.AUIPC, word), immediate);
    case "jal":
      if (isNear(offset, immediate)) return put(entry(code("JAL"), word), immediate << ENTRY_SHIFT);
      return put(entry(code("JAL_FAR"), word), immediate);
    case "jalr":
      return put(entry(code("JALR"), word), immediate);
    case "branch":
      if (isNear(offset, immediate)) {
        const poll = immediate < 0 ? pollOf(word) : null;
        if (poll !== null) return put(entry(code(`${mnemonic}.poll`), word, false), poll);
        return put(entry(code(mnemonic), word, false), immediate << ENTRY_SHIFT);
      }
      return put(entry(code(`${mnemonic}.far`), word, false), immediate);
    case "load":
    case "amo":
      return put(entry(code(mnemonic), word), immediate);
    case "store":
      return put(entry(code(mnemonic), word, false), immediate);
    case "lr":
      return put(entry(OP.LR, word), 0);
    case "sc":
      return put(entry(OP.SC, word), 0);
    case "fence":
      return put(entry(OP.FENCE, word, false), immediate);
    case "pause":
      return put(entry(OP.PAUSE, word, false), 0);
    case "csr":
      return put(entry(FAST_CSRS.has(fieldCsr(word)) ? OP.CSR : OP.SYSTEM, word), word);
    case "system":
      return put(entry(OP.SYSTEM, word), word);
  }
}
