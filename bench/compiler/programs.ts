/** The measured programs, in the dialect and in C: built by our compiler and by gcc, run on our machine. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { formatProblem } from "../../src/base/result.ts";
import { build, type TypeScript } from "../../src/compiler/build.ts";
import { readElf } from "../../src/machine/elf.ts";
import { createMachine } from "../../src/machine/machine.ts";

export const PROGRAMS = ["rbtree", "scan", "list", "crc", "sort", "lz", "slab", "spinlock"] as const;
export type ProgramName = (typeof PROGRAMS)[number];
export const GCC = "riscv64-unknown-elf-gcc";

const ROOT = join(import.meta.dirname, "../..");
const GUESTS = join(import.meta.dirname, "guests");
const ts = createRequire(import.meta.url)("typescript") as TypeScript;
/** Everything is linked as firmware: physical = virtual. */
const MOUNT = "firmware/";
const GUEST_MOUNT = `${MOUNT}bench/compiler/guests/`;

export interface Figures {
  readonly checksum: string;
  readonly instructions: number;
  readonly cycles: number;
  /** Of the measured functions, without reset and printing. */
  readonly codeBytes: number;
}

function sources(): Map<string, string> {
  const files = new Map<string, string>();
  for (const folder of ["kernel/lib", "kernel/arch", "firmware", "bench/compiler/guests"]) {
    for (const name of readdirSync(join(ROOT, folder))) {
      if (name.endsWith(".ts")) files.set(`${MOUNT}${folder}/${name}`, readFileSync(join(ROOT, folder, name), "utf8"));
    }
  }
  return files;
}

export function buildDialect(name: ProgramName): Uint8Array {
  const files = sources();
  files.set(`${GUEST_MOUNT}main.ts`, `export { kernel_main } from "./${name}.ts";\n`);
  const image = build(ts, { files, entries: [`${GUEST_MOUNT}start.ts`], workload: null, tasks: [], config: {} });
  if (!image.ok) throw new Error(image.problems.map(formatProblem).join("\n"));
  return image.value.elf;
}

export function buildC(name: ProgramName, level: string): Uint8Array {
  const folder = mkdtempSync(join(tmpdir(), "hartlab-gcc-"));
  try {
    const out = join(folder, "program.elf");
    const target = ["-march=rv32ima_zicsr_zifencei", "-mabi=ilp32", "-ffreestanding", "-nostdlib", "-nostartfiles", "-static"];
    // As our compiler: frame pointers for exact backtraces, no data addressed through gp.
    const likewise = ["-fno-omit-frame-pointer", "-msmall-data-limit=0", "-mno-relax", "-fno-pic"];
    const files = [join(GUESTS, "start.c"), join(GUESTS, `${name}.c`)];
    const flags = [level, ...target, ...likewise, "-T", join(GUESTS, "link.ld"), "-o", out, ...files];
    const gcc = spawnSync(GCC, flags, { encoding: "utf8" });
    if (gcc.status !== 0) throw new Error(`${GCC}: ${gcc.stderr}`);
    return readFileSync(out);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Functions that both starts have beside the program. */
const STARTS = new Set(["_start", "measure", "print", "put", "put_string", "put_hex", "uart_putc", "finisher_poweroff", "finish"]);

export function measureProgram(bytes: Uint8Array): Figures {
  const machine = createMachine({
    harts: 1, memoryBytes: 16 << 20, timing: "cycle", interleave: "ahead", bootargs: "", lab: false, recordMarks: false,
  });
  if (!machine.ok) throw new Error(machine.problems.map(formatProblem).join("\n"));
  const loaded = machine.value.loadElf(bytes);
  if (!loaded.ok) throw new Error(loaded.problems.map(formatProblem).join("\n"));
  const stop = machine.value.run({ maxInstructions: 50_000_000 });
  if (stop.kind !== "poweroff") throw new Error(`the program ended with ${stop.kind}`);
  const text = new TextDecoder().decode(machine.value.drainConsole());
  const [, checksum, instructions, cycles] = /^checksum (\w+)\ninstructions (\w+)\ncycles (\w+)\n$/.exec(text) ?? [];
  if (!checksum || !instructions || !cycles) throw new Error(`the program printed ${text}`);
  const elf = readElf(bytes);
  if (!elf.ok) throw new Error(elf.problems.map(formatProblem).join("\n"));
  const functions = elf.value.symbols.filter((s) => s.kind === "function" && !STARTS.has(s.name));
  const codeBytes = functions.reduce((sum, { size }) => sum + size, 0);
  return { checksum, instructions: Number.parseInt(instructions, 16), cycles: Number.parseInt(cycles, 16), codeBytes };
}
