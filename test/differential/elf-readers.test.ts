// Other people's readers of ELF and DWARF on a whole kernel: no complaint, and the same instructions at the same places.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect } from "vitest";
import { ROOT } from "../tidy/sources.ts";
import { runTool, testWithTool } from "./tool.ts";

const OBJDUMP = "riscv64-unknown-elf-objdump";
const out = mkdtempSync(join(tmpdir(), "hartlab-readers-"));
const elf = join(out, "kernel.elf");

beforeAll(() => {
  runTool(process.execPath, [join(ROOT, "dist/hartlab.js"), "build", "--out", out]);
}, 60_000);
afterAll(() => rmSync(out, { recursive: true, force: true }));

/** Output of a tool that must have nothing to say on stderr. */
function quiet(tool: string, ...args: string[]): string {
  const { stdout, stderr, status } = spawnSync(tool, [...args, elf], { encoding: "utf8", maxBuffer: 1 << 27, timeout: 30_000 });
  expect(stderr).toBe("");
  expect(status).toBe(0);
  return stdout;
}

/** `address: word` of a listing's lines. */
const wordsOf = (listing: string): string[] => [...listing.matchAll(/^([0-9a-f]{8}):\s+([0-9a-f]{8})\b/gm)].map(([, address, word]) => `${address} ${word}`);

testWithTool("readelf", "readelf reads headers, symbols and every debug section without a warning", () => {
  const headers = quiet("readelf", "-a", "-W");
  expect(headers).toMatch(/Machine: +RISC-V/);
  expect(headers).toMatch(/FUNC .* start_kernel\n/);
  for (const section of [".debug_info", ".debug_line", ".debug_frame", ".debug_loc", ".debug_abbrev"]) expect(headers).toContain(` ${section} `);
  const debug = quiet("readelf", "-W", "--debug-dump=info,abbrev,decodedline,frames,loc");
  expect(debug).toMatch(/DW_TAG_inlined_subroutine/);
  expect(debug).toMatch(/DW_AT_location +: .*\(location list\)/);
});

testWithTool("llvm-dwarfdump", "llvm verifies the DWARF", () => {
  expect(quiet("llvm-dwarfdump", "--verify")).toMatch(/No errors\.\n$/);
});

testWithTool(OBJDUMP, "objdump finds the instructions of kernel.asm, and knows all of them", () => {
  const theirs = quiet(OBJDUMP, "-d", "-M", "no-aliases");
  const ours = wordsOf(readFileSync(join(out, "kernel.asm"), "utf8"));
  expect(ours.length).toBeGreaterThan(10_000);
  expect(wordsOf(theirs)).toEqual(ours);
  expect([...theirs.matchAll(/^\w+:\t\w+\s+\t?(?:\.\w+|unknown)\s.*$/gm)].map(([line]) => line)).toEqual([]);
});
