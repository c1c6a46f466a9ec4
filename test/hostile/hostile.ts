/**
 * Guests that nobody would write: random words as code, random page tables, wild trap vectors, harts that start anywhere.
 * A guest is a function of its seed; `play` runs it in slices and says how it ended and what it cost.
 */
import { createMachine } from "../../src/machine/machine.ts";
import { elfFile } from "../../src/machine/test-elf.ts";
import { Assembler } from "../../src/machine/test-assembler.ts";
import { CSR, INSTRUCTIONS } from "../../src/isa/index.ts";
import type { Machine, MachineConfig, Stop } from "../../src/machine/types.ts";
import { randomSource } from "../differential/generator.ts";

const RAM = 0x8000_0000;
const MIB = 1 << 20;
const CODE_WORDS = 4096;
const DEVICES = [0x10_0000, 0x0200_0000, 0x0200_4000, 0x0200_bff8, 0x0c00_0000, 0x0c00_2000, 0x0c20_0000, 0x0c20_0004, 0x1000_0000, 0x1000_1000, 0x1020_0000];
/** Every name that a stop may have. */
export const STOPS: readonly Stop["kind"][] = ["poweroff", "reboot", "failure", "budget", "cycle", "mark", "deadlock", "fault", "drain"];
const CSR_NUMBERS = Object.values(CSR);

type Random = (below: number) => number;

/** A word that is an instruction more often than not. */
function codeWord(random: Random): number {
  const any = random(0x1_0000_0000);
  switch (random(9)) {
    case 0:
      return any;
    case 3:
      // Halves of marks.
      return random(2) === 0 ? 0x3033 | (any & 0x1ff_8000) : 0x2013 | (any & 0x7fff_8000);
    case 1:
      return (random(0x1_0000) | (random(0x1_0000) << 16)) & 0xffff_fffc;
    case 2:
      return (CSR_NUMBERS[random(CSR_NUMBERS.length)]! << 20) | (any & 0xf_ff80) | 0x73;
    default: {
      const { match, mask } = INSTRUCTIONS[random(INSTRUCTIONS.length)]!;
      return match | (any & ~mask);
    }
  }
}

/** A page-table entry, often leading back into RAM or to a device. */
function tableWord(random: Random): number {
  const pages = [RAM >>> 12, (RAM >>> 12) + random(2048), 0x1_0000, 0x2000, random(0x40_0000)];
  return (pages[random(pages.length)]! << 10) | (random(3) === 0 ? random(1024) : [0x01, 0xcf, 0xdf, 0xff][random(4)]!);
}

/** Registers, vectors and paging at random, then into random code in a random mode; each hart for itself. */
function guest(random: Random, harts: number): Uint8Array {
  const code = new Assembler(RAM);
  const somewhere = (): number => {
    const at = [RAM + 0x1_0000 + 4 * random(CODE_WORDS), RAM + 2 * random(MIB), DEVICES[random(DEVICES.length)]! + random(8), random(0x1_0000_0000), 0];
    return at[random(10) < 6 ? 0 : random(at.length)]!;
  };
  const write = (csr: string, value: number): unknown => code.li("t0", value).csr("csrrw", "zero", CSR[csr]!, "t0");
  for (let hart = 0; hart < harts; hart++) {
    code.csr("csrrs", "t0", CSR["mhartid"]!, "zero").li("t1", hart).branch("beq", "t0", "t1", `hart${hart}`).jal("zero", `next${hart}`);
    code.label(`hart${hart}`);
    if (random(8) === 0) write("mtvec", somewhere());
    else code.la("t0", "survive").csr("csrrw", "zero", CSR["mtvec"]!, "t0");
    write("stvec", somewhere());
    write("pmpaddr0", random(4) === 0 ? random(0x1_0000_0000) : -1);
    write("pmpcfg0", random(4) === 0 ? random(0x1_0000_0000) & 0x7f7f_7f7f : 0x1f);
    // With fetch faults delegated to a handler that is nowhere a guest is soon over.
    write("medeleg", random(0x1_0000) & (random(6) === 0 ? -1 : ~0x1006));
    write("mideleg", random(0x1000));
    write("mie", random(0x1000));
    write("satp", random(2) * (0x8000_0000 | (random(512) << 22) | ((RAM + 0x10_0000) >>> 12)));
    code.li("t0", 0x0200_4000 + 8 * hart).store("sw", "zero", "t0", 4).li("t1", random(200)).store("sw", "t1", "t0");
    write("mepc", somewhere());
    write("mstatus", random(0x1_0000_0000));
    for (let i = 1; i < 32; i++) code.li(`x${i}`, random(3) === 0 ? DEVICES[random(DEVICES.length)]! + 4 * random(8) : somewhere());
    code.emit("mret").label(`next${hart}`);
  }
  code.emit("wfi");
  // Most guests go on after a trap, at the next of many places.
  code.align(64).label("survive").csr("csrrs", "t0", CSR["mscratch"]!, "zero").op("addi", "t0", "t0", 52).csr("csrrw", "zero", CSR["mscratch"]!, "t0");
  code.li("t1", 4 * CODE_WORDS - 4).op("and", "t0", "t0", "t1").li("t1", RAM + 0x1_0000).op("add", "t0", "t0", "t1");
  code.csr("csrrw", "zero", CSR["mepc"]!, "t0").emit("mret");
  const words = (count: number, word: (random: Random) => number): Uint8Array =>
    new Uint8Array(Uint32Array.from({ length: count }, () => word(random) >>> 0).buffer);
  return elfFile({
    segments: [
      { physical: RAM, bytes: code.bytes() },
      { physical: RAM + 0x1_0000, bytes: words(CODE_WORDS, codeWord) },
      { physical: RAM + 0x10_0000, bytes: words(2048, tableWord) },
    ],
  });
}

