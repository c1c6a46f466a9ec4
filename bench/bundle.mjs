// Bundles bench/process.ts into build/bench.js, dependencies included: the process that `make bench` measures.
import { build } from "esbuild";

await build({
  entryPoints: ["bench/process.ts"],
  outfile: "build/bench.js",
  bundle: true,
  platform: "node",
  target: "node20",
  format: "esm",
  logLevel: "warning",
});
