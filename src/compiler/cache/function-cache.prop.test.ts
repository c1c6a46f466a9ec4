/** A build with a cache gives the bytes of a build without, whatever was built and edited before; damage is not believed. */
import fs from "node:fs";
import { createHash } from "node:crypto";
import { createRequire } from "node:module";
import fc from "fast-check";
import { expect, test } from "vitest";
import { build, type CompileInput, type TypeScript } from "../build.ts";
import { FunctionCache } from "./function-cache.ts";

const typescript = createRequire(import.meta.url)("typescript") as TypeScript;
const hash = (text: string): string => createHash("sha256").update(text).digest("hex");

function sources(folders: readonly string[]): Map<string, string> {
  const files = new Map<string, string>();
  for (const folder of folders) {
    for (const name of fs.readdirSync(folder, { recursive: true, encoding: "utf8" }).sort()) {
      const path = `${folder}/${name}`;
      if (/\.ts$/.test(path) && !/\.(d|test)\.ts$/.test(path)) files.set(path, fs.readFileSync(path, "utf8"));
    }
  }
  return files;
}

const KERNEL: CompileInput = {
  files: sources(["kernel", "firmware"]),
  entries: ["firmware/start.ts", "kernel/arch/head.ts", "kernel/init/main.ts"],
  workload: null,
  tasks: ["churn"],
  config: {},
};
const FIRMWARE: CompileInput = { ...KERNEL, files: sources(["firmware"]), entries: ["firmware/start.ts"], tasks: [] };

/** Bytes of the image, or its problems. */
function outcome(input: CompileInput, cache?: FunctionCache): string {
  const image = build(typescript, input, cache && { cache });
  return image.ok ? hash(Buffer.from(image.value.elf).toString("latin1")) : JSON.stringify(image.problems);
}

interface Edit {
  readonly kind: "comment" | "number" | "drop" | "twice";
  /** Of its file, and within it, as fractions. */
  readonly file: number;
  readonly line: number;
}

const EDIT: fc.Arbitrary<Edit> = fc.record({
  kind: fc.constantFrom("comment", "number", "drop", "twice"),
  file: fc.double({ min: 0, max: 0.999, noNaN: true }),
  line: fc.double({ min: 0, max: 0.999, noNaN: true }),
});

function edited(files: ReadonlyMap<string, string>, { kind, file, line }: Edit): Map<string, string> {
  const path = [...files.keys()][Math.floor(file * files.size)]!;
  const lines = files.get(path)!.split("\n");
  const at = Math.floor(line * lines.length);
  const text = lines[at]!;
  if (kind === "comment") lines.splice(at, 1, `// here\n${text}`);
  else if (kind === "number") lines[at] = text.replace(/\b\d\b/, (digit) => String((Number(digit) + 1) % 10));
  else if (/^\s+[\w.[\]]+(\(.*\)| [-+|&]?= .*);$/.test(text)) lines[at] = kind === "drop" ? "" : `${text} ${text}`;
  return new Map([...files, [path, lines.join("\n")]]);
}

function check(input: CompileInput, edits: readonly Edit[], cache: FunctionCache): void {
  let { files } = input;
  for (const edit of edits) files = edited(files, edit);
  const now = { ...input, files };
  expect(outcome(now, cache)).toBe(outcome(now));
}

test("the firmware, through random edits in a row", { timeout: 240_000 }, () => {
  let cache = new FunctionCache(hash, "1");
  let hits = 0;
  fc.assert(
    fc.property(fc.array(EDIT, { maxLength: 3 }), fc.boolean(), (edits, anew) => {
      if (anew) cache = new FunctionCache(hash, "1", cache.text());
      const before = cache.hits;
      check(FIRMWARE, edits, cache);
      hits += cache.hits - before;
    }),
    { numRuns: 60, seed: 5 },
  );
  expect(hits).toBeGreaterThan(200);
});

test("the kernel: a comment, an edit and another configuration find nearly all of their code", { timeout: 240_000 }, () => {
  const cache = new FunctionCache(hash, "1");
  expect(outcome(KERNEL, cache)).toBe(outcome(KERNEL));
  const all = cache.misses;
  const variants: readonly (readonly [CompileInput, number])[] = [
    [{ ...KERNEL, files: new Map([...KERNEL.files].map(([path, text]) => [path, `// one line more\n${text}`])) }, 0],
    [{ ...KERNEL, files: edited(KERNEL.files, { kind: "comment", file: 0.5, line: 0.5 }) }, 0],
    [{ ...KERNEL, config: { preempt: "full" } }, all / 2],
    [KERNEL, 0],
  ];
  for (const [variant, missesMax] of variants) {
    const before = cache.misses;
    expect(outcome(variant, cache)).toBe(outcome(variant));
    expect(cache.misses - before).toBeLessThanOrEqual(missesMax);
  }
});

test("what was left out, and the compiler, are part of the name", () => {
  const cache = new FunctionCache(hash, "1");
  const without = build(typescript, FIRMWARE, { cache, disable: ["gvn"] });
  const plain = build(typescript, FIRMWARE, { disable: ["gvn"] });
  expect(without.ok && plain.ok && Buffer.compare(without.value.elf, plain.value.elf)).toBe(0);
  expect(outcome(FIRMWARE, cache)).toBe(outcome(FIRMWARE));
  expect(cache.hits).toBe(0);
  const other = new FunctionCache(hash, "2", cache.text());
  outcome(FIRMWARE, other);
  expect(other.hits).toBe(0);
});

test("a text with any change in it is empty", { timeout: 240_000 }, () => {
  const first = new FunctionCache(hash, "1");
  const right = outcome(FIRMWARE, first);
  const text = first.text();
  const again = new FunctionCache(hash, "1", text);
  expect(outcome(FIRMWARE, again)).toBe(right);
  expect(again.misses).toBe(0);
  const damage = fc.oneof(
    fc.record({ at: fc.nat(text.length - 1), put: fc.string({ maxLength: 3 }) }).map(({ at, put }) => text.slice(0, at) + put + text.slice(at + 1)),
    fc.nat(text.length - 1).map((at) => text.slice(0, at)),
    fc.string(),
    fc.constant(text.replace(/\{"symbol":"\w+"/g, '{"symbol":"other"')),
    fc.constant(`${text}\nx\t{}`),
  );
  fc.assert(
    fc.property(damage.filter((damaged) => damaged !== text), (damaged) => {
      const cache = new FunctionCache(hash, "1", damaged);
      expect(outcome(FIRMWARE, cache)).toBe(right);
      expect(cache.hits).toBe(0);
    }),
    { numRuns: 20, seed: 6 },
  );
});

test("what was not used for longest is forgotten", () => {
  const small = new FunctionCache(hash, "1", null, 20_000);
  expect(outcome(FIRMWARE, small)).toBe(outcome(FIRMWARE));
  expect(small.text().length).toBeLessThan(21_000);
});
