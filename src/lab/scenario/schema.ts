/**
 * The shape of a scenario file; docs/scenario.md explains the fields.
 *
 * Messages are whole predicates ("must be ..."): load.ts puts the field's name in front and adds place and next step.
 * Durations and sizes are converted here, so a parsed scenario holds cycles and bytes only.
 */
import { z } from "zod";
import { COST_NAMES, PRESETS, PRESET_DEFAULT, PRESET_NAMES, type CostName, type PresetName } from "../../machine/timing/constants.ts";
import { CYCLES_MAX, cyclesMin } from "../../machine/timing/model.ts";
import { stepSchema, STEPS_MAX } from "../steps/schema.ts";
import { parseDuration, parseSize } from "./units.ts";

/** In cycles. */
const MS = 1_000_000;
const MIB = 1024 ** 2;
/** The guest counts a task's delay in milliseconds of 31 bits, as jiffies compare. */
const TASK_DELAY_CYCLES_MAX = (2 ** 31 - 1) * 1_000_000;
export const HARTS_MAX = 64;
export const MEMORY_BYTES_MIN = 8 * MIB;
export const MEMORY_BYTES_MAX = 2048 * MIB;
/** Stop after this many instructions when the scenario does not say. */
const INSTRUCTIONS_DEFAULT = 1_000_000_000;
const INSTRUCTIONS_MAX = 1e15;

const duration = z
  .union([z.string(), z.number()])
  .transform((text, context) => {
    const cycles = parseDuration(text);
    if (cycles !== null) return cycles;
    context.addIssue({
      code: "custom",
      message: `must be a duration with a unit (ns, us, ms, s or cycles) such as 3ms, not ${JSON.stringify(text)}`,
    });
    return z.NEVER;
  })
  .describe("Time since the start of the scenario, with a unit: ns, us, ms, s or cycles.");

const memory = z
  .union([z.string(), z.number()])
  .transform((text, context) => {
    const bytes = parseSize(text);
    if (bytes !== null) return bytes;
    context.addIssue({
      code: "custom",
      message: `must be a size with a unit (KiB, MiB or GiB) such as 64MiB, not ${JSON.stringify(text)}`,
    });
    return z.NEVER;
  })
  .refine((bytes) => bytes >= MEMORY_BYTES_MIN, {
    error: "is too small: must be at least 8MiB, for firmware, kernel and their tables",
    abort: true,
  })
  .refine((bytes) => bytes <= MEMORY_BYTES_MAX, { error: "must be at most 2048MiB", abort: true })
  .refine((bytes) => bytes % MIB === 0, { error: "must be a whole number of MiB" })
  .describe("Size of the RAM, with a unit: KiB, MiB or GiB; a whole number of MiB.");

const cpu = z
  .int({ error: "must be a CPU number, 0 or more" })
  .min(0, "must not be negative")
  .max(HARTS_MAX - 1, `must be at most ${HARTS_MAX - 1}`);

const on = z.union(
  [z.literal("all"), z.literal("last"), cpu, z.array(cpu).min(1, "must name at least one CPU")],
  {
    error: "must be all, last, a CPU number or a list of CPU numbers such as [0, 2]",
  },
);

const task = z.strictObject({
  run: z
    .string({ error: "must be the name of an exported function of the workload" })
    .regex(/^[A-Za-z_]\w*$/, "must be the name of an exported function of the workload"),
  on: on.default("all"),
  repeat: z
    .int({ error: "must be a whole number from 1 to 4294967295" })
    .min(1, "must be at least 1")
    .max(0xffff_ffff, "must be at most 4294967295")
    .default(1),
  at: duration
    .refine((cycles) => cycles <= TASK_DELAY_CYCLES_MAX, { error: "must be at most 2147483647ms" })
    .default(0),
});

const hotplug = z.strictObject({
  cpu: z.union([z.literal("last"), cpu], { error: "must be last or a CPU number" }),
  to: z.enum(["offline", "online"], { error: "must be offline or online" }),
});

const event = z
  .strictObject({
    at: duration,
    hotplug: hotplug.optional(),
    scan: z.enum(["kmemleak"], { error: "must be kmemleak" }).optional(),
    lock_stat: z.enum(["on", "off", "clear"], { error: "must be on, off or clear" }).optional(),
    snapshot: z.string({ error: "must be a name" }).regex(/^[\w.-]{1,64}$/, "must be a name of letters, digits and _ . -").optional(),
  })
  .refine(({ hotplug, scan, lock_stat, snapshot }) => [hotplug, scan, lock_stat, snapshot].filter((one) => one !== undefined).length === 1, {
    error: "must name exactly one of hotplug, scan, lock_stat and snapshot",
  });

function uniqueSnapshots(events: readonly { readonly snapshot?: string | undefined }[]): boolean {
  const names = events.flatMap(({ snapshot }) => snapshot ?? []);
  return new Set(names).size === names.length;
}

const scalar = z.union([z.string(), z.number(), z.boolean()], {
  error: "must be a text, a number, true or false",
});

const bootValue = scalar.refine((value) => /^[\x21-\x7e]+$/.test(String(value)), {
  error: "must be one word of printable ASCII: the kernel splits its boot arguments at spaces",
});

const expectedLeak = z.strictObject({
  in: z.string({ error: "must be a function name found in the backtrace" }),
  count: z.int({ error: "must be a whole number" }).min(1, "must be at least 1"),
  size: z.int({ error: "must be a number of bytes" }).min(1, "must be at least 1").optional(),
});

