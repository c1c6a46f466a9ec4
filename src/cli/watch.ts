/** `build --watch`: runs a job again whenever a source below some folders changes, until it is interrupted. */
import { existsSync, watch } from "node:fs";
import { performance } from "node:perf_hooks";

/** Editors write a file in several steps: changes this close together are one. */
const QUIET_MS = 30;

/** Calls `job` now and after changes, never twice at once; `told` hears how long each run took. */
export async function watchFolders(
  folders: readonly string[],
  job: () => Promise<number>,
  told: (seconds: number) => void,
): Promise<never> {
  let wake: () => void = () => {};
  let changed = false;
  for (const folder of new Set(folders)) {
    if (!existsSync(folder)) continue;
    watch(folder, { recursive: true }, (_, name) => {
      if (name !== null && !/\.(ts|ya?ml)$/.test(name)) return;
      changed = true;
      wake();
    });
  }
  for (;;) {
    changed = false;
    const began = performance.now();
    await job();
    told((performance.now() - began) / 1000);
    while (!changed) await new Promise<void>((resolve) => (wake = resolve));
    await new Promise((resolve) => setTimeout(resolve, QUIET_MS));
  }
}
