// The assembler against GNU as, the image against QEMU and gdb.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect } from "vitest";
import { formatProblem } from "../../src/base/result.ts";
import type { AsmItem } from "../../src/compiler/assembly.ts";
import { readElf } from "../../src/compiler/link/elf-reader.ts";
import { link } from "../../src/compiler/link/index.ts";
import { asmFunction, makeUnit } from "../../src/compiler/link/assemble/test-unit.ts";
import type { IrUnit } from "../../src/compiler/ir.ts";
import type { AsmFunction } from "../../src/compiler/assembly.ts";
import { disassemble } from "../../src/isa/index.ts";
import { runTool, testWithTool } from "./tool.ts";

const work = mkdtempSync(join(tmpdir(), "hartlab-assembler-"));
afterAll(() => rmSync(work, { recursive: true, force: true }));

function build(unit: IrUnit, functions: AsmFunction[] = []): Uint8Array {
  const result = link(unit, functions);
  if (!result.ok) throw new Error(result.problems.map(formatProblem).join("\n"));
  return result.value.elf;
}

/** Everything without the program counter in it, so that both assemblers give the same words wherever they put it. */
const TEXT = `
  add a0, a1, a2 ; sub s1, s2, s3 ; sll t0, t1, t2 ; slt a0, a1, a2 ; sltu t3, t4, t5 ; xor a6, a7, s11
  srl a0, a1, a2 ; sra a0, a1, a2 ; or a0, a1, a2 ; and x1, x2, x31
  mul a0, a1, a2 ; mulh a0, a1, a2 ; mulhsu a0, a1, a2 ; mulhu a0, a1, a2
  div a0, a1, a2 ; divu a0, a1, a2 ; rem a0, a1, a2 ; remu a0, a1, a2
  addi sp, sp, -2048 ; slti a0, a1, 2047 ; sltiu a0, a1, -1 ; xori a0, a1, 1 ; ori a0, a1, 2 ; andi a0, a1, 3
  slli a0, a1, 31 ; srli a0, a1, 0 ; srai a0, a1, 17
  lb a0, -1(a1) ; lh a0, 2(a1) ; lw a0, 2047(fp) ; lbu a0, (a1) ; lhu a0, -2048(sp)
  sb a0, -1(a1) ; sh a0, 31(a1) ; sw ra, 2047(s0)
1: beq a0, a1, 1b ; bne a0, a1, 2f ; blt a0, a1, 1b ; bge a0, a1, 2f ; bltu a0, a1, 1b ; bgeu a0, a1, 2f
  bgt a0, a1, 1b ; ble a0, a1, 2f ; bgtu a0, a1, 1b ; bleu a0, a1, 2f
  beqz a0, 1b ; bnez a0, 2f ; bltz a0, 1b ; bgez a0, 2f ; blez a0, 1b ; bgtz a0, 2f
2: lui a0, 0xfffff ; auipc a0, 1 ; jal 1b ; jal t0, 1b ; j 2b ; jr t1 ; jalr t1 ; jalr a0, t1 ; jalr a0, -4(t1) ; ret
  li a0, 0 ; li a0, 2047 ; li a0, 2048 ; li a0, -2049 ; li a0, 0x7fffffff ; li a0, 0xdeadbeef ; li a0, 0x80000000
  mv a0, a1 ; nop ; not a0, a1 ; neg a0, a1 ; seqz a0, a1 ; snez a0, a1 ; sltz a0, a1 ; sgtz a0, a1
  csrr a0, mstatus ; csrw mepc, a0 ; csrs mie, a0 ; csrc sip, a0 ; csrwi satp, 31 ; csrsi sstatus, 2 ; csrci sstatus, 2
  csrrw a0, sscratch, a1 ; csrrs a0, mcause, a1 ; csrrc a0, stval, a1 ; csrrwi a0, medeleg, 1 ; csrrsi a0, mideleg, 2
  csrrci a0, pmpcfg0, 3 ; csrr a0, pmpaddr15 ; csrr a0, 0x3a1 ; rdcycle a0 ; rdtimeh a1 ; rdinstret a2 ; csrr t0, mhartid
  lr.w a0, (a1) ; lr.w.aq a0, (a1) ; sc.w.rl a0, a2, (a1) ; sc.w a0, a2, (a1) ; amoswap.w.aqrl a0, a2, (a1)
  amoadd.w a0, a2, (a1) ; amoxor.w.aq a0, a2, (a1) ; amoand.w.rl a0, a2, (a1) ; amoor.w a0, a2, (a1)
  amomin.w a0, a2, (a1) ; amomax.w a0, a2, (a1) ; amominu.w a0, a2, (a1) ; amomaxu.w a0, a2, (a1)
  fence ; fence rw, w ; fence r, rw ; fence iorw, o ; fence.i ; sfence.vma ; sfence.vma a0 ; sfence.vma a0, a1
  ecall ; ebreak ; wfi ; mret ; sret ; unimp ; add a0, a1, 5 ; and a0, a0, -4
  .word 0x12345678, (1 << 4) | 3 ; .half 0x1234, -1 ; .balign 8 ; .byte 1, 2, 3, 4
3: la a0, 3b ; lla a1, 3f ; .word 3f - 3b
3: .asciz "end"`;

