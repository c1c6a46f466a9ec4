// With the boot parameter `progress=right` the workloads of this folder do what they should.

import { get_option } from "kernel/lib/cmdline.ts";
import { strcmp } from "kernel/lib/string.ts";

export function right(): boolean {
  return strcmp(get_option("progress", "wrong"), "right") === 0;
}
