/**
 * Finds the first instruction after which two machines differ, by stepping both. A state that only
 * one of them shows (the trap handler's first pc: we count retired instructions, QEMU shows the
 * jump into the handler) is left out.
 */
import { disassemble, REGISTER_NAMES } from "../../src/isa/index.ts";
import { traceOurs, traceQemu, type Step } from "./machines.ts";
import { programElf, type Program } from "./program.ts";

/** What QEMU executes below it is its reset code. */
const RAM = 0x8000_0000;

function hex(value: number): string {
  return (value >>> 0).toString(16).padStart(8, "0");
}

function wordAt(program: Program, pc: number): number {
  const at = pc - program.base;
  if (at < 0 || at + 4 > program.bytes.length) return 0;
  return new DataView(program.bytes.buffer, program.bytes.byteOffset).getUint32(at, true);
}

function differences(ours: Step, theirs: Step): string[] {
  const names = ["pc", ...REGISTER_NAMES];
  return names.flatMap((name, i) =>
    ours[i] === theirs[i] ? [] : [`    ${name}: ours ${hex(ours[i]!)}, qemu ${hex(theirs[i]!)}`],
  );
}

/**
 * A story about the first difference; `oursElf` may differ from the program, to try the finder
 * itself.
 */
export function firstDifference(
  program: Program,
  instructions: number,
  oursElf?: Uint8Array,
): string {
  const elf = programElf(program);
  const lowest = Math.min(program.base, RAM);
  const visible = (step: Step): boolean => step[0]! >= lowest && step[0] !== program.handler;
  const ours = traceOurs(oursElf ?? elf, program.epilogue, instructions).filter(visible);
  const theirs = traceQemu(elf).filter(visible);
  const count = Math.min(ours.length, theirs.length);
  for (let i = program.settled; i < count; i++) {
    const differing = differences(ours[i]!, theirs[i]!);
    if (differing.length === 0) continue;
    const pc = ours[i - 1]![0]!;
    const what = disassemble(wordAt(program, pc), pc);
    return [
      `first difference after step ${i} of ${count}, at ${hex(pc)}: ${what}`,
      ...differing,
    ].join("\n");
  }
  return `no difference in ${count} steps up to the epilogue: look at memory or at the dump itself`;
}
