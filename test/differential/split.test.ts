/**
 * Instructions that cross the end of a page, here and in QEMU: what the two pages allow, and what the trap says. Each case
 * is entered in S mode by mret at the last halfword of a page; an M-mode handler sends cause, value and pc, and a0.
 */
import { expect, test } from "vitest";
import { encode, encodeCompressed } from "../../src/isa/index.ts";
import { haveTool } from "../tools.ts";
import { Guest } from "./guest.ts";
import { QEMU, runOurs, runQemu } from "./machines.ts";

const qemu = haveTool(QEMU);
const VIRTUAL = 0x4000_0000;
const PTE = { table: 0x01, code: 0xcf, data: 0xc7, user: 0xdf } as const;
const FIRST = 0x8010_0000;
/** Not behind FIRST. */
const SECOND = 0x8020_0000;
const pte = (physical: number, flags: number): number => ((physical >>> 12) << 10) | flags;

const ADDI = encode("addi", { rd: 10, rs1: 10, imm: 5 })!;
const ECALL = encode("ecall")!;
const ILLEGAL = 0xffff_fffb;
const C_ADDI = encodeCompressed("c.addi", { rd: 10, imm: 7 })!;

interface Case {
  readonly what: string;
  readonly instruction: number;
  readonly second: number;
}
const CASES: readonly Case[] = [
  { what: "both pages executable", instruction: ADDI, second: pte(SECOND, PTE.code) },
  { what: "an illegal instruction", instruction: ILLEGAL, second: pte(SECOND, PTE.code) },
  { what: "second page not mapped", instruction: ADDI, second: 0 },
  { what: "second page not executable", instruction: ADDI, second: pte(SECOND, PTE.data) },
  { what: "second page for U mode", instruction: ADDI, second: pte(SECOND, PTE.user) },
  { what: "two bytes, second page not mapped", instruction: C_ADDI | (C_ADDI << 16), second: 0 },
  { what: "a jump, both pages executable", instruction: encode("jal", { rd: 10, imm: 6 })!, second: pte(SECOND, PTE.code) },
];

function guest(): Guest {
  const g = new Guest().begin("handler");
  g.la("t0", "root").op("srli", "t0", "t0", 12).li("t1", 0x8000_0000).op("or", "t0", "t0", "t1").move("satp", "t0");
  for (const { instruction, second } of CASES) {
    // The word is written again for each case: what was decoded before must not stay.
    g.li("t1", FIRST + 0xffe).li("t2", instruction).store("sh", "t2", "t1").op("srli", "t2", "t2", 16);
    g.li("t1", SECOND).store("sh", "t2", "t1").li("t2", ECALL).store("sh", "t2", "t1", 2).op("srli", "t2", "t2", 16);
    g.store("sh", "t2", "t1", 4).li("t2", ECALL).store("sw", "t2", "t1", 6);
    g.la("t1", "leaf").li("t2", second).store("sw", "t2", "t1", 4).emit("fence.i").emit("sfence.vma");
    g.li("a0", 0).li("t0", 0x1800).csr("csrrc", "zero", 0x300, "t0").li("t0", 0x800).csr("csrrs", "zero", 0x300, "t0");
    g.li("t0", VIRTUAL + 0xffe).move("mepc", "t0").la("s11", `after${g.here}`).emit("mret").label(`after${g.here - 12}`);
  }
  g.powerOff().align(64).label("handler");
  for (const csr of ["mcause", "mtval", "mepc", "mscratch"]) {
    if (csr === "mscratch") g.move(csr, "a0");
    g.read("s2", csr);
    for (let byte = 0; byte < 4; byte++) g.send("s2").op("srli", "s2", "s2", 8);
  }
  g.op("jalr", "zero", "s11", 0).align(4096).label("root");
  const leaf = g.here + 4096;
  for (let i = 0; i < 1024; i++) g.word(i === VIRTUAL >>> 22 ? pte(leaf, PTE.table) : 0);
  g.label("leaf").word(pte(FIRST, PTE.code));
  return g.space(1023);
}

/** Lines `what: cause value pc a0`. */
function read(sent: Uint8Array): string[] {
  const view = new DataView(sent.buffer, sent.byteOffset, sent.length);
  return CASES.map(({ what }, at) => {
    const words = [0, 4, 8, 12].map((offset) =>
      16 * at + offset + 4 <= sent.length ? view.getUint32(16 * at + offset, true).toString(16) : "?",
    );
    return `${what}: ${words.join(" ")}`;
  });
}

test.skipIf(!qemu)("instructions over the end of a page trap as in QEMU", () => {
  const elf = guest().elf();
  const theirs = read(runQemu(elf));
  for (const timing of ["functional", "cycle"] as const) {
    const ours = runOurs(elf, 1e6, { timing });
    expect(ours.stop).toEqual({ kind: "poweroff" });
    expect(read(ours.sent)).toEqual(theirs);
  }
  expect(theirs).toMatchInlineSnapshot(`
    [
      "both pages executable: 9 0 40001002 5",
      "an illegal instruction: 2 fffffffb 40000ffe 0",
      "second page not mapped: c 40001000 40000ffe 0",
      "second page not executable: c 40001000 40000ffe 0",
      "second page for U mode: c 40001000 40000ffe 0",
      "two bytes, second page not mapped: c 40001000 40001000 7",
      "a jump, both pages executable: 2 0 40001004 40001002",
    ]
  `);
});
