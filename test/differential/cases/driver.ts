/**
 * Programs of many independent cases. A case begins with everything random that can be: privilege, mstatus, delegation,
 * pending interrupts, page tables, PMP, registers; it runs a snippet (snippet.ts) until a trap to M mode that is no ecall,
 * and leaves a record of 8 words: hash of all registers, CSRs and memory, then mcause, mepc, mtval, mstatus, scause, sepc,
 * traps to M mode. At the end the records go out over the UART.
 *
 * Memory: driver and handlers from 0x8000_0000 (mapped onto itself for S mode), snippets two pages each from
 * 0x8040_0000, data pages at 0x8080_0000, page tables at 0x8090_0000. A timer ends a snippet that does not end: then the
 * record is 0x77 and zeroes, on both machines.
 */
import { CSR } from "../../../src/isa/index.ts";
import { Assembler } from "../../../src/machine/test-assembler.ts";
import { elfFile } from "../../../src/machine/test-elf.ts";
import { randomSource } from "../generator.ts";
import { ADDRESS_REGISTERS, SAFE_REGISTER, Snippet, type Random } from "./snippet.ts";

export const RECORD_WORDS = 8;
export const RECORD_NAMES = ["hash", "mcause", "mepc", "mtval", "mstatus", "scause", "sepc", "traps"] as const;
export const TIMED_OUT = 0x77;
export const CASES_MAX = 512;

const RAM = 0x8000_0000;
const PAGE = 4096;
const SNIPPETS = 0x8040_0000;
const DATA = 0x8080_0000;
const DATA_PAGES = 4;
const ROOT = 0x8090_0000;
const LEAF = ROOT + PAGE;
const SAVE = 0x80a0_0000;
const LOG = 0x80a1_0000;
/** Offsets in the save area behind x0..x31. */
const AT = { HASH: 128, TRAPS: 132, LOG: 136, RETURN: 140, DELAY: 144, S_SAVE: 192, S_HASH: 224, S_COUNT: 228 } as const;
const S_AREA = SAVE + AT.S_SAVE;
/** Untranslated, nothing is there on either board. */
const CODE_VA = 0xa000_0000;
const DATA_VA = CODE_VA + 4 * PAGE;
const SUPER_VA = 0xa080_0000;
/** A page that is always open, for atomics. */
const SAFE = DATA + 16 * PAGE;
const SAFE_VA = CODE_VA + 8 * PAGE;
const PTE = { V: 1, R: 2, W: 4, X: 8, U: 16, G: 32, A: 64, D: 128 } as const;
/** Nothing answers here on either board. */
const HOLE = 0x0900_0000;
/** Ticks until the watchdog ends a snippet: in QEMU they are host time. */
const DELAY = { ours: 2_000, qemu: 1_000_000 } as const;
const MTIP_CAUSE = 0x8000_0007 | 0;

export interface Case {
  /** Where the snippet begins, as the program counter sees it. */
  readonly start: number;
  /** Its bytes from the start on, and where they are in memory. */
  readonly physical: number;
  readonly bytes: Uint8Array;
}

export interface Program {
  readonly seed: number;
  readonly cases: readonly Case[];
  readonly elf: Uint8Array;
  /** First instructions of the handlers: one machine shows them as steps, the other does not. */
  readonly handlers: readonly number[];
  /** Behind the last case. */
  readonly end: number;
}

class Driver extends Assembler {
  private fresh = 0;

  write(csr: string, value: number): this {
    return this.li("t0", value).csr("csrrw", "zero", CSR[csr]!, "t0");
  }
  put(address: number, value: number): this {
    return this.li("t0", address).li("t1", value).store("sw", "t1", "t0");
  }
  /** hash = hash * 31 + value */
  mix(hash: string, value: string, scratch: string): this {
    return this.op("slli", scratch, hash, 5).op("sub", hash, scratch, hash).op("add", hash, hash, value);
  }
  mixCsr(hash: string, csr: string, value: string, scratch: string): this {
    return this.csr("csrrs", value, CSR[csr]!, "zero").mix(hash, value, scratch);
  }
  /** hash over the words of [t0, t1). */
  mixMemory(hash: string): this {
    const label = `memory${this.fresh++}`;
    this.label(label).load("lw", "t2", "t0").mix(hash, "t2", "t3").op("addi", "t0", "t0", 4);
    return this.branch("bltu", "t0", "t1", label);
  }
}

