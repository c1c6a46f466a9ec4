/** The shape of `steps:`; docs/scenario.md explains the fields. Places and variables are looked up in the image (places.ts, watch.ts). */
import { z } from "zod";
import { parseDuration } from "../scenario/units.ts";

/** What a step waits for at most, unless it says. */
const WITHIN_DEFAULT = 100_000_000;
const CPU_MAX = 63;
const TIMES_MAX = 1e9;
const WATCHES_MAX = 32;
const NOTE_LENGTH_MAX = 200;
/** Of a scenario. */
export const STEPS_MAX = 1000;
const ACTIONS = ["until", "passes", "release", "stall", "interrupt", "wait"] as const;

const time = z
  .union([z.string(), z.number()])
  .transform((text, context) => {
    const cycles = parseDuration(text);
    if (cycles !== null && cycles > 0) return cycles;
    context.addIssue({
      code: "custom",
      message: `must be a duration with a unit (ns, us, ms, s or cycles) such as 2ms, not ${JSON.stringify(text)}`,
    });
    return z.NEVER;
  })
  .describe("A duration with a unit: ns, us, ms, s or cycles.");

const place = z
  .string({ error: "must be a function, function+0x10, file.ts:LINE or point:NAME" })
  .min(1, "must be a function, function+0x10, file.ts:LINE or point:NAME");

const variable = z.string({ error: "must be a variable such as cpu_hotplug.refcount" }).min(1);

export const stepSchema = z
  .strictObject({
    cpu: z
      .int({ error: "must be a CPU number, 0 or more" })
      .min(0, "must not be negative")
      .max(CPU_MAX, `must be at most ${CPU_MAX}`)
      .optional(),
    task: z.string({ error: "must be the name of a task" }).min(1).optional(),
    until: place.optional(),
    passes: place.optional(),
    release: z.literal(true, { error: "must be true" }).optional(),
    stall: time.optional(),
    interrupt: z.enum(["timer", "software"], { error: "must be timer or software" }).optional(),
    wait: time.optional(),
    times: z
      .int({ error: "must be a whole number" })
      .min(1, "must be at least 1")
      .max(TIMES_MAX, `must be at most ${TIMES_MAX}`)
      .default(1),
    within: time.default(WITHIN_DEFAULT),
    optional: z.boolean({ error: "must be true or false" }).default(false),
    watch: z
      .union([variable.transform((one) => [one]), z.array(variable).max(WATCHES_MAX)], {
        error: `must be a variable or a list of at most ${WATCHES_MAX} variables`,
      })
      .default([]),
    note: z
      .string({ error: "must be a text" })
      .regex(/^\P{Cc}*$/u, "must be one line without control characters")
      .max(NOTE_LENGTH_MAX, `must have at most ${NOTE_LENGTH_MAX} characters`)
      .optional(),
  })
  .superRefine((step, context) => {
    const say = (message: string): void => {
      context.addIssue({ code: "custom", message });
    };
    const given = ACTIONS.filter((action) => step[action] !== undefined);
    if (given.length !== 1) return say(`must name exactly one of ${ACTIONS.join(", ")}`);
    const subject = step.cpu !== undefined || step.task !== undefined;
    if (given[0] === "wait" && subject) return say("waits for nobody in particular: leave out cpu and task");
    if (given[0] !== "wait" && !subject) return say("must say who: cpu or task, or both");
    if (step.times !== 1 && step.until === undefined && step.passes === undefined) return say("counts nothing: `times` belongs to until and passes");
    if (given[0] === "stall" && (step.cpu === undefined || step.task !== undefined)) say("stalls a CPU: name `cpu` and no task");
  });

/** A checked step: times in cycles, defaults filled in. */
export type Step = z.output<typeof stepSchema>;
