/**
 * The machine runs in a browser: bundled for one, with everything it imports, it needs no module of
 * Node.
 */
import { build } from "esbuild";
import { expect, test } from "vitest";
import { ROOT } from "./tidy/sources.ts";

test("src/machine bundles for a browser without any node: module", async () => {
  const result = await build({
    absWorkingDir: ROOT,
    entryPoints: ["src/machine/machine.ts"],
    bundle: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
    write: false,
    metafile: true,
    logLevel: "silent",
  });
  expect(result.errors).toEqual([]);
  const inputs = Object.entries(result.metafile.inputs);
  expect(inputs.length).toBeGreaterThan(30);
  const outside = inputs.flatMap(([, input]) => input.imports.filter((one) => one.external));
  expect(outside).toEqual([]);
});
