import { expect, test } from "vitest";
import { scenarioJsonSchema } from "./json-schema.ts";

/** `npx vitest run src/lab/scenario/json-schema.test.ts --update` writes it. */
const PUBLISHED = "../../../scenarios/scenario.schema.json";

test("the published schema is current", async () => {
  await expect(`${JSON.stringify(scenarioJsonSchema(), null, 2)}\n`).toMatchFileSnapshot(PUBLISHED);
});

test("a scenario needs a name and nothing else", () => {
  expect(scenarioJsonSchema()).toMatchObject({ required: ["name"], additionalProperties: false });
});
