import { beforeEach, describe, expect, test } from "vitest";
import { CSR } from "../../isa/index.ts";
import { getHart, setHart, setHart64 } from "../board.ts";
import { FLUSH } from "../engine/index.ts";
import { HART } from "../memory/layout.ts";
import {
  changeCsrOn,
  createTestBoard,
  readCsrOn,
  writeCsrOn,
  type TestBoard,
} from "../test-board.ts";
import { IP, MSTATUS, PRIV } from "./bits.ts";
import { CSR_ROWS } from "./csr-table.ts";

let board: TestBoard;
beforeEach(() => {
  board = createTestBoard();
});

const read = (name: string): number | null => readCsrOn(board, 0, name);
const write = (name: string, value: number): number | null => writeCsrOn(board, 0, name, value);
const enter = (privilege: number): void => setHart(board, 0, HART.PRIV, privilege);

test("numbers are unique and agree with the assembler's names", () => {
  expect(new Set(CSR_ROWS.map((row) => row.number)).size).toBe(CSR_ROWS.length);
  const different = CSR_ROWS.filter((row) => row.name in CSR && CSR[row.name] !== row.number);
  expect(different).toEqual([]);
  expect(CSR_ROWS.filter((row) => row.name in CSR).length).toBeGreaterThan(60);
});

describe("what all ones leave behind", () => {
  const cases: [string, number][] = [
    ["mstatus", 0x007e_19aa],
    ["sstatus", 0x000c_0122],
    ["misa", 0x4014_1105],
    ["medeleg", 0x0000_b3ff],
    ["mideleg", 0x0000_0222],
    ["mie", 0x0000_0aaa],
    ["mepc", 0xffff_fffe],
    ["sepc", 0xffff_fffe],
    ["mcause", 0xffff_ffff],
    ["menvcfg", 1],
    ["satp", 0xffff_ffff],
    ["mcounteren", 0xffff_ffff],
    ["mhpmcounter3", 0],
    ["mhpmevent31", 0],
    ["mcountinhibit", 5],
    ["mstatush", 0],
    ["pmpcfg0", 0x9f9f_9f9f],
  ];
  test.each(cases)("%s reads %i", (name, value) => {
    write(name, -1);
    expect(read(name)).toBe(value >>> 0);
  });
});

test("the reserved value 2 of MPP leaves MPP alone", () => {
  write("mstatus", 3 << MSTATUS.MPP_SHIFT);
  write("mstatus", 2 << MSTATUS.MPP_SHIFT);
  expect(read("mstatus")).toBe(3 << MSTATUS.MPP_SHIFT);
});

test("reserved vector modes change nothing, vectored mode is kept", () => {
  write("stvec", 0x8000_1001);
  write("stvec", 0x8000_2002);
  expect(read("stvec")).toBe(0x8000_1001);
});

test("sstatus shows and changes its own bits only", () => {
  write("mstatus", -1);
  expect(read("sstatus")).toBe(0x000c_0122);
  write("sstatus", 0);
  expect(read("mstatus")).toBe(0x0072_1888);
});

describe("who may do what", () => {
  test("a lower privilege or a write to a read-only register is illegal, with the word in mtval", () => {
    enter(PRIV.S);
    expect(read("mstatus")).toBeNull();
    expect(read("sstatus")).toBe(0);
    expect(getHart(board, 0, HART.MCAUSE)).toBe(2);
    enter(PRIV.U);
    expect(read("sstatus")).toBeNull();
    enter(PRIV.M);
    expect(write("mhartid", 1)).toBeNull();
    expect(getHart(board, 0, HART.MTVAL) >>> 0).toBe(0xf145_9573);
    expect(readCsrOn(board, 1, "mhartid")).toBe(1);
  });

  test("satp is closed to S mode by TVM", () => {
    write("mstatus", MSTATUS.TVM);
    enter(PRIV.S);
    expect(read("satp")).toBeNull();
    enter(PRIV.M);
    expect(read("satp")).toBe(0);
  });

  test("counters need mcounteren in S, and scounteren as well in U", () => {
    enter(PRIV.S);
    expect([read("cycle"), read("time"), read("hpmcounter3")]).toEqual([null, null, null]);
    setHart(board, 0, HART.MCOUNTEREN, 0b1011);
    expect([read("cycle"), read("time"), read("instret"), read("hpmcounter3")]).toEqual([
      0,
      0,
      null,
      0,
    ]);
    enter(PRIV.U);
    expect(read("time")).toBeNull();
    setHart(board, 0, HART.SCOUNTEREN, 2);
    expect([read("cycle"), read("time")]).toEqual([null, 0]);
  });
});

