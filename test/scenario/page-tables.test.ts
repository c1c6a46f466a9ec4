/**
 * Tables of steps in docs/kernel are those of the tool: what `hartlab run … --explain` prints is golden, and a table that follows that
 * command on a page is the golden one but for cycles, pids and lines of kernel/.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ROOT } from "../tidy/sources.ts";
import { stableTable } from "./stable.ts";

/** Some goldens keep lines of scenarios/ and indentation, some do not; taken twice, as goldens are, `swapper/1/0` has two pids. */
function plain(text: string): string {
  const without = stableTable(stableTable(text)).replace(/(\(scenarios\/[\w./-]+):\d+\)/g, "$1)");
  return without.split("\n").map((line) => line.trim()).join("\n");
}

test.each([["destroy", 9], ["zswap", 4], ["mm_ref", 2]] as const)("docs/kernel/%s.md has %i", (page, count) => {
  const text = readFileSync(join(ROOT, `docs/kernel/${page}.md`), "utf8");
  const tables = [...text.matchAll(/`hartlab run scenarios\/([\w/-]+)\.yaml[^`\n]*--explain`[^\n]*\n+```\n([\s\S]*?)^```$/gm)];
  expect(tables.length).toBeGreaterThanOrEqual(count);
  for (const [, name, table] of tables) {
    expect(plain(readFileSync(join(ROOT, `test/golden/${name}.txt`), "utf8")), name).toContain(plain(table));
  }
});
