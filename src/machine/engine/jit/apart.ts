/**
 * An entry that stands apart from its page: what tier 1 executes in the place of a region when time is too short for it.
 * A PAGE_END behind it leads back, so jumps inside the page become far ones.
 */
import { OP, OPCODE_NAMES, opcodeOf, partsOf } from "../opcodes.ts";
import { ENTRY_SHIFT } from "../tables.ts";

interface Apart {
  /** Opcode outside of the page. */
  readonly opcode: number;
  /** Its immediate is in bytes of entries inside the page, of code outside. */
  readonly isJump: boolean;
  readonly bytes: number;
}

const APART: readonly Apart[] = OPCODE_NAMES.map((name, opcode) => {
  const { plain, branch, short } = partsOf(name);
  const tail = short ? ".c" : "";
  const isJump = branch === "near" && (plain === "JAL" || /^b(eq|ne|lt|ge|ltu|geu)$/.test(plain));
  const away = plain === "JAL" ? `JAL_FAR${tail}` : `${plain}.far${tail}`;
  return { opcode: isJump ? opcodeOf(away) : opcode, isJump, bytes: short ? 8 : 16 };
});

/** Writes the entry (head, immediate) to stand at word `at`. */
export function layApart(words: Int32Array, at: number, head: number, immediate: number): void {
  const { opcode, isJump, bytes } = APART[head & 0xff]!;
  words[at] = (head & ~0xff) | opcode;
  words[at + 1] = isJump ? immediate >> ENTRY_SHIFT : immediate;
  words[at + bytes / 4] = OP.PAGE_END;
}
