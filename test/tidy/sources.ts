/** The project's own source files, for the tests that look at the text of the code. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export interface Source {
  /** Relative to the repository, with forward slashes. */
  readonly path: string;
  readonly text: string;
}

export const ROOT = join(import.meta.dirname, "../..");

/** Every .ts file below the given folders, sorted by path. */
export function sources(...folders: string[]): Source[] {
  return folders
    .flatMap((folder) =>
      readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" }).map(
        (path) => `${folder}/${path.replaceAll("\\", "/")}`,
      ),
    )
    .filter((path) => path.endsWith(".ts"))
    .sort()
    .map((path) => ({ path, text: readFileSync(join(ROOT, path), "utf8") }));
}

/** The module specifiers that a source names, static, type-only and dynamic alike. */
export function imports(text: string): string[] {
  const code = text.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, "");
  const pattern = /(?:\bfrom\s*|\bimport\s*\(\s*|^\s*import\s+)["']([^"']+)["']/gm;
  return [...code.matchAll(pattern)].map((match) => match[1]!);
}
