/** The C rows against what binutils 2.40 says: `address half text` lines are from objdump -d -M no-aliases. */
import { expect, it } from "vitest";
import { COMPRESSED, decode, decodeCompressed, disassemble, encodeCompressed, expand } from "./index.ts";
import { immediateOf, registerOf } from "./compressed.ts";

const OBJDUMP = `
   30 0020 c.addi4spn s0,sp,8
 1092 0b0c c.addi4spn a1,sp,400
 8ffa 5ffc c.lw a5,124(a5)
14ffa dffc c.sw a5,124(a5)
    2 0001 c.addi zero,0
 2ffc 1ffd c.addi t6,-1
 4064 2aed c.jal 0x425e
 5ffc 3ffd c.jal 0x5ffa
 7064 4aed c.li s5,27
 aa3c 717d c.addi16sp sp,-16
 a1ae 6bc9 c.lui s7,0x12
 bffc 7ffd c.lui t6,0xfffff
 c002 8001 c.srli64 s0
 d002 8195 c.srli a1,0x5
 cb42 8781 c.srai64 a5
 cf46 85fd c.srai a1,0x1f
 e9fc 9bfd c.andi a5,-1
 d76c 8f9d c.sub a5,a5
 d772 8fb1 c.xor a5,a2
 d778 8c45 c.or s0,s1
 d77e 8fe9 c.and a5,a0
11ffc bffd c.j 0x11ffa
13064 caed c.beqz a3,0x13156
14ffc dffd c.beqz a5,0x14ffa
16064 eaed c.bnez a3,0x16156
   c4 0082 c.slli64 ra
 1066 0aee c.slli s5,0x1b
 8f42 52fe c.lwsp t0,252(sp)
 c0c4 8082 c.jr ra
 d0f0 8b4a c.mv s6,s2
 d804 9002 c.ebreak
 d8c4 9082 c.jalr ra
 effe 9ffe c.add t6,t6
13066 caee c.swsp s11,84(sp)
`;
const LINES = OBJDUMP.trim().split("\n").map((line) => {
  const [, address, half, text] = /^\s*([0-9a-f]+) ([0-9a-f]{4}) (.*)$/.exec(line)!;
  return { address: Number.parseInt(address!, 16), half: Number.parseInt(half!, 16), text: text! };
});

it("has an objdump line for every row", () => {
  const seen = new Set(LINES.map((line) => decodeCompressed(line.half)?.mnemonic));
  expect(COMPRESSED.map((row) => row.mnemonic).filter((mnemonic) => !seen.has(mnemonic))).toEqual([]);
});

it("disassembles as objdump does", () => {
  expect(LINES.map((line) => disassemble(line.half, line.address))).toEqual(LINES.map((line) => line.text));
});

it("encodes what it decodes, and every expansion is the base instruction: all halfwords", () => {
  let known = 0;
  for (let half = 0; half < 0x1_0000; half++) {
    const row = (half & 3) === 3 ? null : decodeCompressed(half);
    if (!row) continue;
    known++;
    const word = expand(half);
    expect(decode(word!)).toBe(row.base);
    const register = (field: typeof row.rd): number | undefined => (field ? registerOf(field, half) : undefined);
    const imm = row.imm ? immediateOf(row.imm, half) : 0;
    const operands = { rd: register(row.rd), rs1: register(row.rs1), rs2: register(row.rs2), imm };
    expect(encodeCompressed(row.mnemonic, operands)).toBe(half);
  }
  // As many as objdump names, without F and D and the shifts by 32 and more that RV32 reserves.
  expect(known).toBe(28_823);
});

it("refuses operands that do not fit", () => {
  expect(encodeCompressed("c.addi", { rd: 10, imm: 32 })).toBeNull();
  expect(encodeCompressed("c.lw", { rd: 7, rs1: 8 })).toBeNull();
  expect(encodeCompressed("c.lw", { rd: 8, rs1: 8, imm: 2 })).toBeNull();
  expect(encodeCompressed("c.add", { rd: 8, rs1: 9, rs2: 10 })).toBeNull();
  expect(encodeCompressed("c.lwsp", { rd: 0 })).toBeNull();
  expect(encodeCompressed("c.addi4spn", { rd: 8, imm: 0 })).toBeNull();
  expect(encodeCompressed("c.lui", { rd: 2, imm: 0x1000 })).toBeNull();
  expect(encodeCompressed("c.nonsense", {})).toBeNull();
});

it("knows what is not an instruction", () => {
  // All zeros, c.addi4spn of nothing, c.fld, c.lwsp to x0, c.jr x0, c.addw, a shift by 32.
  expect([0, 0x0004, 0x2000, 0x4002, 0x8002, 0x9c21, 0x1002].map(expand)).toEqual(Array.from({ length: 7 }, () => null));
  expect([0, 0x0004].map((half) => disassemble(half, 0))).toEqual(["c.unimp", ".2byte 0x4"]);
});
