/**
 * The machine and the compiler run in a browser: bundled for one, with everything they import, they need no module of Node. The
 * compiler's bundle is that of the example in docs/compiler.md, and it is run where there is nothing of Node's.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { createContext, runInContext } from "node:vm";
import { build } from "esbuild";
import { expect, test } from "vitest";
import { ROOT } from "./tidy/sources.ts";

test("src/machine bundles for a browser without any node: module", async () => {
  const result = await build({
    absWorkingDir: ROOT,
    entryPoints: ["src/machine/machine.ts"],
    bundle: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
    write: false,
    metafile: true,
    logLevel: "silent",
  });
  expect(result.errors).toEqual([]);
  const inputs = Object.entries(result.metafile.inputs);
  expect(inputs.length).toBeGreaterThan(30);
  const outside = inputs.flatMap(([, input]) => input.imports.filter((one) => one.external));
  expect(outside).toEqual([]);
});

test("the example of docs/compiler.md compiles where there is no Node", { timeout: 60_000 }, async () => {
  const [, example] = /```ts\n([\s\S]*?)```/.exec(readFileSync(join(ROOT, "docs/compiler.md"), "utf8"))!;
  const bundle = await build({
    stdin: { contents: example!, resolveDir: join(ROOT, "docs"), loader: "ts" },
    bundle: true,
    format: "iife",
    globalName: "library",
    platform: "browser",
    target: "es2022",
    external: ["typescript"],
    write: false,
    metafile: true,
    logLevel: "silent",
  });
  const imported = Object.values(bundle.metafile.inputs).flatMap((input) => input.imports.filter((one) => one.external).map(({ path }) => path));
  expect(new Set(imported)).toEqual(new Set(["typescript"]));

  const typescript = createRequire(import.meta.url)("typescript") as unknown;
  const page = createContext({ TextEncoder, TextDecoder, require: () => typescript });
  runInContext(bundle.outputFiles[0]!.text, page);
  const compile = (text: string): { elf: Uint8Array | null; problems: string[] } => {
    (page as Record<string, unknown>)["text"] = text;
    return runInContext("library.compile(new Map([['firmware/main.ts', text]]))", page) as { elf: Uint8Array | null; problems: string[] };
  };
  const START = 'export function _start(): void { "naked"; asm`\n  j main`; }\n';
  const right = compile(`${START}export function main(): u32 { return 42; }`);
  expect(right.problems.join("")).toBe("");
  expect([...right.elf!.subarray(0, 4)]).toEqual([0x7f, 0x45, 0x4c, 0x46]);
  const wrong = compile(`${START}export function main(x: u32): u8 { return x; }`);
  expect(wrong.elf).toBeNull();
  expect(wrong.problems.join("")).toMatch(/^firmware\/main\.ts:3:43: u32 does not convert to u8 \(K040\)\n.*return x;.*\n *\^\n {2}convert it: `u8\(\.\.\.\)`$/);
});
