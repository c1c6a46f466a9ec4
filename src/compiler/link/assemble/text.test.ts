import { expect, test } from "vitest";
import { textOf } from "../listing/listing.ts";
import { link } from "../index.ts";
import { readElf } from "../elf-reader.ts";
import { makeUnit } from "./test-unit.ts";

const BASE = 0x80000000;

/** Words of `_start`, disassembled. */
function assemble(text: string): string[] {
  const result = link(makeUnit({ naked: { _start: { section: ".fw.text", text } } }), []);
  if (!result.ok)
    throw new Error(result.problems.map((p) => `${p.place?.line}: ${p.message}`).join("\n"));
  const elf = readElf(result.value.elf);
  const { size } = elf.symbol("_start");
  return Array.from({ length: Math.floor(size / 4) }, (_, i) =>
    textOf(elf.word(BASE + 4 * i), BASE + 4 * i),
  );
}

function problems(text: string): string[] {
  const result = link(makeUnit({ naked: { _start: { section: ".fw.text", text } } }), []);
  return result.ok ? [] : result.problems.map((p) => `${p.place?.line ?? "-"}: ${p.message}`);
}

test("pseudo-instructions", () => {
  expect(
    assemble(`
    nop ; mv a0, a1 ; not a0, a1 ; neg a0, a1 ; seqz a0, a1 ; snez a0, a1
    li a0, 5 ; li a0, -2048 ; li a0, 0x800 ; li a0, 0x12345000 ; li a0, 0xffffffff
    csrr a0, mhartid ; csrw satp, a0 ; csrs sstatus, a0 ; csrc sie, a0
    csrwi mie, 0 ; csrsi sstatus, 2 ; csrci sstatus, 1 << 1 ; csrw mie, 3
    jr a0 ; jr 4(a0) ; jalr a0 ; jalr zero, 8(a0) ; ret ; rdtime a0 ; pause ; unimp ; add a0, a0, 4`),
  ).toMatchInlineSnapshot(`
      [
        "addi zero,zero,0",
        "addi a0,a1,0",
        "xori a0,a1,-1",
        "sub a0,zero,a1",
        "sltiu a0,a1,1",
        "sltu a0,zero,a1",
        "addi a0,zero,5",
        "addi a0,zero,-2048",
        "lui a0,0x1",
        "addi a0,a0,-2048",
        "lui a0,0x12345",
        "addi a0,zero,-1",
        "csrrs a0,mhartid,zero",
        "csrrw zero,satp,a0",
        "csrrs zero,sstatus,a0",
        "csrrc zero,sie,a0",
        "csrrwi zero,mie,0",
        "csrrsi zero,sstatus,2",
        "csrrci zero,sstatus,2",
        "csrrwi zero,mie,3",
        "jalr zero,0(a0)",
        "jalr zero,4(a0)",
        "jalr ra,0(a0)",
        "jalr zero,8(a0)",
        "jalr zero,0(ra)",
        "csrrs a0,time,zero",
        "pause",
        "csrrw zero,cycle,zero",
        "addi a0,a0,4",
      ]
    `);
});

test("labels: numeric ones may repeat, named ones are local", () => {
  expect(
    assemble(`
1:  beqz a0, 1f
    bnez a0, 1b
again:
1:  bgt a0, a1, again
    blez a0, 2f
    j 1b
2:  .word 2b - again, %hi(0x12345678)`),
  ).toEqual([
    "beq a0,zero,0x80000008",
    "bne a0,zero,0x80000000",
    "blt a1,a0,0x80000008",
    "bge zero,a0,0x80000014",
    "jal zero,0x80000008",
    ".word 0xc",
    ".word 0x12345000",
  ]);
});

test("memory operands, order suffixes, fences", () => {
  expect(
    assemble(`
    lw a0, 4*3(sp) ; sw a0, -(8)(sp) ; lb a0, (a1)
    lr.w.aq a0, (a1) ; sc.w.rl a0, a2, (a1) ; amoadd.w.aqrl zero, a2, (a1) ; amoswap.w a0, a2, 0(a1)
    fence ; fence rw, w ; fence.i ; sfence.vma ; sfence.vma a0, a1`),
  ).toEqual([
    "lw a0,12(sp)",
    "sw a0,-8(sp)",
    "lb a0,0(a1)",
    "lr.w.aq a0,(a1)",
    "sc.w.rl a0,a2,(a1)",
    "amoadd.w.aqrl zero,a2,(a1)",
    "amoswap.w a0,a2,(a1)",
    "fence iorw,iorw",
    "fence rw,w",
    "fence.i",
    "sfence.vma zero,zero",
    "sfence.vma a0,a1",
  ]);
});

test("directives", () => {
  expect(
    assemble(`
    .equ SIZE, 8
    li a0, SIZE * 2   # a comment; not a statement
    .balign 16
    .word SIZE        // another
    .half 1, 2
    .byte 1, 2, 3, 4
    .ascii "ab\\n"
    .zero 1
    .align 3
    nop`),
  ).toEqual([
    "addi a0,zero,16",
    "addi zero,zero,0",
    "addi zero,zero,0",
    "addi zero,zero,0",
    ".word 0x8",
    ".word 0x20001",
    ".word 0x4030201",
    ".word 0xa6261",
    "addi zero,zero,0",
  ]);
});

test("mistakes name the line and the thing", () => {
  expect(
    problems(`
    addi a0, a1
    lw a0, 4096(a1)
    frob a0
    mv a0, q0
    csrr a0, nosuch
    j 1b
    j 2f
    .align 13
    call nowhere
    lui a0, 0x100000
    amoswap.w a0, a1, 4(a2)
    li a0, somewhere
here: here: nop`),
  ).toEqual([
    '14: the label "here" is defined twice',
    '2: "addi" takes 3 operands, not 2',
    '3: the immediate 4096 of "lw" does not fit, or there is no such instruction (in _start)',
    '4: unknown instruction "frob"',
    '5: "q0" is not a register',
    '6: "nosuch" is not a control and status register',
    '7: there is no label "1:" before "1b"',
    "9: an alignment must be a power of two up to 4096, not 8192",
    "11: 0x100000 does not fit 20 bits",
    '12: "amoswap.w" takes no offset',
    '13: "somewhere" must be a constant',
    '8: there is no label "2:" after "2f"',
    '10: undefined symbol "nowhere"',
  ]);
});
