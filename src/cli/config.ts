/** `hartlab config`: the kernel's compile-time configuration keys. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { readConfigOptions } from "../compiler/front/index.ts";
import type { Option } from "../compiler/front/config.ts";
import { type Result, success } from "../base/result.ts";
import { cacheFileOfText, readCache, writeCache } from "./cache.ts";
import { EXIT, print, printProblems } from "./output.ts";
import { packageRoot } from "./package-root.ts";
import { loadTypeScript } from "./typescript.ts";

/** Reading the table needs the TypeScript compiler, which takes 0.1 s to load: the result is kept. */
function options(root: string): Result<readonly Option[]> {
  const text = readFileSync(join(root, "kernel/config.ts"), "utf8");
  const file = cacheFileOfText(root, text, import.meta.url);
  const kept = readCache(file);
  if (kept !== null) return success(JSON.parse(Buffer.from(kept).toString()) as readonly Option[]);
  const table = readConfigOptions(loadTypeScript(root), text);
  if (table.ok) writeCache(file, JSON.stringify(table.value));
  return table;
}

/** The default of each of these keys. */
export function configDefaults(root: string, keys: readonly string[]): Record<string, string | number | boolean> {
  if (keys.length === 0) return {};
  const table = options(root);
  const known = table.ok ? table.value.filter((option) => keys.includes(option.key)) : [];
  return Object.fromEntries(known.map((option) => [option.key, option.default]));
}

/** Every key with its default. */
export function allDefaults(root: string): Record<string, string | number | boolean> {
  const table = options(root);
  return Object.fromEntries((table.ok ? table.value : []).map((option) => [option.key, option.default]));
}

function values(option: Option): string {
  if (option.type === "bool") return "true, false";
  return option.type === "enum" ? option.values.join(", ") : `${option.min}..${option.max}`;
}

function needs(option: Option): string {
  const needed = Object.entries(option.needs).map(([key, value]) => `${key}=${value}`);
  return needed.length === 0 ? "" : `; only with ${needed.join(", ")}`;
}

export async function config(flags: { readonly json?: boolean }): Promise<number> {
  const table = options(packageRoot());
  if (!table.ok) return printProblems(table.problems);
  if (flags.json) {
    const keys = table.value.map((option) => ({
      key: option.key,
      type: option.type,
      values: values(option).split(", "),
      default: option.default,
      doc: option.doc,
      needs: option.needs,
    }));
    await print(`${JSON.stringify({ schemaVersion: 1, keys }, null, 2)}\n`);
    return EXIT.ok;
  }
  const lines = table.value.map(
    (option) => `${option.key}\n    ${option.doc}\n    values: ${values(option)}; default: ${option.default}${needs(option)}`,
  );
  await print(`${lines.join("\n")}\n\nSet one in a scenario under kernel:, or with --set KEY=VALUE.\n`);
  return EXIT.ok;
}
