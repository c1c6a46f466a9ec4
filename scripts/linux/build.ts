/**
 * `make linux`: builds a riscv32 Linux from Debian's source package, with our own init inside, into the cache folder.
 * Nothing of it enters this repository. Prints where the image is; a second call finds it there.
 *
 * The build's time and user are fixed, so that the same package and compiler give the same image, and that the same run.
 */
import { spawnSync } from "node:child_process";
import { cpus } from "node:os";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { imageFolder, linuxImage, SOURCE } from "./image.ts";

const HERE = import.meta.dirname;
const CROSS = "riscv64-linux-gnu-";
const TOOLS = [`${CROSS}gcc`, `${CROSS}ld`, "make", "flex", "bison", "bc", "xz", "tar"];
const PACKAGES = "linux-source-6.1 gcc-riscv64-linux-gnu make flex bison bc xz-utils";
const FIXED_TIME = new Date("2026-01-01T00:00:00Z");
const FIXED = { KBUILD_BUILD_TIMESTAMP: "2026-01-01", KBUILD_BUILD_USER: "hartlab", KBUILD_BUILD_HOST: "hartlab", KBUILD_BUILD_VERSION: "1" };

class BuildProblem extends Error {}

function fail(message: string): never {
  throw new BuildProblem(message);
}

function run(folder: string, command: string, ...args: string[]): void {
  const env = { ...process.env, ...FIXED, ARCH: "riscv", CROSS_COMPILE: CROSS };
  const { status, error } = spawnSync(command, args, { cwd: folder, env, stdio: ["ignore", "ignore", "inherit"] });
  if (status !== 0) fail(`\`${command} ${args.join(" ")}\` failed in ${folder}${error ? `: ${error.message}` : ""}`);
}

/** A file of this folder with some words replaced. */
function fill(name: string, target: string, words: Readonly<Record<string, string>>): void {
  let text = readFileSync(join(HERE, name), "utf8");
  for (const [word, value] of Object.entries(words)) text = text.replaceAll(word, value);
  writeFileSync(target, text);
}

function build(work: string): void {
  const init = join(work, "init");
  const flags = ["-march=rv32ima", "-mabi=ilp32", "-Os", "-nostdlib", "-static", "-ffreestanding", "-fno-pic", "-no-pie"];
  run(work, `${CROSS}gcc`, ...flags, "-o", init, join(HERE, "init.c"));
  // The archive carries the file's time.
  utimesSync(init, FIXED_TIME, FIXED_TIME);
  fill("initramfs.list", join(work, "initramfs.list"), { "@INIT@": init });
  fill("config.fragment", join(work, "config.fragment"), { "@LIST@": join(work, "initramfs.list") });
  run(work, "tar", "xf", SOURCE);
  const source = join(work, "linux-source-6.1");
  run(source, "make", "-s", "tinyconfig");
  run(source, "./scripts/kconfig/merge_config.sh", "-m", ".config", join(work, "config.fragment"));
  run(source, "make", "-s", "olddefconfig");
  run(source, "make", "-s", `-j${cpus().length}`, "Image");
}

/** The image's path, built if it is not there. */
function imagePath(): string {
  const known = linuxImage();
  if (known !== null) return known;
  const missing = TOOLS.filter((tool) => spawnSync(tool, ["--version"], { stdio: "ignore" }).error !== undefined);
  const folder = imageFolder();
  if (folder === null || missing.length > 0) {
    fail(`needs ${[...missing, ...(folder === null ? [SOURCE] : [])].join(", ")}; on Debian 12: apt-get install ${PACKAGES}`);
  }
  process.stderr.write(
    `make linux: building in ${dirname(folder)}; three to four minutes of CPU, 1.6 GB of disk meanwhile, 8 MB afterwards\n`,
  );
  const start = performance.now();
  mkdirSync(dirname(folder), { recursive: true });
  const work = mkdtempSync(`${folder}.`);
  try {
    build(work);
    const out = join(work, "out");
    mkdirSync(out);
    const source = join(work, "linux-source-6.1");
    copyFileSync(join(source, "arch/riscv/boot/Image"), join(out, "Image"));
    copyFileSync(join(source, "vmlinux"), join(out, "vmlinux"));
    copyFileSync(join(source, ".config"), join(out, "config"));
    rmSync(folder, { recursive: true, force: true });
    renameSync(out, folder);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  process.stderr.write(`make linux: built in ${((performance.now() - start) / 1000).toFixed(0)} s\n`);
  return join(folder, "Image");
}

try {
  process.stdout.write(`${imagePath()}\n`);
} catch (error) {
  if (!(error instanceof BuildProblem)) throw error;
  process.stderr.write(`make linux: ${error.message}\n`);
  process.exitCode = 2;
}
