/**
 * Random programs on our machine and on QEMU. DIFFERENTIAL_SEED picks the first seed,
 * DIFFERENTIAL_RUNS how many.
 */
import { expect, test } from "vitest";
import { disassemble } from "../../src/isa/index.ts";
import { haveTool } from "../tools.ts";
import { firstDifference } from "./first-difference.ts";
import { imageElf, QEMU, runOurs, runQemu } from "./machines.ts";
import { DUMP_BYTES, randomProgram, type Program } from "./program.ts";

const SEED = Number(process.env["DIFFERENTIAL_SEED"] ?? 1);
const RUNS = Number(process.env["DIFFERENTIAL_RUNS"] ?? 12);
const INSTRUCTIONS_MIN = 10_000;

const qemu = haveTool(QEMU);

function compare(program: Program): void {
  const elf = imageElf(program.base, program.bytes);
  const ours = runOurs(elf);
  const theirs = runQemu(elf);
  const equal = Buffer.compare(ours.sent, theirs) === 0;
  if (equal && ours.stop.kind === "poweroff") {
    expect(theirs.length).toBe(DUMP_BYTES);
    expect(ours.instructions).toBeGreaterThan(INSTRUCTIONS_MIN);
    return;
  }
  const at = ours.sent.findIndex((byte, i) => byte !== theirs[i]);
  const story = firstDifference(program, ours.instructions);
  const reproduce = `reproduce: DIFFERENTIAL_SEED=${program.seed} DIFFERENTIAL_RUNS=1 npx vitest run test/differential/random`;
  const ends = `ours ended with ${JSON.stringify(ours.stop)} after ${ours.instructions} instructions`;
  const dump = `the dumps differ from byte ${at} on (registers: 0..127, scratch: 128..)`;
  throw new Error([`seed ${program.seed}: ${ends}; ${dump}`, story, reproduce].join("\n"));
}

test.skipIf(!qemu)(
  `${RUNS} random programs from seed ${SEED} end alike here and in QEMU`,
  () => {
    console.log(`seeds ${SEED}..${SEED + RUNS - 1}`);
    for (let seed = SEED; seed < SEED + RUNS; seed++) compare(randomProgram(seed));
  },
  300_000,
);

test.skipIf(!qemu)(
  "the finder names the one instruction that was made to differ",
  () => {
    const program = randomProgram(SEED, 60, 20);
    const view = new DataView(program.bytes.buffer, program.bytes.byteOffset);
    const isAdd = (word: number): boolean =>
      (word & 0xfe00_707f) === 0x33 && (word & 0xf80) !== 0 && (word & 0x1f0_0000) !== 0;
    let at = program.settled * 4;
    while (!isAdd(view.getUint32(at, true))) at += 4;
    const word = view.getUint32(at, true);
    const broken = program.bytes.slice();
    new DataView(broken.buffer).setUint32(at, word | 0x4000_0000, true);
    const story = firstDifference(program, 20_000, imageElf(program.base, broken));
    expect(story).toContain(disassemble(word, program.base + at));
  },
  120_000,
);
