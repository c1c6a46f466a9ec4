/** All tests; the last line of a run is `N passed, N failed, N skipped`, which any reader of the log understands. */
import { defineConfig } from "vitest/config";
import type { Reporter } from "vitest/node";

const plainCount: Reporter = {
  onTestRunEnd(modules) {
    const counts = { passed: 0, failed: 0, skipped: 0, pending: 0 };
    for (const module of modules) for (const test of module.children.allTests()) counts[test.result().state]++;
    process.stdout.write(`\n${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped\n`);
  },
};

export default defineConfig({
  test: {
    include: ["src/**/*.test.ts", "test/**/*.test.ts", "bench/**/*.test.ts"],
    // Needs an image that is built on request: `make linux-test`.
    exclude: ["**/node_modules/**", "test/linux/**"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: "forks",
    maxWorkers: 2,
    reporters: ["default", plainCount],
  },
});
