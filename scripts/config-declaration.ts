/** Writes kernel/config.generated.d.ts from kernel/config.ts: `npx tsx scripts/config-declaration.ts`, after a change of the table. */
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { formatProblem } from "../src/base/result.ts";
import { generateConfigDeclaration } from "../src/compiler/front/index.ts";

const ts = createRequire(import.meta.url)("typescript");
const declaration = generateConfigDeclaration(ts, readFileSync("kernel/config.ts", "utf8"));
if (declaration.ok) writeFileSync("kernel/config.generated.d.ts", declaration.value);
else {
  process.stderr.write(`${declaration.problems.map(formatProblem).join("\n")}\n`);
  process.exitCode = 2;
}
