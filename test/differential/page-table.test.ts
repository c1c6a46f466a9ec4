/**
 * Every combination of page-table flags, privilege, SUM, MXR and access, here and in QEMU: the
 * cause of the fault (255: none), what became of the entry (A and D), and a hash of causes and
 * fault addresses.
 *
 * Left out: a second-level table outside RAM, an access fault by the specification and here, a page
 * fault in QEMU 7.2. One guest does it all in M mode: loads and stores through MPRV, fetches by
 * mret into a page that holds an ecall.
 */
import { expect, test } from "vitest";
import { CSR } from "../../src/isa/index.ts";
import { Assembler } from "../../src/machine/test-assembler.ts";
import { elfFile } from "../../src/machine/test-elf.ts";
import { haveTool } from "../tools.ts";
import { QEMU, runOurs, runQemu } from "./machines.ts";

const VIRTUAL = 0xd000_1000;
const PAGE_AT = 0x8040_0000;
/** Where the guest's second-level table comes to lie. */
const LEAF_AT = 0x8000_2000;
const ACCESSES = ["load", "store", "fetch"] as const;
/** Bytes sent for one combination: cause and the entry's low byte. */
const RECORD = 2;
const MODES = 8;

interface Case {
  readonly name: string;
  /** The entry under test without its flags, and where it is in which table. */
  readonly entry: number;
  readonly table: "root" | "leaf";
}

const LEAF_INDEX = (VIRTUAL >>> 12) & 1023;
const ROOT_INDEX = VIRTUAL >>> 22;
const entryFor = (physical: number): number => (physical >>> 12) << 10;

const CASES: readonly Case[] = [
  { name: "a page", entry: entryFor(PAGE_AT), table: "leaf" },
  { name: "a superpage", entry: entryFor(PAGE_AT), table: "root" },
  { name: "a misaligned superpage", entry: entryFor(PAGE_AT + 0x1000), table: "root" },
  { name: "a page outside RAM", entry: entryFor(0x0900_0000), table: "leaf" },
  { name: "a table", entry: entryFor(LEAF_AT), table: "root" },
  { name: "a page above 4 GiB", entry: 0xc000_0000, table: "leaf" },
  { name: "software bits set", entry: entryFor(PAGE_AT) | 0x300, table: "leaf" },
];

/** Sends the low byte of a register. */
function send(code: Assembler, register: string, label: string): void {
  code.label(label).load("lbu", "t0", "s10", 5).op("andi", "t0", "t0", 0x20);
  code.branch("beq", "t0", "zero", label).store("sb", register, "s10");
}

/** mstatus for mode s1 (bit 0 S, 1 SUM, 2 MXR); MPRV too unless s2 says fetch. */
function setStatus(code: Assembler): void {
  const mstatus = CSR["mstatus"]!;
  code.li("t0", 0xe_1800).csr("csrrc", "zero", mstatus, "t0");
  code.op("andi", "t1", "s1", 1).op("slli", "t1", "t1", 11);
  code.op("srli", "t2", "s1", 1).op("slli", "t2", "t2", 18).op("or", "t1", "t1", "t2");
  code.op("addi", "t0", "zero", 2).branch("beq", "s2", "t0", "fetching");
  code.li("t0", 1 << 17).op("or", "t1", "t1", "t0");
  code.label("fetching").csr("csrrs", "zero", mstatus, "t1");
}

function access(code: Assembler): void {
  code.la("s5", "after").op("addi", "s6", "zero", -1).li("a0", VIRTUAL);
  setStatus(code);
  code.op("addi", "t0", "zero", 1).branch("beq", "s2", "zero", "load");
  code.branch("beq", "s2", "t0", "store").csr("csrrw", "zero", CSR["mepc"]!, "a0").emit("mret");
  code.label("load").load("lw", "a1", "a0", 64).jal("zero", "after");
  code.label("store").store("sw", "s0", "a0", 64);
  code
    .label("after")
    .li("t0", 1 << 17)
    .csr("csrrc", "zero", CSR["mstatus"]!, "t0");
}

/**
 * s0 flags, s1 mode, s2 access, s3 entry's address, s5 where the handler returns to, s6 cause, s7
 * hash.
 */
