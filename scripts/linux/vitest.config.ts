/** The tests that need the Linux image: `make linux-test`. They are not part of `make test`. */
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: { root: `${import.meta.dirname}/../..`, include: ["test/linux/**/*.test.ts"], testTimeout: 300_000 },
});
