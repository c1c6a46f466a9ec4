/** `hartlab config`: the kernel's compile-time configuration keys. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { readConfigOptions } from "../compiler/front/index.ts";
import type { Option } from "../compiler/front/config.ts";
import type { Result } from "../base/result.ts";
import { loadTypeScript } from "./image.ts";
import { EXIT, print, printProblems } from "./output.ts";
import { packageRoot } from "./package-root.ts";

function options(root: string): Result<readonly Option[]> {
  return readConfigOptions(loadTypeScript(), readFileSync(join(root, "kernel/config.ts"), "utf8"));
}

/** The default of each of these keys. Reads the table, which needs the parser, only when there are any. */
export function configDefaults(root: string, keys: readonly string[]): Record<string, string | number | boolean> {
  if (keys.length === 0) return {};
  const table = options(root);
  const known = table.ok ? table.value.filter((option) => keys.includes(option.key)) : [];
  return Object.fromEntries(known.map((option) => [option.key, option.default]));
}

function values(option: Option): string {
  if (option.type === "bool") return "true, false";
  return option.type === "enum" ? option.values.join(", ") : `${option.min}..${option.max}`;
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
    }));
    await print(`${JSON.stringify({ schemaVersion: 1, keys }, null, 2)}\n`);
    return EXIT.ok;
  }
  const lines = table.value.map(
    (option) => `${option.key}\n    ${option.doc}\n    values: ${values(option)}; default: ${option.default}`,
  );
  await print(`${lines.join("\n")}\n\nSet one in a scenario under kernel:, or with --set KEY=VALUE.\n`);
  return EXIT.ok;
}
