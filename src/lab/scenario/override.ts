/**
 * `--set key=value`: one change to a scenario on the command line.
 *
 * `machine.harts=2`, `timing.memory=200`, `boot.kmemleak.min_age=1s`, `limits.instructions=1000`, `expect.transient=none`, `kernel.marks=false`,
 * `seed=7` change scenario fields; any other key is a kernel configuration key (`marks=false`, `kmemleak.design=km08-fix`).
 */
import { parse } from "yaml";
import { failure, type Result, success } from "../../base/result.ts";

const SECTIONS: readonly string[] = ["machine", "timing", "kernel", "boot", "limits", "observe", "expect"];
const FIELDS: readonly string[] = ["name", "seed", "workload", "until"];

export interface Override {
  readonly path: readonly string[];
  readonly value: string | number | boolean;
  /** As the user wrote it. */
  readonly text: string;
}

export function parseOverride(text: string): Result<Override> {
  const equals = text.indexOf("=");
  const key = text.slice(0, equals).trim();
  if (equals < 1 || key === "") {
    return failure({
      message: `--set ${text}: this is not key=value`,
      hint: "Write for example --set machine.harts=2 or --set kernel.marks=false.",
    });
  }
  const value = scalar(text.slice(equals + 1));
  const dot = key.indexOf(".");
  const section = key.slice(0, dot);
  let path: string[];
  if (dot > 0 && SECTIONS.includes(section)) path = [section, key.slice(dot + 1)];
  else if (FIELDS.includes(key)) path = [key];
  else path = ["kernel", key];
  return success({ path, value, text });
}

/** The value as YAML reads it: numbers and true/false are such, everything else is text. */
function scalar(text: string): string | number | boolean {
  let value: unknown;
  try {
    value = parse(text);
  } catch {
    return text;
  }
  return typeof value === "number" || typeof value === "boolean" ? value : text;
}

/** The scenario's raw fields with the overrides applied, as a copy. */
export function applyOverrides(
  raw: Readonly<Record<string, unknown>>,
  overrides: readonly Override[],
): Record<string, unknown> {
  const result: Record<string, unknown> = { ...raw };
  for (const { path, value } of overrides) {
    if (path.length === 1) result[path[0]] = value;
    else result[path[0]] = { ...asRecord(result[path[0]]), [path[1]]: value };
  }
  return result;
}

function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {};
}
