/**
 * `--load FILE` and `--save FILE [--save-at CYCLES]`: a booted machine from a file and into one (machine/snapshot/format.ts).
 * The snapshot decides what the machine is; `--elf` beside it is only asked for `tohost` and for names.
 */
import { failure, success, type Problem, type Result } from "../../base/result.ts";
import { loadMachine } from "../../machine/machine.ts";
import type { Machine } from "../../machine/types.ts";
import { readBytes, sameFile, writeProblem, writeWhole } from "../files.ts";
import type { BootOptions } from "./options.ts";

/** Options that go with --load, as commander names them. */
const WITH_LOAD: readonly string[] = ["load", "elf", "input", "inputAfter", "maxInstructions", "json", "save", "saveAt", "jit"];

const flag = (name: string): string => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

/** What does not go together, and whether the place to save to can be written. */
export function savedProblems(options: BootOptions): Problem[] {
  const problems: Problem[] = [];
  for (const name of options.load === undefined ? [] : (options.given ?? [])) {
    if (WITH_LOAD.includes(name)) continue;
    problems.push({ message: `${flag(name)} with --load: the snapshot decides it`, hint: "Leave one of the two out." });
  }
  if (options.saveAt !== undefined && options.save === undefined) {
    problems.push({ message: "--save-at without --save", hint: "Give the file that the machine is to be saved to." });
  }
  const { save } = options;
  if (save === undefined) return problems;
  const unwritable = writeProblem(save);
  if (unwritable) problems.push(unwritable);
  else if (inputFiles(options).some((input) => isSame(input, save))) {
    problems.push({ message: `--save ${save} is a file that this boot reads`, hint: "Choose another place." });
  }
  return problems;
}

function isSame(input: string, save: string): boolean {
  try {
    return sameFile(input, save);
  } catch {
    // Whoever reads it says what is wrong with it.
    return false;
  }
}

/** What is read and not meant to be replaced: everything but the snapshot. */
function inputFiles({ elf, image, initrd, dtb, bios, input, disk = [] }: BootOptions): string[] {
  const disks = disk.map((one) => one.replace(/,ro$/, ""));
  return [elf, image, initrd, dtb, bios, input, ...disks].filter((file) => file !== undefined);
}

/** The machine that --load names. */
export function loadSaved(file: string, jit?: false): Result<Machine> {
  const bytes = readBytes(file, "the snapshot");
  if (!bytes.ok) return bytes;
  const machine = loadMachine(bytes.value, undefined, jit);
  if (!machine.ok) return failure(...machine.problems.map((one) => ({ ...one, message: `${file}: ${one.message}` })));
  const { end } = machine.value;
  if (end === null) return success(machine.value);
  return failure({ message: `${file}: the machine has ended (${end.kind})`, hint: "Save one before its end, with --save-at." });
}

/** Writes what --save asks for. */
export function saveMachine(machine: Machine, file: string): readonly Problem[] {
  const problem = writeWhole(file, machine.save());
  return problem ? [problem] : [];
}
