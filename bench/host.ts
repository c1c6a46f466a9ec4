/** `npx tsx bench/host.ts`: what the host does once a run or once a build, timed in this process. Printed, not kept. */
import { createRequire } from "node:module";
import { Bench } from "tinybench";
import { fingerprint } from "../src/compiler/fingerprint.ts";
import { build, type TypeScript } from "../src/compiler/build.ts";
import { guestSources } from "../src/cli/files.ts";
import { packageRoot } from "../src/cli/package-root.ts";
import { createMachine } from "../src/machine/machine.ts";
import type { MachineConfig } from "../src/machine/types.ts";

const ts = createRequire(import.meta.url)("typescript") as TypeScript;
const files = guestSources(packageRoot());
const input = {
  files,
  entries: ["firmware/start.ts", "kernel/arch/head.ts", "kernel/init/main.ts"],
  workload: null,
  tasks: ["churn"],
  config: {},
};
const CONFIG: MachineConfig = {
  harts: 4,
  memoryBytes: 64 << 20,
  timing: "cycle",
  interleave: "ahead",
  bootargs: "",
  lab: true,
  recordMarks: true,
};

function machine() {
  const made = createMachine(CONFIG);
  if (!made.ok) throw new Error(made.problems[0]!.message);
  return made.value;
}

const image = build(ts, input);
if (!image.ok) throw new Error(image.problems[0]!.message);
const { elf } = image.value;
const loaded = machine();
loaded.loadElf(elf);

const bench = new Bench({ time: 1000, warmupTime: 200 });
bench
  .add("build the kernel, warm", () => void build(ts, input))
  .add("fingerprint of the sources", () => void fingerprint(input, "bench"))
  .add("make a machine of 4 harts and 64 MiB", () => void machine())
  .add("load the kernel", () => void machine().loadElf(elf))
  .add("hash of the machine", () => void loaded.hash());
await bench.run();
console.table(bench.table());
