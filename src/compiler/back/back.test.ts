import { describe, expect, test } from "vitest";
import type { IrFunction } from "../ir.ts";
import { Builder } from "../opt/testing/builder.ts";
import { generateFunction } from "./index.ts";
import { printAssembly } from "./testing/print-assembly.ts";

function compile(fn: IrFunction, percpuFits = true): string {
  return printAssembly(generateFunction(fn, () => percpuFits));
}

describe("frames", () => {
  test("a leaf without a frame has no prologue", () => {
    const b = new Builder({ params: 2, results: 1 });
    b.return(b.binary("add", b.param(0), b.param(1)));
    expect(compile(b.fn)).toMatchInlineSnapshot(`
      "  add a0, a0, a1
        jalr zero, ra, 0"
    `);
  });

  test("a call gets a frame with ra and s0 in their places", () => {
    const b = new Builder({ params: 1, results: 1 });
    const p = b.param(0);
    b.return(b.binary("add", b.call("g", []), p));
    expect(compile(b.fn)).toMatchInlineSnapshot(`
      "  addi sp, sp, -16
        sw sp, ra, 12
        sw sp, s0, 8
        sw sp, s1, 4
        addi s0, sp, 16
        addi s1, a0, 0
        call g
        add a0, a0, s1
        lw ra, sp, 12
        lw s0, sp, 8
        lw s1, sp, 4
        addi sp, sp, 16
        jalr zero, ra, 0"
    `);
  });

  test("a frame beyond the reach of 12 bits", () => {
    const b = new Builder({ params: 1, frame: [{ size: 4096, align: 4, variable: null }] });
    b.value("call", [b.value("frame", [], { slot: 0, offset: 0 })], { target: "g", results: 0, noreturn: false });
    b.store(b.value("frame", [], { slot: 0, offset: 4000 }), 0, b.param(0));
    b.return();
    expect(compile(b.fn)).toMatchInlineSnapshot(`
      "  addi sp, sp, -16
        sw sp, ra, 12
        sw sp, s0, 8
        sw sp, s1, 4
        addi s0, sp, 16
        li t6, -4096
        add sp, sp, t6
        addi s1, a0, 0
        addi a0, sp, 0
        call g
        li t6, 4096
        add t6, t6, sp
        sw t6, s1, -96
        addi sp, s0, -16
        lw ra, sp, 12
        lw s0, sp, 8
        lw s1, sp, 4
        addi sp, sp, 16
        jalr zero, ra, 0"
    `);
  });

  test("the ninth argument comes from the caller's frame and goes to our own", () => {
    const b = new Builder({ params: 9, results: 1 });
    const ninth = b.param(8);
    const zero = b.constant(0);
    b.return(b.call("g", [zero, zero, zero, zero, zero, zero, zero, zero, ninth]));
    expect(compile(b.fn)).toMatchInlineSnapshot(`
      "  addi sp, sp, -16
        sw sp, ra, 12
        sw sp, s0, 8
        addi s0, sp, 16
        lw a5, s0, 0
        sw sp, a5, 0
        li a0, 0
        li a1, 0
        li a2, 0
        li a3, 0
        li a4, 0
        li a5, 0
        li a6, 0
        li a7, 0
        call g
        lw ra, sp, 12
        lw s0, sp, 8
        addi sp, sp, 16
        jalr zero, ra, 0"
    `);
  });

  test("framePointer() forces a frame", () => {
    const b = new Builder({ results: 1 });
    b.return(b.value("framepointer", [], {}));
    expect(compile(b.fn)).toMatchInlineSnapshot(`
      "  addi sp, sp, -16
        sw sp, ra, 12
        sw sp, s0, 8
        addi s0, sp, 16
        addi a0, s0, 0
        lw ra, sp, 12
        lw s0, sp, 8
        addi sp, sp, 16
        jalr zero, ra, 0"
    `);
  });
});

describe("addresses", () => {
  test("one offset into a symbol takes lui, several share the whole address", () => {
    const b = new Builder({ results: 1 });
    b.store(b.symbol("x"), 4, b.constant(0));
    b.store(b.symbol("y"), 4, b.constant(0));
    b.return(b.load(b.symbol("y"), 8));
    expect(compile(b.fn)).toMatchInlineSnapshot(`
      "  lui a5, %hi(x+4)
        sw a5, zero, %lo(x+4)
        la a5, y+0
        sw a5, zero, 4
        lw a0, a5, 8
        jalr zero, ra, 0"
    `);
  });

  test("a per-CPU word in reach is one load", () => {
    const b = new Builder({ results: 1 });
    b.return(b.load(b.value("percpu", [], { name: "current", offset: 0 }), 4));
    expect(compile(b.fn)).toMatchInlineSnapshot(`
      "  lw a0, tp, %percpu(current+4)
        jalr zero, ra, 0"
    `);
  });

  test("a per-CPU address taken before a call is not taken again behind it", () => {
    const b = new Builder();
    const p = b.value("percpu", [], { name: "count", offset: 0 });
    b.value("call", [], { target: "g", results: 0, noreturn: false });
    b.store(p, 0, b.constant(0));
    b.return();
    expect(compile(b.fn)).toContain("addi s1, tp, %percpu(count+0)");
  });

  test("a per-CPU address out of reach is formed first", () => {
    const b = new Builder({ params: 1 });
    b.store(b.value("percpu", [], { name: "area", offset: 0 }), 4, b.param(0));
    b.return();
    expect(compile(b.fn, false)).toMatchInlineSnapshot(`
      "  addi a5, tp, %percpu(area+0)
        sw a5, a0, 4
        jalr zero, ra, 0"
    `);
  });
});

