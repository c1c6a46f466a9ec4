/** Tests that need a program from outside, and how they run it. */
import { execFileSync, spawnSync } from "node:child_process";
import { test } from "vitest";
import { haveTool } from "../tools.ts";

const TIMEOUT_MS = 30_000;

export function testWithTool(tool: string, name: string, body: () => void): void {
  test.skipIf(!haveTool(tool))(name, body);
}

/** Runs a tool to its end; its standard output. Throws when it fails or takes too long. */
export function runTool(tool: string, args: readonly string[], cwd?: string): string {
  const options = { encoding: "utf8", timeout: TIMEOUT_MS, cwd } as const;
  return execFileSync(tool, args, { ...options, stdio: ["ignore", "pipe", "pipe"] });
}

/** As runTool, for a tool whose exit status says nothing: gdb and a remote that ends at the same time. */
export function outputOf(tool: string, args: readonly string[], cwd?: string): string {
  return spawnSync(tool, args, { encoding: "utf8", timeout: TIMEOUT_MS, cwd }).stdout;
}
