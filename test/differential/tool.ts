/**
 * Tests that need a program from outside: they say loudly that they were skipped when it is missing, and fail instead
 * when REQUIRE_TOOLS=1 (as CI sets it).
 */
import { execFileSync, spawnSync } from "node:child_process";
import { test } from "vitest";

const TIMEOUT_MS = 30_000;

function exists(tool: string): boolean {
  return spawnSync(tool, ["--version"], { stdio: "ignore" }).error === undefined;
}

export function testWithTool(tool: string, name: string, body: () => void): void {
  if (exists(tool) || process.env.REQUIRE_TOOLS === "1") {
    test(name, body);
    return;
  }
  console.warn(`SKIPPED for want of ${tool}: ${name}`);
  test.skip(`${name} (needs ${tool})`, body);
}

/** Runs a tool to its end; its standard output. Throws when it fails or takes too long. */
export function runTool(tool: string, args: readonly string[], cwd?: string): string {
  return execFileSync(tool, args, {
    encoding: "utf8",
    timeout: TIMEOUT_MS,
    cwd,
    stdio: ["ignore", "pipe", "pipe"],
  });
}
