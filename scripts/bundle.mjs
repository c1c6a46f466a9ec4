// Bundles src/cli into dist/: hartlab.js, the package's bin, and a chunk for each command, so that a command loads only what
// it needs. Chunks are named by content. Dependencies are bundled too, which saves a fifth of the start (dozens of small
// files); only the TypeScript compiler, which is loaded when something must be compiled, stays external.
import { readdirSync, rmSync } from "node:fs";
import { basename } from "node:path";
import { build } from "esbuild";

const { metafile } = await build({
  entryPoints: { hartlab: "src/cli/main.ts" },
  outdir: "dist",
  bundle: true,
  splitting: true,
  platform: "node",
  target: "node20",
  format: "esm",
  external: ["typescript"],
  sourcemap: "linked",
  // Dependencies that are CommonJS ask for node's modules through `require`.
  banner: {
    js: '#!/usr/bin/env node\nimport { createRequire as bundleRequire } from "node:module"; const require = bundleRequire(import.meta.url);',
  },
  logLevel: "warning",
  metafile: true,
});

// What an older bundle left behind.
const made = new Set(Object.keys(metafile.outputs).map((path) => basename(path)));
for (const name of readdirSync("dist")) if (/\.js(\.map)?$/.test(name) && !made.has(name)) rmSync(`dist/${name}`);
