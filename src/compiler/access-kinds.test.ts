/** Access kinds from the source to .hartlab: through all passes each marked access stays an instruction of its own kind. */
import fs from "node:fs";
import { createRequire } from "node:module";
import { expect, test } from "vitest";
import { EXCLUSIVE_MARK } from "../base/hartlab-section.ts";
import { formatProblem } from "../base/result.ts";
import { type ImageFile, readImage } from "../lab/image/elf.ts";
import { ACCESS, Instructions } from "../lab/observe/races/instructions.ts";
import { build, type CompileInput, type TypeScript } from "./build.ts";

const typescript = createRequire(import.meta.url)("typescript") as TypeScript;
const WORKLOAD = "scenarios/kinds.ts";
const SOURCE = `
class pair_t { a: u32 = 0; b: u16 = 0; ok: boolean = false }
const pair = new pair_t();
function add(o: pair_t): u32 { "inline"; return o.a + o.b; }
export function mixed(_arg: u32): u32 { "noinline"; return pair.a + READ_ONCE(pair.a) + pair.a + data_race(pair.a); }
export function inlined(_arg: u32): u32 { "noinline"; return data_race(add(pair)); }
export function stores(arg: u32): void { "noinline"; pair.a = arg; WRITE_ONCE(pair.a, arg); data_race(pair.b++); WRITE_ONCE(pair.ok, true); }
export function loop(arg: u32): u32 {
  "noinline";
  let sum: u32 = 0;
  for (let i: u32 = 0; i < arg; i++) sum += READ_ONCE(pair.a) + pair.b;
  return sum;
}
export function alone(_arg: u32): void { "noinline"; ASSERT_EXCLUSIVE_WRITER(pair.b); ASSERT_EXCLUSIVE_ACCESS(pair); }
export function all(arg: u32): void { mixed(arg); inlined(arg); stores(arg); loop(arg); alone(arg); }
`;

function sources(): Map<string, string> {
  const files = new Map([[WORKLOAD, SOURCE]]);
  for (const folder of ["kernel", "firmware"]) {
    for (const name of fs.readdirSync(folder, { recursive: true, encoding: "utf8" })) {
      const path = `${folder}/${name}`;
      if (/\.ts$/.test(path) && !/\.(d|test)\.ts$/.test(path)) files.set(path, fs.readFileSync(path, "utf8"));
    }
  }
  return files;
}

function image(config: CompileInput["config"] = {}): ImageFile {
  const entries = ["firmware/start.ts", "kernel/arch/head.ts", "kernel/init/main.ts"];
  const built = build(typescript, { files: sources(), entries, workload: WORKLOAD, tasks: ["all"], config });
  if (!built.ok) throw new Error(built.problems.map(formatProblem).join("\n"));
  const read = readImage(built.value.elf);
  if (!read.ok) throw new Error(read.problems.map(formatProblem).join("\n"));
  return read.value;
}

/** slti x0, …: the second instruction of a mark. */
const SLTI_ZERO = 0x2013;
const NAMES = ["?", "plain", "once", "excused", "atomic", "atomic"];

test("kinds by address, whatever was merged, moved or inlined around them", () => {
  const kernel = image();
  const instructions = new Instructions(kernel);
  const kinds = (name: string): string[] => {
    const fn = kernel.section.functions.find((one) => one.name === name)!;
    const found: string[] = [];
    for (let at = fn.address; at < fn.address + fn.size; at += 4) {
      const word = kernel.constantWord(at)!;
      const isAccess = (word & 0x5f) === 0x03;
      if (isAccess && ((word >>> 15) & 31) !== 2) found.push(NAMES[instructions.at(at)]);
    }
    return found.sort();
  };
  expect(kinds("mixed")).toEqual(["excused", "once", "plain"]);
  expect(kinds("inlined")).toEqual(["excused", "excused"]);
  expect(kinds("stores")).toEqual(["excused", "excused", "once", "once", "plain"]);
  expect(kinds("loop")).toEqual(["once", "plain"]);
  expect(kinds("alone")).toEqual([]);
  const alone = kernel.section.functions.find(({ name }) => name === "alone")!;
  const words = Array.from({ length: alone.size / 4 }, (_, i) => kernel.constantWord(alone.address + 4 * i)! >>> 0);
  const marks = words.filter((word) => (word & 0x7fff) === SLTI_ZERO).map((word) => word >>> 20);
  expect(marks).toEqual([EXCLUSIVE_MARK.WRITER, EXCLUSIVE_MARK.ACCESS]);
  const { once, excused } = kernel.section.accesses;
  expect(once.length).toBeGreaterThan(300);
  expect(JSON.stringify({ once, excused }).length).toBeLessThan(8000);
  expect(instructions.at(4)).toBe(ACCESS.SKIP);
});

test("without marks the assertions are no code", () => {
  const kernel = image({ marks: false });
  expect(kernel.section.functions.find(({ name }) => name === "alone")?.size).toBe(4);
});
