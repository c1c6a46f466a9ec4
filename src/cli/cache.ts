/**
 * What a build made, kept for the next one: finished ELFs and the table of configuration keys under a name that says what they
 * were made from (sources, workload, tasks, configuration and the compiler itself), the code of single functions
 * (compiler/cache), and TypeScript as V8 compiled it (typescript.ts). The cache only saves time: a folder that cannot be written is no error, and a file that is not what was
 * written under its name (cut off, changed, renamed) is not there.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { FunctionCache } from "../compiler/cache/function-cache.ts";
import { fingerprint, type FingerprintInput } from "../compiler/fingerprint.ts";
import { writeWhole } from "./files.ts";

export const CACHE_FOLDER = "build/cache";

/**
 * A name for the program itself, or null when it has none: run from source. `moduleUrl` is the caller's: its file in the
 * bundle names by content, directly or in turn, every chunk it can load, so a hash of it changes whenever one of them does.
 */
export function versionOf(moduleUrl: string): string | null {
  const self = fileURLToPath(moduleUrl);
  return self.endsWith(".js") ? createHash("sha256").update(readFileSync(self)).digest("hex") : null;
}

/** Where the ELF of this input is kept, or null when it must not be. */
export function cacheFile(root: string, input: FingerprintInput, moduleUrl: string): string | null {
  const version = versionOf(moduleUrl);
  if (version === null) return null;
  return join(root, CACHE_FOLDER, `${fingerprint(input, version, createHash("sha256"))}.elf`);
}

/** Where what is read from this text is kept, or null when it must not be. */
export function cacheFileOfText(root: string, text: string, moduleUrl: string): string | null {
  const version = versionOf(moduleUrl);
  if (version === null) return null;
  return join(root, CACHE_FOLDER, `${createHash("sha256").update(version).update(text).digest("hex")}.json`);
}

/** Stands before the contents: of the file's name and the contents. */
function seal(file: string, data: Uint8Array): Buffer {
  return createHash("sha256").update(basename(file)).update(data).digest();
}

/** What is kept there, or null. */
export function readCache(file: string | null): Uint8Array | null {
  if (file === null) return null;
  try {
    const bytes = readFileSync(file);
    const data = bytes.subarray(32);
    return seal(file, data).equals(bytes.subarray(0, 32)) ? data : null;
  } catch {
    return null;
  }
}

export function writeCache(file: string | null, contents: Uint8Array | string): void {
  if (file === null) return;
  const data = Buffer.from(contents);
  writeWhole(file, Buffer.concat([seal(file, data), data]));
}

/** Of this process, by package. */
const caches = new Map<string, FunctionCache>();
const FUNCTIONS = "functions.txt";

/** Code of single functions: of earlier builds of this process, and of earlier ones when the program has a version. */
export function functionCache(root: string, moduleUrl: string): FunctionCache {
  let cache = caches.get(root);
  if (!cache) {
    const version = versionOf(moduleUrl);
    const kept = version === null ? null : readCache(join(root, CACHE_FOLDER, FUNCTIONS));
    const hash = (text: string): string => createHash("sha256").update(text).digest("hex");
    cache = new FunctionCache(hash, version ?? "source", kept && Buffer.from(kept).toString());
    caches.set(root, cache);
  }
  return cache;
}

/** Keeps what was added since the last time. */
export function saveFunctionCache(root: string, cache: FunctionCache, moduleUrl: string): void {
  if (!cache.isChanged || versionOf(moduleUrl) === null) return;
  writeCache(join(root, CACHE_FOLDER, FUNCTIONS), cache.text());
}
