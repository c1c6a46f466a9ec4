// Bundles the processes that `make bench` measures, dependencies included: bench/process.ts into build/bench.js, bench/observed.ts into
// build/observed.js.
import { build } from "esbuild";

await build({
  entryPoints: { bench: "bench/process.ts", observed: "bench/observed.ts" },
  outdir: "build",
  bundle: true,
  platform: "node",
  target: "node20",
  format: "esm",
  external: ["typescript"],
  // Dependencies that are CommonJS ask for node's modules through `require`.
  banner: { js: 'import { createRequire as bundleRequire } from "node:module"; const require = bundleRequire(import.meta.url);' },
  logLevel: "warning",
});
