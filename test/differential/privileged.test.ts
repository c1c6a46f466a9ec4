/** Interrupt delivery and the legality of every CSR, here and in QEMU, exhaustively. */
import { expect, test } from "vitest";
import { encode } from "../../src/isa/index.ts";
import { CSR_BY_NUMBER } from "../../src/machine/hart/csr-table.ts";
import { haveTool } from "../tools.ts";
import { Guest } from "./guest.ts";
import { QEMU, runOurs, runQemu } from "./machines.ts";

const qemu = haveTool(QEMU);
const PRIVILEGES = ["U", "S", "M"] as const;
/** Values of MPP in the order of PRIVILEGES, from a loop's index in `t1`. */
function mppFromIndex(guest: Guest): Guest {
  guest.op("srli", "t2", "t1", 1).op("add", "t1", "t1", "t2").op("slli", "t1", "t1", 11);
  return guest;
}

/**
 * For every set of pending interrupts (s0: SSIP, STIP, SEIP by mip, MSIP and MTIP by the CLINT),
 * every mideleg (s1), every privilege (s2) and both enables (s3: SIE, MIE): enters the privilege
 * with all of mie set and sends what arrived: bit 7 interrupt, bit 6 taken in S mode, low bits the
 * cause.
 */
function interruptGuest(): Guest {
  const guest = new Guest().begin("machine");
  guest.la("t0", "supervisor").move("stvec", "t0").write("mie", -1).li("s0", 0);
  guest.label("pending").li("s1", 0).label("delegated").li("s2", 0).label("privilege").li("s3", 0);
  guest.label("enables");
  guest.li("s9", 0x0200_0000).op("srli", "t1", "s0", 3).op("andi", "t1", "t1", 1);
  guest.store("sw", "t1", "s9", 0).op("srli", "t1", "s0", 4).op("addi", "t1", "t1", -1);
  guest.li("s9", 0x0200_4000).store("sw", "t1", "s9", 4).store("sw", "t1", "s9", 0);
  const spread = (from: string): void => {
    guest.op("andi", "t1", from, 1).op("slli", "t2", "t1", 1);
    guest.op("srli", "t1", from, 1).op("andi", "t1", "t1", 1).op("slli", "t1", "t1", 5);
    guest.op("or", "t2", "t2", "t1").op("srli", "t1", from, 2).op("andi", "t1", "t1", 1);
    guest.op("slli", "t1", "t1", 9).op("or", "t2", "t2", "t1");
  };
  spread("s0");
  guest.move("mip", "t2");
  spread("s1");
  guest.move("mideleg", "t2");
  guest.op("addi", "t1", "s2", 0);
  mppFromIndex(guest);
  guest.op("andi", "t2", "s3", 1).op("slli", "t2", "t2", 1).op("or", "t1", "t1", "t2");
  guest.op("andi", "t2", "s3", 2).op("slli", "t2", "t2", 6).op("or", "t1", "t1", "t2");
  guest.move("mstatus", "t1").la("t0", "landing").move("mepc", "t0").li("s6", 0).emit("mret");
  guest.align(64).label("landing").emit("ecall").label("after").send("s6");
  guest.next("s3", 4, "enables").next("s2", 3, "privilege").next("s1", 8, "delegated");
  guest.next("s0", 32, "pending").powerOff();
  const record = (csr: string): void => {
    guest.read("t1", csr).op("srli", "t2", "t1", 31).op("slli", "t2", "t2", 7);
    guest.op("andi", "t1", "t1", 63).op("or", "s6", "t1", "t2");
  };
  guest.align(64).label("machine").branch("bne", "s6", "zero", "leave");
  record("mcause");
  guest.label("leave").la("t0", "after").move("mepc", "t0").write("mstatus", 0x1800).emit("mret");
  guest.align(64).label("supervisor");
  record("scause");
  guest.op("ori", "s6", "s6", 64).emit("ecall");
  return guest;
}

/** Interrupt numbers of the bits of s0 and s1. */
const NUMBERS = [1, 5, 9, 3, 7];
/** Highest first, as the specification orders them; QEMU 7.2 takes the lowest number instead. */
const PRIORITY = [3, 7, 9, 1, 5];

/**
 * The interrupts that compete in a case, of those that trap to S mode or of those that trap to M
 * mode.
 */
function competitors(index: number, toSupervisor: boolean): number[] {
  const pending = Math.floor(index / 96);
  const delegated = Math.floor(index / 12) & 7;
  const mask = toSupervisor ? delegated : 31 & ~delegated;
  return NUMBERS.filter((_, bit) => (((pending & mask) >> bit) & 1) !== 0);
}

