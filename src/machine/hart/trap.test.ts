import { beforeEach, describe, expect, test } from "vitest";
import { getHart, isHartNever, setHart, setHart64 } from "../board.ts";
import { HART } from "../memory/layout.ts";
import { createTestBoard, readCsrOn, type TestBoard } from "../test-board.ts";
import { CAUSE, CAUSE_INTERRUPT, INTERRUPT, IP, MSTATUS, PRIV } from "./bits.ts";
import { nextInterrupt } from "./interrupt.ts";
import { RECORD_IRQS_OFF } from "./irqs-off.ts";
import { executeSystem } from "./system.ts";
import { attend, enterTrap } from "./trap.ts";

const ECALL = 0x73;
const EBREAK = 0x0010_0073;
const SRET = 0x1020_0073;
const MRET = 0x3020_0073;
const WFI = 0x1050_0073;
const SFENCE_VMA = 0x1200_0073;
const FENCE_I = 0x0000_100f;

let board: TestBoard;
beforeEach(() => {
  board = createTestBoard();
  set(HART.MTVEC, 0x8000_0100);
  set(HART.STVEC, 0x8000_0200);
});

const get = (offset: number): number => getHart(board, 0, offset) >>> 0;
const set = (offset: number, value: number): void => setHart(board, 0, offset, value);
const at = (privilege: number, pc: number): void => {
  set(HART.PRIV, privilege);
  set(HART.PC, pc);
};

describe("entering a trap", () => {
  test("an exception not delegated goes to M and stacks MIE and the privilege", () => {
    at(PRIV.S, 0x8000_1000);
    set(HART.MSTATUS, MSTATUS.MIE);
    enterTrap(board, 0, CAUSE.LOAD_PAGE, 0x1234);
    expect([get(HART.PC), get(HART.PRIV)]).toEqual([0x8000_0100, PRIV.M]);
    expect([get(HART.MEPC), get(HART.MCAUSE), get(HART.MTVAL)]).toEqual([0x8000_1000, 13, 0x1234]);
    expect(get(HART.MSTATUS)).toBe(MSTATUS.MPIE | (PRIV.S << MSTATUS.MPP_SHIFT));
  });

  test("a delegated one goes to S, but never from M", () => {
    set(HART.MEDELEG, 1 << CAUSE.ECALL_U);
    at(PRIV.U, 0x8000_1000);
    set(HART.MSTATUS, MSTATUS.SIE);
    executeSystem(board, 0, ECALL);
    expect([get(HART.PC), get(HART.PRIV), get(HART.SCAUSE)]).toEqual([0x8000_0200, PRIV.S, 8]);
    expect(get(HART.MSTATUS)).toBe(MSTATUS.SPIE);
    at(PRIV.M, 0x8000_1000);
    enterTrap(board, 0, CAUSE.ECALL_U, 0);
    expect(get(HART.PRIV)).toBe(PRIV.M);
  });

  test("vectored mode counts for interrupts only", () => {
    set(HART.MTVEC, 0x8000_0101);
    enterTrap(board, 0, CAUSE_INTERRUPT | INTERRUPT.MTI, 0);
    expect(get(HART.PC)).toBe(0x8000_011c);
    enterTrap(board, 0, CAUSE.ILLEGAL, 0);
    expect(get(HART.PC)).toBe(0x8000_0100);
  });

  test("the causes of ecall by mode, and ebreak", () => {
    const causes = [PRIV.U, PRIV.S, PRIV.M].map((privilege) => {
      at(privilege, 0x8000_1000);
      executeSystem(board, 0, ECALL);
      return get(HART.MCAUSE);
    });
    at(PRIV.S, 0x8000_1000);
    executeSystem(board, 0, EBREAK);
    expect([...causes, get(HART.MCAUSE), get(HART.MTVAL)]).toEqual([8, 9, 11, 3, 0]);
  });

  test("an exception at the handler's first instruction stops the machine", () => {
    at(PRIV.M, 0x8000_0100);
    enterTrap(board, 0, CAUSE.FETCH_ACCESS, 0x8000_0100);
    expect(board.stop).toMatchInlineSnapshot(`
      {
        "detail": "exception 1 (value 0x80000100) at 0x80000100, the first instruction of its own M-mode handler",
        "hart": 0,
        "kind": "fault",
      }
    `);
  });
});

