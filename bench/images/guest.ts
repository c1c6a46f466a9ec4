/**
 * Builds a guest of bench/guests with our own compiler: a bare-metal ELF that runs on our machine and on QEMU alike.
 *
 * The repository is mounted below `firmware/` in the compiler's file table, so everything a guest reaches (its own
 * modules, the UART, the kernel's red-black tree) is linked as firmware: physical = virtual, from 0x8000_0000 on.
 */
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { formatProblem } from "../../src/base/result.ts";
import { build, type Image, type TypeScript } from "../../src/compiler/build.ts";

const ROOT = join(import.meta.dirname, "../..");
const MOUNT = "firmware/";
const ENTRY = `${MOUNT}bench/guests/start.ts`;
const ts = createRequire(import.meta.url)("typescript") as TypeScript;

export interface GuestSettings {
  /** Rounds of the main loop: the length of the run. */
  readonly rounds: number;
  /** Harts that take part. */
  readonly harts: number;
}

function sources(): Map<string, string> {
  const files = new Map<string, string>();
  for (const folder of ["kernel", "firmware", "bench/guests"]) {
    for (const name of readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })) {
      if (!name.endsWith(".ts") || name.endsWith(".d.ts")) continue;
      files.set(`${MOUNT}${folder}/${name}`, readFileSync(join(ROOT, folder, name), "utf8"));
    }
  }
  files.set("kernel/config.ts", files.get(`${MOUNT}kernel/config.ts`)!);
  return files;
}

/** A guest module of bench/guests by name; `more` are modules beside it that are not on disk. */
export function buildGuest(
  name: string,
  settings: GuestSettings,
  more: Readonly<Record<string, string>> = {},
): Image {
  const files = sources();
  const guest = (file: string) => `${MOUNT}bench/guests/${file}`;
  for (const [file, text] of Object.entries(more)) files.set(guest(file), text);
  files.set(guest("main.ts"), `export { guest_main } from "./${name}.ts";\n`);
  const constants = { ROUNDS: settings.rounds, HARTS: settings.harts };
  const lines = Object.entries(constants).map(([key, value]) => `export const ${key}: u32 = ${value};\n`);
  files.set(guest("settings.ts"), lines.join(""));
  const input = { files, entries: [ENTRY], workload: null, tasks: [], config: { marks: false } };
  const image = build(ts, input);
  if (!image.ok) throw new Error(image.problems.map(formatProblem).join("\n"));
  return image.value;
}
