/** What only TypeScript's checker sees is told with place and hint, in the modules asked for and in no others. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { expect, test } from "vitest";
import { formatProblem } from "../base/result.ts";
import { checkTypes } from "./check-types.ts";
import type { TypeScript } from "./front/typescript.ts";

const typescript = createRequire(import.meta.url)("typescript") as TypeScript;
const declarations = new Map(["kernel/lib.kernel.d.ts", "kernel/config.generated.d.ts"].map((path) => [path, readFileSync(path, "utf8")]));
const LIBRARY = `export class thing { x: u32 = 0; next: thing | null = null; }
export function careless(t: thing): u32 { return t.next.x; }
`;

function problemsOf(body: string): string[] {
  const files = new Map([
    ["kernel/lib/thing.ts", LIBRARY],
    ["workload/w.ts", `import { thing } from "kernel/lib/thing.ts";\n${body}\n`],
  ]);
  const checked = checkTypes(typescript, { files, declarations, modules: ["workload/w.ts"] });
  return checked.ok ? [] : checked.problems.map(formatProblem);
}

test("a pointer that may be null, and a variable without a value", () => {
  expect(problemsOf("export function f(t: thing): u32 {\n  let x: u32;\n  return t.next.x + x;\n}").join("\n")).toMatchInlineSnapshot(`
    "workload/w.ts:4:10: 't.next' is possibly 'null' (TS18047)
        return t.next.x + x;
               ^
      test it: \`if (x !== null) …\`; \`x!\` says that it never is null here
    workload/w.ts:4:21: Variable 'x' is used before being assigned (TS2454)
        return t.next.x + x;
                          ^
      give it a value where it is declared, or on every path"
  `);
});

test("what was tested is not null; unused names and mistakes elsewhere are not this module's", () => {
  expect(problemsOf("export function f(t: thing, _n: u32): u32 {\n  const unused: u32 = 1;\n  const next = t.next;\n  return next === null ? 0 : next.x;\n}")).toEqual([]);
  expect(problemsOf("export function f(t: thing): u32 { while (t.next !== null && t.next.x > 1) t = t.next; return t.x; }")).toEqual([]);
});
