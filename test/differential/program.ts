/**
 * Random RV32IMAC programs that end: a prologue fills the registers, a loop of random items
 * (generator.ts) runs over them and over 4 KiB of scratch memory, an epilogue sends registers and
 * scratch over the UART and powers off. A trap's cause, value and pc go into a hash in tp and
 * execution goes on behind it.
 *
 * `bare` programs run in M mode. `paged` ones run in U mode with Sv32 on: their 4 KiB pages lie in
 * RAM in reverse order, traps are delegated to a handler in S mode, and a stub in M mode sets all
 * that up.
 */
import { CSR, REGISTER_NAMES } from "../../src/isa/index.ts";
import { Assembler } from "../../src/machine/test-assembler.ts";
import { elfFile } from "../../src/machine/test-elf.ts";
import { FREE, Generator, PLAIN_CSRS, SCRATCH_BYTES } from "./generator.ts";

/** What the epilogue sends: x0..x31, then the scratch area. */
export const DUMP_BYTES = 128 + SCRATCH_BYTES;

export type Mode = "bare" | "paged";

export interface Program {
  readonly seed: number;
  /** The random part as it is linked. */
  readonly bytes: Uint8Array;
  readonly base: number;
  /** What is loaded before it, at the start of RAM: the stub of a paged program. */
  readonly stub: Uint8Array | null;
  /** First instruction of the trap handler. */
  readonly handler: number;
  /** Where the comparison of single steps ends. */
  readonly epilogue: number;
  /** Instructions up to the random part; before its end, registers hold what reset left. */
  readonly settled: number;
}

export interface Shape {
  readonly mode?: Mode;
  readonly items?: number;
  readonly rounds?: number;
}

const RAM = 0x8000_0000;
const PAGE = 4096;
const USER_BASE = 0x5000_0000;
/** Physical place of the user image, pages in reverse order. */
const USER_PHYSICAL = 0x8010_0000;
const USER_PAGES_MAX = 256;
const PTE = { POINTER: 0x01, USER: 0xdf, USER_DEVICE: 0xd7, SUPERVISOR: 0xcf } as const;

function pte(physical: number, flags: number): number {
  return ((physical >>> 12) << 10) | flags;
}

/** Adds cause, value and pc of a trap to the hash in tp, then skips the instruction. */
function emitHandler(code: Assembler, level: "m" | "s"): void {
  code.label("handler");
  for (const name of ["cause", "tval", "epc"]) {
    code.op("slli", "t5", "tp", 5).op("sub", "tp", "t5", "tp");
    code.csr("csrrs", "t6", CSR[level + name]!, "zero").op("add", "tp", "tp", "t6");
  }
  code.op("addi", "t6", "t6", 4).csr("csrrw", "zero", CSR[`${level}epc`]!, "t6");
  code.emit(`${level}ret`);
}

/** Sends the dump byte by byte, then powers off. */
function emitEpilogue(code: Assembler): void {
  code.label("epilogue").la("t6", "dump");
  for (let i = 0; i < 31; i++) code.store("sw", REGISTER_NAMES[i]!, "t6", 4 * i);
  code.la("t5", "end").li("t4", 0x1000_0000);
  code.label("send").load("lbu", "t3", "t4", 5).op("andi", "t3", "t3", 0x20);
  code.branch("beq", "t3", "zero", "send");
  code.load("lbu", "t3", "t6", 0).store("sb", "t3", "t4", 0).op("addi", "t6", "t6", 1);
  code.branch("bne", "t6", "t5", "send");
  code.li("t4", 0x10_0000).li("t3", 0x5555).store("sw", "t3", "t4", 0);
  code.label("hang").jal("zero", "hang");
}

/**
 * The M-mode stub of a paged program: opens PMP, delegates, turns Sv32 on and enters U mode. The
 * handler is its S-mode part; devices and RAM are mapped onto themselves.
 */
