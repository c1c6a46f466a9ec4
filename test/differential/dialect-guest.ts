/**
 * Builds a bare-metal guest of test/differential/guests, written in the kernel's dialect: firmware/board.ts and uart.ts
 * are all it has below it. One ELF for our machine and QEMU.
 */
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { formatProblem } from "../../src/base/result.ts";
import { build, type TypeScript } from "../../src/compiler/build.ts";

const ROOT = join(import.meta.dirname, "../..");
/** Everything is linked as firmware: it runs where it is loaded. */
const MOUNT = "firmware/";
const GUESTS = "test/differential/guests";
const ts = createRequire(import.meta.url)("typescript") as TypeScript;

/** The guest whose `guest_main` is in guests/NAME.ts. */
export function dialectGuest(name: string): Uint8Array {
  const files = new Map<string, string>();
  for (const folder of ["firmware", GUESTS]) {
    for (const file of readdirSync(join(ROOT, folder))) {
      if (file.endsWith(".ts")) files.set(`${MOUNT}${folder}/${file}`, readFileSync(join(ROOT, folder, file), "utf8"));
    }
  }
  files.set("kernel/config.ts", readFileSync(join(ROOT, "kernel/config.ts"), "utf8"));
  files.set(`${MOUNT}${GUESTS}/main.ts`, `export { guest_main } from "./${name}.ts";\n`);
  const entries = [`${MOUNT}${GUESTS}/start.ts`];
  const image = build(ts, { files, entries, workload: null, tasks: [], config: { marks: false } });
  if (!image.ok) throw new Error(image.problems.map(formatProblem).join("\n"));
  return image.value.elf;
}
