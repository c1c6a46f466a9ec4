/** Where the package lies: kernel, firmware and scenarios are read from there, whether bundled (dist/) or run from source. */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { assert } from "../base/assert.ts";

/** The nearest folder upwards that holds kernel/config.ts. */
export function packageRoot(): string {
  for (let folder = import.meta.dirname; ; folder = dirname(folder)) {
    if (existsSync(join(folder, "kernel/config.ts"))) return folder;
    assert(folder !== dirname(folder), "cli: the package's kernel folder is missing");
  }
}
