/** The scenario's shape as JSON Schema, for editors: scenarios/scenario.schema.json. */
import { z } from "zod";
import { scenarioSchema } from "./schema.ts";

/** What a file may contain, before durations and sizes become numbers. Checks across fields are not in it. */
export function scenarioJsonSchema(): object {
  const schema = z.toJSONSchema(scenarioSchema, { io: "input", target: "draft-7" });
  return {
    ...schema,
    title: "hartlab scenario",
    description: "docs/scenario.md explains every field.",
  };
}
