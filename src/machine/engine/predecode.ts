/** From an instruction word to the engine's 8-byte entry (opcodes.ts). */
import { CSR, decode, fieldCsr, fieldImmediate, fieldRd, fieldRs1, fieldRs2 } from "../../isa/index.ts";
import { HART } from "../memory/layout.ts";
import { OP, opcodeOf } from "./opcodes.ts";

/** CSRs that emit-csr.ts reads and writes without a call to JavaScript. */
const FAST_CSRS: ReadonlySet<number> = new Set(
  ["sstatus", "sscratch", "sepc", "scause", "stval", "cycle", "time", "instret", "cycleh", "timeh", "instreth"].map(
    (name) => CSR[name]!,
  ),
);

const entry = (opcode: number, word: number, writesRd = true): number => {
  const rd = writesRd ? fieldRd(word) : 0;
  const target = rd === 0 ? HART.SCRATCH : rd * 4;
  return (opcode | (target << 8) | (fieldRs1(word) << 18) | (fieldRs2(word) << 26)) | 0;
};

/** The jump stays in the page and its target is a whole instruction. */
const isNear = (offset: number, distance: number): boolean =>
  (distance & 3) === 0 && (((offset & 0xfff) + distance) & ~0xfff) === 0;

/** Writes the two words of the entry for `word`, which is at `offset` of its page. */
export function predecode(words: Int32Array, at: number, word: number, offset: number): void {
  const put = (head: number, immediate: number): void => {
    words[at] = head;
    words[at + 1] = immediate;
  };
  const row = decode(word);
  if (!row) return put(entry(OP.ILLEGAL, word), word);
  const { semantics, mnemonic } = row;
  const immediate = fieldImmediate(word, row.format);
  const toZero = fieldRd(word) === 0;
  switch (semantics.kind) {
    case "alu":
      if (!toZero) {
        if (mnemonic === "addi" && fieldRs1(word) === 0) return put(entry(OP.CONSTANT, word), immediate);
        return put(entry(opcodeOf(mnemonic), word), immediate);
      }
      if (mnemonic === "sltu") return put(entry(OP.MARK_LATCH, word), 0);
      if (mnemonic === "slti" && immediate > 0) return put(entry(OP.MARK_FIRE, word), immediate);
      // A computation into x0 costs one cycle, whatever it would have computed.
      return put(entry(OP.NOP, word), 0);
    case "lui":
      return put(entry(OP.CONSTANT, word), immediate);
    case "auipc":
      return put(entry(OP.AUIPC, word), immediate);
    case "jal":
      if (isNear(offset, immediate)) return put(entry(OP.JAL, word), immediate * 2);
      return put(entry(OP.JAL_FAR, word), immediate);
    case "jalr":
      return put(entry(OP.JALR, word), immediate);
    case "branch":
      if (isNear(offset, immediate)) return put(entry(opcodeOf(mnemonic), word, false), immediate * 2);
      return put(entry(opcodeOf(`${mnemonic}.far`), word, false), immediate);
    case "load":
    case "amo":
      return put(entry(opcodeOf(mnemonic), word), immediate);
    case "store":
      return put(entry(opcodeOf(mnemonic), word, false), immediate);
    case "lr":
      return put(entry(OP.LR, word), 0);
    case "sc":
      return put(entry(OP.SC, word), 0);
    case "fence":
      return put(entry(OP.FENCE, word, false), 0);
    case "pause":
      return put(entry(OP.PAUSE, word, false), 0);
    case "csr":
      return put(entry(FAST_CSRS.has(fieldCsr(word)) ? OP.CSR : OP.SYSTEM, word), word);
    case "system":
      return put(entry(OP.SYSTEM, word), word);
  }
}