testWithTool("riscv64-unknown-elf-as", "the same words as GNU as", () => {
  const source = join(work, "all.s");
  const object = join(work, "all.o");
  const raw = join(work, "all.bin");
  writeFileSync(source, `.option norelax\n${TEXT}\n`);
  runTool("riscv64-unknown-elf-as", [
    "-march=rv32ima_zicsr_zifencei",
    "-mabi=ilp32",
    "-mno-relax",
    "-o",
    object,
    source,
  ]);
  runTool("riscv64-unknown-elf-ld", [
    "-m",
    "elf32lriscv",
    "-Ttext=0x80000000",
    "-e",
    "0",
    "-o",
    `${object}.elf`,
    object,
  ]);
  runTool("riscv64-unknown-elf-objcopy", ["-O", "binary", "-j", ".text", `${object}.elf`, raw]);
  const gnu = readFileSync(raw);
  const elf = readElf(build(makeUnit({ naked: { _start: { section: ".fw.start", text: TEXT } } })));
  const ours = elf.section(".fw.start").bytes;
  const lines = (bytes: Uint8Array): string[] => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return Array.from({ length: bytes.length >> 2 }, (_, i) => {
      const word = view.getUint32(4 * i, true);
      return `${word.toString(16)} ${disassemble(word, 0x80000000 + 4 * i)}`;
    });
  };
  // GNU as pads the section to its alignment.
  expect(lines(ours)).toEqual(lines(gnu.subarray(0, ours.length)));
  expect(gnu.length - ours.length).toBeLessThan(8);
  expect(ours.length).toBeGreaterThan(500);
});

const BOOT = makeUnit({
  naked: {
    _start: {
      section: ".fw.text",
      text: `csrr t0, mhartid
  bnez t0, 2f
  la sp, stack + 1024
  li t0, 0x80400000
  jalr t0
  li t0, 0x100000
  li t1, 0x5555
  sw t1, (t0)
2: wfi
  j 2b`,
    },
    kernel_entry: {
      section: ".head.text",
      text: `addi sp, sp, -16
  sw ra, 12(sp)
  la s1, message
1: lbu a0, (s1)
  beqz a0, 2f
  call put
  addi s1, s1, 1
  j 1b
2: lw ra, 12(sp)
  ret`,
    },
    put: {
      text: `li t0, 0x10000000
1: lbu t1, 5(t0)
  andi t1, t1, 1 << 5
  beqz t1, 1b
  sb a0, (t0)
  ret`,
    },
  },
  data: [
    { symbol: "message", section: ".rodata", bytes: new TextEncoder().encode("hello, kernel\n\0") },
    { symbol: "stack", section: ".fw.bss", size: 1024 },
  ],
});

