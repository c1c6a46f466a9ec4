/**
 * One name for everything a build depends on, so that a finished ELF can be kept and found again: SHA-256 over the
 * compiler's version, the configuration, the tasks, the workload and every source, each with its length before it.
 * The order in which files or keys were given does not matter; the order of the tasks does.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";

export interface FingerprintInput {
  readonly files: ReadonlyMap<string, string>;
  readonly entries: readonly string[];
  readonly workload: string | null;
  readonly tasks: readonly string[];
  readonly config: Readonly<Record<string, string | number | boolean>>;
  readonly debug?: boolean;
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** What computes a SHA-256: of the host where it has one, which is ten times as fast when it runs once. */
export interface Sha256 {
  update(bytes: Uint8Array): unknown;
  digest(): Uint8Array;
}

/** 64 hexadecimal digits. `compilerVersion` must change whenever the compiler's output may. */
export function fingerprint(
  input: FingerprintInput,
  compilerVersion: string,
  hash: Sha256 = sha256.create(),
): string {
  const add = (text: string): void => {
    const bytes = utf8ToBytes(text);
    hash.update(utf8ToBytes(`${bytes.length}:`));
    hash.update(bytes);
  };
  const addList = (texts: readonly string[]): void => {
    add(String(texts.length));
    texts.forEach(add);
  };
  add(compilerVersion);
  add(String(input.debug ?? false));
  addList(
    Object.keys(input.config)
      .sort(compareText)
      .map((key) => `${key}=${JSON.stringify(input.config[key])}`),
  );
  addList(input.entries);
  addList(input.tasks);
  add(input.workload ?? "");
  addList([...input.files].sort((a, b) => compareText(a[0], b[0])).flat());
  return bytesToHex(hash.digest());
}
