/** Reading sources and writing results: files named in problems as the user named them, nothing half-written. */
import {
  closeSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync, readSync, renameSync, rmSync, statSync, writeFileSync,
} from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { failure, type Problem, type Result, success } from "../base/result.ts";

/** The largest file that is read: Node's own limit. */
const FILE_BYTES_MAX = 2 * 1024 ** 3 - 1;
/** The most that is read of what does not say its size, such as a pipe or /dev/zero. */
const STREAM_BYTES_MAX = 256 * 1024 ** 2;
const STREAM_CHUNK_BYTES = 1024 ** 2;
const GUEST_FOLDERS = ["kernel", "firmware"];

/** A file's text, or a problem that names it. */
export function readText(path: string, what: string): Result<string> {
  const bytes = readBytes(path, what);
  return bytes.ok ? success(bytes.value.toString("utf8")) : bytes;
}

/** All that a pipe or device gives, or null: more than STREAM_BYTES_MAX. */
function readStream(path: string): Buffer | null {
  const chunks: Buffer[] = [];
  const file = openSync(path, "r");
  try {
    for (let bytes = 0; bytes <= STREAM_BYTES_MAX; ) {
      const chunk = Buffer.alloc(STREAM_CHUNK_BYTES);
      const count = readSync(file, chunk);
      if (count === 0) return Buffer.concat(chunks);
      chunks.push(chunk.subarray(0, count));
      bytes += count;
    }
    return null;
  } finally {
    closeSync(file);
  }
}

/** A file's bytes, or a problem that names it. */
export function readBytes(path: string, what: string): Result<Buffer> {
  const tooLong = (most: number): Result<Buffer> =>
    failure({ message: `cannot read ${what} ${path}: it has more than ${Math.round(most / 1024 ** 2)} MiB`, hint: "Check the path." });
  try {
    const status = statSync(path);
    if (status.isFile() && status.size > FILE_BYTES_MAX) return tooLong(FILE_BYTES_MAX);
    if (status.isFile() || status.isDirectory()) return success(readFileSync(path));
    const bytes = readStream(path);
    return bytes ? success(bytes) : tooLong(STREAM_BYTES_MAX);
  } catch (error) {
    return failure({ message: `cannot read ${what} ${path}: ${reason(error)}`, hint: "Check the path." });
  }
}

/** Why nothing can be written at `path`, or null: asked before a long run whose result goes there. */
export function writeProblem(path: string): Problem | null {
  if (path === "" || path.endsWith("/")) return { message: `cannot write "${path}": that names no file`, hint: "Give a file's name." };
  const trial = temporaryOf(path);
  try {
    if (existsSync(path) && !statSync(path).isFile()) {
      return { message: `cannot write ${path}: it is not a file`, hint: "Choose another place." };
    }
    // Only an attempt tells: permissions say little of /proc, a full device or too long a name.
    writeFileSync(trial, "");
    rmSync(trial);
    return null;
  } catch (error) {
    return { message: `cannot write ${path}: ${reason(error)}`, hint: "Choose a folder that exists and can be written." };
  }
}

function temporaryOf(path: string): string {
  return `${path}.${process.pid}.tmp`;
}

/** Whether two paths lead to one file that exists. */
export function sameFile(a: string, b: string): boolean {
  const [one, other] = [a, b].map((path) => statSync(path, { throwIfNoEntry: false }));
  return one !== undefined && other !== undefined && one.dev === other.dev && one.ino === other.ino;
}

/** One folder at a time: Node's recursive form never returns where the system refuses with "no such file" (/proc). */
function makeFolder(folder: string): void {
  if (existsSync(folder)) return;
  makeFolder(dirname(folder));
  mkdirSync(folder);
}

/** Writes through a temporary file beside the target, so that a failure leaves what was there. */
export function writeWhole(path: string, data: string | Uint8Array): Problem | null {
  const temporary = temporaryOf(path);
  try {
    makeFolder(dirname(path));
    writeFileSync(temporary, data);
    renameSync(temporary, path);
    return null;
  } catch (error) {
    try {
      rmSync(temporary, { force: true });
    } catch {
      // There is nothing of ours to remove.
    }
    return { message: `cannot write ${path}: ${reason(error)}`, hint: "Choose another place." };
  }
}

function reason(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === "ENOENT") return "there is no such file";
  if (code === "EISDIR") return "it is a folder";
  if (code === "ENOTDIR" || code === "EEXIST") return "a part of the path is a file";
  if (code === "EACCES") return "permission denied";
  return code ?? String(error);
}

/** Sources by their path in the package: kernel and firmware, or the folders named. */
export function guestSources(root: string, folders: readonly string[] = GUEST_FOLDERS): Map<string, string> {
  const files = new Map<string, string>();
  for (const folder of folders) {
    const names = readdirSync(join(root, folder), { recursive: true, encoding: "utf8" });
    for (const name of names.sort()) {
      if (!name.endsWith(".ts") || name.endsWith(".d.ts")) continue;
      const path = `${folder}/${name.split(sep).join("/")}`;
      files.set(path, readFileSync(join(root, path), "utf8"));
    }
  }
  return files;
}

/** The .d.ts that stand for the standard library and the configuration. */
export function guestDeclarations(root: string): Map<string, string> {
  const paths = ["kernel/lib.kernel.d.ts", "kernel/config.generated.d.ts"];
  return new Map(paths.map((path) => [path, readFileSync(join(root, path), "utf8")]));
}

export interface Workload {
  /** Path of the module among the sources. */
  readonly entry: string;
  readonly files: ReadonlyMap<string, string>;
  /** Path among the sources -> path as the user knows it. */
  readonly shown: ReadonlyMap<string, string>;
}

/** The workload's module and what it imports from beside it; modules outside the package live under `workload/`. */
export function readWorkload(path: string, root: string): Result<Workload> {
  const home = dirname(resolve(path));
  const inPackage = !relative(root, home).startsWith("..");
  const base = inPackage ? relative(root, home).split(sep).join("/") : "workload";
  const files = new Map<string, string>();
  const shown = new Map<string, string>();
  const queue = [resolve(path)];
  for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
    const name = `${base}/${relative(home, file).split(sep).join("/")}`;
    if (files.has(name)) continue;
    const text = readText(file, "the workload");
    if (!text.ok) {
      // A missing import is the compiler's to report, with its place.
      if (files.size > 0) continue;
      return text;
    }
    files.set(name, text.value);
    shown.set(name, relative(process.cwd(), file) || file);
    for (const [, specifier] of text.value.matchAll(/\bfrom\s*["'](\.\/[^"']+)["']/g)) {
      queue.push(resolve(dirname(file), specifier!));
    }
  }
  return success({ entry: `${base}/${relative(home, resolve(path))}`, files, shown });
}