testWithTool("qemu-system-riscv32", "QEMU loads both regions, runs them and powers off", () => {
  const file = join(work, "boot.elf");
  writeFileSync(file, build(BOOT));
  const output = runTool("qemu-system-riscv32", [
    "-M",
    "virt",
    "-m",
    "64M",
    "-smp",
    "2",
    "-bios",
    "none",
    "-display",
    "none",
    "-serial",
    "stdio",
    "-monitor",
    "none",
    "-kernel",
    file,
  ]);
  expect(output).toBe("hello, kernel\n");
});

testWithTool("gdb-multiarch", "gdb finds lines, functions, frames and typed statics", () => {
  const file = join(work, "debug.elf");
  const nowhere = { file: "", line: 0, column: 0, functionName: "", inlinedAt: 0 };
  const at = (line: number) => ({
    file: "kernel/init/main.ts",
    line,
    column: 3,
    functionName: "kmain",
    inlinedAt: 0,
  });
  const insn = (mnemonic: string, loc: number, rd: number, rs1: number, rest: object): AsmItem =>
    ({ kind: "insn", mnemonic, rd, rs1, loc, ...rest }) as AsmItem;
  const kmain = asmFunction(
    "kmain",
    [
      insn("addi", 1, 2, 2, { imm: -16 }),
      insn("sw", 1, 0, 2, { rs2: 1, imm: 12 }),
      insn("sw", 1, 0, 2, { rs2: 8, imm: 8 }),
      insn("addi", 1, 8, 2, { imm: 16 }),
      insn("addi", 2, 10, 0, { imm: 7 }),
      { kind: "call", symbol: "helper", loc: 3 },
      insn("lw", 4, 1, 2, { imm: 12 }),
      insn("lw", 4, 8, 2, { imm: 8 }),
      insn("addi", 4, 2, 2, { imm: 16 }),
      insn("jalr", 4, 0, 1, { imm: 0 }),
    ],
    { loc: 1, frameBytes: 16 },
  );
  const helper = asmFunction("helper", [insn("jalr", 5, 0, 1, { imm: 0 })], { loc: 5 });
  const unit = makeUnit({
    naked: { _start: { section: ".fw.text", text: "nop" } },
    locations: [nowhere, at(3), at(4), at(5), at(6), at(9)],
    data: [
      {
        symbol: "root",
        type: "node",
        size: 16,
        bytes: new Uint8Array([5, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 9, 0, 0, 0]),
        loc: 5,
      },
    ],
  });
  const structs = {
    node: {
      size: 16,
      fields: [
        { name: "count", offset: 0, type: "u32", size: 4 },
        { name: "next", offset: 4, type: "node*", size: 4 },
        { name: "bytes", offset: 8, type: "u8[2][2]", size: 4 },
        { name: "flag", offset: 12, type: "boolean", size: 1 },
      ],
    },
  };
  writeFileSync(file, build({ ...unit, structs }, [kmain, helper]));
  const commands = [
    "info line kmain",
    "info scope kmain",
    "ptype struct node",
    "print root",
    "print sizeof(root)",
    "info symbol 0xc0000004",
    "break kernel/init/main.ts:5",
    "info address helper",
  ];
  const output = runTool(
    "gdb-multiarch",
    ["-nx", "-q", "-batch", ...commands.flatMap((c) => ["-ex", c]), file],
    work,
  );
  expect(output.trim().split("\n")).toMatchInlineSnapshot(`
    [
      "Line 3 of "kernel/init/main.ts" starts at address 0xc0000000 <kmain> and ends at 0xc0000010 <kmain+16>.",
      "Scope for kmain contains no locals or arguments.",
      "type = struct node {",
      "    u32 count;",
      "    struct node *next;",
      "    u8 bytes[2][2];",
      "    boolean flag;",
      "}",
      "$1 = {count = 5, next = 0x0, bytes = {"\\001\\002", "\\003\\004"}, flag = 9}",
      "$2 = 16",
      "kmain + 4 in section .text",
      "Breakpoint 1 at 0xc0000014: file kernel/init/main.ts, line 5.",
      "Symbol "helper" is a function at address 0xc0000028.",
    ]
  `);
});