test.skipIf(!qemu)(
  "which interrupt is taken where: all pending, delegated, enabled, in all modes",
  () => {
    const elf = interruptGuest().elf();
    const ours = runOurs(elf);
    const theirs = runQemu(elf);
    expect(ours.stop).toEqual({ kind: "poweroff" });
    expect([ours.sent.length, theirs.length]).toEqual([32 * 8 * 3 * 4, 32 * 8 * 3 * 4]);
    const wrong: string[] = [];
    let interrupts = 0;
    theirs.forEach((qemu, index) => {
      const mine = ours.sent[index]!;
      const story = `case ${index}: ours ${mine}, qemu ${qemu}`;
      if ((mine & 0xc0) !== (qemu & 0xc0)) wrong.push(story);
      else if ((mine & 0x80) === 0 && mine !== qemu) wrong.push(story);
      if ((mine & 0x80) === 0) return;
      interrupts++;
      const rivals = competitors(index, (mine & 0x40) !== 0);
      const first = PRIORITY.find((number) => rivals.includes(number));
      if ((mine & 63) !== first || (qemu & 63) !== Math.min(...rivals)) wrong.push(story);
    });
    expect(wrong).toEqual([]);
    expect(interrupts).toBeGreaterThan(1000);
  },
);

/**
 * For every CSR number (s0) and privilege (s1): does a read trap? Sends the cause, 255 for none.
 */
function csrGuest(): Guest {
  const guest = new Guest().begin("machine").write("mcounteren", -1).write("scounteren", -1);
  guest.li("s0", 0).label("number").li("s1", 0).label("privilege");
  guest.op("slli", "t1", "s0", 20).li("t2", encode("csrrs", { rd: 10, csr: 0, rs1: 0 })!);
  guest.op("or", "t1", "t1", "t2").la("t0", "slot").store("sw", "t1", "t0").emit("fence.i");
  guest.li("s6", 255).op("addi", "t1", "s1", 0);
  mppFromIndex(guest).move("mstatus", "t1").move("mepc", "t0").emit("mret");
  guest.align(64).label("slot").word(0).emit("ecall").label("after").send("s6");
  guest.next("s1", 3, "privilege").next("s0", 4096, "number").powerOff();
  guest.align(64).label("machine").read("t1", "mepc").la("t0", "slot");
  guest.branch("bne", "t1", "t0", "leave").read("s6", "mcause");
  guest.label("leave").la("t0", "after").move("mepc", "t0").write("mstatus", 0x1800).emit("mret");
  return guest;
}

function ranges(numbers: readonly number[]): string {
  const parts: string[] = [];
  for (let i = 0; i < numbers.length; i++) {
    const first = numbers[i]!;
    while (numbers[i + 1] === numbers[i]! + 1) i++;
    const last = numbers[i]!;
    parts.push(first === last ? first.toString(16) : `${first.toString(16)}-${last.toString(16)}`);
  }
  return parts.join(" ");
}

test.skipIf(!qemu)(
  "which CSRs can be read in which mode: all but Zihpm's upper counters are in QEMU",
  () => {
    const elf = csrGuest().elf();
    const ours = runOurs(elf);
    const theirs = runQemu(elf);
    expect(ours.stop).toEqual({ kind: "poweroff" });
    expect(theirs.length).toBe(4096 * 3);
    const lists = PRIVILEGES.map((name, mode) => {
      const readable = (bytes: Uint8Array, number: number): boolean =>
        bytes[number * 3 + mode] === 255;
      const numbers = Array.from({ length: 4096 }, (_, number) => number);
      const known = numbers.filter((number) => readable(ours.sent, number));
      expect(known.every((number) => CSR_BY_NUMBER[number])).toBe(true);
      const onlyOurs = known.filter((number) => !readable(theirs, number));
      const onlyQemu = numbers.filter((n) => readable(theirs, n) && !readable(ours.sent, n));
      return { name, both: known.length, onlyOurs: ranges(onlyOurs), onlyQemu: ranges(onlyQemu) };
    });
    expect(lists).toMatchInlineSnapshot(`
    [
      {
        "both": 64,
        "name": "U",
        "onlyOurs": "c13-c1f c93-c9f",
        "onlyQemu": "",
      },
      {
        "both": 75,
        "name": "S",
        "onlyOurs": "c13-c1f c93-c9f",
        "onlyQemu": "200 204-205 240-244 280 600 602-607 60a 615 61a 643-645 64a 680 e12",
      },
      {
        "both": 207,
        "name": "M",
        "onlyOurs": "b13-b1f b93-b9f c13-c1f c93-c9f",
        "onlyQemu": "14d 15d 200 204-205 240-244 24d 25d 280 34a-34b 600 602-607 60a 615 61a 643-645 64a 680 7a0-7a4 e12",
      },
    ]
  `);
  },
);
