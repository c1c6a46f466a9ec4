import fc from "fast-check";
import { expect, test } from "vitest";
import { decode, encode, fieldImmediate } from "../../../isa/index.ts";
import type { AsmItem } from "../../assembly.ts";
import { readElf } from "../elf-reader.ts";
import type { ReadElf } from "../elf-reader.ts";
import { link } from "../index.ts";
import { asmFunction, makeUnit } from "./test-unit.ts";

const NOP: AsmItem = { kind: "insn", mnemonic: "addi", rd: 0, rs1: 0, imm: 0, loc: 0 };
const LABELS = 6;

/** Gaps of nops between labels, and branches or jumps at some of the labels to any other. */
const program = fc.record({
  gaps: fc.array(fc.integer({ min: 0, max: 1400 }), { minLength: LABELS, maxLength: LABELS }),
  branches: fc.array(
    fc.record({ at: fc.nat(LABELS - 1), to: fc.nat(LABELS - 1), plain: fc.boolean() }),
    { maxLength: 12 },
  ),
});

/** Where control goes from the branch at `pc` when it is taken, and how many words it has. */
function follow(elf: ReadElf, pc: number): { target: number; words: number } {
  const word = elf.word(pc);
  const row = decode(word);
  if (row?.format === "j") return { target: pc + fieldImmediate(word, "j"), words: 1 };
  const inverted = row?.mnemonic === "beq";
  if (!inverted) return { target: pc + fieldImmediate(word, "b"), words: 1 };
  expect(fieldImmediate(word, "b")).toBe(8);
  const jump = elf.word(pc + 4);
  expect(decode(jump)?.mnemonic).toBe("jal");
  return { target: pc + 4 + fieldImmediate(jump, "j"), words: 2 };
}

test("every branch reaches its label, and is long only when it must be", () => {
  fc.assert(
    fc.property(program, ({ gaps, branches }) => {
      const items: AsmItem[] = [];
      gaps.forEach((gap, label) => {
        items.push({ kind: "label", label });
        for (const b of branches.filter((c) => c.at === label)) {
          const target = { label: b.to, loc: 0 };
          items.push(
            b.plain
              ? { kind: "jump", ...target }
              : { kind: "branch", mnemonic: "bne", rs1: 10, rs2: 0, ...target },
          );
        }
        for (let i = 0; i < gap; i++) items.push(NOP);
      });
      const result = link(makeUnit({ naked: { _start: { section: ".fw.text", text: "nop" } } }), [
        asmFunction("f", items),
      ]);
      if (!result.ok) throw new Error(result.problems[0].message);
      const elf = readElf(result.value.elf);
      checkProgram(elf, gaps, branches);
    }),
    { numRuns: 30 },
  );
});

function checkProgram(
  elf: ReadElf,
  gaps: readonly number[],
  branches: readonly { at: number; to: number }[],
): void {
  const labels: number[] = [];
  const seen: { pc: number; to: number; words: number; target: number }[] = [];
  const nop = encode("addi", {});
  let misplaced = 0;
  let pc = elf.symbol("f").address;
  gaps.forEach((gap, label) => {
    labels.push(pc);
    for (const b of branches.filter((c) => c.at === label)) {
      const { target, words } = follow(elf, pc);
      seen.push({ pc, to: b.to, words, target });
      pc += 4 * words;
    }
    for (let i = 0; i < gap; i++, pc += 4) if (elf.word(pc) !== nop) misplaced++;
  });
  expect(misplaced).toBe(0);
  for (const s of seen) {
    expect(s.target).toBe(labels[s.to]);
    const distance = s.target - s.pc;
    // Sizes never shrink again: a long one was needed while others were still growing, so it is
    // near the limit at least.
    if (s.words === 2) expect(Math.abs(distance)).toBeGreaterThan(4096 - 8 * branches.length);
    else if (decode(elf.word(s.pc))?.format === "b")
      expect(distance >= -4096 && distance < 4096).toBe(true);
  }
}
