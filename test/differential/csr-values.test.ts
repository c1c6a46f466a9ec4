/** What CSRs keep of what is written, and what PMP lets through, here and in QEMU. */
import { expect, test } from "vitest";
import { randomSource } from "./generator.ts";
import { Guest } from "./guest.ts";
import { haveTool } from "../tools.ts";
import { QEMU, runOurs, runQemu } from "./machines.ts";

const qemu = haveTool(QEMU);

/**
 * CSR and the bits that both machines treat alike; the others belong to extensions that only QEMU
 * has.
 */
const CSRS: readonly (readonly [name: string, mask: number])[] = [
  // Without MPP: QEMU 7.2 keeps its reserved value 2.
  ["mstatus", 0x007e_01aa],
  ["sstatus", 0x000c_0122],
  ["medeleg", 0xb3ff],
  ["mideleg", 0x0aaa],
  ["mie", 0x0aaa],
  ["sie", 0x0aaa],
  // Without MTIP: QEMU resets mtimecmp to 0, here no timer is armed.
  ["mip", 0x0a2a],
  ["sip", 0x0aaa],
  ["mtvec", -1],
  ["stvec", -1],
  ["mscratch", -1],
  ["sscratch", -1],
  ["mepc", ~1],
  ["sepc", ~1],
  ["mcause", -1],
  ["scause", -1],
  ["mtval", -1],
  ["stval", -1],
  ["satp", -1],
  ["mcounteren", -1],
  ["scounteren", -1],
  ["pmpaddr3", -1],
];
const VALUES = [-1, 0, 0x5555_5555, 0xaaaa_aaaa | 0, 0x8000_0001 | 0, 0x7fff_fffc];

function csrGuest(): Guest {
  const guest = new Guest().begin("handler");
  for (const [name] of CSRS) {
    guest.read("s3", name);
    for (const value of VALUES) {
      guest.write(name, value).read("s2", name);
      guest.li("t0", 1 << 17).csr("csrrc", "zero", 0x300, "t0");
      for (let byte = 0; byte < 4; byte++) guest.send("s2").op("srli", "s2", "s2", 8);
    }
    guest.move(name, "s3");
  }
  return guest.powerOff().align(64).label("handler").powerOff();
}

test.skipIf(!qemu)("CSRs keep the same bits", () => {
  const elf = csrGuest().elf();
  const ours = runOurs(elf);
  const theirs = runQemu(elf);
  expect(ours.stop).toEqual({ kind: "poweroff" });
  const length = CSRS.length * VALUES.length * 4;
  expect([ours.sent.length, theirs.length]).toEqual([length, length]);
  const word = (bytes: Uint8Array, index: number): number =>
    new DataView(bytes.buffer, bytes.byteOffset).getInt32(4 * index, true);
  const hex = (value: number): string => (value >>> 0).toString(16);
  const differing = CSRS.flatMap(([name, mask], row) =>
    VALUES.flatMap((value, column) => {
      const index = row * VALUES.length + column;
      const [mine, other] = [word(ours.sent, index) & mask, word(theirs, index) & mask];
      return mine === other
        ? []
        : [`${name} = ${hex(value)}: ours ${hex(mine)}, qemu ${hex(other)}`];
    }),
  );
  expect(differing).toEqual([]);
});

const PAGES = 8;
const PAGE_AT = 0x8040_0000;
const ENTRIES = 4;

/** A random pmpcfg byte without L and without the reserved R=0 W=1, on page borders. */
function randomEntry(
  random: (below: number) => number,
): readonly [config: number, address: number] {
  const permissions = [0, 1, 3, 4, 5, 7][random(6)]!;
  const kind = random(3) === 0 ? 0 : random(2) === 0 ? 1 : 3;
  const page = PAGE_AT + 4096 * random(PAGES + 1);
  if (kind !== 3) return [permissions | (kind << 3), page >>> 2];
  const pages = 1 << random(4);
  const base = page & -(pages * 4096);
  return [permissions | 0x18, (base >>> 2) | (pages * 512 - 1)];
}

/**
 * For each random setting: load and store (through MPRV) on each page as U and S; sends the cause
 * or 255.
 */
function pmpGuest(settings: number): Guest {
  const random = randomSource(7);
  const guest = new Guest().begin("handler").write("pmpaddr0", 0).write("pmpcfg0", 0);
  guest.la("s0", "settings").label("setting");
  for (let entry = 0; entry < ENTRIES; entry++) {
    guest.load("lw", "t0", "s0", 4 + 4 * entry).move(`pmpaddr${entry}`, "t0");
  }
  guest.load("lw", "t0", "s0").move("pmpcfg0", "t0").emit("sfence.vma").li("s1", 0);
  guest.label("page").li("s2", 0).label("privilege").li("s3", 0).label("access");
  guest.op("slli", "a0", "s1", 12).li("t0", PAGE_AT).op("add", "a0", "a0", "t0");
  guest
    .op("slli", "t1", "s2", 11)
    .li("t0", 1 << 17)
    .op("or", "t1", "t1", "t0")
    .li("s6", 255);
  guest.la("s5", "after").move("mstatus", "t1").branch("bne", "s3", "zero", "store");
  guest.load("lw", "a1", "a0", 8).jal("zero", "after").label("store").store("sw", "s1", "a0", 8);
  guest
    .label("after")
    .li("t0", 1 << 17)
    .csr("csrrc", "zero", 0x300, "t0")
    .send("s6");
  guest.next("s3", 2, "access").next("s2", 2, "privilege").next("s1", PAGES, "page");
  guest.op("addi", "s0", "s0", 4 + 4 * ENTRIES).la("t0", "settingsEnd");
  guest.branch("bgeu", "s0", "t0", "done").jal("zero", "setting").label("done").powerOff();
  guest.align(64).label("handler").read("s6", "mcause").move("mepc", "s5");
  guest.write("mstatus", 0x1800).emit("mret").label("settings");
  for (let i = 0; i < settings; i++) {
    const entries = Array.from({ length: ENTRIES }, () => randomEntry(random));
    guest.word(entries.reduce((word, [config], entry) => word | (config << (8 * entry)), 0));
    for (const [, address] of entries) guest.word(address);
  }
  return guest.label("settingsEnd");
}

test.skipIf(!qemu)("PMP lets the same accesses through, on random page-sized settings", () => {
  const settings = 150;
  const elf = pmpGuest(settings).elf();
  const ours = runOurs(elf);
  const theirs = runQemu(elf);
  expect(ours.stop).toEqual({ kind: "poweroff" });
  expect(theirs.length).toBe(settings * PAGES * 4);
  const differing = [...theirs].flatMap((byte, i) =>
    byte === ours.sent[i] ? [] : [`access ${i}: ours ${ours.sent[i]}, qemu ${byte}`],
  );
  expect(differing).toEqual([]);
  expect(new Set(theirs)).toEqual(new Set([5, 7, 255]));
});
