import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { HISTORY_VERSION } from "./history.ts";

const lines = readFileSync(join(import.meta.dirname, "../history.ndjson"), "utf8").trimEnd().split("\n");

test("each line of the history is a whole measurement, the newest last", () => {
  expect(lines.length).toBeGreaterThan(0);
  const all = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  const dates = all.map(({ date }) => String(date));
  expect(dates).toEqual([...dates].sort());
  for (const line of all) {
    expect(line.runs).toBeGreaterThanOrEqual(5);
    expect(line).toMatchObject({ node: expect.any(String), cpu: expect.any(String) });
    if (line.version === undefined) expect(line).toMatchObject({ mips: expect.any(Object), medians: expect.any(Object) });
    else {
      expect(line.version).toBeLessThanOrEqual(HISTORY_VERSION);
      expect(line).toMatchObject({ rows: expect.any(Object), verdicts: expect.any(Array), commit: expect.any(String) });
    }
  }
});
