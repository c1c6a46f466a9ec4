/**
 * Random programs on our machine and on QEMU. DIFFERENTIAL_SEED picks the first seed,
 * DIFFERENTIAL_RUNS how many.
 */
import { expect, test } from "vitest";
import { disassemble } from "../../src/isa/index.ts";
import type { MachineConfig } from "../../src/machine/types.ts";
import { haveTool } from "../tools.ts";
import { firstDifference } from "./first-difference.ts";
import { QEMU, runOurs, runQemu, traceOurs } from "./machines.ts";
import { DUMP_BYTES, programElf, randomProgram, type Mode, type Program } from "./program.ts";

const SEED = Number(process.env["DIFFERENTIAL_SEED"] ?? 1);
const RUNS = Number(process.env["DIFFERENTIAL_RUNS"] ?? 6);
const INSTRUCTIONS_MIN = 10_000;
const INSTRUCTIONS_MAX = 20_000_000;

/** Every program runs here in each of these ways. */
const WAYS: readonly Partial<MachineConfig>[] = [
  { timing: "functional", interleave: "ahead" },
  { timing: "functional", interleave: "exact" },
  { timing: "cycle", interleave: "ahead" },
];

const qemu = haveTool(QEMU);

function compare(program: Program): void {
  const elf = programElf(program);
  const theirs = runQemu(elf);
  expect(theirs.length).toBe(DUMP_BYTES);
  for (const way of WAYS) {
    const ours = runOurs(elf, INSTRUCTIONS_MAX, way);
    if (Buffer.compare(ours.sent, theirs) === 0 && ours.stop.kind === "poweroff") {
      expect(ours.instructions).toBeGreaterThan(INSTRUCTIONS_MIN);
      continue;
    }
    const at = ours.sent.findIndex((byte, i) => byte !== theirs[i]);
    const reproduce = `reproduce: DIFFERENTIAL_SEED=${program.seed} DIFFERENTIAL_RUNS=1 npx vitest run test/differential/random`;
    const story = [
      `seed ${program.seed} (${way.timing}, ${way.interleave}): ours ended with ${JSON.stringify(ours.stop)}`,
      `the dumps differ from byte ${at} on (registers: 0..127, scratch: 128..)`,
      firstDifference(program, ours.instructions),
      reproduce,
    ];
    throw new Error(story.join("\n"));
  }
}

test.skipIf(!qemu).each(["bare", "paged"] as const)(
  `${RUNS} random programs from seed ${SEED} end alike here and in QEMU (%s)`,
  (mode: Mode) => {
    console.log(`${mode}: seeds ${SEED}..${SEED + RUNS - 1}`);
    for (let seed = SEED; seed < SEED + RUNS; seed++) compare(randomProgram(seed, { mode }));
  },
  300_000,
);

/** The first `add` of the random part that is executed and whose result a `sub` would change. */
function executedAdd(program: Program): { at: number; word: number } {
  const view = new DataView(program.bytes.buffer, program.bytes.byteOffset);
  const steps = traceOurs(programElf(program), program.epilogue, 20_000);
  for (const [pc, ...x] of steps.slice(program.settled)) {
    const at = pc! - program.base;
    if (at < 0 || at >= program.bytes.length) continue;
    const word = view.getUint32(at, true);
    const isAdd = (word & 0xfe00_707f) === 0x33 && (word & 0xf80) !== 0;
    if (isAdd && x[(word >>> 20) & 31]! << 1 !== 0) return { at, word };
  }
  throw new Error("the program executes no add");
}

test.skipIf(!qemu).each(["bare", "paged"] as const)(
  "the finder names the one instruction that was made to differ (%s)",
  (mode: Mode) => {
    const program = randomProgram(SEED, { mode, items: 200, rounds: 4 });
    const { at, word } = executedAdd(program);
    const broken = program.bytes.slice();
    new DataView(broken.buffer).setUint32(at, word | 0x4000_0000, true);
    const story = firstDifference(program, 20_000, programElf(program, broken));
    expect(story).toContain(disassemble(word, program.base + at));
  },
  120_000,
);
