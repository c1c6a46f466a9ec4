// Bundles src/cli into dist/hartlab.js, the package's bin. Dependencies stay external: npm installs them.
import { build } from "esbuild";

await build({
  entryPoints: ["src/cli/main.ts"],
  outfile: "dist/hartlab.js",
  bundle: true,
  platform: "node",
  target: "node20",
  format: "esm",
  packages: "external",
  sourcemap: "inline",
  banner: { js: "#!/usr/bin/env node" },
  logLevel: "warning",
});