const MIXED = ["mcause", "mepc", "mtval", "mstatus", "sepc", "scause", "stval", "satp", "medeleg", "mideleg", "scounteren", "mcounteren"];

function machineHandler(code: Driver): void {
  code.align(64).label("vectors");
  for (let i = 0; i < 12; i++) code.jal("zero", "machine");
  code.align(64).label("machine").csr("csrrw", "sp", CSR["mscratch"]!, "sp");
  for (let i = 1; i < 32; i++) if (i !== 2) code.emit("sw", { rs1: 2, rs2: i, imm: 4 * i });
  code.csr("csrrs", "t0", CSR["mscratch"]!, "zero").store("sw", "t0", "sp", 8).csr("csrrw", "zero", CSR["mscratch"]!, "sp");
  code.load("lw", "s0", "sp", AT.HASH).op("addi", "t0", "sp", 4).op("addi", "t1", "sp", 128).mixMemory("s0");
  for (const name of MIXED) code.mixCsr("s0", name, "t2", "t3");
  code.store("sw", "s0", "sp", AT.HASH).load("lw", "a0", "sp", AT.LOG);
  ["mcause", "mepc", "mtval", "mstatus", "scause", "sepc"].forEach((name, i) => {
    code.csr("csrrs", "t0", CSR[name]!, "zero").store("sw", "t0", "a0", 4 + 4 * i);
  });
  code.load("lw", "t1", "sp", AT.TRAPS).op("addi", "t1", "t1", 1).store("sw", "t1", "sp", AT.TRAPS).store("sw", "t1", "a0", 28);
  code.csr("csrrs", "t0", CSR["mcause"]!, "zero").li("t2", MTIP_CAUSE).branch("beq", "t0", "t2", "late");
  code.op("addi", "t0", "t0", -8).op("addi", "t2", "zero", 3).branch("bltu", "t2", "t0", "finish");
  code.op("addi", "t2", "zero", 4).branch("bgeu", "t1", "t2", "finish");
  code.csr("csrrs", "t0", CSR["mepc"]!, "zero").op("addi", "t0", "t0", 4).csr("csrrw", "zero", CSR["mepc"]!, "t0");
  for (let i = 1; i < 32; i++) if (i !== 2) code.emit("lw", { rs1: 2, rd: i, imm: 4 * i });
  code.load("lw", "sp", "sp", 8).emit("mret");
  code.label("finish").li("t0", DATA).li("t1", DATA + DATA_PAGES * PAGE).mixMemory("s0");
  code.li("t0", SAFE).li("t1", SAFE + 1024).mixMemory("s0").li("t0", LEAF).li("t1", LEAF + 64).mixMemory("s0").li("t0", ROOT + 4 * (CODE_VA >>> 22)).op("addi", "t1", "t0", 16).mixMemory("s0");
  code.load("lw", "t0", "sp", AT.S_HASH).mix("s0", "t0", "t1").store("sw", "s0", "a0", 0).load("lw", "ra", "sp", AT.RETURN);
  code.emit("jalr", { rd: 0, rs1: 1, imm: 0 });
  code.label("late").op("addi", "t0", "zero", TIMED_OUT).store("sw", "t0", "a0");
  for (let i = 1; i < RECORD_WORDS; i++) code.store("sw", "zero", "a0", 4 * i);
  code.load("lw", "ra", "sp", AT.RETURN).emit("jalr", { rd: 0, rs1: 1, imm: 0 });
}

const ESCAPES = [0x0000_0073, 0x0010_0073, 0x0000_0000] as const;
const ESCAPE_CAUSES = [9, 3, 2] as const;