describe("returning", () => {
  test("mret restores MIE, goes to MPP and clears MPRV below M", () => {
    set(HART.MEPC, 0x8000_2000);
    set(HART.MSTATUS, MSTATUS.MPIE | MSTATUS.MPRV | (PRIV.S << MSTATUS.MPP_SHIFT));
    expect(executeSystem(board, 0, MRET)).toBe(true);
    expect([get(HART.PC), get(HART.PRIV)]).toEqual([0x8000_2000, PRIV.S]);
    expect(get(HART.MSTATUS)).toBe(MSTATUS.MIE | MSTATUS.MPIE);
  });

  test("sret restores SIE and goes to SPP", () => {
    at(PRIV.S, 0x8000_1000);
    set(HART.SEPC, 0x8000_2000);
    set(HART.MSTATUS, MSTATUS.SPIE | MSTATUS.SPP);
    executeSystem(board, 0, SRET);
    expect([get(HART.PC), get(HART.PRIV)]).toEqual([0x8000_2000, PRIV.S]);
    expect(get(HART.MSTATUS)).toBe(MSTATUS.SIE | MSTATUS.SPIE);
    executeSystem(board, 0, SRET);
    expect(get(HART.PRIV)).toBe(PRIV.U);
  });
});

test("what U mode, TSR, TW, TVM and S mode may not do", () => {
  const illegal = (privilege: number, status: number, word: number): boolean => {
    at(privilege, 0x8000_1000);
    set(HART.MSTATUS, status);
    return !executeSystem(board, 0, word) && get(HART.MCAUSE) === CAUSE.ILLEGAL;
  };
  expect([MRET, SRET, WFI, SFENCE_VMA].map((word) => illegal(PRIV.U, 0, word))).toEqual([
    true,
    true,
    true,
    true,
  ]);
  expect([MRET, SRET, WFI, SFENCE_VMA].map((word) => illegal(PRIV.S, 0, word))).toEqual([
    true,
    false,
    false,
    false,
  ]);
  expect(illegal(PRIV.S, MSTATUS.TSR, SRET)).toBe(true);
  expect(illegal(PRIV.S, MSTATUS.TW, WFI)).toBe(true);
  expect(illegal(PRIV.S, MSTATUS.TVM, SFENCE_VMA)).toBe(true);
  expect(illegal(PRIV.M, MSTATUS.TSR | MSTATUS.TW | MSTATUS.TVM, SFENCE_VMA)).toBe(false);
  expect(illegal(PRIV.U, 0, FENCE_I)).toBe(false);
  expect(illegal(PRIV.M, 0, 0x7020_0073)).toBe(true);
});