const expectedFinding = z.strictObject({
  kind: z.string({ error: "must be a kind of finding such as lockdep or panic" }),
  says: z.string({ error: "must be a part of the finding's text" }).optional(),
  count: z.int({ error: "must be a whole number" }).min(1, "must be at least 1").default(1),
});

const keptMemory = z.strictObject({
  in: z.string({ error: "must be a function name found in the stack of the allocation" }),
  count: z.int({ error: "must be a whole number" }).min(1, "must be at least 1").optional(),
});

const OUTCOMES = ["poweroff", "panic", "deadlock", "fault", "budget"] as const;

const expectation = z.strictObject({
  outcome: z.enum(OUTCOMES, { error: `must be one of ${OUTCOMES.join(", ")}` }).optional(),
  leaks: z
    .union([z.enum(["planted", "none"]), z.array(expectedLeak)], {
      error: "must be planted, none or a list of { in: FUNCTION, count: N }",
    })
    .optional(),
  findings: z
    .union([z.literal("none"), z.array(expectedFinding).min(1)], {
      error: "must be none or a list of { kind: KIND, says: TEXT, count: N }",
    })
    .optional(),
  kept: z.array(keptMemory, { error: "must be a list of { in: FUNCTION, count: N }" }).optional(),
  transient: z.enum(["some", "none"], { error: "must be some or none" }).optional(),
});

const machine = z.strictObject({
  harts: z
    .int({ error: `must be a whole number from 1 to ${HARTS_MAX}` })
    .min(1, `must be from 1 to ${HARTS_MAX}`)
    .max(HARTS_MAX, `must be from 1 to ${HARTS_MAX}`)
    .default(4),
  memory: memory.default(64 * MIB),
  timing: z
    .enum(["functional", "cycle"], { error: "must be functional or cycle" })
    .default("cycle"),
  interleave: z.enum(["exact", "ahead"], { error: "must be exact or ahead" }).default("ahead"),
  /** Absent: the machine decides. */
  jit: z.boolean({ error: "must be true or false" }).optional(),
});

function cycles(name: CostName): z.ZodOptional<z.ZodInt> {
  const error = `must be a whole number of cycles from ${cyclesMin(name)} to ${CYCLES_MAX}`;
  return z.int({ error }).min(cyclesMin(name), error).max(CYCLES_MAX, error).optional().describe(PRESETS[PRESET_DEFAULT][name].meaning);
}

/** A preset, and constants of the cost model that differ from it. */
const timing = z.strictObject({
  preset: z.enum(PRESET_NAMES as [PresetName], { error: `must be ${PRESET_NAMES.join(" or ")}` }).default(PRESET_DEFAULT),
  ...(Object.fromEntries(COST_NAMES.map((name) => [name, cycles(name)])) as Record<CostName, z.ZodOptional<z.ZodInt>>),
});

const observe = z.strictObject({
  heap: z.boolean({ error: "must be true or false" }).default(false),
  races: z.boolean({ error: "must be true or false" }).default(false),
  quiescence: z.boolean({ error: "must be true or false" }).default(false),
  soft_lockup: duration.default(200 * MS),
  hung_task: duration.default(1000 * MS),
  rcu_stall: duration.default(1000 * MS),
  livelock: duration.default(100 * MS),
  truth: z.boolean({ error: "must be true or false" }).default(false),
  references: z.boolean({ error: "must be true or false" }).default(false),
});

export const scenarioSchema = z.strictObject({
  name: z
    .string({ error: "must be given: a text such as kmemleak/lost-object" })
    .regex(/^[\w./-]+$/, "must consist of letters, digits and _ . / -"),
  seed: z
    .int({ error: "must be a whole number from 0 to 4294967295" })
    .min(0, "must be from 0 to 4294967295")
    .max(0xffff_ffff, "must be from 0 to 4294967295")
    .default(1),
  machine: machine.prefault({}),
  timing: timing.prefault({}),
  kernel: z.record(z.string(), scalar).default({}),
  boot: z
    .record(z.string().regex(/^[\w.-]+$/, "letters, digits and _ . - only"), bootValue)
    .default({}),
  workload: z.string({ error: "must be the path of a TypeScript module" }).min(1).optional(),
  tasks: z.array(task, { error: "must be a list of { run: NAME, ... }" }).default([]),
  events: z
    .array(event, { error: "must be a list of { at: TIME, ... }" })
    .refine((all) => uniqueSnapshots(all), { error: "must not give two snapshots the same name" })
    .default([]),
  steps: z
    .array(stepSchema, { error: "must be a list of { cpu: N, until: PLACE }" })
    .max(STEPS_MAX, `must be at most ${STEPS_MAX} steps`)
    .default([]),
  until: z.enum(["poweroff"], { error: "must be poweroff" }).default("poweroff"),
  limits: z
    .strictObject({
      instructions: z
        .int({ error: "must be a whole number of instructions" })
        .min(1, "must be at least 1")
        .max(INSTRUCTIONS_MAX, `must be at most ${INSTRUCTIONS_MAX}`)
        .default(INSTRUCTIONS_DEFAULT),
    })
    .prefault({}),
  observe: observe.prefault({}),
  expect: expectation.prefault({}),
});

/** A checked scenario: times in cycles, sizes in bytes, defaults filled in. */
export type Scenario = z.output<typeof scenarioSchema>;
export type ScenarioTask = Scenario["tasks"][number];
export type ScenarioEvent = Scenario["events"][number];
export type Expectation = Scenario["expect"];
