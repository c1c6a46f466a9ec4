/** Formats: what a template becomes, and what a format that does not fit its arguments is told. */
import { expect, test } from "vitest";
import { problemsOf, Runner } from "./testing/run-unit.ts";

/** `print` keeps the address of its format and the words of its arguments. */
const PRINT = `
let text: string = "";
let words: Ptr<u32> | null = null;
let count: u32 = 0;
function print(format: string, ...args: vararg[]): void { text = format; words = vaWords(args); count = args.length; }
class thing { x: u32 = 0; }
`;

function printed(body: string): { format: string; words: number[] } {
  const runner = new Runner(`${PRINT}
    export function at(): usize { return addr(text); }
    export function number(): u32 { return count; }
    export function test(): u32 { ${body} return words === null ? 0 : addr(words); }`);
  const from = Number(runner.call("test"));
  let format = "";
  for (let at = Number(runner.call("at")); runner.load(at, 1, false) !== 0; at++)
    format += String.fromCharCode(runner.load(at, 1, false));
  const count = Number(runner.call("number"));
  return { format, words: Array.from({ length: count }, (_, i) => runner.load(from + 4 * i, 4, false)) };
}

test("a substitution prints by its type; a conversion before it is used instead", () => {
  expect(
    printed(`const n: u32 = u32(3); const ns: u64 = 5n; const i: i32 = -1; print(\`\${n} leaks in \${ns} ns, \${i}; 100 %% of %08x\${n} \${n === 3}\`);`),
  ).toEqual({ format: "%u leaks in %llu ns, %d; 100 %% of %08x %u", words: [3, 5, 0, -1, 3, 1] });
  expect(printed(`print(\`\${"a"} and \${7}\`);`).format).toBe("%s and %d");
});

test("formats that do not fit", () => {
  const problems = problemsOf(`${PRINT}
  export function test(x: u32, y: u64, t: thing): void {
    print("%u %u", x);
    print("%u", y);
    print("%llx", x);
    print("%*s%%", x, "a");
    print("none", x);
    print(\`\${print("")}\`);
    print(\`\${x}\`, x);
    const s = \`\${x}\`;
    print("%pS %u", t, x);
    print("%s %s %s", 3, y, x);
  }`);
  expect(problems).toMatchInlineSnapshot(`
    [
      "kernel/main.ts:9:11: conversions in the format: 2, arguments: 1 (K119)
          print("%u %u", x);
                ^
      give one argument for each conversion; \`%%\` prints a percent sign",
      "kernel/main.ts:10:11: %u for an argument of type u64 (K119)
          print("%u", y);
                ^
      write \`ll\` before the conversion",
      "kernel/main.ts:11:11: %llx for an argument of type u32 (K119)
          print("%llx", x);
                ^
      drop \`ll\`, or widen the argument",
      "kernel/main.ts:13:11: conversions in the format: 0, arguments: 1 (K119)
          print("none", x);
                ^
      give one argument for each conversion; \`%%\` prints a percent sign",
      "kernel/main.ts:14:14: void does not print (K120)
          print(\`\${print("")}\`);
                   ^
      print one of its fields, or a number",
      "kernel/main.ts:15:19: a template holds its arguments itself (K121)
          print(\`\${x}\`, x);
                        ^
      write it into the text, in braces behind a \`$\`",
      "kernel/main.ts:16:15: a template with a substitution here is not part of kernel TypeScript (K101)
          const s = \`\${x}\`;
                    ^
      it is the format of pr_info, snprintf and other functions that print",
      "kernel/main.ts:18:11: %s for an argument of type a constant (K119)
          print("%s %s %s", 3, y, x);
                ^
      write %d, or pass a string",
      "kernel/main.ts:18:11: %s for an argument of type u64 (K119)
          print("%s %s %s", 3, y, x);
                ^
      write %llu, or pass a string",
    ]
  `);
});