export interface Played {
  readonly stops: readonly Stop[];
  readonly instructions: number;
  readonly hash: string;
}

function retired(machine: Machine): number {
  let sum = 0;
  for (let hart = 0; hart < machine.config.harts; hart++) sum += machine.hart(hart).instructions;
  return sum;
}

export function hostileMachine(seed: number, way: Partial<MachineConfig>): Machine {
  const random = randomSource(seed);
  const harts = [1, 1, 2, 4][random(4)]!;
  const made = createMachine({
    harts, memoryBytes: 8 * MIB, timing: "functional", interleave: "ahead", bootargs: "", lab: true, recordMarks: false, ...way,
  });
  if (!made.ok) throw new Error(made.problems[0]!.message);
  const loaded = made.value.loadElf(guest(random, harts));
  if (!loaded.ok) throw new Error(loaded.problems[0]!.message);
  return made.value;
}

/**
 * Runs `instructions` in slices of at most `slice`, with a clock limit as well: what only traps retires nothing. Ends
 * early when the machine does.
 */
export function play(seed: number, way: Partial<MachineConfig>, instructions: number, slice: number): Played {
  const machine = hostileMachine(seed, way);
  const stops: Stop[] = [];
  const cycles = instructions * 20;
  for (let limit = slice; limit <= instructions; limit += slice) {
    let stop: Stop;
    do {
      stop = machine.run({ maxInstructions: limit, untilCycle: cycles });
      machine.drainConsole();
      machine.drainMarks(() => {});
      machine.drainLabResults();
    } while (stop.kind === "drain");
    stops.push(stop);
    if (stop.kind !== "budget") break;
  }
  return { stops, instructions: retired(machine), hash: machine.hash() };
}

/** S mode at address 0; every superpage is the same one, full of first halves of marks (sltu x0, x0, x0). */
export function marksForEver(timing: MachineConfig["timing"]): Machine {
  const code = new Assembler(RAM);
  const write = (csr: string, value: number): unknown => code.li("t0", value).csr("csrrw", "zero", CSR[csr]!, "t0");
  write("pmpaddr0", -1);
  write("pmpcfg0", 0x1f);
  write("satp", 0x8000_0000 | ((RAM + 0x1_0000) >>> 12));
  write("mepc", 0);
  code.li("t0", 0x800).csr("csrrs", "zero", CSR["mstatus"]!, "t0").emit("mret");
  const filled = (count: number, word: number): Uint8Array => new Uint8Array(new Uint32Array(count).fill(word).buffer);
  const made = createMachine({
    harts: 1, memoryBytes: 16 * MIB, timing, interleave: "ahead", bootargs: "", lab: false, recordMarks: false,
  });
  if (!made.ok) throw new Error(made.problems[0]!.message);
  const segments = [
    { physical: RAM, bytes: code.bytes() },
    { physical: RAM + 0x1_0000, bytes: filled(1024, (((RAM + 4 * MIB) >>> 12) << 10) | 0xcf) },
    { physical: RAM + 4 * MIB, bytes: filled(MIB, 0x0000_3033) },
  ];
  if (!made.value.loadElf(elfFile({ segments })).ok) throw new Error("hostile: the guest fits");
  return made.value;
}