/** Hashes what it sees, skips ecalls, switches interrupts off, and leaves to M mode for all else. */
function supervisorHandler(code: Driver, kind: number): void {
  const name = `supervisor${kind}`;
  const scratch = ["t0", "t1", "t2"];
  const back = (): void => {
    scratch.forEach((register, i) => code.load("lw", register, "sp", 4 * i));
    code.csr("csrrw", "sp", CSR["sscratch"]!, "sp");
  };
  code.align(64).label(name).csr("csrrw", "sp", CSR["sscratch"]!, "sp");
  scratch.forEach((register, i) => code.store("sw", register, "sp", 4 * i));
  code.load("lw", "t2", "sp", AT.S_HASH - AT.S_SAVE);
  for (const csr of ["scause", "sepc", "stval", "sstatus"]) code.mixCsr("t2", csr, "t0", "t1");
  code.store("sw", "t2", "sp", AT.S_HASH - AT.S_SAVE).load("lw", "t0", "sp", AT.S_COUNT - AT.S_SAVE).op("addi", "t0", "t0", -1);
  code.store("sw", "t0", "sp", AT.S_COUNT - AT.S_SAVE).branch("beq", "t0", "zero", `${name}Escape`);
  code.csr("csrrs", "t0", CSR["scause"]!, "zero").branch("blt", "t0", "zero", `${name}Interrupt`);
  code.op("addi", "t0", "t0", -8).op("sltiu", "t0", "t0", 2).branch("beq", "t0", "zero", `${name}Escape`);
  code.csr("csrrs", "t0", CSR["sepc"]!, "zero").op("addi", "t0", "t0", 4).csr("csrrw", "zero", CSR["sepc"]!, "t0");
  code.jal("zero", `${name}Back`).label(`${name}Interrupt`).csr("csrrw", "zero", CSR["sie"]!, "zero");
  code.label(`${name}Back`);
  back();
  code.emit("sret").label(`${name}Escape`);
  back();
  code.label(`${name}Out`).word(ESCAPES[kind]!).jal("zero", `${name}Out`);
}

/** Called before each case, return address in ra: a clean hart, data pages with known content. */
function prepare(code: Driver): void {
  code.align(4).label("prepare").li("sp", SAVE).csr("csrrw", "zero", CSR["mscratch"]!, "sp").store("sw", "zero", "sp", AT.HASH);
  code.store("sw", "zero", "sp", AT.TRAPS).store("sw", "zero", "sp", AT.S_HASH).op("addi", "t0", "zero", 4).store("sw", "t0", "sp", AT.S_COUNT);
  code.load("lw", "t0", "sp", AT.LOG).op("addi", "t0", "t0", 4 * RECORD_WORDS).store("sw", "t0", "sp", AT.LOG);
  for (const csr of ["mstatus", "satp", "medeleg", "mideleg", "mie", "mip", "sepc", "scause", "stval", "mcause", "mtval", "pmpcfg0", "pmpcfg1"]) {
    code.csr("csrrw", "zero", CSR[csr]!, "zero");
  }
  code.put(0x0200_0000, 0).emit("sfence.vma").li("t0", DATA).li("t1", DATA + DATA_PAGES * PAGE).li("t2", 12345).li("t3", 0x41c6_4e6d);
  code.label("fill").store("sw", "t2", "t0").op("mul", "t2", "t2", "t3").op("addi", "t2", "t2", 1013).op("addi", "t0", "t0", 4);
  code.branch("bltu", "t0", "t1", "fill").li("t0", SAFE).li("t1", SAFE + 1024).label("clear").store("sw", "zero", "t0");
  code.op("addi", "t0", "t0", 4).branch("bltu", "t0", "t1", "clear").li("t0", 0x0200_bff8).load("lw", "t1", "t0").load("lw", "t2", "sp", AT.DELAY);
  code.op("add", "t1", "t1", "t2").li("t0", 0x0200_4000).store("sw", "zero", "t0", 4).store("sw", "t1", "t0").emit("jalr", { rd: 0, rs1: 1, imm: 0 });
}

const entry = (physical: number, flags: number): number => ((physical >>> 12) << 10) | flags;

/** Mostly what `user` needs to get along. */
function flags(random: Random, user: boolean, writable: boolean): number {
  const usual = PTE.V | PTE.R | PTE.X | PTE.A | (user ? PTE.U : 0) | (writable ? PTE.W | PTE.D : 0);
  switch (random(8)) {
    case 0:
      return usual ^ (1 << random(8));
    case 1:
      return usual & ~(PTE.A | PTE.D);
    case 2:
      return random(2) === 0 ? usual & ~PTE.R : usual & ~PTE.X;
    case 3:
      return random(4) === 0 ? random(256) : usual | PTE.G;
    default:
      return usual;
  }
}

