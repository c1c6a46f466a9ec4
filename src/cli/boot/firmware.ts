/**
 * Our firmware alone, for payloads that are not ours: compiled from firmware/ when it is first needed, then taken from the
 * cache. The compiler is loaded only to compile.
 */
import { success, type Result } from "../../base/result.ts";
import { cacheFile, readCache, writeCache } from "../cache.ts";
import { guestSources } from "../files.ts";
import { packageRoot } from "../package-root.ts";

export async function ownFirmware(): Promise<Result<Uint8Array>> {
  const root = packageRoot();
  // The configuration is read whatever is compiled.
  const files = guestSources(root, ["firmware"]);
  const input = { files, entries: ["firmware/start.ts"], workload: null, tasks: [], config: {} };
  const kept = cacheFile(root, input, import.meta.url);
  const known = readCache(kept);
  if (known) return success(known);
  const { compileImage } = await import("../image.ts");
  const image = compileImage(root, input);
  if (!image.ok) return image;
  writeCache(kept, image.value.elf);
  return success(image.value.elf);
}
