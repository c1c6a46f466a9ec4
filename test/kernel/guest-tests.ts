/** Builds the tests of kernel/test into one image, runs it, and reads the TAP that they print. */
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { expect } from "vitest";
import { formatProblem } from "../../src/base/result.ts";
import { functionCache } from "../../src/cli/cache.ts";
import { guestSources } from "../../src/cli/files.ts";
import { build } from "../../src/compiler/build.ts";
import type { CompileInput } from "../../src/compiler/front/index.ts";
import { runOurs } from "../differential/machines.ts";
import { ROOT } from "../tidy/sources.ts";

export const FOLDER = "kernel/test";
const ALL = `${FOLDER}/all.ts`;
const ts = createRequire(import.meta.url)("typescript");

/** Names of the tests by module; the tests of swap are in modules whose head says that they need it. */
const testsOf = (needSwap: boolean): ReadonlyMap<string, readonly string[]> => new Map(
  readdirSync(join(ROOT, FOLDER))
    .filter((name) => name.endsWith(".ts"))
    .map((name) => [name, readFileSync(join(ROOT, FOLDER, name), "utf8")] as const)
    .filter(([, text]) => /^\/\/ Needs swap\.enabled\.$/m.test(text) === needSwap)
    .map(([name, text]) => [name, [...text.matchAll(/^export function (test_\w+)\(_arg: u32\)/gm)].map((match) => match[1]!)] as const)
    .filter(([, names]) => names.length > 0),
);
const TESTS = testsOf(false);
const SWAP_TESTS = testsOf(true);
export const NAMES = [...TESTS.values()].flat();
/** What a kernel with swap.enabled is tested with beside NAMES. */
export const SWAP_NAMES = [...SWAP_TESTS.values()].flat();
/** The tests of some modules. */
export const namesOf = (...modules: string[]): string[] => modules.flatMap((module) => (TESTS.get(`${module}.ts`) ?? SWAP_TESTS.get(`${module}.ts`))!);

function compileTasks(files: Map<string, string>, workload: string, tasks: readonly string[], config: CompileInput["config"]): Uint8Array {
  const entries = ["firmware/start.ts", "kernel/arch/head.ts", "kernel/init/main.ts"];
  // Broken twins differ in a function or two: the others are compiled once.
  const image = build(ts, { files, entries, workload, tasks: [...tasks], config }, { cache: functionCache(ROOT, import.meta.url) });
  if (!image.ok) throw new Error(image.problems.map(formatProblem).join("\n"));
  return image.value.elf;
}

/** The image with all tests that it can run; `change` breaks it. */
export function compile(config: CompileInput["config"] = {}, change: (files: Map<string, string>) => void = () => {}): Uint8Array {
  const files = guestSources(ROOT);
  const modules = config?.["swap.enabled"] === true ? [...TESTS, ...SWAP_TESTS] : [...TESTS];
  const lines = modules.map(([file, names]) => `export { ${names.join(", ")} } from "./${file}";\n`);
  files.set(ALL, lines.join(""));
  change(files);
  return compileTasks(files, ALL, modules.flatMap(([, names]) => names), config);
}

/** An image with the tests of one module alone, which is cheaper; `change` breaks it. */
export function compileModule(name: string, config: CompileInput["config"], change: (files: Map<string, string>) => void): Uint8Array {
  const files = guestSources(ROOT);
  change(files);
  return compileTasks(files, `${FOLDER}/${name}.ts`, namesOf(name), config);
}

/** An image with tasks of test/kernel/guests/NAME.ts; `change` breaks it. */
export function compileGuest(
  name: string, tasks: readonly string[], config: CompileInput["config"] = {}, change: (files: Map<string, string>) => void = () => {},
): Uint8Array {
  const workload = `kernel/guest/${name}.ts`;
  const files = guestSources(ROOT).set(workload, readFileSync(join(ROOT, `test/kernel/guests/${name}.ts`), "utf8"));
  change(files);
  return compileTasks(files, workload, tasks, config);
}

/** Replaces a piece of one source file, which must be there. */
export function replaceIn(files: Map<string, string>, file: string, piece: string, by: string): void {
  const text = files.get(file);
  if (!text?.includes(piece)) throw new Error(`${file} does not say ${piece}`);
  files.set(file, text.replace(piece, by));
}

export const bootargs = (seed: number, names: readonly string[] = NAMES): string =>
  `seed=${seed} ${names.map((name, i) => `task=${name}@${i}`).join(" ")}`;

/** Lines of the kernel's log that are TAP, without the time stamp. */
export const tapOf = (console: string): string[] =>
  console.split("\n").flatMap((line) => /^\[ *\d+\.\d+\] ((?:not )?ok .*|# .*)$/.exec(line.trim())?.[1] ?? []);

/** Fails unless every test ran and passed. */
export function judge(console: string, names: readonly string[] = NAMES): void {
  const tap = tapOf(console);
  expect(tap.filter((line) => !line.startsWith("ok ")), console).toEqual([]);
  expect(tap, console).toHaveLength(names.length);
  expect(console).not.toMatch(/WARNING|BUG|Oops|panic/);
}

/** How the machine stopped and what it sent. */
export function runOnOurs(elf: Uint8Array, harts: number, seed: number, names: readonly string[] = NAMES, budget = 2_000_000_000) {
  const config = { harts, memoryBytes: 64 << 20, bootargs: bootargs(seed, names) };
  const { stop, sent } = runOurs(elf, budget, config);
  return { stop, text: Buffer.from(sent).toString() };
}

/** What a run sends that must end with poweroff. */
export function onOurs(elf: Uint8Array, harts: number, seed: number, names: readonly string[] = NAMES, budget?: number): string {
  const { stop, text } = runOnOurs(elf, harts, seed, names, budget);
  expect(stop, text).toEqual({ kind: "poweroff" });
  return text;
}
