/**
 * A scenario file's text -> a checked scenario, or problems with line, column and next step.
 *
 * Order: YAML syntax, then overrides from the command line, then the schema, then what the schema cannot say.
 * A problem with an overridden field names the override instead of a place in the file.
 */
import { LineCounter, parseDocument } from "yaml";
import type { z } from "zod";
import { failure, type Problem, type Result, success } from "../../base/result.ts";
import { BOOTARGS_BYTES_MAX, bootargs } from "./bootargs.ts";
import { applyOverrides, type Override } from "./override.ts";
import { type FieldPath, fieldName, ScenarioText } from "./places.ts";
import { type Scenario, scenarioSchema } from "./schema.ts";
import { nearest } from "./suggest.ts";
import { modelOf } from "./timing.ts";

const HELP = "docs/scenario.md lists every field.";
/** Boot parameters that other fields of the scenario write. */
const RESERVED_BOOT: Readonly<Record<string, string>> = { seed: "seed", task: "tasks" };

export interface LoadedScenario {
  readonly scenario: Scenario;
  /** For problems found later, such as a task that the compiler does not know. */
  readonly text: ScenarioText;
}

export function loadScenario(
  file: string,
  text: string,
  overrides: readonly Override[],
): Result<LoadedScenario> {
  const counter = new LineCounter();
  const document = parseDocument(text, { lineCounter: counter, prettyErrors: false });
  const places = new ScenarioText(file, text, document, counter);
  if (document.errors.length > 0) {
    return failure(
      ...document.errors.map((error) => ({
        message: `not valid YAML: ${error.message}`,
        place: places.at(error.pos[0]),
        hint: "Check the indentation and the brackets here.",
      })),
    );
  }
  const raw: unknown = document.toJS();
  if (typeof raw !== "object" || raw === null || Array.isArray(raw)) {
    return failure({
      message: "a scenario is a YAML mapping that begins with `name:`",
      place: places.at(0),
      hint: HELP,
    });
  }
  const fields = applyOverrides(raw as Record<string, unknown>, overrides);
  const parsed = scenarioSchema.safeParse(fields);
  if (!parsed.success) {
    return failure(...parsed.error.issues.flatMap((issue) => explain(issue, places, overrides)));
  }
  const problems = crossChecks(parsed.data, places);
  return problems.length > 0
    ? failure(...problems)
    : success({ scenario: inOrder(parsed.data), text: places });
}

/** Steps hold harts at exact places: one instruction at a time, none of them compiled. */
function inOrder(scenario: Scenario): Scenario {
  if (scenario.steps.length === 0) return scenario;
  return { ...scenario, machine: { ...scenario.machine, interleave: "exact", jit: false } };
}

function explain(
  issue: z.core.$ZodIssue,
  places: ScenarioText,
  overrides: readonly Override[],
): Problem[] {
  const path = issue.path as FieldPath;
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => unknownKey(path, key, places, overrides));
  }
  const override = overrides.find((one) => one.path.every((step, i) => step === path[i]));
  const what = fieldName(path) || "the scenario";
  const message = `${what} ${issue.message.startsWith("Invalid") ? wrongType(issue) : issue.message}`;
  if (override) return [{ message: `--set ${override.text}: ${message}`, hint: HELP }];
  return [{ message, place: places.value(path), hint: HELP }];
}

/** For the few fields whose schema gives no message of its own. */
function wrongType(issue: z.core.$ZodIssue): string {
  if (issue.code === "invalid_type") {
    const mapping = issue.expected === "object" || issue.expected === "record";
    const what = mapping ? "mapping { key: value }" : issue.expected;
    return `must be ${/^[aeiou]/.test(what) ? "an" : "a"} ${what}`;
  }
  if (issue.code === "invalid_key") {
    return `is not a possible key: ${issue.issues.map((inner) => inner.message).join(", ")}`;
  }
  return `is not valid: ${issue.message}`;
}

function unknownKey(
  path: FieldPath,
  key: string,
  places: ScenarioText,
  overrides: readonly Override[],
): Problem {
  const known = knownKeys(path);
  const guess = nearest(key, known);
  const where = fieldName(path) || "a scenario";
  const override = overrides.find((one) => one.path.join("\0") === [...path, key].join("\0"));
  return {
    message: `${override ? `--set ${override.text}: ` : ""}unknown key \`${key}\` in ${where}`,
    ...(override ? {} : { place: places.key(path, key) }),
    hint: guess ? `Did you mean \`${guess}\`?` : `Known keys: ${known.join(", ")}.`,
  };
}

/** The keys that the schema has at a path, found by walking its shapes through wrappers. */
function knownKeys(path: FieldPath): string[] {
  let schema: unknown = scenarioSchema;
  for (const step of path) {
    schema = unwrap(schema);
    const definition = (schema as { _zod?: { def?: Record<string, unknown> } })._zod?.def ?? {};
    if (typeof step === "number") schema = definition.element;
    else schema = (definition.shape as Record<string, unknown> | undefined)?.[step];
  }
  const definition = (unwrap(schema) as { _zod?: { def?: Record<string, unknown> } } | undefined)
    ?._zod?.def;
  return Object.keys((definition?.shape as object | undefined) ?? {});
}

/** Looks through default, prefault, optional; of a union it takes the alternative that is a list. */
function unwrap(schema: unknown): unknown {
  let current = schema as { _zod?: { def?: Record<string, unknown> } } | undefined;
  for (;;) {
    const definition = current?._zod?.def;
    if (definition?.innerType) current = definition.innerType as typeof current;
    else if (definition?.type === "union") {
      const options = definition.options as (typeof current)[];
      const list = options.find((option) => option?._zod?.def?.type === "array");
      if (!list) return current;
      current = list;
    } else return current;
  }
}

function crossChecks(scenario: Scenario, places: ScenarioText): Problem[] {
  const problems: Problem[] = [];
  const model = modelOf(scenario);
  if (!model.ok) problems.push(...model.problems.map((one) => ({ ...one, place: places.value(["timing"]) })));
  for (const [key, field] of Object.entries(RESERVED_BOOT)) {
    if (key in scenario.boot) {
      problems.push({
        message: `boot.${key} is written by the field \`${field}\``,
        place: places.key(["boot"], key),
        hint: `Use \`${field}:\` instead.`,
      });
    }
  }
  if (scenario.steps.length > 0 && scenario.machine.jit === true) {
    problems.push({
      message: "with steps nothing is compiled: they stop harts between any two instructions",
      place: places.value(["machine", "jit"]),
      hint: "Leave out machine.jit.",
    });
  }
  const { length } = bootargs(scenario);
  if (length > BOOTARGS_BYTES_MAX) {
    problems.push({
      message: `boot parameters and tasks make ${length} bytes of boot arguments; the kernel takes ${BOOTARGS_BYTES_MAX}`,
      place: places.value([scenario.tasks.length > 0 ? "tasks" : "boot"]),
      hint: "Use fewer tasks: `on: all` or a list of CPUs names several in one.",
    });
  }
  return problems;
}
