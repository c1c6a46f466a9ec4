/** PMP at work in the whole machine: entries smaller than a page, for loads, stores, code, page tables, and locked ones in M mode. */
import { describe, expect, test } from "vitest";
import { CSR } from "../../isa/index.ts";
import { createMachine } from "../machine.ts";
import { Assembler } from "../test-assembler.ts";
import { elfFile } from "../test-elf.ts";
import type { Timing } from "../types.ts";

const RAM = 0x8000_0000;
const DATA = RAM + 0x1_0000;
const CODE = RAM + 0x2_0000;
const RESULTS = RAM + 0x3_0000;
const ROOT = RAM + 0x4_0000;
const NA4 = 0x10;
const TOR = 0x08;
const [R, W, X, L] = [1, 2, 4, 0x80];

type Body = (code: Assembler) => void;
const li = (code: Assembler, csr: string, value: number): Assembler => code.li("t0", value).csr("csrrw", "zero", CSR[csr]!, "t0");
/** pmpaddr 0.. and the bytes of pmpcfg. */
function entries(code: Assembler, table: readonly (readonly [config: number, address: number])[]): void {
  table.forEach(([, address], i) => li(code, `pmpaddr${i}`, address >>> 2));
  for (let word = 0; word * 4 < table.length; word++) {
    li(code, `pmpcfg${word}`, table.slice(word * 4, word * 4 + 4).reduce((sum, [config], i) => sum | (config << (8 * i)), 0));
  }
}
/** Makes the bytes from 0 to the end of what 34 bits address the last entry's. */
const rest = (config: number): readonly [number, number] => [config | 0x18, 0xffff_fffc];

/**
 * Runs `setUp` in M mode, then `body` in `mode`; every trap is written down as cause, tval - and returns to s1 when that is
 * not zero, else behind the instruction.
 */
function traps(timing: Timing, mode: "M" | "S", setUp: Body, body: Body): number[][] {
  const code = new Assembler(RAM);
  code.la("t0", "handler").csr("csrrw", "zero", CSR["mtvec"]!, "t0").li("s0", RESULTS).li("s1", 0);
  setUp(code);
  code.la("t0", "body").csr("csrrw", "zero", CSR["mepc"]!, "t0").li("t0", 0x1800).csr("csrrc", "zero", CSR["mstatus"]!, "t0");
  code.li("t0", mode === "M" ? 0x1800 : 0x800).csr("csrrs", "zero", CSR["mstatus"]!, "t0").emit("mret").label("body");
  body(code);
  code.li("a7", 1).emit("ecall").align(4).label("handler").csr("csrrs", "t5", CSR["mcause"]!, "zero");
  code.branch("bne", "a7", "zero", "end").store("sw", "t5", "s0").csr("csrrs", "t5", CSR["mtval"]!, "zero");
  code.store("sw", "t5", "s0", 4).op("addi", "s0", "s0", 8).csr("csrrs", "t5", CSR["mepc"]!, "zero").op("addi", "t5", "t5", 4);
  code.branch("beq", "s1", "zero", "back").op("addi", "t5", "s1", 0).label("back").csr("csrrw", "zero", CSR["mepc"]!, "t5").emit("mret");
  code.label("end").li("t0", 0x10_0000).li("t1", 0x5555).store("sw", "t1", "t0");
  const made = createMachine({
    harts: 1, memoryBytes: 8 << 20, timing, interleave: "ahead", bootargs: "", lab: false, recordMarks: false,
  });
  if (!made.ok) throw new Error("no machine");
  const loaded = made.value.loadElf(elfFile({ segments: [{ physical: RAM, bytes: code.bytes() }] }));
  if (!loaded.ok) throw new Error(loaded.problems[0]?.message);
  expect(made.value.run({ maxInstructions: 10_000 })).toEqual({ kind: "poweroff" });
  const words = new Uint32Array(made.value.readPhysical(RESULTS, 256)!.buffer);
  const result: number[][] = [];
  for (let i = 0; words[i] !== 0; i += 2) result.push([words[i]!, words[i + 1]!]);
  return result;
}