test("cycle, time and instret come from the hart's clocks, both halves", () => {
  setHart64(board, 0, HART.CLOCK, 0x12_3456_7890);
  setHart64(board, 0, HART.INSTRET, 0x3_0000_0007);
  const ticks = Math.floor(0x12_3456_7890 / 100);
  expect([read("cycle"), read("cycleh")]).toEqual([0x3456_7890, 0x12]);
  expect([read("time"), read("timeh")]).toEqual([ticks, 0]);
  expect([read("minstret"), read("minstreth")]).toEqual([7, 3]);
});

describe("sie and sip show what is delegated", () => {
  test("sie", () => {
    write("mideleg", IP.SSIP | IP.STIP);
    write("sie", -1);
    expect([read("sie"), read("mie")]).toEqual([IP.SSIP | IP.STIP, IP.SSIP | IP.STIP]);
  });

  test("sip changes SSIP only, mip the three supervisor bits", () => {
    write("mideleg", -1);
    write("sip", -1);
    expect(read("sip")).toBe(IP.SSIP);
    write("mip", -1);
    expect(read("mip")).toBe(IP.SSIP | IP.STIP | IP.SEIP);
    write("mideleg", 0);
    write("sip", 0);
    expect([read("sip"), read("mip")]).toEqual([0, IP.SSIP | IP.STIP | IP.SEIP]);
  });

  test("csrrs on mip does not make a device's SEIP stick", () => {
    setHart(board, 0, HART.LINES, IP.SEIP);
    expect(changeCsrOn(board, 0, "set", "mip", IP.SSIP)).toBe(IP.SEIP);
    setHart(board, 0, HART.LINES, 0);
    expect(read("mip")).toBe(IP.SSIP);
  });
});

test("what changes translation asks the engine to forget it", () => {
  const flushed = (action: () => void): number => {
    setHart(board, 0, HART.FLUSH, 0);
    action();
    return getHart(board, 0, HART.FLUSH);
  };
  expect(flushed(() => write("satp", 0x8040_0001))).toBe(FLUSH.LINES);
  expect(flushed(() => write("satp", 0x8040_0001))).toBe(0);
  expect(flushed(() => write("mstatus", MSTATUS.SUM))).toBe(FLUSH.LINES);
  expect(flushed(() => write("mstatus", MSTATUS.SUM | MSTATUS.SIE))).toBe(0);
  expect(flushed(() => write("pmpaddr0", 5))).toBe(FLUSH.TLB);
});

test("a locked PMP entry and the base of a locked TOR entry stay", () => {
  write("pmpaddr0", 0x100);
  write("pmpaddr1", 0x200);
  write("pmpcfg0", 0x8f << 8);
  write("pmpaddr0", 1);
  write("pmpaddr1", 1);
  write("pmpcfg0", 0);
  expect([read("pmpaddr0"), read("pmpaddr1"), read("pmpcfg0")]).toEqual([0x100, 0x200, 0x8f00]);
});

test("a write with source x0 through csrrs is a read", () => {
  enter(PRIV.U);
  setHart(board, 0, HART.MCOUNTEREN, 1);
  setHart(board, 0, HART.SCOUNTEREN, 1);
  expect(read("cycle")).toBe(0);
  expect(changeCsrOn(board, 0, "set", "cycle", 0)).toBeNull();
});
