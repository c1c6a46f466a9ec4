/**
 * Finished ELFs, kept under a name that says what they were made from: sources, workload, tasks, configuration and the
 * compiler itself. The cache only saves time: a folder that cannot be written is no error.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { fingerprint, type FingerprintInput } from "../compiler/fingerprint.ts";

/**
 * Where the ELF of this input is kept, or null when it must not be: run from source there is no name for the compiler.
 * `moduleUrl` is the caller's: its file in the bundle names by content, directly or in turn, every chunk it can load, so
 * a hash of it changes whenever the compiler does.
 */
export function cacheFile(root: string, input: FingerprintInput, moduleUrl: string): string | null {
  const self = fileURLToPath(moduleUrl);
  if (!self.endsWith(".js")) return null;
  const version = createHash("sha256").update(readFileSync(self)).digest("hex");
  return join(root, "build/cache", `${fingerprint(input, version, createHash("sha256"))}.elf`);
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
