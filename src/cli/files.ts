/** Reading sources and writing results: files named in problems as the user named them, nothing half-written. */
import {
  accessSync, constants, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync,
} from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { failure, type Problem, type Result, success } from "../base/result.ts";

const GUEST_FOLDERS = ["kernel", "firmware"];

/** A file's text, or a problem that names it. */
export function readText(path: string, what: string): Result<string> {
  const bytes = readBytes(path, what);
  return bytes.ok ? success(bytes.value.toString("utf8")) : bytes;
}

/** A file's bytes, or a problem that names it. */
export function readBytes(path: string, what: string): Result<Buffer> {
  try {
    return success(readFileSync(path));
  } catch (error) {
    return failure({ message: `cannot read ${what} ${path}: ${reason(error)}`, hint: "Check the path." });
  }
}

/** Why nothing can be written at `path`, or null: asked before a long run whose result goes there. */
export function writeProblem(path: string): Problem | null {
  try {
    accessSync(dirname(resolve(path)), constants.W_OK);
    if (!existsSync(path) || statSync(path).isFile()) return null;
    return { message: `cannot write ${path}: it is not a file`, hint: "Choose another place." };
  } catch (error) {
    return { message: `cannot write ${path}: ${reason(error)}`, hint: "Choose a folder that exists and can be written." };
  }
}

/** One folder at a time: Node's recursive form never returns where the system refuses with "no such file" (/proc). */
function makeFolder(folder: string): void {
  if (existsSync(folder)) return;
  makeFolder(dirname(folder));
  mkdirSync(folder);
}

/** Writes through a temporary file beside the target, so that a failure leaves what was there. */
export function writeWhole(path: string, data: string | Uint8Array): Problem | null {
  const temporary = `${path}.${process.pid}.tmp`;
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