function pageTables(code: Driver, random: Random, user: boolean, snippet: number): void {
  code.put(ROOT + 4 * (RAM >>> 22), entry(RAM, PTE.V | PTE.R | PTE.W | PTE.X | PTE.A | PTE.D | PTE.G));
  // Where the handler keeps its records: a superpage onto itself.
  code.put(ROOT + 4 * (DATA >>> 22), entry(DATA, PTE.V | PTE.R | PTE.W | PTE.A | PTE.D));
  code.put(ROOT + 4 * (CODE_VA >>> 22), entry(LEAF, PTE.V | (random(30) === 0 ? PTE.U : 0)));
  code.put(ROOT + 4 * (SUPER_VA >>> 22), entry(DATA + (random(6) === 0 ? PAGE << random(10) : 0), flags(random, user, true)));
  code.put(LEAF, entry(snippet, random(10) === 0 ? flags(random, user, false) : PTE.V | PTE.R | PTE.X | PTE.A | (user ? PTE.U : 0)));
  code.put(LEAF + 4, random(6) === 0 ? 0 : entry(snippet + PAGE, flags(random, user, false)));
  code.put(LEAF + 32, entry(SAFE, PTE.V | PTE.R | PTE.W | PTE.A | PTE.D | (user ? PTE.U : 0)));
  for (let i = 0; i < DATA_PAGES; i++) code.put(LEAF + 4 * (4 + i), entry(DATA + PAGE * random(DATA_PAGES), flags(random, user, true)));
}

/** Up to four random ranges over the data pages before one that opens all. */
function protection(code: Driver, random: Random, divided: boolean): void {
  // Not the watchdog.
  code.write("pmpaddr7", -1).write("pmpaddr6", (0x0200_0000 >>> 2) | 0x1fff);
  let low = 0;
  for (let i = 0; i < 4; i++) {
    const kind = random(4);
    const page = (DATA >>> 2) + 1024 * random(DATA_PAGES + 1);
    const size = 1 << random(3);
    code.write(`pmpaddr${i}`, kind === 3 ? (page & -(1024 * size)) | (512 * size - 1) : page);
    // NA4 would divide a page; see DIFFERENCES.
    low |= ([0, 1, 3, 4, 5, 7][random(6)]! | ((kind === 2 ? 1 : kind) << 3)) << (8 * i);
  }
  code.write("pmpcfg0", divided ? low : 0).write("pmpcfg1", 0x1f18 << 16);
}

/** An address at which something happens. */
function address(random: Random, mapped: boolean, divided: boolean, snippet: number): number {
  const at = [0, 4, 64, 0xff8, 1, 2, 0xffc, 0xffe, 0xfff][random(divided ? 6 : 9)]!;
  const page = random(DATA_PAGES) * PAGE + at;
  switch (random(12)) {
    case 0:
      return mapped ? [0xb000_0000, 0xffff_fffc, 0xa0bf_fffe, 0xa07f_ffff][random(4)]! : HOLE;
    case 1:
      return mapped ? SUPER_VA + [0, 0x1000, 0x3000, 0x2ffe][random(divided ? 3 : 4)]! : DATA + page;
    case 2:
      return (mapped ? CODE_VA : snippet) + at;
    default:
      return (mapped ? DATA_VA : DATA) + page;
  }
}

