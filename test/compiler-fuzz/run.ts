/**
 * Compiles a batch of programs once with our compiler and once with the host's gcc, runs them on our machine, on QEMU and on
 * the host, and gives one word a program: the checksum of what it computed.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { formatProblem } from "../../src/base/result.ts";
import { PASSES, generate } from "../../src/compiler/back/index.ts";
import type { BuildOptions } from "../../src/compiler/build.ts";
import { FRONT_PASSES, compileToIr, type TypeScript } from "../../src/compiler/front/index.ts";
import type { IrUnit } from "../../src/compiler/ir.ts";
import { link } from "../../src/compiler/link/index.ts";
import { runOurs, runQemu } from "../differential/machines.ts";
import { ROOT } from "../tidy/sources.ts";
import { printC, printDialect } from "./print.ts";
import type { Program } from "./program.ts";

const ts = createRequire(import.meta.url)("typescript") as TypeScript;
const BATCH = "firmware/batch.ts";
const INSTRUCTIONS_MAX = 400_000_000;

function dialect(programs: readonly Program[]): string {
  const calls = programs.map(({ id }) => `  put_hex(main_${id}()); put_string("\\n");`);
  return `import { finisher_poweroff } from "./board.ts";
import { put_hex, put_string } from "./uart.ts";
export function _start(): void {
  "naked";
  asm\`
    li sp, 0x80f00000
    li s0, 0
    call \${batch}\`;
}
function batch(): void {
${calls.join("\n")}
  finisher_poweroff();
}
${programs.map(printDialect).join("\n")}
`;
}

const LIBRARY: ReadonlyMap<string, string> = new Map(
  ["kernel/lib", "kernel/arch", "firmware"].flatMap((folder) =>
    readdirSync(join(ROOT, folder))
      .filter((name) => name.endsWith(".ts"))
      .map((name) => [`${folder}/${name}`, readFileSync(join(ROOT, folder, name), "utf8")] as const),
  ),
);

export interface CompileOptions {
  readonly disable?: NonNullable<BuildOptions["disable"]>;
  /** As `hartlab build --debug`. */
  readonly debug?: boolean;
  /** Changes the compiled functions before the back end sees them: how a test plants a bug in the compiler. */
  readonly sabotage?: (unit: IrUnit) => void;
}

/** The batch as an ELF. */
export function compileBatch(programs: readonly Program[], options: CompileOptions = {}): Uint8Array {
  const files = new Map([...LIBRARY, [BATCH, dialect(programs)]]);
  const leftOut = new Set<string>(options.disable ?? []);
  const unit = compileToIr(ts, {
    files, entries: [BATCH], workload: null, tasks: [], config: {}, debug: options.debug ?? false,
    disable: FRONT_PASSES.filter((pass) => leftOut.has(pass)),
  });
  if (!unit.ok) throw new Error(unit.problems.map(formatProblem).join("\n"));
  options.sabotage?.(unit.value);
  const image = link(unit.value, generate(unit.value, { disable: PASSES.filter((pass) => leftOut.has(pass)) }));
  if (!image.ok) throw new Error(image.problems.map(formatProblem).join("\n"));
  return image.value.elf;
}

const wordsIn = (bytes: Uint8Array): string[] => new TextDecoder().decode(bytes).split("\n").slice(0, -1);

export function onOurMachine(elf: Uint8Array): string[] {
  const { stop, sent } = runOurs(elf, INSTRUCTIONS_MAX);
  return stop.kind === "poweroff" ? wordsIn(sent) : [...wordsIn(sent), `ends with ${stop.kind}`];
}

export const onQemu = (elf: Uint8Array): string[] => wordsIn(runQemu(elf));

/** gcc's opinion of the same programs; signed arithmetic wraps there too. */
export function onHost(programs: readonly Program[]): string[] {
  const folder = mkdtempSync(join(tmpdir(), "hartlab-fuzz-"));
  try {
    const calls = programs.map(({ id }) => `  printf("%08x\\n", main_${id}());`);
    const main = `int main(void) {\n${calls.join("\n")}\n  return 0;\n}\n`;
    writeFileSync(join(folder, "batch.c"), `#include <stdint.h>\n#include <stdio.h>\n${programs.map(printC).join("\n")}\n${main}`);
    const flags = ["-O0", "-w", "-fwrapv", "-fno-strict-aliasing", "-o", "batch", "batch.c"];
    const built = spawnSync("gcc", flags, { cwd: folder, encoding: "utf8" });
    if (built.status !== 0) throw new Error(`gcc: ${built.stderr.slice(0, 2000)}`);
    const ran = spawnSync(join(folder, "batch"), { encoding: "utf8", timeout: 60_000 });
    if (ran.status !== 0) throw new Error(`the C program ended with ${ran.status ?? ran.signal}`);
    return ran.stdout.split("\n").slice(0, -1);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