describe.each(["functional", "cycle"] as const)("%s", (timing) => {
  test("four bytes of a page are closed, whatever was accessed in it before", () => {
    const open = (code: Assembler): void => entries(code, [[NA4, DATA + 64], rest(R | W | X)]);
    const result = traps(timing, "S", open, (code) => {
      code.li("a0", DATA).store("sw", "a0", "a0", 60).load("lw", "a1", "a0", 60).store("sw", "a0", "a0", 68);
      code.load("lw", "a1", "a0", 64).store("sb", "a1", "a0", 67).load("lbu", "a1", "a0", 63);
      // Misaligned: touches the entry without being inside it.
      code.load("lw", "a1", "a0", 62).store("sh", "a1", "a0", 63).load("lhu", "a1", "a0", 67).load("lhu", "a1", "a0", 61);
      code.op("lr.w", "a1", "a0", 0).op("addi", "a0", "a0", 64).op("lr.w", "a1", "a0", 0).op("amoadd.w", "a1", "a0", "a1");
    });
    expect(result).toEqual([[5, DATA + 64], [7, DATA + 67], [5, DATA + 62], [7, DATA + 63], [5, DATA + 67], [5, DATA + 64], [7, DATA + 64]]);
  });

  test("a TOR range may begin and end inside a page; M mode is free of entries that are not locked", () => {
    const open = (code: Assembler): void => entries(code, [[0, DATA + 8], [TOR | R, DATA + 16], rest(0)]);
    const body = (code: Assembler): void => {
      code.li("a0", DATA).load("lw", "a1", "a0", 4).load("lw", "a1", "a0", 8).store("sw", "a1", "a0", 8).load("lw", "a1", "a0", 16);
    };
    expect(traps(timing, "M", open, body)).toEqual([]);
    const own = (code: Assembler): void => {
      entries(code, [[0, DATA + 8], [TOR | R, DATA + 16], [0, DATA], [TOR, DATA + 4096], rest(R | W | X)]);
    };
    expect(traps(timing, "S", own, body)).toEqual([[5, DATA + 4], [7, DATA + 8], [5, DATA + 16]]);
  });

  test("a locked entry binds M mode and stays", () => {
    const lock = (code: Assembler): void => entries(code, [[NA4 | R | L, DATA], [L | X | TOR, DATA + 4096]]);
    const result = traps(timing, "M", lock, (code) => {
      li(code, "pmpcfg0", 0x1f);
      li(code, "pmpaddr0", 0);
      code.li("a0", DATA).load("lw", "a1", "a0").store("sw", "a1", "a0").store("sw", "a1", "a0", 4).load("lw", "a1", "a0", 4).li("a0", RAM).store("sw", "a1", "a0", 1024);
    });
    expect(result).toEqual([[7, DATA], [7, DATA + 4], [5, DATA + 4]]);
  });

  test("code: each halfword by itself, also when the page was executed in M mode before", () => {
    const setUp = (code: Assembler): void => {
      // c.addi a0, 1; addi a0, a0, 1; jalr zero, ra
      code.li("t2", CODE).li("t3", 0x0513_0505).store("sw", "t3", "t2").li("t3", 0x8067_0015).store("sw", "t3", "t2", 4);
      code.li("t3", 0).store("sw", "t3", "t2", 8).op("jalr", "ra", "t2", 0);
      entries(code, [[NA4, CODE + 4], rest(R | W | X)]);
    };
    const result = traps(timing, "S", setUp, (code) => {
      code.li("a0", 0).la("s1", "after").li("t2", CODE).op("jalr", "ra", "t2", 0).label("after").li("s1", 0);
      code.li("t2", RESULTS + 128).store("sw", "a0", "t2");
    });
    expect(result).toEqual([[1, CODE + 4]]);
  });

  test("page tables are read and marked with S mode's rights", () => {
    const tables = (config: number) => (code: Assembler): void => {
      code.li("t2", ROOT + 4 * (RAM >>> 22)).li("t3", ((RAM >>> 12) << 10) | 0xcf).store("sw", "t3", "t2");
      code.li("t2", ROOT + 4).li("t3", ((RAM >>> 12) << 10) | 0x0f).store("sw", "t3", "t2");
      li(code, "satp", 0x8000_0000 | (ROOT >>> 12));
      entries(code, [[NA4 | config, ROOT + 4], rest(R | W | X)]);
    };
    const body = (code: Assembler): void => {
      code.li("a0", 0x40_0000 + (DATA - RAM)).load("lw", "a1", "a0").store("sw", "a1", "a0");
    };
    expect(traps(timing, "S", tables(0), body)).toEqual([[5, 0x41_0000], [7, 0x41_0000]]);
    expect(traps(timing, "S", tables(R), body)).toEqual([[5, 0x41_0000], [7, 0x41_0000]]);
    expect(traps(timing, "S", tables(R | W), body)).toEqual([]);
  });
});
