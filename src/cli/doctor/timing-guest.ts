/** The guest of guests/timing, built with our own compiler: bare metal, everything linked as firmware. */
import { readdirSync, readFileSync } from "node:fs";
import { join, sep } from "node:path";
import type { Result } from "../../base/result.ts";
import { success } from "../../base/result.ts";
import { build, type CompileInput } from "../../compiler/build.ts";
import { loadTypeScript } from "../typescript.ts";
import { asShortJob } from "../short-job.ts";

const FOLDERS = ["kernel", "firmware", "guests/timing"];
/** What lies below firmware/ is linked to physical addresses, from where the machine starts. */
const MOUNT = "firmware/";

function input(root: string): CompileInput {
  const files = new Map<string, string>();
  for (const folder of FOLDERS) {
    for (const name of readdirSync(join(root, folder), { recursive: true, encoding: "utf8" }).sort()) {
      if (!name.endsWith(".ts") || name.endsWith(".d.ts")) continue;
      const path = `${folder}/${name.split(sep).join("/")}`;
      files.set(MOUNT + path, readFileSync(join(root, path), "utf8"));
    }
  }
  files.set("kernel/config.ts", files.get(`${MOUNT}kernel/config.ts`)!);
  return { files, entries: [`${MOUNT}guests/timing/start.ts`], workload: null, tasks: [], config: { marks: false } };
}

export function timingGuest(root: string): Result<Uint8Array> {
  const image = asShortJob(() => build(loadTypeScript(), input(root)));
  return image.ok ? success(image.value.elf) : image;
}