function matrix({ entry, table }: Case): Assembler {
  const code = new Assembler();
  const csr = (name: string, register: string): unknown =>
    code.csr("csrrw", "zero", CSR[name]!, register);
  code.li("t0", -1);
  csr("pmpaddr0", "t0");
  code.li("t0", 0x1f);
  csr("pmpcfg0", "t0");
  code.la("t0", "handler");
  csr("mtvec", "t0");
  code.la("t0", "root").op("srli", "t0", "t0", 12).li("t1", 0x8000_0000).op("or", "t0", "t0", "t1");
  csr("satp", "t0");
  code.li("t0", PAGE_AT).li("t1", 0x73).store("sw", "t1", "t0", 0).li("t1", 0x1000);
  code.op("add", "t0", "t0", "t1").li("t1", 0x73).store("sw", "t1", "t0", 0);
  code.li("s10", 0x1000_0000).li("s0", 0).li("s7", 0).la("s3", table);
  code.li("t0", 4 * (table === "leaf" ? LEAF_INDEX : ROOT_INDEX)).op("add", "s3", "s3", "t0");
  code.label("flags").li("s1", 0).label("mode").li("s2", 0);
  code.label("access").li("t0", entry).op("or", "t0", "t0", "s0").store("sw", "t0", "s3");
  code.emit("sfence.vma");
  access(code);
  send(code, "s6", "sendCause");
  code.load("lw", "t3", "s3");
  send(code, "t3", "sendEntry");
  const loop = (register: string, count: number, label: string): void => {
    code.op("addi", register, register, 1).li("t0", count).branch("bltu", register, "t0", label);
  };
  loop("s2", ACCESSES.length, "access");
  loop("s1", MODES, "mode");
  loop("s0", 256, "flags");
  for (let i = 0; i < 4; i++) {
    send(code, "s7", `sendHash${i}`);
    code.op("srli", "s7", "s7", 8);
  }
  code.li("t0", 0x10_0000).li("t1", 0x5555).store("sw", "t1", "t0").label("hang");
  code.jal("zero", "hang").align(64).label("handler").csr("csrrs", "s6", CSR["mcause"]!, "zero");
  code.csr("csrrs", "t1", CSR["mtval"]!, "zero").op("slli", "t2", "s7", 5);
  code.op("sub", "s7", "t2", "s7").op("add", "s7", "s7", "t1").op("add", "s7", "s7", "s6");
  csr("mepc", "s5");
  code.li("t0", 0x1800).csr("csrrs", "zero", CSR["mstatus"]!, "t0").emit("mret").align(4096);
  const root = code.here;
  code.label("root");
  for (let i = 0; i < 1024; i++) code.word(i === ROOT_INDEX ? entryFor(root + 4096) | 1 : 0);
  expect(code.here).toBe(LEAF_AT);
  code.label("leaf");
  for (let i = 0; i < 1024; i++) code.word(i === LEAF_INDEX ? entryFor(PAGE_AT) | 0xdf : 0);
  return code;
}

/** The first combination whose records differ, in words. */
function firstDifference(ours: Uint8Array, qemu: Uint8Array): string | null {
  const at = ours.findIndex((byte, i) => byte !== qemu[i]);
  if (at < 0 && ours.length === qemu.length) return null;
  const index = Math.floor(at / RECORD);
  const flags = Math.floor(index / (MODES * ACCESSES.length));
  const mode = Math.floor(index / ACCESSES.length) % MODES;
  const names = [...("DAGUXWRV" as string)].filter((_, bit) => (flags & (0x80 >> bit)) !== 0);
  const record = (bytes: Uint8Array): string =>
    `cause ${bytes[index * RECORD]}, entry ${bytes[index * RECORD + 1]?.toString(16)}`;
  const who = `${(mode & 1) !== 0 ? "S" : "U"} SUM=${(mode >> 1) & 1} MXR=${mode >> 2}`;
  const what = `${ACCESSES[index % ACCESSES.length]} as ${who}, flags ${names.join("") || "none"}`;
  return `${what}: ours ${record(ours)}, qemu ${record(qemu)} (byte ${at} of ${qemu.length})`;
}

test.skipIf(!haveTool(QEMU)).each(CASES)(
  "$name: all flags, modes and accesses",
  (one) => {
    const code = matrix(one);
    const elf = elfFile({ segments: [{ physical: code.base, bytes: code.bytes() }] });
    const ours = runOurs(elf);
    const qemu = runQemu(elf);
    expect(qemu.length).toBe(256 * MODES * ACCESSES.length * RECORD + 4);
    expect(ours.stop).toEqual({ kind: "poweroff" });
    expect(firstDifference(ours.sent, qemu)).toBeNull();
  },
  60_000,
);
