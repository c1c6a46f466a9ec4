/** Which folder may import which: DESIGN.md's layers as two tables, and the check that reads them. */
import { posix } from "node:path";
import { imports, type Source } from "./sources.ts";

/** Folder -> folders it may import besides itself. */
export type Layers = Readonly<Record<string, readonly string[]>>;

/** base < isa < {machine, compiler} < lab < report < cli; nothing in src imports kernel or firmware: they are inputs. */
export const HOST_LAYERS: Layers = {
  "src/base": [],
  "src/isa": ["src/base"],
  "src/machine": ["src/base", "src/isa"],
  "src/compiler": ["src/base", "src/isa"],
  "src/lab": ["src/base", "src/isa", "src/machine", "src/compiler"],
  "src/report": ["src/base", "src/isa", "src/machine", "src/compiler", "src/lab"],
  "src/cli": ["src/base", "src/isa", "src/machine", "src/compiler", "src/lab", "src/report"],
};

/** arch < lib < {irq, locking, sched, rcu, mm} < cpu < init < workload, with the edges inside the braces and their reasons. */
export const GUEST_LAYERS: Layers = {
  firmware: [],
  "kernel/abi": [],
  "kernel/arch": ["kernel/abi"],
  "kernel/lib": ["kernel/abi", "kernel/arch"],
};

export interface Violation {
  readonly file: string;
  readonly imports: string;
}

/** The longest folder of the table that holds the path, or null. */
export function folderOf(path: string, layers: Layers): string | null {
  const holding = Object.keys(layers).filter((folder) => path.startsWith(`${folder}/`));
  return holding.sort((a, b) => b.length - a.length)[0] ?? null;
}

/** Every import that the table does not allow. `node:` modules are allowed in src/cli alone. */
export function violations(files: readonly Source[], layers: Layers): Violation[] {
  const found: Violation[] = [];
  for (const { path, text } of files) {
    const folder = folderOf(path, layers);
    if (folder === null) continue;
    for (const specifier of imports(text)) {
      if (specifier.startsWith("node:") && folder !== "src/cli") {
        found.push({ file: path, imports: specifier });
        continue;
      }
      const target = specifier.startsWith(".")
        ? posix.join(posix.dirname(path), specifier)
        : specifier.startsWith("kernel/")
          ? specifier
          : null;
      if (target === null) continue;
      const other = folderOf(target, layers);
      if (other === folder || (other !== null && layers[folder]!.includes(other))) continue;
      found.push({ file: path, imports: target });
    }
  }
  return found;
}
