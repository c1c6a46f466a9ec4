/**
 * What a build made, kept for the next one: finished ELFs and the table of configuration keys under a name that says what they
 * were made from (sources, workload, tasks, configuration and the compiler itself), the code of single functions
 * (compiler/cache), and TypeScript as V8 compiled it (typescript.ts). The cache only saves time: a folder that cannot be written is no error, and a file that is not what was
 * written under its name (cut off, changed, renamed) is not there.
 */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { FunctionCache } from "../compiler/cache/function-cache.ts";
import { fingerprint, type FingerprintInput } from "../compiler/fingerprint.ts";
import { writeWhole } from "./files.ts";

export const CACHE_FOLDER = "build/cache";

/**
 * A name for the program itself. `moduleUrl` is the caller's: its file in the bundle names by content, directly or in turn, every chunk it can load,
 * so a hash of it changes whenever one of them does. Run from source (tests): a hash of all sources, read once a process.
 */
export function versionOf(moduleUrl: string): string {
  const self = fileURLToPath(moduleUrl);
  return self.endsWith(".js") ? createHash("sha256").update(readFileSync(self)).digest("hex") : (sourceVersion ??= versionOfSources());
}

let sourceVersion: string | null = null;

function versionOfSources(): string {
  const folder = fileURLToPath(new URL("..", import.meta.url));
  const hash = createHash("sha256");
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".ts"));
  for (const file of files.sort()) hash.update(`${file}\n`).update(readFileSync(join(folder, file)));
  return hash.digest("hex");
}

/** Where the ELF of this input is kept. */
export function cacheFile(root: string, input: FingerprintInput, moduleUrl: string): string {
  return join(root, CACHE_FOLDER, `${fingerprint(input, versionOf(moduleUrl), createHash("sha256"))}.elf`);
}

/** Where what is read from this text is kept. */
export function cacheFileOfText(root: string, text: string, moduleUrl: string): string {
  const version = versionOf(moduleUrl);
  return join(root, CACHE_FOLDER, `${createHash("sha256").update(version).update(text).digest("hex")}.json`);
}

/** Stands before the contents: of the file's name and the contents. */
function seal(file: string, data: Uint8Array): Buffer {
  return createHash("sha256").update(basename(file)).update(data).digest();
}

/** What is kept there, or null. */
export function readCache(file: string): Uint8Array | null {
  try {
    const bytes = readFileSync(file);
    const data = bytes.subarray(32);
    return seal(file, data).equals(bytes.subarray(0, 32)) ? data : null;
  } catch {
    return null;
  }
}

export function writeCache(file: string, contents: Uint8Array | string): void {
  const data = Buffer.from(contents);
  writeWhole(file, Buffer.concat([seal(file, data), data]));
  forgetOldest(dirname(file));
}

/** Files in the folder, some 0.7 MB each; one more, and the older half goes. */
const FILES_MAX = 1000;

function forgetOldest(folder: string): void {
  try {
    const files = readdirSync(folder);
    if (files.length <= FILES_MAX) return;
    const aged = files.map((name) => ({ file: join(folder, name), written: statSync(join(folder, name)).mtimeMs }));
    aged.sort((a, b) => a.written - b.written);
    for (const { file } of aged.slice(0, FILES_MAX / 2)) rmSync(file, { force: true });
  } catch {
    // Another process was faster.
  }
}

/** Of this process, by package. */
const caches = new Map<string, FunctionCache>();
const FUNCTIONS = "functions.txt";

/** Code of single functions: of earlier builds, of this process and others. */
export function functionCache(root: string, moduleUrl: string): FunctionCache {
  let cache = caches.get(root);
  if (!cache) {
    const version = versionOf(moduleUrl);
    const kept = readCache(join(root, CACHE_FOLDER, FUNCTIONS));
    const hash = (text: string): string => createHash("sha256").update(text).digest("hex");
    cache = new FunctionCache(hash, version, kept && Buffer.from(kept).toString());
    caches.set(root, cache);
  }
  return cache;
}

/** Writing all of it takes as long as compiling so many functions. */
const UNSAVED_MAX = 100;

/** Keeps what was added since the last time, when it is worth it. */
export function saveFunctionCache(root: string, cache: FunctionCache): void {
  if (cache.unsaved < UNSAVED_MAX) return;
  writeCache(join(root, CACHE_FOLDER, FUNCTIONS), cache.text());
}
