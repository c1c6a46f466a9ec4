import { afterEach, expect, test, vi } from "vitest";
import { haveTool } from "./tools.ts";

afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

test("a missing tool is said out loud, and forbidden where tools are required", () => {
  const warnings = vi.spyOn(console, "warn").mockImplementation(() => {});
  vi.stubEnv("REQUIRE_TOOLS", "");
  expect(haveTool("no-such-tool-a")).toBe(false);
  expect(warnings.mock.calls.join("")).toContain("SKIPPED: no-such-tool-a is not installed");
  vi.stubEnv("REQUIRE_TOOLS", "1");
  expect(() => haveTool("no-such-tool-b")).toThrow("REQUIRE_TOOLS=1 forbids skipping");
  expect(haveTool("node")).toBe(true);
});