function paging(pages: number): Assembler {
  const code = new Assembler(RAM);
  const write = (csr: string, value: number): void => {
    code.li("t0", value).csr("csrrw", "zero", CSR[csr]!, "t0");
  };
  write("pmpaddr0", -1);
  write("pmpcfg0", 0x1f);
  write("medeleg", 0xb3ff);
  code.la("t0", "handler").csr("csrrw", "zero", CSR["stvec"]!, "t0");
  code.la("t0", "root").op("srli", "t0", "t0", 12).li("t1", RAM).op("or", "t0", "t0", "t1");
  code.csr("csrrw", "zero", CSR["satp"]!, "t0").emit("sfence.vma");
  write("mepc", USER_BASE);
  code.li("t0", 0x1800).csr("csrrc", "zero", CSR["mstatus"]!, "t0").emit("mret").label("done");
  emitHandler(code.align(64), "s");
  code.align(PAGE).label("root");
  const leaf = code.here + PAGE;
  const roots = new Map([
    [0, pte(0, PTE.USER_DEVICE)],
    [0x1000_0000 >>> 22, pte(0x1000_0000, PTE.USER_DEVICE)],
    [USER_BASE >>> 22, pte(leaf, PTE.POINTER)],
    [RAM >>> 22, pte(RAM, PTE.SUPERVISOR)],
  ]);
  for (let i = 0; i < 1024; i++) code.word(roots.get(i) ?? 0);
  for (let i = 0; i < 1024; i++) {
    code.word(i < pages ? pte(USER_PHYSICAL + (pages - 1 - i) * PAGE, PTE.USER) : 0);
  }
  return code;
}

export function randomProgram(seed: number, shape: Shape = {}): Program {
  const { mode = "bare", items = 120, rounds = 100 } = shape;
  const bare = mode === "bare";
  const code = new Assembler(bare ? RAM : USER_BASE);
  const generator = new Generator(seed, code);
  if (bare) code.la("t4", "handler").csr("csrrw", "zero", CSR["mtvec"]!, "t4");
  code.la("sp", "scratch");
  for (let i = 0; i < 2; i++) code.op("addi", "sp", "sp", SCRATCH_BYTES / 4);
  code.li("gp", rounds).li("tp", 0).li("t4", 0).li("t5", 0).li("t6", 0);
  for (const name of FREE) code.li(name, generator.value());
  if (bare) for (const name of PLAIN_CSRS) code.csr("csrrw", "zero", CSR[name]!, "zero");
  code.label("loop");
  for (let i = 0; i < items; i++) generator.item();
  code.op("addi", "gp", "gp", -1).branch("beq", "gp", "zero", "epilogue").jal("zero", "loop");
  if (bare) emitHandler(code.align(64), "m");
  emitEpilogue(code);
  code.align(PAGE).label("dump").space(32).label("scratch");
  for (let i = 0; i < SCRATCH_BYTES / 4; i++) code.word(generator.value());
  code.label("end");
  const bytes = code.bytes();
  const stub = bare ? null : paging(Math.ceil(bytes.length / PAGE));
  const prologue = (code.addressOf("loop") - code.base) / 4;
  return {
    seed,
    bytes,
    base: code.base,
    stub: stub?.bytes() ?? null,
    handler: (stub ?? code).addressOf("handler"),
    epilogue: code.addressOf("epilogue"),
    settled: prologue + (stub ? (stub.addressOf("done") - RAM) / 4 : 0),
  };
}

/** The program as an executable; other `bytes` of the random part make a changed twin. */
export function programElf(program: Program, bytes = program.bytes): Uint8Array {
  if (!program.stub) return elfFile({ segments: [{ physical: program.base, bytes }] });
  const pages = Math.ceil(bytes.length / PAGE);
  if (pages > USER_PAGES_MAX) throw new Error(`the program has ${pages} pages`);
  const segments = Array.from({ length: pages }, (_, i) => ({
    physical: USER_PHYSICAL + (pages - 1 - i) * PAGE,
    virtual: USER_BASE + i * PAGE,
    bytes: bytes.subarray(i * PAGE, (i + 1) * PAGE),
  }));
  return elfFile({ segments: [{ physical: RAM, bytes: program.stub }, ...segments] });
}