describe("interrupts", () => {
  test("priority: MEI MSI MTI SEI SSI STI, those for M before those for S", () => {
    at(PRIV.U, 0x8000_1000);
    set(HART.MIE, -1);
    set(HART.LINES, IP.MEIP | IP.MSIP | IP.SEIP);
    set(HART.SOFT_MIP, IP.SSIP | IP.STIP);
    setHart64(board, 0, HART.TIMER_CLOCK, 0);
    const order: number[] = [];
    for (let number = nextInterrupt(board, 0); number >= 0; number = nextInterrupt(board, 0)) {
      order.push(number);
      set(HART.MIE, get(HART.MIE) & ~(1 << number));
    }
    expect(order).toEqual([11, 3, 7, 9, 1, 5]);
    set(HART.MIE, -1);
    set(HART.MIDELEG, IP.SEIP);
    set(HART.LINES, IP.SEIP);
    setHart64(board, 0, HART.TIMER_CLOCK, 1e9);
    expect(nextInterrupt(board, 0)).toBe(INTERRUPT.SSI);
  });

  test("the global enables: own mode by its bit, lower modes always, higher never", () => {
    set(HART.MIE, IP.SSIP | IP.MSIP);
    set(HART.MIDELEG, IP.SSIP);
    set(HART.SOFT_MIP, IP.SSIP);
    const taken = (privilege: number, status: number): boolean => {
      set(HART.PRIV, privilege);
      set(HART.MSTATUS, status);
      return nextInterrupt(board, 0) >= 0;
    };
    expect([taken(PRIV.U, 0), taken(PRIV.S, 0), taken(PRIV.S, MSTATUS.SIE)]).toEqual([
      true,
      false,
      true,
    ]);
    expect(taken(PRIV.M, MSTATUS.SIE | MSTATUS.MIE)).toBe(false);
    set(HART.LINES, IP.MSIP);
    expect([taken(PRIV.M, 0), taken(PRIV.M, MSTATUS.MIE), taken(PRIV.S, 0)]).toEqual([
      false,
      true,
      true,
    ]);
  });

  test("WFI sleeps until something enabled is pending, whether or not it may be taken", () => {
    set(HART.MIE, IP.MSIP);
    executeSystem(board, 0, WFI);
    expect([get(HART.WFI), get(HART.PC)]).toEqual([1, 0x8000_0004]);
    set(HART.LINES, IP.SEIP);
    attend(board, 0);
    expect(get(HART.WFI)).toBe(1);
    set(HART.LINES, IP.MSIP);
    attend(board, 0);
    expect([get(HART.WFI), get(HART.PC)]).toEqual([0, 0x8000_0004]);
    executeSystem(board, 0, WFI);
    expect(get(HART.WFI)).toBe(0);
  });

  test("the timer shows in mip by the clock", () => {
    setHart64(board, 0, HART.TIMER_CLOCK, 500);
    setHart64(board, 0, HART.CLOCK, 499);
    expect(readCsrOn(board, 0, "mip")).toBe(0);
    setHart64(board, 0, HART.CLOCK, 500);
    expect(readCsrOn(board, 0, "mip")).toBe(IP.MTIP);
  });
});

describe("sections with interrupts off", () => {
  test("from the trap to sret, with its length and the handler's address; short ones are not told", () => {
    set(HART.MEDELEG, 1 << CAUSE.ECALL_U);
    for (const cycles of [255, 256]) {
      at(PRIV.U, 0x8000_1000);
      setHart64(board, 0, HART.CLOCK, 1000);
      executeSystem(board, 0, ECALL);
      setHart64(board, 0, HART.CLOCK, 1000 + cycles);
      executeSystem(board, 0, SRET);
    }
    expect(board.records).toEqual([[0, RECORD_IRQS_OFF, 0x8000_1000 | 0, 256, 0, 0x8000_0200 | 0]]);
  });

  test("a call into M mode belongs to the section, sleep does not", () => {
    at(PRIV.S, 0x8000_1000);
    set(HART.MSTATUS, MSTATUS.SIE);
    setHart64(board, 0, HART.CLOCK, 1000);
    executeSystem(board, 0, 0x1001_7073); // csrci sstatus, 2
    setHart64(board, 0, HART.CLOCK, 1100);
    executeSystem(board, 0, ECALL);
    setHart64(board, 0, HART.CLOCK, 1200);
    executeSystem(board, 0, MRET);
    setHart64(board, 0, HART.CLOCK, 1300);
    executeSystem(board, 0, WFI);
    expect(isHartNever(board, 0, HART.IRQS_OFF_SINCE)).toBe(true);
    expect(board.records.map((record) => record.slice(3))).toEqual([[300, 0, 0x8000_1000 | 0]]);
  });
});