function setUp(code: Driver, random: Random, index: number): Case {
  const physical = SNIPPETS + index * 2 * PAGE;
  const mode = [0, 0, 1, 1, 1, 3][random(6)]!;
  const paged = random(5) > 0;
  const translated = mode !== 3 && paged;
  const loadsTranslated = paged && (mode !== 3 || random(2) === 0);
  const wayOut = random(3);
  code.la("t0", `after${index}`).li("t1", SAVE).store("sw", "t0", "t1", AT.RETURN).jal("ra", "prepare");
  const user = mode === 0 || (mode === 3 && random(2) === 0);
  pageTables(code, random, user, physical);
  const divided = random(2) === 0;
  protection(code, random, divided);
  const deleg = random(3) === 0 ? 0 : random(0x1_0000) & 0xb3ff & ~(1 << ESCAPE_CAUSES[wayOut]!) & ~2;
  code.write("medeleg", deleg).write("mideleg", random(2) * (random(1024) & 0x222)).write("mie", (random(1024) & 0x22a) | 0x80);
  const pending = random(8);
  if (pending < 3) code.write("mip", [2, 0x20, 0x200][pending]!);
  else if (pending === 3) code.put(0x0200_0000, 1);
  code.write("stvec", 0).la("t0", `supervisor${wayOut}`).csr("csrrw", "zero", CSR["stvec"]!, "t0").write("sscratch", S_AREA);
  code.la("t0", random(2) === 0 ? "machine" : "vectors");
  code.csr("csrrw", "zero", CSR["mtvec"]!, "t0").write("scounteren", random(8)).write("mcounteren", random(8));
  if (random(2) === 0) code.la("t0", "vectors").op("addi", "t0", "t0", 1).csr("csrrw", "zero", CSR["mtvec"]!, "t0");
  const offset = random(3) === 0 ? PAGE - 2 * (1 + random(16)) : 4 * random(64);
  const snippetBase = translated ? CODE_VA + offset : physical + offset;
  code.write("satp", paged ? (0x8000_0000 | (random(512) << 22) | (ROOT >>> 12)) : 0).write("mepc", snippetBase);
  const status = (random(0x80_0000) & 0x7c_0122) | (mode === 3 ? 0x80 : random(2) * 0x80) | (mode << 11);
  code.write("mstatus", status | (mode === 3 && loadsTranslated ? 1 << 17 : 0));
  const addresses: readonly number[] = ADDRESS_REGISTERS;
  for (let i = 1; i < 32; i++) {
    const value = addresses.includes(i) ? address(random, loadsTranslated, divided, physical) : random(4) === 0 ? [0, -1, 1, 0x8000_0000 | 0][random(4)]! : random(0x1_0000_0000) | 0;
    code.li(`x${i}`, i === SAFE_REGISTER ? (loadsTranslated ? SAFE_VA : SAFE) + 64 * random(16) : value);
  }
  code.emit("mret").align(4).label(`after${index}`);
  const body = new Assembler(snippetBase);
  const snippet = new Snippet(body, random, `s${index}_`, loadsTranslated, translated, divided);
  for (let i = 2 + random(10); i > 0; i--) snippet.item();
  body.emit("ecall").emit("ebreak").emit("ecall").word(0);
  return { start: snippetBase, physical: physical + offset, bytes: body.bytes() };
}

/** Case `index` of a program is the same whichever others stand beside it. */
export function program(seed: number, indices: readonly number[]): Program {
  const code = new Driver(RAM);
  code.li("sp", SAVE).li("t0", LOG - 4 * RECORD_WORDS).store("sw", "t0", "sp", AT.LOG).csr("csrrs", "t1", CSR["marchid"]!, "zero");
  code.li("t0", DELAY.ours).branch("beq", "t1", "zero", "known").li("t0", DELAY.qemu).label("known").store("sw", "t0", "sp", AT.DELAY);
  code.jal("zero", "cases");
  machineHandler(code);
  for (const kind of ESCAPES.keys()) supervisorHandler(code, kind);
  prepare(code);
  code.label("cases");
  const cases = indices.map((index) => setUp(code, randomSource(Math.imul(seed, 0x9e37_79b1) ^ (index * 0x85eb + 1)), index));
  code.label("end").write("mstatus", 0).li("s0", LOG).li("s1", LOG + indices.length * 4 * RECORD_WORDS).li("s2", 0x1000_0000);
  code.label("send").load("lbu", "t0", "s2", 5).op("andi", "t0", "t0", 0x20).branch("beq", "t0", "zero", "send");
  code.load("lbu", "t0", "s0").store("sb", "t0", "s2").op("addi", "s0", "s0", 1).branch("bltu", "s0", "s1", "send");
  code.put(0x10_0000, 0x5555).label("hang").jal("zero", "hang");
  const segments = cases.map(({ physical, bytes }) => ({ physical, bytes }));
  const elf = elfFile({ segments: [{ physical: RAM, bytes: code.bytes() }, ...segments] });
  const handlers = ["machine", "vectors", ...ESCAPES.map((_, kind) => `supervisor${kind}`)].map((name) => code.addressOf(name));
  for (let i = 1; i < 12; i++) handlers.push(code.addressOf("vectors") + 4 * i);
  return { seed, cases, elf, handlers, end: code.addressOf("end") };
}
