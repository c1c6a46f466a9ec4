/** The shape of `steps:`; docs/scenario.md explains the fields. Places and variables are looked up in the image (places.ts, watch.ts). */
import { z } from "zod";
import { parseDuration } from "../scenario/units.ts";

/** What a step waits for at most, unless it says. */
const WITHIN_DEFAULT = 100_000_000;
const CPU_MAX = 63;
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
    within: time.default(WITHIN_DEFAULT),
    optional: z.boolean({ error: "must be true or false" }).default(false),
    watch: z
      .union([variable.transform((one) => [one]), z.array(variable)], { error: "must be a variable or a list of variables" })
      .default([]),
    note: z.string({ error: "must be a text" }).optional(),
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
    if (given[0] === "stall" && (step.cpu === undefined || step.task !== undefined)) say("stalls a CPU: name `cpu` and no task");
  });

/** A checked step: times in cycles, defaults filled in. */
export type Step = z.output<typeof stepSchema>;
