/**
 * Tools that tests need and a machine may lack (qemu, gdb, cross binutils). A missing tool skips
 * its tests and says so; REQUIRE_TOOLS=1 turns the skip into a failure, which is how CI runs.
 */
import { spawnSync } from "node:child_process";

const FOUND = new Map<string, boolean>();

/** Whether a tool runs; use as `test.skipIf(!haveTool("qemu-system-riscv32"))`. */
export function haveTool(name: string): boolean {
  const known = FOUND.get(name);
  if (known !== undefined) return known;
  const found = spawnSync(name, ["--version"], { stdio: "ignore" }).status === 0;
  FOUND.set(name, found);
  if (found) return true;
  if (process.env["REQUIRE_TOOLS"] === "1") {
    throw new Error(`${name} is not installed, and REQUIRE_TOOLS=1 forbids skipping its tests`);
  }
  console.warn(`\n*** SKIPPED: ${name} is not installed; its tests did not run ***\n`);
  return false;
}
