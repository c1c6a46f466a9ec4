/** Identities of references (docs/kernel/mm_ref.md): what they cost when there are none, and when there are. */
import { createRequire } from "node:module";
import { expect, test } from "vitest";
import { formatProblem } from "../../src/base/result.ts";
import { guestSources } from "../../src/cli/files.ts";
import { build } from "../../src/compiler/build.ts";
import { readElf } from "../../src/machine/elf.ts";
import { ROOT } from "../tidy/sources.ts";
import { removeRefs } from "./without-refs.ts";

const ts = createRequire(import.meta.url)("typescript");
const WORKLOAD = "kernel/test/mm_struct.ts";
const TASKS = ["test_mm_struct", "test_mm_struct_threads"];

interface Loaded {
  /** Name and size of each, in order of addresses: says which function differs when the bytes do. */
  readonly symbols: readonly string[];
  readonly segments: readonly { readonly at: number; readonly bytes: Buffer }[];
}

/** What is loaded into memory. */
function loaded(files: Map<string, string>): Loaded {
  const entries = ["firmware/start.ts", "kernel/arch/head.ts", "kernel/init/main.ts"];
  const image = build(ts, { files, entries, workload: WORKLOAD, tasks: TASKS, config: { "swap.enabled": true } });
  if (!image.ok) throw new Error(image.problems.map(formatProblem).join("\n"));
  const elf = readElf(image.value.elf);
  if (!elf.ok) throw new Error(elf.problems.map(formatProblem).join("\n"));
  return {
    symbols: image.value.symbols.map(({ name, size }) => `${name} ${size}`),
    segments: elf.value.segments.map((segment) => ({ at: segment.virtual, bytes: Buffer.from(segment.bytes) })),
  };
}

test("without identities the image is, to the byte, that of sources that know none", { timeout: 120_000 }, () => {
  const files = guestSources(ROOT);
  const removed = removeRefs(files);
  expect(removed.functions).toBeGreaterThan(8);
  expect(removed.arguments).toBeGreaterThan(20);
  expect([...files.values()].join("\n")).not.toMatch(/new mm_refs?\(|get_mm_users_ref|: mm_ref\b/);
  const without = loaded(files);
  const off = loaded(guestSources(ROOT));
  expect(off.symbols.length).toBeGreaterThan(300);
  // Inlining counts what is written: where a function is inlined in one of the two only, it must say "inline" or "noinline".
  expect(without.symbols).toEqual(off.symbols);
  expect(off.segments.map(({ at, bytes }) => `${at} ${bytes.length}`)).toEqual(without.segments.map(({ at, bytes }) => `${at} ${bytes.length}`));
  for (const [i, { bytes }] of off.segments.entries()) expect(bytes.equals(without.segments[i]!.bytes)).toBe(true);
});