describe("operations of the machine", () => {
  test("a mark is two adjacent instructions, zero is x0", () => {
    const b = new Builder({ params: 2 });
    b.value("mark", [b.param(0), b.param(1), b.constant(0)], { event: 3 });
    b.return();
    expect(compile(b.fn)).toMatchInlineSnapshot(`
      "  sltu zero, a1, zero
        slti zero, a0, 3
        jalr zero, ra, 0"
    `);
  });

  test("cmpxchg is a loop of LR and SC", () => {
    const b = new Builder({ params: 3, results: 1 });
    b.return(b.value("cmpxchg", [b.param(0), b.param(1), b.param(2)], { order: "acquire-release" }));
    expect(compile(b.fn)).toMatchInlineSnapshot(`
      "  addi a5, a0, 0
      1:
        lr.w.aq a0, a5
        bne a0, a1, 2
        sc.w.rl a4, a5, a2
        bne a4, zero, 1
      2:
        jalr zero, ra, 0"
    `);
  });

  test("ecall takes a7, a6 and a0.., returns two words and needs no frame", () => {
    const b = new Builder({ params: 1, results: 2 });
    const call = b.value("ecall", [b.constant(0x10), b.constant(3), b.param(0)], { results: 2 });
    b.return(call, b.value("result1", [call], {}));
    expect(compile(b.fn)).toMatchInlineSnapshot(`
      "  li a7, 16
        li a6, 3
        ecall
        jalr zero, ra, 0"
    `);
  });

  test("CSR operands up to 31 are immediates, an unused result is x0", () => {
    const b = new Builder({ results: 1 });
    b.value("csr", [b.constant(2)], { op: "rs", csr: 0x100, wantsOld: false });
    b.return(b.value("csr", [b.constant(2)], { op: "rc", csr: 0x100, wantsOld: true }));
    expect(compile(b.fn)).toMatchInlineSnapshot(`
      "  csrrsi zero, csr 0x100, 2
        csrrci a0, csr 0x100, 2
        jalr zero, ra, 0"
    `);
  });

  test("an indirect call, and nothing behind a call that does not return", () => {
    const b = new Builder({ params: 2 });
    b.value("call", [b.param(1), b.param(0)], { target: null, results: 0, noreturn: true });
    expect(compile(b.fn)).toMatchInlineSnapshot(`
      "  addi sp, sp, -16
        sw sp, ra, 12
        sw sp, s0, 8
        addi s0, sp, 16
        addi t1, a0, 0
        addi a0, a1, 0
        jalr ra, t1, 0"
    `);
  });

  test("fences, pause and atomics", () => {
    const b = new Builder({ params: 2 });
    const p = b.param(0);
    b.value("amo", [p, b.param(1)], { op: "swap", order: "release" });
    b.value("fence", [], { pred: "rw", succ: "w" });
    b.value("system", [], { op: "pause" });
    b.value("system", [p], { op: "sfence.vma" });
    b.return();
    expect(compile(b.fn)).toMatchInlineSnapshot(`
      "  amoswap.w.rl zero, a0, a1
        fence 49
        fence 16
        sfence.vma a0, zero
        jalr zero, ra, 0"
    `);
  });
});

describe("control flow", () => {
  test("a counted loop keeps its variables in place and its constants outside", () => {
    const b = new Builder({ params: 2, results: 1 });
    const entry = b.block;
    const base = b.param(0);
    const n = b.param(1);
    const zero = b.constant(0);
    const header = b.begin();
    const i = b.value("phi", [zero], {});
    const sum = b.value("phi", [zero], {});
    const exit = b.begin();
    b.block = entry;
    b.jump(header);
    b.block = header;
    const word = b.load(b.binary("add", base, b.binary("sll", i, b.constant(2))));
    const more = b.binary("add", sum, b.binary("xor", word, b.constant(0x12345)));
    const next = b.binary("add", i, b.constant(1));
    b.branch("ltu", next, n, header, exit);
    i.args.push(next);
    sum.args.push(more);
    b.block = exit;
    b.return(more);
    expect(compile(b.fn)).toMatchInlineSnapshot(`
      "  li a2, 74565
        li a5, 0
        li a4, 0
      1:
        lw a3, a0, 0
        xor a3, a3, a2
        add a4, a4, a3
        addi a5, a5, 1
        addi a0, a0, 4
        bltu a5, a1, 1
        addi a0, a4, 0
        jalr zero, ra, 0"
    `);
  });

  test("unlikely code comes last", () => {
    const b = new Builder({ params: 1, results: 1 });
    const entry = b.block;
    const p = b.param(0);
    const zero = b.constant(0);
    const rare = b.begin();
    const usual = b.begin();
    b.block = entry;
    b.branch("eq", p, zero, rare, usual, "else");
    b.block = rare;
    const other = b.call("g", []);
    b.jump(usual);
    b.block = usual;
    const phi = b.value("phi", [p, other], {});
    b.return(phi);
    expect(compile(b.fn)).toMatchInlineSnapshot(`
      "  addi sp, sp, -16
        sw sp, ra, 12
        sw sp, s0, 8
        addi s0, sp, 16
        beq a0, zero, 1
      3:
        lw ra, sp, 12
        lw s0, sp, 8
        addi sp, sp, 16
        jalr zero, ra, 0
      1:
        call g
        j 3"
    `);
  });
});
