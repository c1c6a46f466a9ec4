/** Where the Linux image of `make linux` is, and under which name: a hash of everything it is made from. */
import { createHash } from "node:crypto";
import { existsSync, readFileSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

const HERE = import.meta.dirname;
/** What Debian's package linux-source-6.1 installs. */
export const SOURCE = "/usr/src/linux-source-6.1.tar.xz";
export const INPUTS = ["config.fragment", "init.c", "initramfs.list", "build.ts"].map((name) => join(HERE, name));

/** The folder of all images: HARTLAB_LINUX_CACHE, or hartlab/ in the user's cache folder. */
function cacheFolder(): string {
  const own = process.env["HARTLAB_LINUX_CACHE"];
  return own ?? join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "hartlab");
}

/** The folder of this image; null when the source package is not installed and no name can be told. */
export function imageFolder(): string | null {
  if (!existsSync(SOURCE)) return null;
  const hash = createHash("sha256").update(`${statSync(SOURCE).size}`);
  for (const file of INPUTS) hash.update(readFileSync(file));
  return join(cacheFolder(), `linux-6.1-${hash.digest("hex").slice(0, 12)}`);
}

/** The flat image, or null when it has not been built. */
export function linuxImage(): string | null {
  const folder = imageFolder();
  return folder !== null && existsSync(join(folder, "Image")) ? join(folder, "Image") : null;
}
