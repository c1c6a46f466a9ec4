/**
 * Finished ELFs, and the table of configuration keys, kept under a name that says what they were made from: sources,
 * workload, tasks, configuration and the compiler itself. The cache only saves time: a folder that cannot be written is no
 * error.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { fingerprint, type FingerprintInput } from "../compiler/fingerprint.ts";

/**
 * A name for the program itself, or null when it has none: run from source. `moduleUrl` is the caller's: its file in the
 * bundle names by content, directly or in turn, every chunk it can load, so a hash of it changes whenever one of them does.
 */
function versionOf(moduleUrl: string): string | null {
  const self = fileURLToPath(moduleUrl);
  return self.endsWith(".js") ? createHash("sha256").update(readFileSync(self)).digest("hex") : null;
}

/** Where the ELF of this input is kept, or null when it must not be. */
export function cacheFile(root: string, input: FingerprintInput, moduleUrl: string): string | null {
  const version = versionOf(moduleUrl);
  if (version === null) return null;
  return join(root, "build/cache", `${fingerprint(input, version, createHash("sha256"))}.elf`);
}

/** Where what is read from this text is kept, or null when it must not be. */
export function cacheFileOfText(root: string, text: string, moduleUrl: string): string | null {
  const version = versionOf(moduleUrl);
  if (version === null) return null;
  return join(root, "build/cache", `${createHash("sha256").update(version).update(text).digest("hex")}.json`);
}

/** What is kept there, or null. */
export function readCache(file: string | null): Uint8Array | null {
  if (file === null) return null;
  try {
    return readFileSync(file);
  } catch {
    return null;
  }
}
