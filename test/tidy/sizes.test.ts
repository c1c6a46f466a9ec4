import { expect, test } from "vitest";
import { sources } from "./sources.ts";

const FILE_LINES = 600;
/** Longer files, each with its reason. */
const ALLOWED: Readonly<Record<string, string>> = {};

const all = sources("src", "kernel", "firmware", "test", "scenarios", "scripts", "bench");

test("no file is longer than 600 lines", () => {
  expect(all.length).toBeGreaterThan(100);
  const long = all
    .map(({ path, text }) => ({ path, lines: text.split("\n").length }))
    .filter(({ path, lines }) => lines > FILE_LINES && !(path in ALLOWED));
  expect(long).toEqual([]);
});

test("every source file begins with a sentence about its purpose", () => {
  const bare = all.filter(
    ({ path, text }) => !/\.test\.ts$/.test(path) && !/^(#!.*\n)?(\/\*\*|\/\/|\/\*)/.test(text),
  );
  expect(bare.map(({ path }) => path)).toEqual([]);
});

test("no leftovers: focused or skipped tests, silenced types, host time or randomness below the command line", () => {
  const pattern = new RegExp(
    ["(describe|it|test)\\.only\\(", "@ts-ignore", "\\bFIX" + "ME\\b", "Math\\.random", "Date\\.now"].join("|"),
  );
  const odd = all
    .filter(({ path }) => !path.startsWith("src/cli/") && !path.startsWith("test/tidy/") && !path.startsWith("bench/"))
    .filter(({ text }) => pattern.test(text));
  expect(odd.map(({ path }) => path)).toEqual([]);
});
