/**
 * Loads the TypeScript compiler. Its text is 9 MB, which V8 takes 0.12 s to read through each time: what V8 made of it is kept
 * in the cache (0.03 s), under a name that says which file and which V8 it belongs to. V8 looks at what it gets only for
 * version, flags and length, the cache at every byte.
 */
import { createHash } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { Script } from "node:vm";
import type { TypeScript } from "../compiler/build.ts";
import { CACHE_FOLDER, readCache, writeCache } from "./cache.ts";

let loaded: TypeScript | null = null;

/** `root` is the package with the cache; without one it is loaded as any module. */
export function loadTypeScript(root?: string): TypeScript {
  const require = createRequire(import.meta.url);
  loaded ??= root === undefined ? (require("typescript") as TypeScript) : loadKept(require.resolve("typescript"), root);
  return loaded;
}

function loadKept(file: string, root: string): TypeScript {
  const { size, mtimeMs } = statSync(file);
  const name = createHash("sha256").update([file, size, mtimeMs, process.version, process.arch].join("\n")).digest("hex");
  const kept = join(root, CACHE_FOLDER, `${name}.v8`);
  const known = readCache(kept);
  const text = `(function (exports, require, module, __filename, __dirname) { ${readFileSync(file, "utf8")}\n})`;
  const script = new Script(text, { filename: file, ...(known && { cachedData: known }) });
  const module = { exports: {} };
  const run = script.runInThisContext() as (...args: unknown[]) => void;
  run(module.exports, createRequire(file), module, file, dirname(file));
  if (known === null) writeCache(kept, script.createCachedData());
  return module.exports as TypeScript;
}
