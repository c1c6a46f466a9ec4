/** The table against what binutils 2.40 says: `address word text` lines are from objdump -d -M no-aliases. */
import { describe, expect, it } from "vitest";
import { INSTRUCTIONS, decode, disassemble, encode, fieldCsr, fieldImmediate, fieldRd, fieldRs1, fieldRs2 } from "./index.ts";

const OBJDUMP = `
0 12345537 lui a0,0x12345
  4 fffff297 auipc t0,0xfffff
  8 100000ef jal ra,0x108
  c f01ff06f jal zero,0xffffff0c
 10 ffc300e7 jalr ra,-4(t1)
 14 00b50863 beq a0,a1,0x24
 18 fe9410e3 bne s0,s1,0xfffffff8
 1c 7ed64fe3 blt a2,a3,0x101a
 20 80d65063 bge a2,a3,0xfffff020
 24 01de60e3 bltu t3,t4,0x824
 28 01ff7f63 bgeu t5,t6,0x46
 2c fff10503 lb a0,-1(sp)
 30 00211583 lh a1,2(sp)
 34 7ff1a603 lw a2,2047(gp)
 38 80024683 lbu a3,-2048(tp)
 3c 0007d703 lhu a4,0(a5)
 40 fea10fa3 sb a0,-1(sp)
 44 02b91123 sh a1,34(s2)
 48 7ecdafa3 sw a2,2047(s11)
 4c ff958513 addi a0,a1,-7
 50 0645a013 slti zero,a1,100
 54 0016b613 sltiu a2,a3,1
 58 fff7c713 xori a4,a5,-1
 5c 0ff8e813 ori a6,a7,255
 60 00fa7993 andi s3,s4,15
 64 01fb1a93 slli s5,s6,0x1f
 68 001c5b93 srli s7,s8,0x1
 6c 411d5c93 srai s9,s10,0x11
 70 00c58533 add a0,a1,a2
 74 40c58533 sub a0,a1,a2
 78 00c59533 sll a0,a1,a2
 7c 00c5a533 slt a0,a1,a2
 80 00c5b033 sltu zero,a1,a2
 84 00c5c533 xor a0,a1,a2
 88 00c5d533 srl a0,a1,a2
 8c 40c5d533 sra a0,a1,a2
 90 00c5e533 or a0,a1,a2
 94 00c5f533 and a0,a1,a2
 98 02c58533 mul a0,a1,a2
 9c 02c59533 mulh a0,a1,a2
 a0 02c5a533 mulhsu a0,a1,a2
 a4 02c5b533 mulhu a0,a1,a2
 a8 02c5c533 div a0,a1,a2
 ac 02c5d533 divu a0,a1,a2
 b0 02c5e533 rem a0,a1,a2
 b4 02c5f533 remu a0,a1,a2
 b8 100522af lr.w t0,(a0)
 bc 140522af lr.w.aq t0,(a0)
 c0 160522af lr.w.aqrl t0,(a0)
 c4 1875232f sc.w t1,t2,(a0)
 c8 1a75232f sc.w.rl t1,t2,(a0)
 cc 0a75202f amoswap.w.rl zero,t2,(a0)
 d0 0675232f amoadd.w.aqrl t1,t2,(a0)
 d4 2075232f amoxor.w t1,t2,(a0)
 d8 6475232f amoand.w.aq t1,t2,(a0)
 dc 4075232f amoor.w t1,t2,(a0)
 e0 8075232f amomin.w t1,t2,(a0)
 e4 a075232f amomax.w t1,t2,(a0)
 e8 c075232f amominu.w t1,t2,(a0)
 ec e075232f amomaxu.w t1,t2,(a0)
 f0 0330000f fence rw,rw
 f4 0f10000f fence iorw,w
 f8 8330000f fence.tso
 fc 0100000f pause
100 0000100f fence.i
104 30059573 csrrw a0,mstatus,a1
108 c0002573 csrrs a0,cycle,zero
10c 1042b073 csrrc zero,sie,t0
110 18005073 csrrwi zero,satp,0
114 100162f3 csrrsi t0,sstatus,2
118 100172f3 csrrci t0,sstatus,2
11c 00000073 ecall
120 00100073 ebreak
124 10200073 sret
128 30200073 mret
12c 10500073 wfi
130 12b50073 sfence.vma a0,a1
`;

const LINES = OBJDUMP.trim().split("\n").map((line) => {
  const [, address, word, text] = /^\s*([0-9a-f]+) ([0-9a-f]{8}) (.*)$/.exec(line)!;
  return { address: Number.parseInt(address!, 16), word: Number.parseInt(word!, 16), text: text! };
});

describe("the instruction table", () => {
  it("has an objdump line for every row", () => {
    const seen = new Set(LINES.map((line) => decode(line.word)?.mnemonic));
    expect(INSTRUCTIONS.map((row) => row.mnemonic).filter((mnemonic) => !seen.has(mnemonic))).toEqual([]);
  });

  it("disassembles as objdump does", () => {
    expect(LINES.map((line) => disassemble(line.word, line.address))).toEqual(LINES.map((line) => line.text));
  });

  it("encodes what it decodes", () => {
    for (const { word, text } of LINES) {
      const row = decode(word)!;
      const imm = fieldImmediate(word, row.format);
      const operands = { rd: fieldRd(word), rs1: fieldRs1(word), rs2: fieldRs2(word), imm, csr: fieldCsr(word) };
      expect(encode(text.split(" ")[0]!, operands)?.toString(16)).toBe(word.toString(16));
    }
  });

  it("refuses operands that do not fit", () => {
    expect(encode("addi", { rd: 1, rs1: 1, imm: 2048 })).toBeNull();
    expect(encode("beq", { imm: 3 })).toBeNull();
    expect(encode("beq", { imm: 4096 })).toBeNull();
    expect(encode("slli", { imm: 32 })).toBeNull();
    expect(encode("add", { rd: 32 })).toBeNull();
    expect(encode("lui", { imm: 1 })).toBeNull();
    expect(encode("addi.aq", {})).toBeNull();
    expect(encode("nonsense", {})).toBeNull();
  });

  it("takes upper values and default fences in both notations", () => {
    expect(encode("lui", { rd: 10, imm: 0x80000000 })).toBe(encode("lui", { rd: 10, imm: -0x80000000 }));
    expect(disassemble(encode("fence")!, 0)).toBe("fence iorw,iorw");
  });

  it("knows what is not an instruction", () => {
    // All zeros, all ones, jalr with funct3 1, an AMO of two bytes.
    expect([0, 0xffffffff, 0x00001067, 0x0000102f].map(decode)).toEqual([null, null, null, null]);
    expect(disassemble(0xffffffff, 0)).toBe(".word 0xffffffff");
  });
});
